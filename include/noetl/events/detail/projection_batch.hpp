// events/detail/projection_batch.hpp: one transaction of projected events on one shard, and what to do when it is
// refused.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/core/strong.hpp>
#include <noetl/events/detail/adopt.hpp>
#include <noetl/events/detail/append_sql.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/events/projected_event.hpp>
#include <noetl/pg/by_key.hpp>
#include <noetl/pg/connection.hpp>

namespace noetl {

struct projection_failure {
   noetl::execution_id execution_id;
   noetl::event_id event_id;
   std::string error; ///< our words, fit for the caller
};

struct projection_outcome {
   std::size_t projected = 0;
   std::size_t duplicates = 0;
   std::vector<projection_failure> failed;
};

namespace detail {

/// Which columns of the table are there, in the order of projected::columns, and the INSERT for them.
struct projection_columns {
   std::vector<std::size_t> present;
   std::string insert;
};

inline projection_columns find_projection_columns(pg::connection& db) {
   std::set<std::string, std::less<>> there;
   for (auto const row : db.exec("select attname from pg_attribute where attrelid = 'noetl.event'::regclass "
                                 "and attnum > 0 and not attisdropped"))
      there.emplace(*row[0]);
   projection_columns out;
   std::string names, values, arrays;
   int parameter = 1;
   for (std::size_t i = 0; i < projected::columns.size(); ++i) {
      auto const& c = projected::columns[i];
      if (!there.contains(c.name)) continue;
      out.present.push_back(i);
      auto const* comma = names.empty() ? "" : ", ";
      auto const name = std::string(c.name);
      bool const plain = c.type == "text" || c.type == "bigint";
      auto value = "x." + name + (plain ? "" : "::" + std::string(c.type));
      // What may not be NULL has a default; a row of INSERT ... SELECT has to name it.
      if (name == "created_at") value = "coalesce(" + value + ", now() at time zone 'utc')";
      if (name == "event_time" || name == "ingest_time") value = "coalesce(" + value + ", now())";
      if (name == "schema_version") value = "coalesce(" + value + ", 1)";
      if (name == "tenant_id" || name == "organization_id") value = "coalesce(nullif(" + value + ", ''), 'default')";
      names += comma + name;
      values += comma + value;
      arrays +=
          std::string(comma) + "$" + std::to_string(parameter++) + (c.type == "bigint" ? "::bigint[]" : "::text[]");
   }
   out.insert =
       "insert into noetl.event (" + names + ") select " + values + " from unnest(" + arrays + ") x(" + names + ")";
   return out;
}

inline constexpr std::string_view lock_projection_heads =
    "select execution_id, version, catalog_id, status from noetl.stream_head where execution_id = any($1::bigint[]) "
    "order by execution_id for update";

// Positions of what an older server wrote are counted in, as adopt() does.
inline constexpr std::string_view create_projection_heads =
    "insert into noetl.stream_head (execution_id, version, guarded_version, catalog_id, status) "
    "select x.execution_id, s.version, s.version, s.catalog_id, 'PROJECTED' from unnest($1::bigint[]) x(execution_id) "
    "cross join lateral (select greatest(count(*), coalesce(max(e.stream_version), 0)) as version, "
    "coalesce(max(e.catalog_id), 0) as catalog_id from noetl.event e where e.execution_id = x.execution_id) s "
    "order by x.execution_id on conflict (execution_id) do nothing";

inline constexpr std::string_view update_projection_heads =
    "update noetl.stream_head h set version = x.version, catalog_id = x.catalog_id, status = x.status, updated_at = "
    "now() "
    "from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[]) x(execution_id, version, catalog_id, status) "
    "where h.execution_id = x.execution_id";

/// Why a row cannot be stored, as far as that is known without the database; empty when nothing is.
inline std::string projection_fault(projected_event const& row) {
   if (!row.fault.empty()) return row.fault;
   for (auto const& c : projected::columns)
      if (!c.storable(row)) return std::string(c.name) + ": holds a zero byte";
   return {};
}

/// Our words for the database's refusal of one row.
inline std::string refusal_text(pg::sql_error const& e) {
   std::string_view const what = e.what();
   if (e.is("23514") && what.find("chk_event_result_shape") != what.npos)
      return "result: expected an object with a text 'status' and at most the objects 'reference' and 'context'";
   if (e.is("23503")) return "catalog_id: no such catalog entry";
   if (e.is("22P05") || e.is("22021")) return "a text holds a character that cannot be stored";
   if (e.is("22003")) return "a number is out of range";
   return "the row breaks a rule of the event log (" + e.sqlstate() + ")";
}

/// One attempt to write rows; used once, inside a transaction.
class projection_batch {
public:
   projection_batch(pg::connection& db, std::span<projected_event> rows, projection_columns const& columns)
       : db_(db), rows_(rows), columns_(columns) {}

   /// \return how many rows were new  \throws pg::sql_error, pg::connection_lost
   std::size_t write() {
      for (auto& row : rows_)
         if (taken_.emplace(row.execution_id.value, row.event_id.value).second) fresh_.push_back(&row);
      drop_stored();
      if (fresh_.empty()) return 0;
      lock_heads();
      drop_stored(); // again: another caller may have stored them while this one waited for the heads
      if (fresh_.empty()) return 0;
      for (auto const* row : fresh_)
         if (auto& catalog = heads_.at(row->execution_id.value).catalog; catalog == 0) catalog = row->catalog_id.value;
      for (auto* row : fresh_) place(*row);
      insert();
      update_heads();
      if (!commanded_.empty()) {
         std::vector<std::int64_t> const ids(commanded_.begin(), commanded_.end());
         adopt_commands(db_, ids);
      }
      return fresh_.size();
   }

private:
   struct head {
      std::int64_t version = 0;
      std::int64_t catalog = 0;
      std::string status{};
      bool changed = false;
   };

   void drop_stored() {
      std::vector<std::int64_t> executions, events;
      for (auto const* row : fresh_)
         executions.push_back(row->execution_id.value), events.push_back(row->event_id.value);
      for (auto const row : db_.exec(sql::stored_ids, executions, events))
         fresh_[row.get<std::size_t>(0) - 1] = nullptr;
      std::erase(fresh_, nullptr);
   }

   void lock_heads() {
      std::set<std::int64_t> wanted;
      for (auto const* row : fresh_) wanted.insert(row->execution_id.value);
      read_heads({wanted.begin(), wanted.end()});
      std::vector<std::int64_t> missing;
      for (auto const id : wanted)
         if (!heads_.contains(id)) missing.push_back(id);
      if (missing.empty()) return;
      db_.exec(create_projection_heads, missing);
      read_heads(missing);
   }
   void read_heads(std::vector<std::int64_t> const& ids) {
      for (auto const row : db_.exec(lock_projection_heads, ids))
         heads_.insert_or_assign(row.get<std::int64_t>(0),
                                 head{row.get<std::int64_t>(1), row.get<std::int64_t>(2), row.get<std::string>(3)});
   }

   void place(projected_event& row) {
      auto& at = heads_.at(row.execution_id.value);
      row.stream_version = ++at.version;
      at.changed = true;
      if (row.catalog_id.value == 0) row.catalog_id = catalog_id{at.catalog};
      if (at.status == projected_status) return;
      auto const& type = row.event_type;
      if (auto const end = terminal_status(type ? std::string_view(*type) : std::string_view{});
          !end.empty() && at.status == "RUNNING")
         at.status = end;
      if (type && (type->starts_with("command.") || type->starts_with("action_")))
         commanded_.insert(row.execution_id.value);
   }

   void insert() {
      std::vector<pg::param> params;
      for (auto const index : columns_.present) {
         pg::array_literal values;
         for (auto const* row : fresh_) projected::columns[index].add(values, *row);
         params.emplace_back(std::move(values).take());
      }
      db_.run(columns_.insert, params);
   }

   void update_heads() {
      std::vector<std::int64_t> ids, versions, catalogs;
      std::vector<std::string> statuses;
      for (auto const& [id, at] : heads_) {
         if (!at.changed) continue;
         ids.push_back(id), versions.push_back(at.version), catalogs.push_back(at.catalog),
             statuses.push_back(at.status);
      }
      db_.exec(update_projection_heads, ids, versions, catalogs, statuses);
   }

   pg::connection& db_;
   std::span<projected_event> rows_;
   projection_columns const& columns_;
   std::set<std::pair<std::int64_t, std::int64_t>> taken_{};
   std::vector<projected_event*> fresh_{};
   std::map<std::int64_t, head> heads_{};
   std::set<std::int64_t> commanded_{}; ///< executions of ours whose commands moved
};

/// Writes rows in one transaction; when the database refuses one of them, in halves, and halves of halves, until what
/// is refused stands alone. \throws pg::sql_error for refusals that no row is to blame for, pg::connection_lost
inline projection_outcome project(pg::connection& db, std::span<projected_event> rows,
                                  projection_columns const& columns) {
   for (int attempt = 1;; ++attempt) {
      auto const catalogs = [&] {
         std::vector<catalog_id> before;
         for (auto const& row : rows) before.push_back(row.catalog_id);
         return before;
      }();
      try {
         projection_outcome out;
         out.projected = pg::by_key(db, [&] { return projection_batch(db, rows, columns).write(); });
         out.duplicates = rows.size() - out.projected;
         return out;
      } catch (pg::sql_error const& e) {
         for (std::size_t i = 0; i < rows.size(); ++i) rows[i].catalog_id = catalogs[i];
         // A server that knows no heads may insert the same event between our look and our write.
         if ((e.transient() || e.is("23505")) && attempt < 5) continue;
         bool const row_is_to_blame = e.sqlstate().starts_with("22") || e.sqlstate().starts_with("23");
         if (!row_is_to_blame) throw;
         if (rows.size() == 1) return {0, 0, {{rows.front().execution_id, rows.front().event_id, refusal_text(e)}}};
      }
      break;
   }
   auto const half = rows.size() / 2;
   auto out = project(db, rows.first(half), columns);
   auto rest = project(db, rows.subspan(half), columns);
   out.projected += rest.projected;
   out.duplicates += rest.duplicates;
   std::ranges::move(rest.failed, std::back_inserter(out.failed));
   return out;
}

} // namespace detail
} // namespace noetl
