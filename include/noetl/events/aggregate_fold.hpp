// events/aggregate_fold.hpp: aggregates without I/O: how events make a state, and what a wish would record. Pure.
// Knows the envelope, the declaration of an aggregate and its machine.
//
// A program that uses it defines fsm::machine<A::lifecycle> once (fsm/machine.hpp).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/aggregate.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/fsm/machine.hpp>
#include <noetl/reflect/json_read.hpp>
#include <noetl/reflect/json_write.hpp>
#include <noetl/reflect/raw_json.hpp>

namespace noetl {

/// Where an aggregate stands: its state, and how the log led there.
template <class A>
struct aggregate_state {
   typename A::state data{};
   std::string status{};     ///< state of the life cycle, as stored; empty before the first event
   std::int64_t version = 0; ///< place of the newest event in its log; without events of others: events folded
   event_id last_event_id{}; ///< of the newest of them
   std::string last_event{}; ///< its type
   timestamp created_at{};   ///< of the first
   timestamp updated_at{};   ///< of the newest
   std::string misfit{};     ///< the first event that does not fit the declaration; `data` is not to be trusted then
   bool foreign = false;     ///< the log is that of something else

   [[nodiscard]] bool exists() const noexcept { return version > 0; }
};

/// What an action records, before it is stored.
struct recorded {
   std::string_view event_type{}; ///< static
   std::string_view to{};         ///< the state afterwards; static
   raw_json payload{};            ///< the event's fields; empty for an event without
   friend bool operator==(recorded const&, recorded const&) = default;
};

namespace detail {

template <class A>
struct event_reader {
   std::string_view type;
   error (*apply)(typename A::state&, std::string_view payload); ///< an empty message: done
   void (*restate)(raw_json& payload);
};

template <class A, class E>
error apply_payload(typename A::state& s, std::string_view payload) {
   if constexpr (has_payload<E>) {
      auto fact = from_json<E>(payload);
      if (!fact) return std::move(fact).error();
      A::apply(s, *fact);
   } else if constexpr (folds<A, E>) {
      A::apply(s, E{});
   }
   return {};
}

// As the struct writes it: databases keep values, not texts.
template <class E>
void restate_payload([[maybe_unused]] raw_json& payload) {
   if constexpr (has_payload<E>)
      if (auto fact = from_json<E>(payload.text)) payload.text = to_json(*fact);
}

template <class A>
inline constexpr auto event_readers = []<class... Action>(types<Action...>) {
   return std::array<event_reader<A>, 1 + sizeof...(Action)>{
       event_reader<A>{A::lifecycle::created_by, &apply_payload<A, creation_fact<A>>,
                       &restate_payload<creation_fact<A>>},
       event_reader<A>{action_event<Action>, &apply_payload<A, fact_of<A, Action>>,
                       &restate_payload<fact_of<A, Action>>}...};
}(actions_of<A>{});

template <class E>
raw_json payload_of(E const& fact) {
   if constexpr (has_payload<E>)
      return raw_json(to_json(fact));
   else
      return {};
}

} // namespace detail

/// Folds one event; one that is in already changes nothing. The status is the event's own: what was allowed when it
/// happened stays a fact when the table changes.
template <aggregate A>
void fold(aggregate_state<A>& s, event const& e) {
   bool const first = !s.exists();
   if (!first && e.stream_version <= s.version) return;
   if (first) {
      s.created_at = e.created_at;
      s.foreign = e.event_type != A::lifecycle::created_by;
   }
   s.version = e.stream_version;
   s.status = e.status;
   s.last_event_id = e.event_id;
   s.last_event = e.event_type;
   s.updated_at = e.created_at;
   if (!s.misfit.empty()) return;
   auto const misfit = [&](std::string_view why) {
      s.misfit.append("event ").append(std::to_string(e.event_id.value)).append(" (").append(e.event_type);
      s.misfit.append("): ").append(why);
   };
   for (auto const& reader : detail::event_readers<A>) {
      if (reader.type != e.event_type) continue;
      if (first != (reader.type == A::lifecycle::created_by)) return misfit("a creation stands first, once");
      if (auto const wrong = reader.apply(s.data, e.context.text); !wrong.message.empty()) misfit(wrong.message);
      return;
   }
   misfit("the life cycle does not know this type");
}

/// The fields of an event in the order of its struct, whichever store it comes from; as stored when they do not fit.
template <aggregate A>
raw_json payload_of(event const& e) {
   auto payload = e.context;
   for (auto const& reader : detail::event_readers<A>)
      if (reader.type == e.event_type) reader.restate(payload);
   return payload;
}

namespace detail {

/// The payload of what decide() answered: the event that it made, or the wish when it only allowed it.
template <class Decided, class Wish>
result<raw_json> payload_of_decision(Decided decided, Wish const& wish) {
   if (!decided) return std::move(decided).error();
   if constexpr (std::is_void_v<typename Decided::value_type>)
      return payload_of(wish);
   else
      return payload_of(*decided);
}

} // namespace detail

namespace detail {

template <class A>
error unknown_action(std::string_view action) {
   fsm::name_list<A::lifecycle::actions.size()> known;
   for (auto const& one : A::lifecycle::actions) known.add(one.name);
   return fail(error_code::validation,
               "Unknown action '" + std::string(action) + "'; there are " + std::string(fsm::joined(known)));
}

} // namespace detail

/// What an action would record now. Errors: validation (not allowed from this state), whatever decide() says, internal
/// (the stored state is none of the table).
template <aggregate A, class Action>
result<recorded> judge(aggregate_state<A> const& s, Action const& wish) {
   using lifecycle = typename A::lifecycle;
   auto const moved = fsm::machine<lifecycle>::run(s.status, detail::action_name<Action>);
   if (moved.what == fsm::verdict::unknown_state)
      return fail(error_code::internal, "is in a state that is none", "stored status: " + s.status);
   if (moved.what != fsm::verdict::moved)
      return fail(error_code::validation, lifecycle::refusal(s.status, detail::action_name<Action>));
   recorded out{moved.event_type, moved.to, {}};
   if constexpr (detail::decides<A, Action>) {
      auto payload = detail::payload_of_decision(A::decide(s.data, wish), wish);
      if (!payload) return std::move(payload).error();
      out.payload = *std::move(payload);
   } else {
      out.payload = detail::payload_of(wish);
   }
   return out;
}

/// What a creation would record. Errors: whatever decide() says.
template <aggregate A>
result<recorded> judge_creation([[maybe_unused]] detail::creation_wish<A> const& wish) {
   recorded out{A::lifecycle::created_by, A::lifecycle::initial, {}};
   if constexpr (detail::decides_creation<A>) {
      auto payload = detail::payload_of_decision(A::decide(wish), wish);
      if (!payload) return std::move(payload).error();
      out.payload = *std::move(payload);
   } else {
      out.payload = detail::payload_of(wish);
   }
   return out;
}

} // namespace noetl
