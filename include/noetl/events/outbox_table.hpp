// events/outbox_table.hpp: what a publisher does with rows of noetl.outbox: claim with a lease, report, park, replay.
// Knows pg/connection.hpp. The relay (events/outbox.hpp) works on the same rows by statements of its own.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/detail/outbox_sql.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl {

/// A row that was handed out. `epoch` names this claim: the database's time of it in microseconds since 1970, so it
/// fits a JSON number. A report that carries it is refused once the row was claimed again.
struct claimed_outbox_row {
   std::int64_t outbox_id = 0;
   std::optional<noetl::execution_id> execution_id{};
   noetl::event_id event_id{};
   std::optional<std::string> subject{};
   raw_json payload{};
   std::string payload_codec{};
   std::int32_t attempts = 0; ///< this claim included
   std::int64_t epoch = 0;
   using json_rules = rules<omit_empty<"execution_id", "subject">>;
};

struct outbox_claim {
   std::vector<claimed_outbox_row> rows{}; ///< by outbox_id
   std::size_t expired = 0;                ///< of them, those whose earlier claimer did not report in time
};

/// A row that nobody is offered any more.
struct parked_outbox_row {
   std::int64_t outbox_id = 0;
   std::optional<noetl::execution_id> execution_id{};
   noetl::event_id event_id{};
   std::optional<std::string> subject{};
   raw_json payload{};
   std::string payload_codec{};
   std::int32_t attempts = 0;
   std::string last_error{};
   timestamp created_at{};
   timestamp updated_at{};
};

/// Pause after the n-th failed attempt: 1, 2, 4, ... 256 s, at most `max_seconds`, never negative.
constexpr std::int32_t outbox_backoff_seconds(std::int32_t attempts, std::int32_t max_seconds) noexcept {
   auto const doublings = std::clamp(attempts, 1, 9) - 1;
   return std::max(0, std::min(max_seconds, std::int32_t{1} << doublings));
}

/// To be called inside a transaction (pg/by_key.hpp). \throws pg::sql_error, pg::connection_lost
namespace outbox_table {

/// Takes up to `limit` due rows, lowest outbox_id first, for `lease`. Claimers neither wait for each other nor share
/// rows.
inline outbox_claim claim(pg::connection& db, std::size_t limit, std::chrono::milliseconds lease) {
   static auto const text = detail::outbox_sql::build_claim();
   outbox_claim out;
   for (auto const row : db.exec(text, limit, static_cast<double>(lease.count()) / 1000.0)) {
      auto& one = out.rows.emplace_back();
      one.outbox_id = row.get<std::int64_t>(0);
      one.execution_id = row.get<std::optional<execution_id>>(1);
      one.event_id = row.get<event_id>(2);
      one.subject = row.get<std::optional<std::string>>(3);
      one.payload = row.get<raw_json>(4);
      one.payload_codec = row.get<std::string>(5);
      one.attempts = row.get<std::int32_t>(6);
      one.epoch = row.get<std::int64_t>(7);
      out.expired += row.get<bool>(8) ? 1 : 0;
   }
   std::ranges::sort(out.rows, {}, &claimed_outbox_row::outbox_id);
   return out;
}

/// Parks rows whose lease ran out, after each `max_attempts` claims. \pre max_attempts > 0; less counts as 1
/// \return how many
inline std::size_t park_exhausted(pg::connection& db, std::int32_t max_attempts) {
   static auto const text = detail::outbox_sql::build_park_exhausted();
   return db.exec(text, std::max(max_attempts, 1)).affected();
}

/// Rows that claim() would hand out now, however many.
inline std::int64_t count_due(pg::connection& db) {
   static auto const text = detail::outbox_sql::build_count_due();
   return db.exec(text)[0].get<std::int64_t>(0);
}

/// Marks rows as published that were claimed at least once and are not marked yet. \param epochs  beside `ids`: with a
/// value, only while that claim holds \return how many changed
inline std::size_t mark_published(pg::connection& db, std::vector<std::int64_t> const& ids,
                                  std::vector<std::optional<std::int64_t>> const& epochs) {
   static auto const text = detail::outbox_sql::build_published();
   return db.exec(text, ids, epochs).affected();
}

struct outbox_failure {
   std::int64_t outbox_id = 0;
   std::optional<std::int64_t> epoch{};
   std::string error{};
   std::int32_t attempts = 1; ///< what the caller counted; the server's own count wins when it is higher
   std::int32_t max_seconds = 300;
   bool hopeless = false; ///< no repeat can succeed
};
struct outbox_failure_outcome {
   bool marked = false;            ///< false: no such row, or it is nobody's or somebody else's claim
   std::int32_t delay_seconds = 0; ///< until it is offered again
   bool parked = false;
};

/// Puts a claimed row off, or parks it: after each `max_attempts` claims, and when it is hopeless.
/// \pre max_attempts > 0; less counts as 1
inline outbox_failure_outcome mark_failed(pg::connection& db, outbox_failure const& what, std::int32_t max_attempts) {
   static auto const lock = detail::outbox_sql::build_lock_claimed();
   outbox_failure_outcome out;
   auto const rows = db.exec(lock, what.outbox_id, what.epoch);
   auto const stored = rows.empty() ? 0 : rows[0].get<std::int32_t>(0);
   out.delay_seconds = outbox_backoff_seconds(std::max(stored, what.attempts), what.max_seconds);
   if (rows.empty()) return out;
   out.marked = true;
   out.parked = what.hopeless || stored % std::max(max_attempts, 1) == 0;
   if (out.parked)
      db.exec(detail::outbox_sql::park, what.outbox_id, what.error);
   else
      db.exec(detail::outbox_sql::failed_later, what.outbox_id, out.delay_seconds, what.error);
   return out;
}

/// Parked rows with ids above `after`, by id.
inline std::vector<parked_outbox_row> parked(pg::connection& db, std::int64_t after, std::size_t limit) {
   std::vector<parked_outbox_row> out;
   for (auto const row : db.exec(detail::outbox_sql::parked, after, limit))
      out.push_back({row.get<std::int64_t>(0), row.get<std::optional<execution_id>>(1), row.get<event_id>(2),
                     row.get<std::optional<std::string>>(3), row.get<raw_json>(4), row.get<std::string>(5),
                     row.get<std::int32_t>(6), row.get<std::string>(7), row.get<timestamp>(8), row.get<timestamp>(9)});
   return out;
}

inline std::int64_t count_parked(pg::connection& db) {
   return db.exec(detail::outbox_sql::count_parked)[0].get<std::int64_t>(0);
}

/// Offers parked rows again; others are left alone. \return how many
inline std::size_t replay(pg::connection& db, std::vector<std::int64_t> const& ids) {
   return db.exec(detail::outbox_sql::replay, ids).affected();
}

/// Gives parked rows up: they count as dealt with and are purged in time. \return how many
inline std::size_t skip(pg::connection& db, std::vector<std::int64_t> const& ids) {
   return db.exec(detail::outbox_sql::skip, ids).affected();
}

/// Makes the notifications of these commands due at once, under a new message id (W8). \return how many
inline std::size_t due_again(pg::connection& db, std::vector<std::int64_t> const& executions,
                             std::vector<std::int64_t> const& events) {
   return db.exec(detail::outbox_sql::due_again, executions, events).affected();
}

/// Deletes at most `limit` rows that were published longer ago than `keep` and belong to no open command.
/// \return how many
inline std::size_t purge(pg::connection& db, std::chrono::milliseconds keep, std::size_t limit) {
   return db.exec(detail::outbox_sql::purge, static_cast<double>(keep.count()) / 1000.0, limit).affected();
}

} // namespace outbox_table
} // namespace noetl
