#include <noetl/events/aggregate.hpp>

using namespace noetl;

struct closed : fsm::state<"CLOSED"> {};
struct opened : fsm::state<"OPEN"> {};
#ifdef NOETL_REJECT
struct shut : fsm::action<"shut", "gate.shut"> {};
#else
struct shut : fsm::action<"shut", "door.shut"> {};
#endif
struct door {
   using lifecycle = fsm::lifecycle<fsm::starts<opened, "door.built">, fsm::row<opened, shut, closed>>;
   struct state {};
};
static_assert(aggregate<door>);
