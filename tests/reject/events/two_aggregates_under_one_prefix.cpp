#include <noetl/events/aggregate_routes.hpp>

using namespace noetl;

struct closed : fsm::state<"CLOSED"> {};
struct opened : fsm::state<"OPEN"> {};
struct shut : fsm::action<"shut", "door.shut"> {};
struct bar : fsm::action<"bar", "gate.barred"> {};
struct door {
   using lifecycle = fsm::lifecycle<fsm::starts<opened, "door.built">, fsm::row<opened, shut, closed>>;
   struct state {};
};
struct gate {
   using lifecycle = fsm::lifecycle<fsm::starts<opened, "gate.built">, fsm::row<opened, bar, closed>>;
   struct state {};
};
#ifdef NOETL_REJECT
inline constexpr auto api = http::routes<http::services<aggregates<door>, aggregates<gate>>>(
    aggregate_routes<door, "/api/doors">, aggregate_routes<gate, "/api/doors">);
#else
inline constexpr auto api = http::routes<http::services<aggregates<door>, aggregates<gate>>>(
    aggregate_routes<door, "/api/doors">, aggregate_routes<gate, "/api/gates">);
#endif
static_assert(api.size() > 0);
