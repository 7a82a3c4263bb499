// events/aggregate_scenario.hpp: tests of aggregates in three words: given what happened, when an action is wanted,
// then this is recorded. Pure; for tests. Knows aggregate_fold.hpp.
//
//    auto const packed = given<shipment>(shipment::create{"Oslo", 12.5}, pack{});
//    EXPECT_EQ(*when(packed, dispatch{"posten"}), then<shipment>(dispatched{"posten"}));
//    EXPECT_EQ(when(packed, deliver{}).error().message, "cannot deliver from PACKED; ...");
#pragma once

#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/events/aggregate.hpp>
#include <noetl/events/aggregate_fold.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/fsm/row.hpp>

namespace noetl {

/// The fact of an event, for comparison with what when() returns.
struct happened {
   std::string event_type{};
   std::string payload{}; ///< JSON, empty when there is none
   friend bool operator==(happened const&, happened const&) = default;
};
/// For the messages of test frameworks.
inline std::ostream& operator<<(std::ostream& out, happened const& what) {
   return out << what.event_type << ' ' << what.payload;
}

namespace detail {

// The arrow by which a fact leaves a state: one struct may record several actions, the table says which it is.
template <class A, class E>
fsm::arrow const* arrow_of(std::string_view from) {
   fsm::arrow const* found = nullptr;
   for_each_action<A>([&]<class Action>(std::type_identity<Action>) {
      if constexpr (std::is_same_v<fact_of<A, Action>, E>)
         if (auto const* one = A::lifecycle::find(from, action_name<Action>); found == nullptr) found = one;
   });
   return found;
}

template <class A, class E>
void add_fact(aggregate_state<A>& s, E const& fact) {
   event e;
   e.event_id = event_id{s.version + 1};
   e.stream_version = s.version + 1;
   e.context = payload_of(fact);
   e.event_type = A::lifecycle::created_by;
   e.status = A::lifecycle::initial;
   if (s.exists()) {
      auto const* const arrow = arrow_of<A, E>(s.status);
      if (arrow == nullptr)
         throw std::logic_error("given: event " + std::to_string(s.version + 1) + " cannot happen in " + s.status);
      e.event_type = arrow->event_type;
      e.status = arrow->to;
   }
   fold<A>(s, e);
   if (!s.misfit.empty()) throw std::logic_error("given: " + s.misfit);
}

} // namespace detail

/// The state after these facts: the creation's first, or `noetl::created` when it has no fields; then event structs,
/// and for events without fields their actions. \throws std::logic_error when one of them cannot happen there
template <aggregate A, class First, class... Fact>
aggregate_state<A> given(First const& creation, Fact const&... facts) {
   static_assert(std::is_same_v<First, detail::creation_fact<A>>,
                 "noetl: what is given begins with what the creation records");
   aggregate_state<A> s;
   detail::add_fact(s, creation);
   (detail::add_fact(s, facts), ...);
   return s;
}

/// Stands for a creation without fields: `given<order>(noetl::created{}, ...)`.
using created = detail::nothing;

/// What the action would record. Errors as judge().
template <aggregate A, class Action>
result<happened> when(aggregate_state<A> const& s, Action const& wish) {
   auto decided = judge<A>(s, wish);
   if (!decided) return std::move(decided).error();
   return happened{std::string(decided->event_type), decided->payload.text};
}
/// What the creation would record.
template <aggregate A>
result<happened> when(detail::creation_wish<A> const& wish) {
   auto decided = judge_creation<A>(wish);
   if (!decided) return std::move(decided).error();
   return happened{std::string(decided->event_type), decided->payload.text};
}

/// A fact of A. A struct that records several actions is taken for the first of the table.
template <aggregate A, class E>
happened then(E const& fact) {
   std::string_view type = A::lifecycle::created_by;
   bool known = std::is_same_v<E, detail::creation_fact<A>>;
   detail::for_each_action<A>([&]<class Action>(std::type_identity<Action>) {
      if constexpr (std::is_same_v<detail::fact_of<A, Action>, E>)
         if (!known) type = detail::action_event<Action>, known = true;
   });
   if (!known) throw std::logic_error("then: no action records this");
   return {std::string(type), detail::payload_of(fact).text};
}

} // namespace noetl
