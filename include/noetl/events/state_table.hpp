// events/state_table.hpp: states of aggregates as rows of a table, for SQL: reports, joins, searches by any field. Made
// of the state struct, kept up from the log, thrown away and made again at will. Knows aggregates.hpp and pg/.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/events/aggregates.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/fields.hpp>
#include <noetl/reflect/json_write.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/sql_values.hpp>

namespace noetl {

namespace detail {

inline constexpr std::array<std::string_view, 5> own_columns{"id", "state", "version", "created_at", "updated_at"};

// Prints: in 'state_column_check<shipment, 2>'.
template <class A, std::size_t I>
struct state_column_check {
   static constexpr bool ok = [] {
      for (auto const own : own_columns)
         if (own == field_name<typename A::state, I>) return false;
      return true;
   }();
   static_assert(ok, "noetl: a field of the state has the name of a column that every state table has");
};

template <class T>
constexpr std::string_view column_type() {
   if constexpr (sql_type<T>().empty())
      return "jsonb"; // lists, maps and nested structs
   else
      return sql_type<T>();
}

template <class T>
std::optional<std::string> column_text(T const& value) {
   if constexpr (sql_type<T>().empty())
      return to_json(value);
   else
      return to_sql_text(value);
}

/// The statements over one table.
template <class A>
struct state_table_sql {
   using data = typename A::state;

   explicit state_table_sql(std::string_view table) {
      for_each_field_index<data>([](auto i) { static_cast<void>(sizeof(state_column_check<A, i>)); });
      create = "create table if not exists " + std::string(table) +
               " (id bigint primary key, state text not null, version bigint not null, created_at timestamptz not "
               "null, updated_at timestamptz not null)";
      std::string names, values, changes;
      int parameter = 0;
      auto const add = [&](std::string const& name, std::string_view type) {
         names.append(names.empty() ? "" : ", ").append(name);
         values.append(values.empty() ? "$" : ", $").append(std::to_string(++parameter)).append("::").append(type);
         changes.append(changes.empty() ? "" : ", ").append(name).append(" = excluded.").append(name);
      };
      add("id", "bigint"), add("state", "text"), add("version", "bigint");
      add("created_at", "timestamptz"), add("updated_at", "timestamptz");
      widen = "alter table " + std::string(table);
      for_each_field_index<data>([&](auto i) {
         auto const quoted = "\"" + std::string(field_name<data, i>) + "\"";
         auto const type = column_type<field_type<data, i>>();
         add(quoted, type);
         widen.append(i == 0 ? "" : ",").append(" add column if not exists ").append(quoted).append(" ").append(type);
      });
      upsert = "insert into " + std::string(table) + " as t (" + names + ") values (" + values +
               ") on conflict (id) do update set " + changes + " where t.version < excluded.version";
      // Each status in the order of its index, so that a page does not sort the rest.
      behind = "select execution_id from unnest($1::text[]) s(wanted) cross join lateral (select h.execution_id from "
               "noetl.stream_head h left join " +
               std::string(table) +
               " t on t.id = h.execution_id where h.status = s.wanted and h.status like '%:%' and h.execution_id > $2 "
               "and (t.version is null or t.version < h.guarded_version) order by h.execution_id limit $3) h "
               "order by execution_id limit $3";
      again = "update " + std::string(table) + " set version = 0";
      known = "select count(*) from pg_attribute where attrelid = '" + std::string(table) +
              "'::regclass and attnum > 0 and not attisdropped";
      empty = "truncate " + std::string(table);
   }

   std::string create, widen, upsert, behind, again, known, empty;
};

} // namespace detail

/// One row per aggregate, on its shard: id, state, version, times, and a column for each field of A::state (jsonb for
/// lists, maps and nested structs). A row never goes back to an older version. Thread-safe; `kind` and the shards
/// outlive it.
template <aggregate A>
class state_table {
public:
   /// \param table  trusted text such as `app.shipment`; its schema exists
   state_table(aggregates<A>& kind, pg::shard_map& shards, std::string_view table)
       : kind_(kind), shards_(shards), sql_(table) {
      for (auto const state : A::lifecycle::states) statuses_.push_back(aggregate_status(aggregate_name<A>, state));
   }

   /// Makes the table, or the columns that it lacks; then its rows are filled anew by catch_up(). Errors: database,
   /// unavailable.
   awaitable<result<void>> prepare() {
      for (std::size_t shard = 0; shard < shards_.count(); ++shard) {
         auto work = [this](pg::connection& db) {
            return db.transaction([&] {
               db.script(sql_.create);
               auto const before = db.exec(sql_.known)[0].template get<std::int64_t>(0);
               if constexpr (field_count < typename A::state >> 0) db.script(sql_.widen);
               if (db.exec(sql_.known)[0].template get<std::int64_t>(0) != before) db.script(sql_.again);
               return true;
            });
         };
         auto done = co_await shards_.shard(shard).run(std::move(work));
         if (!done) co_return std::move(done).error();
      }
      co_return result<void>{};
   }

   /// Brings rows that are missing or behind up to date. Reads all heads of the kind. An aggregate that cannot be
   /// rebuilt is left out and logged. \return how many were written
   awaitable<result<std::size_t>> catch_up() {
      std::size_t written = 0;
      for (std::size_t shard = 0; shard < shards_.count(); ++shard) {
         for (execution_id after{};;) {
            constexpr std::size_t page = 500;
            auto look = [this, after, limit = page](pg::connection& db) {
               std::vector<aggregate_id> ids;
               for (auto const row : db.exec(sql_.behind, statuses_, after, limit))
                  ids.push_back(row.template get<aggregate_id>(0));
               return ids;
            };
            auto ids = co_await shards_.shard(shard).run(std::move(look));
            if (!ids) co_return std::move(ids).error();
            for (auto const id : *ids) {
               auto done = co_await refresh(id);
               if (done)
                  ++written;
               else if (done.error().code == error_code::unavailable)
                  co_return std::move(done).error();
               else
                  log::warn("state_table.left_out", {{"id", id.value}, {"reason", done.error().message}});
            }
            if (ids->size() < page) break;
            after = execution_id{ids->back().value};
         }
      }
      co_return written;
   }

   /// Throws all rows away and makes them again. \return how many
   awaitable<result<std::size_t>> rebuild() {
      for (std::size_t shard = 0; shard < shards_.count(); ++shard) {
         auto work = [this](pg::connection& db) { return db.script(sql_.empty), true; };
         auto done = co_await shards_.shard(shard).run(std::move(work));
         if (!done) co_return std::move(done).error();
      }
      co_return co_await catch_up();
   }

   /// Writes the present of one aggregate.
   awaitable<result<void>> refresh(aggregate_id id) {
      auto now = co_await kind_.load(id);
      if (!now) co_return std::move(now).error();
      auto work = [this, row = *std::move(now)](pg::connection& db) {
         std::vector<pg::param> params;
         params.emplace_back(row.id), params.emplace_back(row.at.status), params.emplace_back(row.at.version);
         params.emplace_back(row.at.created_at), params.emplace_back(row.at.updated_at);
         for_each_field(row.at.data, [&](auto, auto const& field) {
            auto text = detail::column_text(field);
            text ? params.emplace_back(*std::move(text)) : params.emplace_back(nullptr);
         });
         db.run(sql_.upsert, params);
         return true;
      };
      auto done = co_await shards_.of(execution_id{id.value}).run(std::move(work));
      if (!done) co_return std::move(done).error();
      co_return result<void>{};
   }

   /// News of commits, for keep_up(): `store.on_committed([&](auto events) { table.observe(events); })`. The store is
   /// stopped before the table goes away.
   void observe(std::span<event const> committed) {
      std::lock_guard const lock(guard_);
      for (auto const& e : committed)
         if (detail::first_word(e.event_type) == aggregate_name<A> && changed_.size() < most_changed)
            changed_.insert(aggregate_id{e.execution_id.value});
   }

   struct pace {
      std::chrono::milliseconds every{500};    ///< between two looks at what was observed
      std::chrono::milliseconds sweep{60'000}; ///< between two looks at all heads, for what other processes wrote
   };

   /// Keeps the rows up to date, for ever: those observed soon, all others at the next sweep. Cancelled with the
   /// executor that it runs on.
   awaitable<void> keep_up(pace how = {}) {
      boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
      for (auto next = std::chrono::steady_clock::time_point{};;) {
         auto const now = std::chrono::steady_clock::now();
         if (now >= next) {
            next = now + how.sweep;
            auto swept = co_await catch_up();
            if (!swept) log::warn("state_table.put_off", {{"reason", swept.error().message}});
         }
         for (auto const id : take_changed()) {
            auto done = co_await refresh(id);
            if (!done) log::warn("state_table.left_out", {{"id", id.value}, {"reason", done.error().message}});
         }
         timer.expires_after(how.every);
         co_await timer.async_wait(boost::asio::use_awaitable);
      }
   }

private:
   static constexpr std::size_t most_changed = 100'000; ///< what is beyond waits for the sweep

   std::set<aggregate_id> take_changed() {
      std::lock_guard const lock(guard_);
      return std::exchange(changed_, {});
   }

   aggregates<A>& kind_;
   pg::shard_map& shards_;
   detail::state_table_sql<A> const sql_;
   std::vector<std::string> statuses_{};
   std::mutex guard_;
   std::set<aggregate_id> changed_{};
};

} // namespace noetl
