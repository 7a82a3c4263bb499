// events/event_log.hpp: what aggregates need of an event store, and a handle that hides which one it is, so that a
// program can choose at run time. Knows the plain data of events; no database. Stores: event_store (PostgreSQL,
// events/store.hpp), memory_event_store (events/memory_event_store.hpp).
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/events/append.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/events/stream_head.hpp>

namespace noetl {

using boost::asio::awaitable;

/// An append-only log per id, with heads. Thread-safe.
template <class L>
concept event_log = requires(L& log, append_request request, execution_id id, event_id which, std::int64_t version,
                             std::size_t limit, std::vector<std::string> statuses, std::string text) {
   // all or nothing; `conflict` when the expectation is not met; an answer means that it is kept
   { log.append(std::move(request)) } -> std::same_as<awaitable<result<append_result>>>;
   // events after a version, in their order; `limit` of them unless there are fewer; empty for an unknown id
   { log.load(id, version, limit) } -> std::same_as<awaitable<result<std::vector<event>>>>;
   // one event of one log, or nothing
   { log.find(id, which) } -> std::same_as<awaitable<result<std::optional<event>>>>;
   // heads with one of these statuses and ids above `id`, in the order of the ids
   { log.heads(std::move(statuses), id, limit) } -> std::same_as<awaitable<result<std::vector<stream_head>>>>;
   // the id that a key of a scope stands for: the given one, or the one that was claimed for it before
   { log.claim_key(text, text, id) } -> std::same_as<awaitable<result<execution_id>>>;
};

/// Status of the head of an aggregate: `shipment:PACKED`. The colon tells it from an execution's.
inline std::string aggregate_status(std::string_view name, std::string_view state) {
   std::string text(name);
   return text.append(":").append(state);
}

/// A reference to any event_log, which outlives it. Copies refer to the same. Thread-safe.
class event_log_ref {
public:
   template <class Log>
   requires(!std::same_as<std::remove_const_t<Log>, event_log_ref> && event_log<Log>) event_log_ref(Log& log)
       : log_(&log), calls_(&calls_of<Log>) {}

   awaitable<result<append_result>> append(append_request request) const {
      return calls_->append(log_, std::move(request));
   }
   awaitable<result<std::vector<event>>> load(execution_id id, std::int64_t after_version, std::size_t limit) const {
      return calls_->load(log_, id, after_version, limit);
   }
   awaitable<result<std::optional<event>>> find(execution_id id, event_id which) const {
      return calls_->find(log_, id, which);
   }
   awaitable<result<std::vector<stream_head>>> heads(std::vector<std::string> statuses, execution_id after,
                                                     std::size_t limit) const {
      return calls_->heads(log_, std::move(statuses), after, limit);
   }
   awaitable<result<execution_id>> claim_key(std::string scope, std::string key, execution_id mine) const {
      return calls_->claim_key(log_, std::move(scope), std::move(key), mine);
   }

private:
   struct calls {
      awaitable<result<append_result>> (*append)(void*, append_request);
      awaitable<result<std::vector<event>>> (*load)(void*, execution_id, std::int64_t, std::size_t);
      awaitable<result<std::optional<event>>> (*find)(void*, execution_id, event_id);
      awaitable<result<std::vector<stream_head>>> (*heads)(void*, std::vector<std::string>, execution_id, std::size_t);
      awaitable<result<execution_id>> (*claim_key)(void*, std::string, std::string, execution_id);
   };
   template <class Log>
   static constexpr calls calls_of{
       [](void* log, append_request r) { return static_cast<Log*>(log)->append(std::move(r)); },
       [](void* log, execution_id id, std::int64_t after, std::size_t limit) {
          return static_cast<Log*>(log)->load(id, after, limit);
       },
       [](void* log, execution_id id, event_id which) { return static_cast<Log*>(log)->find(id, which); },
       [](void* log, std::vector<std::string> statuses, execution_id after, std::size_t limit) {
          return static_cast<Log*>(log)->heads(std::move(statuses), after, limit);
       },
       [](void* log, std::string scope, std::string key, execution_id mine) {
          return static_cast<Log*>(log)->claim_key(std::move(scope), std::move(key), mine);
       }};

   void* log_;
   calls const* calls_;
};

} // namespace noetl
