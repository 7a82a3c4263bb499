#include <noetl/events/aggregate.hpp>

using namespace noetl;

struct closed : fsm::state<"CLOSED"> {};
struct opened : fsm::state<"OPEN"> {};
struct shut : fsm::action<"shut", "door.shut"> {};
struct door {
#ifdef NOETL_REJECT
   using lifecycle = fsm::lifecycle<opened, fsm::row<opened, shut, closed>>;
#else
   using lifecycle = fsm::lifecycle<fsm::starts<opened, "door.built">, fsm::row<opened, shut, closed>>;
#endif
   struct state {};
};
static_assert(aggregate<door>);
