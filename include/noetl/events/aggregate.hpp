// events/aggregate.hpp: what an aggregate is: a struct that joins a state, a life cycle and rules. Knows fsm and
// reflect; no storage, no HTTP.
//
//    struct dispatch {                                                    // what a caller says
//       using action = fsm::action<"dispatch", "shipment.dispatched">;
//       std::string carrier;
//    };
//    struct dispatched { std::string carrier; };                          // what is recorded
//
//    struct shipment {
//       using lifecycle = shipment_lifecycle;
//       struct state { std::string destination; std::optional<std::string> carrier; };
//       struct create { std::string destination; };
//
//       static void apply(state& s, create const& e)     { s.destination = e.destination; }
//       static void apply(state& s, dispatched const& e) { s.carrier = e.carrier; }
//       static result<dispatched> decide(state const& s, dispatch const& wish);
//    };
//    static_assert(noetl::aggregate<shipment>);
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <noetl/events/detail/aggregate_check.hpp>
#include <noetl/fsm/table.hpp>

namespace noetl {

/// What a caller may say beside the wish itself.
struct conditions {
   std::optional<std::int64_t> version{}; ///< only if the aggregate is at this version
   std::optional<std::string> key{};      ///< a repeat with the same key is answered like the first time
   std::optional<std::string> reason{};   ///< why; kept in `meta` of the event
};

/// What `aggregates`, its routes and its tests ask for; a mistake is one compile error that begins with `noetl:`.
///
///  - `A::lifecycle`: a table that names its creating event: `lifecycle<starts<registered, "shipment.registered">,
///  ...>`
///  - `A::state`: a plain struct, made by folding events; JSON like every reflected struct
///  - `A::create` (optional): a plain struct with what a caller says to create one
///  - `apply(state&, event const&)`: folds one event; cannot refuse. Wanted for every event with fields
///  - `decide(state const&, action const&)` (optional): `result<event>` or, when the action itself is what is recorded,
///    `result<void>`; may refuse and changes nothing. `decide(create const&)` the same for a creation. Pure
///  - `describe(event&, aggregate_id, state const&)` (optional): what the envelope of an event says beside type, status
///    and payload, such as the name that operators know the thing by; `state` is the one after it. What it writes into
///    `meta` is an object
template <class A>
concept aggregate = requires {
   typename A::lifecycle::rows;
   typename A::state;
}
&&detail::aggregate_check<A>::ok;

/// `shipment`: what event types of A begin with. Also names A in tables, metrics and texts.
template <class A>
inline constexpr std::string_view aggregate_name = detail::first_word(A::lifecycle::created_by);

} // namespace noetl
