#include <noetl/fsm/table.hpp>

using namespace noetl::fsm;

struct open : state<"OPEN"> {};
struct closed : state<"CLOSED"> {};
struct shut : action<"shut", "door.shut"> {};
struct unlock : action<"unlock", "door.unlocked"> {};

#ifdef NOETL_REJECT
using door = lifecycle<open>;
#else
using door = lifecycle<open, row<open, shut, closed>, row<closed, unlock, open>>;
#endif
static_assert(sizeof(door) > 0);
