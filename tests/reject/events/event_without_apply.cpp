#include <string>

#include <noetl/events/aggregate.hpp>

using namespace noetl;

struct closed : fsm::state<"CLOSED"> {};
struct opened : fsm::state<"OPEN"> {};
struct paint {
   using action = fsm::action<"paint", "door.painted">;
   std::string color;
};
struct door {
   using lifecycle = fsm::lifecycle<fsm::starts<closed, "door.built">, fsm::row<closed, paint, closed>>;
   struct state {
      std::string color;
   };
#ifndef NOETL_REJECT
   static void apply(state& s, paint const& e) {
      s.color = e.color;
   }
#endif
};
static_assert(aggregate<door>);
