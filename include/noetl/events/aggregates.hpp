// events/aggregates.hpp: creating aggregates of one kind, doing actions on them, and looking at them. Knows an event
// log and the fold; nothing of HTTP, nothing of a database.
//
// A program that uses it defines fsm::machine<A::lifecycle> once (fsm/machine.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/core/id_generator.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/aggregate.hpp>
#include <noetl/events/aggregate_counts.hpp>
#include <noetl/events/aggregate_fold.hpp>
#include <noetl/events/append.hpp>
#include <noetl/events/detail/aggregate_cache.hpp>
#include <noetl/events/detail/idempotency.hpp>
#include <noetl/events/event_log.hpp>

namespace noetl {

struct aggregate_settings {
   std::size_t cached = 10'000;       ///< states remembered, so that their next action needs no read; 0: none
   std::size_t page = 1'000;          ///< events read at a time, 1 or more
   int attempts = 64;                 ///< of one call, while others are first; 2 or more
   std::int64_t snapshot_every = 100; ///< events between two snapshots, when they are kept at all; 0: none
   noetl::catalog_id catalog{};       ///< of the events; databases of noetl-server 3.15 want one that exists
};

/// A moment in the life of an aggregate; one of the two.
struct aggregate_moment {
   std::optional<noetl::event_id> event_id{}; ///< after this event
   std::optional<std::int64_t> version{};     ///< at this version
};

/// Where snapshots of states are kept (events/aggregate_snapshots.hpp).
template <class A>
struct aggregate_snapshots {
   /// Snapshot and tail: the present.
   std::function<awaitable<result<aggregate_state<A>>>(aggregate_id)> load{};
   /// May fail; says so in the log. Nothing: none is saved.
   std::function<awaitable<void>(aggregate_id, aggregate_state<A>)> save{};
   /// load() is quick to say `foreign` of a log that is something else's, so that nobody need look first.
   bool load_tells_foreign = false;
};

/// An aggregate and its id.
template <class A>
struct aggregate_record {
   aggregate_id id{};
   aggregate_state<A> at{};
};

/// Aggregates of one kind. Every change is one event, appended under the version that it was judged by: of two callers
/// one is first, the other is judged again. Thread-safe; the log outlives it.
template <aggregate A>
class aggregates {
public:
   using record = aggregate_record<A>;
   using creation_wish = detail::creation_wish<A>;

   aggregates(event_log_ref log, id_generator ids, aggregate_settings how = {})
       : log_(log), ids_(ids), how_(how), recent_(how.cached) {
      if (how_.page == 0) throw std::invalid_argument("aggregate_settings::page: expected 1 or more");
      if (how_.attempts < 2) throw std::invalid_argument("aggregate_settings::attempts: expected 2 or more");
   }

   /// Before the first call.
   void keep_snapshots(aggregate_snapshots<A> where) { snapshots_ = std::move(where); }

   /// A new one. With a key, a repeat finds what the first call made.
   /// Errors: what decide() says, validation (key used with another request), bad_request (malformed key), unavailable.
   awaitable<result<record>> create(creation_wish wish = {}, conditions given = {}) {
      auto done = co_await try_create(std::move(wish), std::move(given));
      counts_.created(done);
      co_return done;
   }

   /// A new one without a key, under an id of the caller's. Errors as create(); conflict when something has that id.
   awaitable<result<record>> create_as(aggregate_id id, creation_wish wish, conditions given = {}) {
      given.key.reset();
      auto done = co_await try_create_as(id, std::move(wish), std::move(given));
      counts_.created(done);
      co_return done;
   }

   /// Does an action. A conflict with another caller is judged again for as long as the action is allowed.
   /// Errors: validation (not allowed from the state, or decide() says so), not_found, conflict (not at the version
   /// that the caller wants; or others were first again and again), bad_request (malformed key), internal, unavailable
   /// (the outcome may then be unknown: repeat with a key).
   template <class Action>
   awaitable<result<record>> act(aggregate_id id, Action wish, conditions given = {}) {
      auto done = co_await try_act(id, std::move(wish), std::move(given));
      counts_.acted(detail::action_name<Action>, done);
      co_return done;
   }

   /// The same for callers that have the action's name; for kinds whose actions have no fields.
   /// Errors as act(); validation also when there is no such action.
   awaitable<result<record>> act_named(aggregate_id id, std::string action, conditions given = {}) {
      awaitable<result<record>> doing;
      bool known = false;
      detail::for_each_action<A>([&]<class Action>(std::type_identity<Action>) {
         static_assert(!detail::carries_payload<Action>, "noetl: act_named is for kinds whose actions have no fields");
         if (detail::action_name<Action> != action) return;
         known = true;
         doing = act(id, Action{}, std::move(given));
      });
      if (!known) co_return detail::unknown_action<A>(action);
      co_return co_await std::move(doing);
   }

   /// The present. Errors: not_found, internal (an event that does not fit the declaration), unavailable.
   awaitable<result<record>> load(aggregate_id id) {
      auto known = recent_.find(id);
      if (!known && snapshots_.load) {
         if (!snapshots_.load_tells_foreign) { // a foreign log may be long
            auto mine = co_await is_mine(id);
            if (!mine) co_return std::move(mine).error();
         }
         auto loaded = co_await snapshots_.load(id);
         if (!loaded) co_return std::move(loaded).error();
         auto present = checked(id, *std::move(loaded));
         if (present) recent_.put(id, present->at);
         co_return present;
      }
      record out{id, known ? *std::move(known) : aggregate_state<A>{}};
      for (;;) {
         auto page = co_await log_.load(execution_id{id.value}, out.at.version, how_.page);
         if (!page) co_return std::move(page).error();
         for (auto const& e : *page) fold<A>(out.at, e);
         if (page->size() < how_.page || out.at.foreign) break;
      }
      auto present = checked(id, std::move(out.at));
      if (present) recent_.put(id, present->at);
      co_return present;
   }

   /// The past, folded from the first event on. Errors: as load; bad_request (no moment, or two); not_found also when
   /// the aggregate has no such event or version.
   awaitable<result<record>> load_at(aggregate_id id, aggregate_moment when) {
      if (when.event_id.has_value() == when.version.has_value())
         co_return fail(error_code::bad_request, "give event_id or version, not both");
      record out{id, {}};
      for (;;) {
         auto page = co_await log_.load(execution_id{id.value}, out.at.version, how_.page);
         if (!page) co_return std::move(page).error();
         for (auto const& e : *page) {
            fold<A>(out.at, e);
            bool const there = when.version ? out.at.version == *when.version : e.event_id == *when.event_id;
            if (there) co_return checked(id, std::move(out.at));
         }
         if (page->size() < how_.page || out.at.foreign) break;
      }
      if (!out.at.exists() || out.at.foreign) co_return missing(id);
      co_return fail(error_code::not_found,
                     name(id) + (when.version ? " has no version " + std::to_string(*when.version)
                                              : " has no event " + std::to_string(when.event_id->value)));
   }

   /// Its events after a version, oldest first. Errors: not_found (also for what is something else), unavailable.
   awaitable<result<std::vector<event>>> history(aggregate_id id, std::int64_t after, std::size_t limit) {
      auto mine = co_await is_mine(id);
      if (!mine) co_return std::move(mine).error();
      co_return co_await log_.load(execution_id{id.value}, after, limit);
   }

   /// Heads in the order of the ids. \param state  only these; nothing: all. Errors: bad_request (no such state).
   awaitable<result<std::vector<stream_head>>> list(std::optional<std::string> state, aggregate_id after,
                                                    std::size_t limit) {
      std::vector<std::string> statuses;
      for (auto const known : A::lifecycle::states)
         if (!state || *state == known) statuses.push_back(aggregate_status(aggregate_name<A>, known));
      if (statuses.empty())
         co_return fail(error_code::bad_request, "query parameter 'state': expected one of " +
                                                     fsm::joined(A::lifecycle::states) + ", got \"" + *state + "\"");
      auto found = co_await log_.heads(std::move(statuses), execution_id{after.value}, limit);
      if (!found) co_return std::move(found).error();
      for (auto& head : *found) head.status.erase(0, aggregate_name<A>.size() + 1);
      co_return found;
   }

   [[nodiscard]] aggregate_counts<A> const& counts() const noexcept { return counts_; }

private:
   awaitable<result<record>> try_create(creation_wish wish, conditions given) {
      if (auto key = detail::check_key(given.key); !key) co_return key.error();
      auto decided = judge_creation<A>(wish);
      if (!decided) co_return std::move(decided).error();
      aggregate_id id{ids_.next()};
      if (given.key) {
         auto const mine = execution_id{id.value};
         std::string scope(aggregate_name<A>);
         auto key = *given.key;
         auto claimed = co_await log_.claim_key(std::move(scope), std::move(key), mine);
         if (!claimed) co_return std::move(claimed).error();
         id = aggregate_id{claimed->value};
      }
      auto const sum = given.key ? detail::request_sum("", detail::payload_of(wish)) : std::string();
      aggregate_state<A> nothing_yet;
      auto stored = co_await store(id, std::move(nothing_yet), *decided, given, sum);
      bool const lost = !stored && stored.error().code == error_code::conflict;
      if (!lost || !given.key) co_return stored;
      auto known = co_await log_.load(execution_id{id.value}, 0, 1);
      if (!known) co_return std::move(known).error();
      if (known->empty()) co_return std::move(stored).error();
      record out{id, {}};
      if (auto same = detail::same_request(known->front(), sum); !same) co_return same.error();
      ++counts_.repeats;
      fold<A>(out.at, known->front());
      co_return checked(id, std::move(out.at));
   }

   awaitable<result<record>> try_create_as(aggregate_id id, creation_wish wish, conditions given) {
      auto decided = judge_creation<A>(wish);
      if (!decided) co_return std::move(decided).error();
      std::string const no_sum;
      aggregate_state<A> nothing_yet;
      co_return co_await store(id, std::move(nothing_yet), *decided, given, no_sum);
   }

   template <class Action>
   awaitable<result<record>> try_act(aggregate_id id, Action wish, conditions given) {
      if (auto key = detail::check_key(given.key); !key) co_return key.error();
      auto const sum =
          given.key ? detail::request_sum(detail::action_name<Action>, detail::payload_of(wish)) : std::string();
      for (int attempt = 0; attempt < how_.attempts; ++attempt) {
         if (given.key) {
            auto const which = detail::keyed_event_id(id.value, *given.key);
            auto known = co_await log_.find(execution_id{id.value}, which);
            if (!known) co_return std::move(known).error();
            if (*known) co_return co_await repeat(id, **known, sum);
         }
         auto seen = attempt == 0 ? recent_.find(id) : std::nullopt;
         bool const remembered = seen.has_value();
         record now{id, seen ? *std::move(seen) : aggregate_state<A>{}};
         if (!remembered) {
            auto read = co_await load(id);
            if (!read) co_return std::move(read).error();
            now = *std::move(read);
         }
         auto refusal = version_refusal(now, given);
         auto decided = refusal ? result<recorded>(*refusal) : judge<A>(now.at, wish);
         if (!decided) {
            recent_.drop(id);
            if (remembered) continue; // another server may have moved it
            co_return named(id, std::move(decided).error());
         }
         auto const from = now.at.version;
         auto stored = co_await store(id, std::move(now.at), *decided, given, sum);
         if (stored) {
            if (snapshots_.save && snapshot_due(from, stored->at.version)) co_await snapshots_.save(id, stored->at);
            co_return stored;
         }
         recent_.drop(id);
         if (stored.error().code != error_code::conflict) co_return std::move(stored).error();
         ++counts_.conflicts;
      }
      co_return fail(error_code::conflict, name(id) + " is being changed by others; try again");
   }

   awaitable<result<record>> repeat(aggregate_id id, event known, std::string sum) {
      if (auto same = detail::same_request(known, sum); !same) co_return same.error();
      ++counts_.repeats;
      co_return co_await load_at(id, {.event_id = known.event_id, .version = {}});
   }

   /// Errors: not_found when the log is empty or that of something else.
   awaitable<result<void>> is_mine(aggregate_id id) {
      auto first = co_await log_.load(execution_id{id.value}, 0, 1);
      if (!first) co_return std::move(first).error();
      if (first->empty() || first->front().event_type != A::lifecycle::created_by) co_return missing(id);
      co_return result<void>{};
   }

   bool snapshot_due(std::int64_t before, std::int64_t after) const {
      auto const every = how_.snapshot_every;
      return every > 0 && before / every != after / every; // versions may have gaps
   }

   static std::optional<error> version_refusal(record const& now, conditions const& given) {
      if (!given.version || *given.version == now.at.version) return std::nullopt;
      return fail(error_code::conflict, name(now.id) + " is at version " + std::to_string(now.at.version) + ", not " +
                                            std::to_string(*given.version));
   }

   /// Appends one event to the state that it was judged by. \return the state after it
   /// Errors: conflict (not at that state any more, or a repeat that raced with the first), internal, unavailable.
   awaitable<result<record>> store(aggregate_id id, aggregate_state<A> before, recorded const& decided,
                                   conditions const& given, std::string const& sum) {
      auto request = append_of(id, decided, given);
      bool const creates = !before.exists();
      request.expect = creates ? expected{expected::absent, 0} : expected{expected::exactly, before.version};
      auto after = folded(id, std::move(before), request.events.front());
      if (!after) co_return std::move(after).error();
      auto& fact = request.events.front();
      if constexpr (detail::describes<A>) A::describe(fact, id, after->at.data);
      if (given.key || given.reason) detail::add_change(fact.meta, {given.key, sum, given.reason});
      auto stored = co_await log_.append(std::move(request));
      if (!stored) co_return std::move(stored).error();
      if (stored->duplicate) co_return fail(error_code::conflict, name(id) + " was changed by the same request");
      after->at.version = stored->version;
      recent_.put(id, after->at);
      co_return after;
   }

   append_request append_of(aggregate_id id, recorded const& decided, conditions const& given) {
      append_request request;
      request.execution_id = execution_id{id.value};
      request.head_status = aggregate_status(aggregate_name<A>, decided.to);
      event fact;
      fact.event_id = event_id{ids_.next()};
      fact.catalog_id = how_.catalog;
      fact.created_at = now();
      fact.event_type = decided.event_type;
      fact.node_id = fact.node_name = fact.node_type = std::string(aggregate_name<A>);
      fact.status = decided.to;
      fact.context = decided.payload;
      if (given.key) {
         // A repeat that races with the first one is found by the append itself.
         bool const creates = decided.event_type == A::lifecycle::created_by;
         if (!creates) fact.event_id = detail::keyed_event_id(id.value, *given.key);
         request.ids_from_client = !creates;
      }
      request.events.push_back(std::move(fact));
      return request;
   }

   /// The state after an event that is about to be appended. Errors: internal: it could not be read back, such as a
   /// number that is none in JSON; writing it would stop the aggregate for ever.
   static result<record> folded(aggregate_id id, aggregate_state<A> at, event fact) {
      fact.stream_version = at.version + 1;
      fold<A>(at, fact);
      if (!at.misfit.empty())
         return fail(error_code::internal, name(id) + " made an event that does not fit: " + at.misfit);
      return record{id, std::move(at)};
   }

   result<record> checked(aggregate_id id, aggregate_state<A> at) {
      if (!at.exists() || at.foreign) return missing(id);
      if (!at.misfit.empty()) return fail(error_code::internal, name(id) + " cannot be rebuilt: " + at.misfit);
      return record{id, std::move(at)};
   }

   static std::string name(aggregate_id id) { return std::string(aggregate_name<A>) + " " + std::to_string(id.value); }
   /// A state that is none is somebody's work to find.
   static error named(aggregate_id id, error why) {
      if (why.code == error_code::internal) why.message = name(id) + ": " + why.message;
      return why;
   }
   static error missing(aggregate_id id) {
      return fail(error_code::not_found, std::string(aggregate_name<A>) + " not found: " + std::to_string(id.value));
   }

   event_log_ref log_;
   id_generator ids_;
   aggregate_settings const how_;
   detail::aggregate_cache<A> recent_;
   aggregate_snapshots<A> snapshots_{};
   aggregate_counts<A> counts_{};
};

} // namespace noetl
