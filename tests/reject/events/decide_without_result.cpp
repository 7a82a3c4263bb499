#include <noetl/events/aggregate.hpp>

using namespace noetl;

struct closed : fsm::state<"CLOSED"> {};
struct opened : fsm::state<"OPEN"> {};
struct shut : fsm::action<"shut", "door.shut"> {};
struct door {
   using lifecycle = fsm::lifecycle<fsm::starts<opened, "door.built">, fsm::row<opened, shut, closed>>;
   struct state {
      bool locked{};
   };
#ifdef NOETL_REJECT
   static bool decide(state const& s, shut const&) {
      return !s.locked;
   }
#else
   static result<void> decide(state const&, shut const&) {
      return {};
   }
#endif
};
static_assert(aggregate<door>);
