#include <noetl/events/state_table.hpp>

using namespace noetl;

struct closed : fsm::state<"CLOSED"> {};
struct opened : fsm::state<"OPEN"> {};
struct shut : fsm::action<"shut", "door.shut"> {};
struct door {
   using lifecycle = fsm::lifecycle<fsm::starts<opened, "door.built">, fsm::row<opened, shut, closed>>;
   struct state {
#ifdef NOETL_REJECT
      int version{};
#else
      int edition{};
#endif
   };
};
template class noetl::state_table<door>;
