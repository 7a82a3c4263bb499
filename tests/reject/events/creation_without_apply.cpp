#include <string>

#include <noetl/events/aggregate.hpp>

using namespace noetl;

struct closed : fsm::state<"CLOSED"> {};
struct opened : fsm::state<"OPEN"> {};
struct shut : fsm::action<"shut", "door.shut"> {};
struct door {
   using lifecycle = fsm::lifecycle<fsm::starts<opened, "door.built">, fsm::row<opened, shut, closed>>;
   struct state {
      std::string color;
   };
   struct create {
      std::string color;
   };
#ifndef NOETL_REJECT
   static void apply(state& s, create const& e) {
      s.color = e.color;
   }
#endif
};
static_assert(aggregate<door>);
