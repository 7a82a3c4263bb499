#include <noetl/fsm/table.hpp>

using namespace noetl::fsm;

struct open : state<"OPEN"> {};
struct closed : state<"CLOSED"> {};
struct shut : action<"shut", "door.shut"> {};
struct unlock : action<"unlock", "door.unlocked"> {};

#ifdef NOETL_REJECT
using door = lifecycle<starts<open, "door.shut">, row<open, shut, closed>>;
#else
using door = lifecycle<starts<open, "door.built">, row<open, shut, closed>>;
#endif
static_assert(sizeof(door) > 0);
