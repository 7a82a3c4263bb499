#include <noetl/events/aggregate.hpp>

using namespace noetl;

struct closed : fsm::state<"CLOSED"> {};
struct opened : fsm::state<"OPEN"> {};
struct ajar : fsm::state<"AJAR"> {};
struct shut : fsm::action<"shut", "door.shut"> {};
struct push : fsm::action<"push", "door.pushed"> {};
struct door {
#ifdef NOETL_REJECT
   using lifecycle =
       fsm::lifecycle<fsm::starts<opened, "door.built">, fsm::row<opened, shut, closed>, fsm::row<ajar, push, opened>>;
#else
   using lifecycle = fsm::lifecycle<fsm::starts<opened, "door.built">, fsm::row<opened, shut, closed>,
                                    fsm::row<closed, push, opened>>;
#endif
   struct state {};
};
static_assert(aggregate<door>);
