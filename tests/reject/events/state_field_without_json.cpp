#include <string>
#include <vector>

#include <noetl/events/aggregate.hpp>

using namespace noetl;

struct closed : fsm::state<"CLOSED"> {};
struct opened : fsm::state<"OPEN"> {};
struct shut : fsm::action<"shut", "door.shut"> {};
struct door {
   using lifecycle = fsm::lifecycle<fsm::starts<opened, "door.built">, fsm::row<opened, shut, closed>>;
   struct hinge {
#ifdef NOETL_REJECT
      void* screw{};
#else
      int screw{};
#endif
   };
   struct state {
      std::string color;
      std::vector<hinge> hinges;
   };
};
static_assert(aggregate<door>);
