#include <string>

#include <noetl/events/aggregate.hpp>

using namespace noetl;

struct closed : fsm::state<"CLOSED"> {};
struct opened : fsm::state<"OPEN"> {};
#ifdef NOETL_REJECT
struct shut : fsm::action<"shut", "door.shut"> {
   std::string by;
};
#else
struct shut {
   using action = fsm::action<"shut", "door.shut">;
   std::string by;
};
#endif
struct door {
   using lifecycle = fsm::lifecycle<fsm::starts<opened, "door.built">, fsm::row<opened, shut, closed>>;
   struct state {};
   static void apply(state&, shut const&) {}
};
static_assert(aggregate<door>);
