// events/log_reader.hpp: pages of an execution's log from PostgreSQL. Knows pg/ and events/.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/core/result.hpp>
#include <noetl/events/catching_up.hpp>
#include <noetl/events/detail/event_row.hpp>
#include <noetl/pg/shards.hpp>

namespace noetl {

using boost::asio::awaitable;

/// Reads pages. Thread-safe; one round trip each; the memory of an answer is that of its rows.
class log_reader {
public:
   explicit log_reader(pg::shard_map& shards) : shards_(shards) {}

   /// What is done to the events of every page, such as fetching what they only name. Thread-safe; set before the first
   /// page is read.
   using preparation = std::function<awaitable<result<void>>(std::vector<event>&)>;
   void before_use(preparation what) { prepare_ = std::move(what); }

   awaitable<result<void>> prepare(std::vector<event>& events) const {
      if (prepare_ && !events.empty()) co_return co_await prepare_(events);
      co_return result<void>{};
   }

   awaitable<result<log_page>> read(execution_id id, log_request what) {
      auto page = co_await read_stored(id, what);
      if (!page) co_return page;
      auto prepared = co_await prepare(page->events);
      if (!prepared) co_return std::move(prepared).error();
      co_return page;
   }
   /// As read, without preparation.
   awaitable<result<log_page>> read_stored(execution_id id, log_request what) {
      if (what.unversioned) return shards_.of(id).run([id, what](pg::connection& db) { return older(db, id, what); });
      return shards_.of(id).run([id, what](pg::connection& db) { return numbered(db, id, what); });
   }

private:
   /// The columns of an event; `context` only where the type is not among those of the parameter.
   static std::string columns(std::string_view without_context) {
      std::string text(detail::event_select);
      constexpr std::string_view all = "e.context";
      return text.replace(text.find(all), all.size(),
                          "case when e.event_type::text = any(" + std::string(without_context) +
                              "::text[]) then null else e.context end");
   }
   /// Literal of a text[] of event types, which hold neither quotes nor commas.
   static std::string array_of(std::span<std::string_view const> types) {
      std::string text = "{";
      for (auto const type : types) text.append(text.size() > 1 ? "," : "").append(type);
      return text + "}";
   }

   static log_page older(pg::connection& db, execution_id id, log_request const& what) {
      static auto const text = "select " + columns("$4") +
                               " from noetl.event e where e.execution_id = $1 and e.stream_version is null "
                               "and e.event_id > $2 order by e.event_id limit $3";
      log_page page;
      auto const rows = db.exec(text, id, what.after, what.limit, array_of(what.without_context));
      page.events.reserve(rows.size());
      for (auto const row : rows) page.events.push_back(detail::decode_event(row));
      return page;
   }

   // One statement, so that counts and rows are of one moment. Without rows there is one line of counts alone. NULLS
   // FIRST is the order of ix_event_version; any other would sort the rest of the log for each page.
   static log_page numbered(pg::connection& db, execution_id id, log_request const& what) {
      static auto const text =
          "select " + columns("$4") +
          ", c.unversioned, h.version from (select count(*) as unversioned from noetl.event "
          "where execution_id = $1 and stream_version is null) c "
          "left join noetl.stream_head h on h.execution_id = $1 "
          "left join lateral (select * from noetl.event x where x.execution_id = $1 and x.stream_version > $2 "
          "order by x.stream_version nulls first limit $3) e on true order by e.stream_version";
      log_page page;
      auto const rows = db.exec(text, id, what.after, what.limit, array_of(what.without_context));
      page.unversioned = rows.front().get<std::uint64_t>(17);
      page.head_version = rows.front().get<std::optional<std::int64_t>>(18);
      if (!rows.front()[1]) return page;
      page.events.reserve(rows.size());
      for (auto const row : rows) page.events.push_back(detail::decode_event(row));
      return page;
   }

   pg::shard_map& shards_;
   preparation prepare_{};
};

} // namespace noetl
