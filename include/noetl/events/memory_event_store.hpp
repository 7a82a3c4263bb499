// events/memory_event_store.hpp: an event store in memory, for tests and for trying an aggregate without services.
// Knows the plain data of events; same rules and same texts as events/store.hpp for what it keeps: events and heads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/core/id_generator.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/append.hpp>
#include <noetl/events/detail/append_job.hpp>
#include <noetl/events/detail/append_refusals.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/events/event_log.hpp>
#include <noetl/events/stream_head.hpp>

namespace noetl {

/// Keeps everything until it is destroyed. Thread-safe; appends happen one after the other.
class memory_event_store {
public:
   /// \param ids  the process's generator, for events without ids
   explicit memory_event_store(id_generator ids) : ids_(ids) {}
   memory_event_store(memory_event_store const&) = delete;
   memory_event_store& operator=(memory_event_store const&) = delete;

   /// As event_store::append. Commands and notifications are refused: nobody here would deliver them. A follow-up is
   /// left out.
   awaitable<result<append_result>> append(append_request request) { co_return append_now(std::move(request)); }

   awaitable<result<std::vector<event>>> load(execution_id id, std::int64_t after_version = 0,
                                              std::size_t limit = 100'000) {
      std::lock_guard const lock(guard_);
      std::vector<event> out;
      auto const found = streams_.find(id);
      if (found == streams_.end() || after_version < 0) co_return out;
      auto const& events = found->second.events; // event i has version i + 1
      auto const from = std::min(static_cast<std::size_t>(after_version), events.size());
      auto const count = std::min(limit, events.size() - from);
      out.assign(events.begin() + static_cast<std::ptrdiff_t>(from),
                 events.begin() + static_cast<std::ptrdiff_t>(from + count));
      co_return out;
   }

   awaitable<result<std::optional<event>>> find(execution_id id, event_id which) {
      std::lock_guard const lock(guard_);
      auto const found = streams_.find(id);
      if (found == streams_.end()) co_return std::optional<event>{};
      auto const* const known = found->second.find(which);
      co_return known == nullptr ? std::optional<event>{} : std::optional(*known);
   }

   awaitable<result<std::vector<stream_head>>> heads(std::vector<std::string> statuses, execution_id after,
                                                     std::size_t limit) {
      std::lock_guard const lock(guard_);
      std::vector<stream_head> out;
      for (auto at = streams_.upper_bound(after); at != streams_.end() && out.size() < limit; ++at)
         if (std::ranges::find(statuses, at->second.head.status) != statuses.end()) out.push_back(at->second.head);
      co_return out;
   }

   awaitable<result<execution_id>> claim_key(std::string scope, std::string key, execution_id mine) {
      std::lock_guard const lock(guard_);
      co_return keys_.try_emplace({std::move(scope), std::move(key)}, mine).first->second;
   }

   /// Called after each append with its events, in the order of the appends, on the thread of the append. Must be
   /// quick, must not throw and must not use the store. Register before the first append.
   void on_committed(std::function<void(std::span<event const>)> callback) { news_.push_back(std::move(callback)); }

   /// As append, without a coroutine.
   result<append_result> append_now(append_request request) {
      if (!request.commands.empty() || !request.updates.empty() || !request.outbox.empty())
         return fail(error_code::validation, "the store in memory keeps events only");
      if (auto ready = detail::prepare(request, ids_); !ready) return ready.error();
      std::lock_guard const lock(guard_);
      auto found = streams_.find(request.execution_id);
      if (auto refusal = refusal_of(request, found == streams_.end() ? nullptr : &found->second)) return *refusal;
      if (found == streams_.end()) {
         found = streams_.try_emplace(request.execution_id).first;
         found->second.head.execution_id = request.execution_id;
         found->second.head.status = "RUNNING";
         found->second.head.created_at = now();
      }
      return take(request, found->second);
   }

private:
   struct stream {
      stream_head head{};
      std::vector<event> events{};

      [[nodiscard]] event const* find(event_id which) const noexcept {
         auto const at = std::ranges::find(events, which, &event::event_id);
         return at == events.end() ? nullptr : &*at;
      }
   };

   static std::optional<error> refusal_of(append_request const& request, stream const* at) {
      if (at == nullptr) {
         auto const names_catalog = [](event const& e) { return e.catalog_id.value != 0; };
         bool const begins = request.head_status || std::ranges::any_of(request.events, names_catalog);
         if (request.expect.what == expected::absent && begins) return std::nullopt;
         return detail::refusal_of_unknown(request);
      }
      std::size_t repeated = 0;
      for (auto const& e : request.events) {
         auto const* const known = request.ids_from_client ? at->find(e.event_id) : nullptr;
         if (known != nullptr && !detail::same_bytes(*known, e))
            return fail(error_code::conflict,
                        "event " + std::to_string(e.event_id.value) + " is stored with other content");
         repeated += known != nullptr ? 1 : 0;
      }
      if (repeated > 0 && repeated == request.events.size()) return std::nullopt; // a duplicate, whatever was expected
      auto const& head = at->head;
      return detail::refusal_of_expectation(request,
                                            {head.version, head.guarded_version, head.catalog_id, head.status});
   }

   append_result take(append_request& request, stream& at) {
      append_result answer;
      std::vector<event> fresh;
      for (auto& e : request.events) {
         answer.event_ids.push_back(e.event_id);
         if (request.ids_from_client && at.find(e.event_id) != nullptr) continue;
         if (e.catalog_id.value == 0) e.catalog_id = at.head.catalog_id;
         if (at.head.catalog_id.value == 0) at.head.catalog_id = e.catalog_id;
         e.stream_version = ++at.head.version;
         if (auto const end = terminal_status(e.event_type); !end.empty() && at.head.status == "RUNNING")
            at.head.status = end;
         at.events.push_back(e);
         fresh.push_back(std::move(e));
      }
      answer.version = at.head.version;
      answer.duplicate = !request.events.empty() && fresh.empty();
      if (answer.duplicate) return answer;
      if (request.head_status) at.head.status = *request.head_status;
      if (request.expect.what != expected::any) at.head.guarded_version = at.head.version;
      at.head.updated_at = now();
      for (auto const& tell : news_) tell(fresh); // under the lock: news have the order of the appends
      return answer;
   }

   id_generator ids_;
   std::vector<std::function<void(std::span<event const>)>> news_{};
   mutable std::mutex guard_;
   std::map<execution_id, stream> streams_{};
   std::map<std::pair<std::string, std::string>, execution_id> keys_{};
};
static_assert(event_log<memory_event_store>);

} // namespace noetl
