// control_plane/event_pages.hpp: parts of the log of one execution: the newest, by page, or on from an event.
// Knows pools' connections and the event vocabulary; knows nothing of HTTP.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>
#include <noetl/reflect/sql.hpp>

namespace noetl::control_plane {

/// Which events of an execution are wanted. Pages count from the newest event, and each begins with its newest, which
/// is how the command line reads them. Behind an event the log goes on in stored order, oldest first. Errors:
/// bad_request for both at once, for numbers below 1, and for an `after_event` that the execution does not have.
struct event_window {
   std::optional<std::int64_t> page;           ///< from 1
   std::optional<std::int64_t> page_size;      ///< from 1, at most 2000; absent: 100
   std::optional<noetl::event_id> after_event; ///< 0: from the first event on
   std::optional<std::int64_t> limit;          ///< with after_event: from 1, at most 2000; absent: 500
};

struct event_view {
   noetl::event_id event_id;
   std::string event_type;
   std::optional<std::string> node_name;
   std::string status;
   timestamp created_at{};
   raw_json result;
   std::optional<std::string> error;
};

struct event_pagination {
   std::int64_t page = 1, page_size = 0, total_events = 0, total_pages = 0;
   bool has_next = false, has_prev = false;
};

struct event_list {
   noetl::execution_id execution_id;
   std::vector<event_view> events;
   std::optional<noetl::event_id> next;        ///< to be given as `after_event`; null: this is the end for now
   std::optional<event_pagination> pagination; ///< only when pages were asked for
   using json_rules = rules<omit_empty<"pagination">>;
};

namespace detail {

struct selected_events {
   std::vector<event_view> events;
   std::optional<noetl::event_id> next;
   std::optional<event_pagination> pagination;
};

inline constexpr std::int64_t most_events = 2'000;
inline constexpr std::string_view event_view_columns =
    "SELECT event_id, coalesce(event_type, ''), node_name, coalesce(status, 'UNKNOWN'), created_at, result::text,"
    " error FROM noetl.event WHERE execution_id = $1";
// Both orders are those of ix_event_version.
inline constexpr std::string_view log_backwards = " ORDER BY stream_version DESC NULLS LAST, event_id DESC";
inline constexpr std::string_view log_forwards = " ORDER BY stream_version NULLS FIRST, event_id";

inline result<void> check(event_window const& which) {
   auto const wrong = [](char const* what) { return fail(error_code::bad_request, what); };
   bool const pages = which.page || which.page_size;
   if (pages && which.after_event) return wrong("page and after_event: only one of them");
   if (which.page.value_or(1) < 1) return wrong("page: expected 1 or more");
   if (which.page_size.value_or(1) < 1) return wrong("page_size: expected 1 or more");
   if (which.limit.value_or(1) < 1) return wrong("limit: expected 1 or more");
   if (which.after_event && which.after_event->value < 0) return wrong("after_event: expected an event id");
   return {};
}

inline selected_events select_page(pg::connection& db, noetl::execution_id id, event_window const& which) {
   event_pagination about;
   about.page = which.page.value_or(1);
   about.page_size = std::min(which.page_size.value_or(100), most_events);
   about.total_events = db.exec("SELECT count(*) FROM noetl.event WHERE execution_id = $1", id)[0].get<std::int64_t>(0);
   about.total_pages = (about.total_events + about.page_size - 1) / about.page_size;
   about.has_next = about.page < about.total_pages;
   about.has_prev = about.page > 1;
   selected_events out;
   if (about.page <= about.total_pages) {
      static auto const text = std::string(event_view_columns) + std::string(log_backwards) +
                               " LIMIT $2 OFFSET ($3::bigint - 1) * $2::bigint";
      for (auto const row : db.exec(text, id, about.page_size, about.page))
         out.events.push_back(decode_row<event_view>(row));
   }
   out.pagination = about;
   return out;
}

inline result<selected_events> select_behind(pg::connection& db, noetl::execution_id id, event_window const& which) {
   auto const after = which.after_event->value;
   std::int64_t version = 0; // of the event; rows of older servers have none and come first, by id
   if (after != 0) {
      auto const rows = db.exec("SELECT coalesce(stream_version, 0) FROM noetl.event WHERE execution_id = $1 AND"
                                " event_id = $2",
                                id, after);
      if (rows.empty())
         return fail(error_code::bad_request, "after_event: the execution has no event " + std::to_string(after));
      version = rows[0].get<std::int64_t>(0);
   }
   static auto const unnumbered = std::string(event_view_columns) + " AND stream_version IS NULL AND event_id > $2" +
                                  std::string(log_forwards) + " LIMIT $3";
   static auto const numbered =
       std::string(event_view_columns) + " AND stream_version > $2" + std::string(log_forwards) + " LIMIT $3";
   auto const limit = std::min(which.limit.value_or(500), most_events);
   selected_events out;
   if (version == 0)
      for (auto const row : db.exec(unnumbered, id, after, limit + 1))
         out.events.push_back(decode_row<event_view>(row));
   auto const room = limit + 1 - static_cast<std::int64_t>(out.events.size());
   if (room > 0)
      for (auto const row : db.exec(numbered, id, version, room)) out.events.push_back(decode_row<event_view>(row));
   if (static_cast<std::int64_t>(out.events.size()) > limit) {
      out.events.pop_back();
      out.next = out.events.back().event_id;
   }
   return out;
}

} // namespace detail

/// The events of one execution that `which` asks for; none for an unknown one. Without any wish: the 2000 most recent,
/// oldest first. To be called in a transaction with one snapshot.
inline result<detail::selected_events> select_events(pg::connection& db, noetl::execution_id id,
                                                     event_window const& which) {
   if (auto fine = detail::check(which); !fine) return std::move(fine).error();
   if (which.after_event) return detail::select_behind(db, id, which);
   if (which.page || which.page_size) return detail::select_page(db, id, which);
   detail::selected_events out;
   static auto const text = std::string(detail::event_view_columns) + std::string(detail::log_backwards) + " LIMIT $2";
   for (auto const row : db.exec(text, id, detail::most_events)) out.events.push_back(decode_row<event_view>(row));
   std::ranges::reverse(out.events);
   return out;
}

} // namespace noetl::control_plane
