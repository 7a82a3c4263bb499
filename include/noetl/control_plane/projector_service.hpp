// control_plane/projector_service.hpp: events of other logs and of streams become rows here
// (http-platform.md 5.1, 5.2). Knows events/projection.hpp and how ingest makes columns; knows nothing of HTTP.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <xxhash.h>

#include <noetl/control_plane/command_correlation.hpp>
#include <noetl/control_plane/event_ingest.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/snowflake.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/projection.hpp>
#include <noetl/reflect/ids.hpp>
#include <noetl/reflect/json_read.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::control_plane {

struct project_request {
   std::vector<projected_event> events;
};

/// projected + duplicates + failed = events sent. What failed would fail again, so the sender may forget it.
struct project_reply {
   std::int64_t projected = 0;
   std::int64_t duplicates = 0;
   std::vector<projection_failure> failed;
   using json_rules = rules<omit_empty<"failed">>;
};

struct materialize_reply {
   std::int64_t materialized = 0;
   std::int64_t duplicates = 0;
   std::vector<projection_failure> failed;
   using json_rules = rules<omit_empty<"failed">>;
};

namespace detail {

struct body_with_catalog {
   raw_json catalog_id;
   using json_rules = rules<defaulted<"catalog_id">>;
};

/// `catalog_id` of a JSON object, a number or its text; 0 when there is none.
inline noetl::catalog_id named_catalog(raw_json const& object) {
   if (!object.text.starts_with('{')) return {};
   auto const body = from_json<body_with_catalog>(object.text);
   if (!body) return {};
   return from_json<id_any<noetl::catalog_id>>(body->catalog_id.text).value_or(id_any<noetl::catalog_id>{}).value;
}

/// An id for an event that has none, the same each time the event is sent (D-45). Its time is the event's own, or for
/// want of one within 70 minutes of the execution's; the rest is a hash of the content (XXH64). `repeat` tells equal
/// events of one request apart.
inline noetl::event_id derived_id(event_request const& request, std::uint64_t repeat) {
   std::string content;
   auto const add = [&](std::string_view part) {
      content += std::to_string(part.size());
      content += ':';
      content += part;
   };
   add(std::to_string(request.execution_id.value.value));
   add(request.step), add(request.event_type), add(request.payload.text), add(request.meta.text);
   add(request.worker_id.value_or("")), add(request.result_kind), add(request.result_uri.value_or(""));
   add(request.status.value_or(""));
   if (request.event_ids)
      for (auto const id : *request.event_ids) add(std::to_string(id));
   if (request.created_at) add(to_rfc3339(*request.created_at));
   auto const hash = XXH64(content.data(), content.size(), repeat);
   constexpr std::uint64_t low = (std::uint64_t{1} << 22U) - 1;
   std::int64_t ms = 0;
   if (request.created_at)
      ms = std::chrono::floor<std::chrono::milliseconds>(request.created_at->time_since_epoch()).count() -
           snowflake::epoch_ms;
   else
      ms = (request.execution_id.value.value >> 22) + static_cast<std::int64_t>(hash >> 22U & low);
   ms = std::clamp<std::int64_t>(ms, 0, (std::int64_t{1} << 41U) - 1);
   return noetl::event_id{ms << 22 | static_cast<std::int64_t>(hash & low)};
}

/// The row that ingest would store (10.3 to 10.5), as a projected one.
inline projected_event to_row(event_request const& request, noetl::event_id id) {
   auto row = stored_form<projected_event>(request, id, correlate(request.meta, request.payload));
   row.catalog_id = named_catalog(request.meta);
   if (row.catalog_id.value == 0) row.catalog_id = named_catalog(request.payload);
   return row;
}

} // namespace detail

struct projector_figures {
   std::uint64_t projected = 0;
   std::uint64_t materialized = 0;
   std::uint64_t failed = 0; ///< rows of either kind that the log refused
};

/// Idempotent, in bulk, and nobody is told: no orchestrator, no bus. Thread-safe.
class projector_service {
public:
   explicit projector_service(pg::shard_map& shards) : projection_(shards) {}

   /// Stores envelopes. Errors: bad_request (no events), unavailable.
   awaitable<result<project_reply>> project(project_request request) {
      if (request.events.empty()) co_return fail(error_code::bad_request, "events must not be empty");
      auto stored = co_await projection_.store(std::move(request.events));
      if (!stored) co_return std::move(stored).error();
      projected_ += stored->projected;
      failed_ += stored->failed.size();
      project_reply reply;
      reply.projected = static_cast<std::int64_t>(stored->projected);
      reply.duplicates = static_cast<std::int64_t>(stored->duplicates);
      reply.failed = std::move(stored->failed);
      co_return reply;
   }

   /// Stores events in the form that producers report them in.
   awaitable<result<materialize_reply>> materialize(std::vector<event_request> requests) {
      std::vector<projected_event> rows;
      rows.reserve(requests.size());
      std::map<noetl::event_id, std::uint64_t> repeats;
      for (auto const& request : requests) {
         if (request.event_id) {
            rows.push_back(detail::to_row(request, request.event_id->value));
            continue;
         }
         auto id = detail::derived_id(request, 0);
         if (auto const repeat = repeats[id]++; repeat > 0) id = detail::derived_id(request, repeat);
         rows.push_back(detail::to_row(request, id));
      }
      auto stored = co_await projection_.store(std::move(rows));
      if (!stored) co_return std::move(stored).error();
      materialized_ += stored->projected;
      failed_ += stored->failed.size();
      materialize_reply reply;
      reply.materialized = static_cast<std::int64_t>(stored->projected);
      reply.duplicates = static_cast<std::int64_t>(stored->duplicates);
      reply.failed = std::move(stored->failed);
      co_return reply;
   }

   [[nodiscard]] projector_figures figures() const noexcept {
      return {projected_.load(), materialized_.load(), failed_.load()};
   }

private:
   event_projection projection_;
   std::atomic<std::uint64_t> projected_{0};
   std::atomic<std::uint64_t> materialized_{0};
   std::atomic<std::uint64_t> failed_{0};
};

} // namespace noetl::control_plane
