// control_plane/subscriptions.hpp: registering subscriptions and moving them through their life (http-platform.md
// section 8.1). Knows aggregates, which do the moving, and the log; knows nothing of HTTP.
//
// A program that uses it defines fsm::machine<subscription_lifecycle> once (fsm/machine.hpp).
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/subscription_aggregate.hpp>
#include <noetl/control_plane/subscription_event_log.hpp>
#include <noetl/control_plane/subscription_lifecycle.hpp>
#include <noetl/control_plane/subscription_log.hpp>
#include <noetl/control_plane/subscription_paths.hpp>
#include <noetl/control_plane/subscription_views.hpp>
#include <noetl/core/id_generator.hpp>
#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/aggregates.hpp>
#include <noetl/events/store.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct subscription_settings {
   /// A subscription that drains for longer is taken for one whose runtime died (D-73): the next registration of its
   /// path deactivates it and makes a new one. 0: never.
   std::chrono::seconds drain_limit{600};
   std::size_t cached = 10'000; ///< subscriptions remembered, so that their next transition needs no read
   int attempts = 64;           ///< of one call, while others are first; 2 or more
};

/// What a registration came to.
struct subscription_registration {
   subscription_view view;
   bool created = false; ///< a new subscription, and not the one that lives under this path
};

/// Registration and transitions are atomic, also between servers: an id is given to a path once, and a transition is
/// appended only if no other one came after the state that it was judged by (D-70, D-71). Thread-safe.
class subscription_service {
public:
   subscription_service(pg::shard_map& shards, event_store& store, id_generator ids, subscription_settings how = {})
       : log_(shards), paths_(shards), store_(store), ids_(ids), how_(how), events_(store, log_),
         all_(events_, std::move(ids), settings_of(how)) {
      events_.load_newest(all_);
   }

   /// The live subscription of a path, or a new one in the state REGISTERED.
   /// Errors: not_found, validation (not a subscription), internal (stored state unknown), conflict, unavailable.
   awaitable<result<subscription_registration>> enroll(std::string path) {
      for (int attempt = 0; attempt < how_.attempts; ++attempt) {
         auto known = co_await paths_.look(path);
         if (!known) co_return std::move(known).error();
         auto live = co_await live_of(path, known->holder);
         if (!live) co_return std::move(live).error();
         if (live->has_value()) co_return reuse(**live);
         auto mine = co_await new_id(path, *known);
         if (!mine) co_return std::move(mine).error();
         if (!*mine) continue;
         auto created = co_await create(path, known->catalog_id, **mine);
         if (!created) co_return std::move(created).error();
         if (created->has_value()) co_return subscription_registration{**std::move(created), true};
      }
      co_return fail(error_code::conflict, "Subscription '" + path + "' is being registered by others; try again");
   }

   /// Does an action. An allowed repeat is recorded again.
   /// Errors: validation (unknown action, or not allowed from the state), not_found, internal (stored state unknown),
   /// conflict (others were first again and again), unavailable.
   awaitable<result<subscription_view>> act(subscription_id id, std::string action) {
      bool const known = subscription_lifecycle::find_action(action) != nullptr;
      auto moved = co_await all_.act_named(aggregate_id{id.value}, std::move(action));
      if (!moved && known) co_return told(id, std::move(moved).error());
      if (!moved) co_return std::move(moved).error();
      co_return view_of(id, moved->at);
   }

   /// Errors: not_found (also when nothing had happened yet at that moment), bad_request (two moments), internal.
   awaitable<result<subscription_view>> find(subscription_id id, subscription_moment when = {}) {
      if (when.event_id && when.at) co_return fail(error_code::bad_request, "give event_id or at, not both");
      bool const present = !when.event_id && !when.at;
      auto reading = present ? log_.latest(id) : log_.as_of(id, when);
      auto found = co_await std::move(reading);
      if (!found) co_return std::move(found).error();
      if (!*found) co_return missing(id);
      if (!subscription_lifecycle::has_state((*found)->status)) co_return unknown_state(**found);
      co_return view_of(**found);
   }

   /// Errors: bad_request (limit, or a state that is none).
   awaitable<result<subscription_list>> list(subscription_filter filter) {
      if (auto limit = check_limit(filter.limit); !limit) co_return limit.error();
      if (filter.state && *filter.state != unknown && !subscription_lifecycle::has_state(*filter.state))
         co_return fail(error_code::bad_request, "query parameter 'state': expected one of " +
                                                     fsm::joined(subscription_lifecycle::states) + ", UNKNOWN");
      bool const paged = filter.limit || filter.after;
      auto const limit = filter.limit.value_or(page_limit);
      auto const after = filter.after.value_or(subscription_id{std::numeric_limits<std::int64_t>::min()});
      std::vector<subscription_record> all;
      for (std::size_t shard = 0; shard < log_.shard_count(); ++shard) {
         auto const asked = paged ? std::optional(limit + 1) : std::nullopt;
         auto some = co_await log_.list(shard, filter.state, after, asked);
         if (!some) co_return std::move(some).error();
         all.insert(all.end(), some->begin(), some->end());
      }
      subscription_list page;
      if (paged) {
         std::ranges::sort(all, {}, &subscription_record::subscription_id);
         if (all.size() > static_cast<std::size_t>(limit)) {
            all.resize(static_cast<std::size_t>(limit));
            page.next = all.back().subscription_id;
         }
      }
      auto named = co_await name(std::move(all));
      if (!named) co_return std::move(named).error();
      page.subscriptions = *std::move(named);
      co_return page;
   }

   /// All transitions, oldest first. Errors: not_found, bad_request (limit).
   awaitable<result<subscription_history>> history(subscription_id id, subscription_history_filter filter) {
      if (auto limit = check_limit(filter.limit); !limit) co_return limit.error();
      auto const limit = filter.limit.value_or(page_limit);
      auto steps = co_await log_.history(id, filter.after, limit + 1);
      if (!steps) co_return std::move(steps).error();
      if (steps->empty()) {
         auto there = co_await log_.latest(id);
         if (!there) co_return std::move(there).error();
         if (!*there) co_return missing(id);
      }
      subscription_history page{.subscription_id = id, .history = *std::move(steps), .next = {}};
      if (page.history.size() > static_cast<std::size_t>(limit)) {
         page.history.resize(static_cast<std::size_t>(limit));
         page.next = page.history.back().sequence;
      }
      co_return page;
   }

   /// The table of the life cycle.
   [[nodiscard]] static lifecycle_view table() { return fsm::view_of<subscription_lifecycle>(); }

   /// Appends that lost a race and were judged again.
   [[nodiscard]] std::uint64_t conflicts() const noexcept { return conflicts_.load() + all_.counts().conflicts.load(); }

private:
   using maybe_record = std::optional<subscription_record>;
   static constexpr std::string_view unknown = "UNKNOWN";
   static constexpr std::int64_t page_limit = 1000;

   // ---- registration ----

   /// What a registration of this path must return unchanged: the subscription that was changed last, else the one that
   /// the path's row names. A drain that outlived its limit is ended here.
   awaitable<result<maybe_record>> live_of(std::string path, std::optional<subscription_id> holder) {
      auto newest = co_await log_.newest_of_path(path);
      if (!newest) co_return std::move(newest).error();
      auto found = *std::move(newest);
      bool const other = holder && (!found || found->subscription_id != *holder);
      if (other && (!found || ended(*found))) {
         auto named = co_await log_.latest(*holder);
         if (!named) co_return std::move(named).error();
         if (*named) found = *std::move(named);
      }
      if (!found || ended(*found)) co_return maybe_record{};
      if (!abandoned(*found)) co_return found;
      log::warn("subscription.drain_abandoned",
                {{"subscription_id", found->subscription_id.value}, {"path", std::string(path)}});
      // Of the very state that was seen, so that nobody's next step is undone.
      conditions given{.version = found->version, .key = {}, .reason = "drain outlived its limit"};
      auto const id = aggregate_id{found->subscription_id.value};
      auto closed = co_await all_.act(id, subscription::deactivate{}, std::move(given));
      if (closed) co_return maybe_record{};
      if (closed.error().code != error_code::conflict) co_return std::move(closed).error();
      co_return co_await live_of(std::move(path), holder);
   }

   static bool ended(subscription_record const& r) { return r.status == subscription::deactivated::name; }
   bool abandoned(subscription_record const& r) const {
      return r.status == subscription::draining::name && how_.drain_limit.count() > 0 && r.created_at &&
             now() - *r.created_at > how_.drain_limit;
   }

   result<subscription_registration> reuse(subscription_record const& live) {
      if (!subscription_lifecycle::has_state(live.status)) return unknown_state(live);
      return subscription_registration{view_of(live), false};
   }

   /// The id to create for a path that nobody lives under. A row without a log is a registration that was begun: it is
   /// completed under its id. \return nothing when another registration was first
   awaitable<result<std::optional<subscription_id>>> new_id(std::string path, subscription_path known) {
      if (known.holder) {
         // In this order: a head without a log after it is a log that was purged, not one that is just being written.
         auto head = co_await store_.head(execution_id{known.holder->value});
         if (!head) co_return std::move(head).error();
         auto log = co_await log_.latest(*known.holder);
         if (!log) co_return std::move(log).error();
         if (*log && !ended(**log)) co_return std::optional<subscription_id>{};
         if (!*log && !*head) co_return known.holder;
      }
      auto const mine = subscription_id{ids_.next()};
      auto claimed = co_await paths_.claim(std::move(path), known.holder, mine);
      if (!claimed) co_return std::move(claimed).error();
      co_return *claimed ? std::optional(mine) : std::nullopt;
   }

   /// \return nothing when another registration wrote the first event
   awaitable<result<std::optional<subscription_view>>> create(std::string path, noetl::catalog_id catalog,
                                                              subscription_id id) {
      subscription_context wish{id, std::move(path), catalog};
      auto created = co_await all_.create_as(aggregate_id{id.value}, std::move(wish));
      if (created) co_return std::optional(view_of(id, created->at));
      if (created.error().code != error_code::conflict) co_return std::move(created).error();
      ++conflicts_;
      co_return std::optional<subscription_view>{};
   }

   // ---- answers ----

   static subscription_view view_of(subscription_record const& r) {
      return {.subscription_id = r.subscription_id,
              .path = r.path,
              .catalog_id = r.catalog_id,
              .state = r.status,
              .last_event_type = r.event_type,
              .updated_at = r.created_at};
   }

   static subscription_view view_of(subscription_id id, aggregate_state<subscription_aggregate> const& at) {
      return {.subscription_id = id,
              .path = at.data.path,
              .catalog_id = at.data.catalog_id,
              .state = at.status,
              .last_event_type = at.last_event,
              .updated_at = at.updated_at == timestamp{} ? std::nullopt : std::optional(at.updated_at)};
   }

   /// Lists show the path of the catalog entry, and UNKNOWN for what is no state.
   awaitable<result<std::vector<subscription_view>>> name(std::vector<subscription_record> records) {
      std::vector<std::int64_t> entries;
      for (auto const& one : records) entries.push_back(one.catalog_id.value);
      std::ranges::sort(entries);
      entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
      std::vector<subscription_view> views;
      if (entries.empty()) co_return views;
      auto paths = co_await log_.catalog_paths(std::move(entries));
      if (!paths) co_return std::move(paths).error();
      views.reserve(records.size());
      for (auto const& one : records) {
         auto& view = views.emplace_back(view_of(one));
         auto const path = paths->find(one.catalog_id.value);
         view.path = path == paths->end() ? std::string() : path->second;
         if (!subscription_lifecycle::has_state(view.state)) view.state = unknown;
      }
      co_return views;
   }

   static result<void> check_limit(std::optional<std::int64_t> limit) {
      if (!limit || (*limit >= 1 && *limit <= page_limit)) return {};
      return fail(error_code::bad_request, "query parameter 'limit': expected 1 to " + std::to_string(page_limit));
   }
   static error missing(subscription_id id) {
      return fail(error_code::not_found, "Subscription not found: " + std::to_string(id.value));
   }
   static error unknown_state(subscription_record const& r) {
      return fail(error_code::internal,
                  "Subscription " + std::to_string(r.subscription_id.value) + " is in a state that is none",
                  "stored status: " + r.status);
   }
   /// What aggregates say, in the words of the contract.
   static error told(subscription_id id, error why) {
      if (why.code == error_code::not_found) return missing(id);
      if (why.message.starts_with("subscription ")) why.message.front() = 'S';
      if (why.code == error_code::validation)
         why.message = "Subscription " + std::to_string(id.value) + ": " + why.message;
      return why;
   }
   static aggregate_settings settings_of(subscription_settings const& how) {
      aggregate_settings settings;
      settings.cached = how.cached;
      settings.attempts = how.attempts;
      settings.snapshot_every = 0;
      return settings;
   }

   subscription_log log_;
   subscription_paths paths_;
   event_store& store_;
   id_generator ids_;
   subscription_settings const how_;
   subscription_event_log events_;
   aggregates<subscription_aggregate> all_;
   std::atomic<std::uint64_t> conflicts_{0};
};

} // namespace noetl::control_plane
