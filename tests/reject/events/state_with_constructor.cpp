#include <string>

#include <noetl/events/aggregate.hpp>

using namespace noetl;

struct closed : fsm::state<"CLOSED"> {};
struct opened : fsm::state<"OPEN"> {};
struct shut : fsm::action<"shut", "door.shut"> {};
struct door {
   using lifecycle = fsm::lifecycle<fsm::starts<opened, "door.built">, fsm::row<opened, shut, closed>>;
   struct state {
#ifdef NOETL_REJECT
      state() {}
#endif
      std::string color;
   };
};
static_assert(aggregate<door>);
