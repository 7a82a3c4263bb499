// events/detail/append_rows.hpp: rows of a merged append as array parameters or COPY cells, in the column order of
// append_sql.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/events/append.hpp>
#include <noetl/events/detail/append_sql.hpp>
#include <noetl/pg/connection.hpp>

namespace noetl::detail {

using pg::array_literal;

template <std::size_t N>
void move_into(std::vector<pg::param>& params, array_literal (&arrays)[N]) {
   for (auto& one : arrays) params.emplace_back(std::move(one).take());
}

class event_rows {
public:
   explicit event_rows(std::span<event const* const> events) : events_(events) {}

   void arrays(std::vector<pg::param>& params) const {
      array_literal a[sql::event_columns.size()];
      for (auto const* e : events_) {
         std::size_t i = 0;
         each(*e, [&](auto const& value) { a[i++].add(value); });
      }
      move_into(params, a);
   }

   static std::vector<std::string> const& names() {
      static std::vector<std::string> const list = [] {
         std::vector<std::string> out;
         for (auto const& c : sql::event_columns) out.emplace_back(c.name);
         return out;
      }();
      return list;
   }
   /// Row by row; the cells live no longer than the events.
   [[nodiscard]] std::vector<pg::param> cells() const {
      std::vector<pg::param> out;
      out.reserve(events_.size() * names().size());
      for (auto const* e : events_) each(*e, [&](auto const& value) { out.emplace_back(value); });
      return out;
   }
   void copy(pg::connection& db) const { db.copy("noetl.event", names(), cells()); }

private:
   template <class F>
   static void each(event const& e, F f) {
      f(e.execution_id), f(e.event_id), f(e.catalog_id), f(e.parent_event_id), f(e.parent_execution_id),
          f(e.created_at);
      f(e.event_type), f(e.node_id), f(e.node_name), f(e.node_type), f(e.status);
      f(e.context), f(e.result), f(e.meta), f(e.error), f(e.worker_id), f(e.stream_version);
   }
   std::span<event const* const> events_;
};

inline void command_arrays(std::span<command_row const* const> commands, std::vector<pg::param>& params) {
   array_literal a[sql::command_columns.size()];
   for (auto const* c : commands) {
      std::size_t i = 0;
      auto const put = [&](auto const& value) { a[i++].add(value); };
      put(c->command_id), put(c->event_id), put(c->execution_id), put(c->catalog_id), put(c->step_name),
          put(c->tool_kind);
      put(c->status), put(c->attempt), put(c->context), put(c->meta), put(c->latest_event_id);
   }
   move_into(params, a);
}

inline void outbox_arrays(std::span<outbox_row const* const> rows, std::vector<pg::param>& params) {
   array_literal a[sql::outbox_columns.size()];
   for (auto const* o : rows) {
      std::size_t i = 0;
      auto const put = [&](auto const& value) { a[i++].add(value); };
      put(o->execution_id), put(o->event_id), put(o->subject), put(o->payload), put("json");
   }
   move_into(params, a);
}

class head_arrays {
public:
   void add(std::int64_t id, std::int64_t version, std::int64_t guarded, catalog_id catalog,
            std::string const& status) {
      a_[0].add(id), a_[1].add(version), a_[2].add(guarded), a_[3].add(catalog), a_[4].add(status);
      empty_ = false;
   }
   [[nodiscard]] bool empty() const noexcept { return empty_; }
   void arrays(std::vector<pg::param>& params) && { move_into(params, a_); }

private:
   array_literal a_[5];
   bool empty_ = true;
};

class update_arrays {
public:
   /// Whose row it is, in the columns that every row has.
   struct row_key {
      std::int64_t execution = 0, event = 0, command = 0;
      catalog_id catalog{};
      std::string step{};
   };
   void add(row_key const& row, std::string const& status, std::optional<std::string> const& worker,
            std::optional<std::string> const& error, std::optional<event_id> const& latest) {
      a_[0].add(row.execution), a_[1].add(row.event), a_[2].add(row.command), a_[3].add(row.catalog),
          a_[4].add(row.step);
      a_[5].add(status), a_[6].add(worker), a_[7].add(error), a_[8].add(latest);
      empty_ = false;
   }
   [[nodiscard]] bool empty() const noexcept { return empty_; }
   void arrays(std::vector<pg::param>& params) && { move_into(params, a_); }
   void run(pg::connection& db) && {
      std::vector<pg::param> params;
      move_into(params, a_);
      db.run(sql::update_commands(), params);
   }

private:
   array_literal a_[9];
   bool empty_ = true;
};

/// The content of stored events beside that of given ones; the comparison is PostgreSQL's, so jsonb decides.
class same_content_arrays {
public:
   void add(event const& e) {
      a_[0].add(e.execution_id), a_[1].add(e.event_id), a_[2].add(e.event_type), a_[3].add(e.node_name),
          a_[4].add(e.status);
      a_[5].add(e.context), a_[6].add(e.result), a_[7].add(e.meta), a_[8].add(e.error), a_[9].add(e.worker_id);
   }
   /// \return (position from 1, same)
   pg::rows ask(pg::connection& db) {
      std::vector<pg::param> params;
      move_into(params, a_);
      return db.run(sql::stored_same, params);
   }

private:
   array_literal a_[10];
};

} // namespace noetl::detail
