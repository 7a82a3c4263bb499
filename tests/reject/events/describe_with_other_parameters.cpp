#include <string>

#include <noetl/events/aggregate.hpp>
#include <noetl/events/envelope.hpp>

using namespace noetl;

struct closed : fsm::state<"CLOSED"> {};
struct opened : fsm::state<"OPEN"> {};
struct shut : fsm::action<"shut", "door.shut"> {};
struct door {
   using lifecycle = fsm::lifecycle<fsm::starts<opened, "door.built">, fsm::row<opened, shut, closed>>;
   struct state {};
#ifdef NOETL_REJECT
   static void describe(event& fact, state const&, int) {
      fact.node_name = "door";
   }
#else
   static void describe(event& fact, aggregate_id, state const&) {
      fact.node_name = "door";
   }
#endif
};
static_assert(aggregate<door>);
