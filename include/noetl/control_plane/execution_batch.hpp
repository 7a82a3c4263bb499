// control_plane/execution_batch.hpp: many starts with one request (http-execution.md section 6.2).
// Knows execution_service; knows nothing of HTTP.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <tao/json/value.hpp>

#include <noetl/control_plane/execution_service.hpp>
#include <noetl/control_plane/gather.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/reflect/ids.hpp>
#include <noetl/reflect/json_write.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct execute_batch_request {
   std::vector<execute_request> executions; ///< 1..1000
};

struct execute_batch_item {
   std::size_t index = 0;
   std::string status; ///< started, duplicate or error
   std::optional<id_text<noetl::execution_id>> execution_id;
   std::int64_t commands_generated = 0;
   std::optional<std::string> error;
   using json_rules = rules<omit_empty<"execution_id", "error">>;
};

struct execute_batch_reply {
   std::size_t count = 0, started = 0, duplicates = 0, failed = 0;
   std::vector<execute_batch_item> results; ///< in the order of the request
};

namespace detail {

/// The long form of an error that stands inside an answer (2.1).
inline std::string long_text(error const& e) {
   auto const prefix = [&]() -> std::string_view {
      switch (e.code) {
      case error_code::validation: return "Validation error: ";
      case error_code::bad_request: return "Parse error: "; // of a start: the playbook is not YAML
      case error_code::not_found: return "Resource not found: ";
      case error_code::conflict: return "Conflict: ";
      case error_code::database: return "Database error: ";
      case error_code::unavailable: return "Service unavailable: ";
      default: return "Internal error: ";
      }
   }();
   return std::string(prefix) + e.message;
}

} // namespace detail

/// Starts that are independent of each other, many at a time, so that their appends share transactions. Items with one
/// dedup key go one after the other: the first of them starts. Thread-safe.
class execution_batch {
public:
   static constexpr std::size_t most_items = 1'000;

   explicit execution_batch(execution_service& executions) : executions_(executions) {}

   /// Each item succeeds or fails alone. Errors: validation (no item, or too many).
   awaitable<result<execute_batch_reply>> start(execute_batch_request request) {
      auto& items = request.executions;
      if (items.empty())
         co_return fail(error_code::validation, "execute batch requires a non-empty 'executions' array");
      if (items.size() > most_items)
         co_return fail(error_code::validation,
                        "execute batch size " + std::to_string(items.size()) + " exceeds the 1000 cap");
      auto const entries = co_await look_up(items);
      co_await inherit_traces(items);
      auto const lanes = lanes_of(items);
      execute_batch_reply reply;
      reply.count = items.size();
      reply.results.resize(items.size());
      auto run = [&](std::size_t lane) -> awaitable<bool> {
         for (auto const i : lanes[lane]) {
            start_hints known;
            known.entry = &entries.at(key_of(items[i]));
            known.trace_is_known = true;
            auto started = co_await executions_.start(std::move(items[i]), known);
            reply.results[i] = outcome(i, std::move(started));
         }
         co_return true;
      };
      // Keys of the entries are read from items before these are moved from, each by its own lane.
      static_cast<void>(co_await gather(lanes.size(), at_once, run));
      for (auto const& item : reply.results)
         ++(item.status == "started" ? reply.started : item.status == "duplicate" ? reply.duplicates : reply.failed);
      co_return reply;
   }

private:
   static constexpr std::size_t at_once = 128;
   using entry_map = std::map<std::string, result<catalog_entry>>;

   static std::string key_of(execute_request const& item) {
      if (item.catalog_id) return "#" + std::to_string(item.catalog_id->value);
      return item.path ? to_json(item.version) + "@" + *item.path : std::string{};
   }

   /// Each catalog entry is read once.
   awaitable<entry_map> look_up(std::vector<execute_request> const& items) {
      std::map<std::string, execute_request const*> wanted;
      for (auto const& item : items) wanted.emplace(key_of(item), &item);
      std::vector<std::pair<std::string, execute_request const*>> const list(wanted.begin(), wanted.end());
      auto one = [&](std::size_t i) { return executions_.resolve(*list[i].second); };
      auto found = co_await gather(list.size(), at_once, one);
      entry_map entries;
      for (std::size_t i = 0; i < list.size(); ++i) entries.emplace(list[i].first, std::move(found[i]));
      co_return entries;
   }

   /// So is each parent.
   awaitable<void> inherit_traces(std::vector<execute_request>& items) {
      std::map<noetl::execution_id, tao::json::value> traces;
      for (auto& item : items) {
         if (!item.trace.is_null() || !item.parent_execution_id) continue;
         auto known = traces.find(*item.parent_execution_id);
         if (known == traces.end()) {
            auto trace = co_await executions_.inherited_trace(*item.parent_execution_id);
            known = traces.emplace(*item.parent_execution_id, std::move(trace)).first;
         }
         item.trace = known->second;
      }
   }

   static std::vector<std::vector<std::size_t>> lanes_of(std::vector<execute_request> const& items) {
      std::vector<std::vector<std::size_t>> lanes;
      std::map<std::pair<std::int64_t, std::string>, std::size_t> of_key;
      for (std::size_t i = 0; i < items.size(); ++i) {
         auto const& item = items[i];
         auto lane = lanes.size();
         if (item.dedup) {
            auto const scope = item.parent_execution_id ? item.parent_execution_id->value : 0;
            lane = of_key.try_emplace({scope, item.dedup->key}, lane).first->second;
         }
         if (lane == lanes.size()) lanes.emplace_back();
         lanes[lane].push_back(i);
      }
      return lanes;
   }

   static execute_batch_item outcome(std::size_t index, result<execute_reply> started) {
      execute_batch_item item;
      item.index = index;
      if (!started) {
         item.status = "error";
         item.error = detail::long_text(started.error());
         return item;
      }
      item.status = started->status;
      item.execution_id = started->execution_id;
      item.commands_generated = started->commands_generated;
      return item;
   }

   execution_service& executions_;
};

} // namespace noetl::control_plane
