// control_plane/outbox_service.hpp: the outbox for publishers outside of this process (http-platform.md section 4).
// Knows pools and events/outbox_table.hpp; knows nothing of HTTP. The server's own relay works on the same rows.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/detail/run_forever.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/utf8.hpp>
#include <noetl/events/outbox_table.hpp>
#include <noetl/pg/by_key.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct outbox_claim_request {
   std::int64_t limit = 100; ///< taken as 1..1000
   using json_rules = rules<defaulted<"limit">>;
};

struct outbox_claim_reply {
   std::vector<claimed_outbox_row> rows; ///< by outbox_id
   std::int64_t claimed = 0;
};

struct outbox_published_request {
   std::vector<std::int64_t> outbox_ids;
   std::optional<std::vector<std::int64_t>> epochs; ///< beside outbox_ids
};
struct outbox_count_reply {
   std::int64_t marked = 0;
};

struct outbox_failed_request {
   std::int64_t outbox_id = 0;
   std::string error;
   std::int32_t attempts = 1;
   std::int32_t max_delay_seconds = 300;
   std::optional<std::int64_t> epoch;
   bool hopeless = false; ///< no repeat can succeed: park the row now
   using json_rules = rules<defaulted<"attempts", "max_delay_seconds", "hopeless">>;
};
struct outbox_failed_reply {
   bool marked = false;
   std::int32_t available_at_in = 0; ///< seconds
   std::optional<bool> parked;       ///< true when it is offered no more
   using json_rules = rules<omit_empty<"parked">>;
};

struct outbox_pending_reply {
   std::int64_t pending = 0;
};

struct outbox_parked_filter {
   std::int64_t after = 0; ///< outbox_id
   std::int64_t limit = 100;
   using json_rules = rules<defaulted<"after", "limit">>;
};
struct outbox_parked_reply {
   std::vector<parked_outbox_row> rows;
   std::optional<std::int64_t> next; ///< `after` of the next page
   using json_rules = rules<omit_empty<"next">>;
};
struct outbox_selection {
   std::vector<std::int64_t> outbox_ids;
};

struct outbox_service_settings {
   std::chrono::milliseconds lease{60'000}; ///< how long a claimed row is the claimer's
   std::int32_t max_attempts = 20;          ///< claims without success after which a row is parked
   std::chrono::milliseconds watch{15'000}; ///< between two looks for the gauges
};

struct outbox_figures {
   std::int64_t pending = 0;         ///< at the last look
   std::int64_t parked = 0;          ///< at the last look
   std::uint64_t leases_expired = 0; ///< rows handed out again because their claimer did not report in time
   std::uint64_t late_reports = 0;   ///< reports of rows that changed hands since, or were settled already
};

/// Claims, reports and parked rows over all shards. With several shards an outbox_id on the wire is
/// `row id * shards + shard`, so that it names one row; with one shard it is the row's own. Thread-safe.
class outbox_service {
   template <class F>
   auto run(std::size_t shard, F work) {
      return shards_.shard(shard).run(
          [work = std::move(work)](pg::connection& db) { return pg::by_key(db, [&] { return work(db); }); });
   }

public:
   explicit outbox_service(pg::shard_map& shards, outbox_service_settings how = {}) : shards_(shards), how_(how) {}

   /// Due rows, leased to the caller. Errors: unavailable when no shard can be asked.
   awaitable<result<outbox_claim_reply>> claim(outbox_claim_request request) {
      auto const limit = static_cast<std::size_t>(std::clamp<std::int64_t>(request.limit, 1, 1000));
      outbox_claim_reply reply;
      std::optional<error> trouble;
      auto const first = turn_.fetch_add(1); // each claim begins with another shard
      for (std::size_t i = 0; i < shards_.count() && reply.rows.size() < limit; ++i) {
         auto const shard = (first + i) % shards_.count();
         auto work = [how = how_, wanted = limit - reply.rows.size()](pg::connection& db) {
            outbox_table::park_exhausted(db, how.max_attempts);
            return outbox_table::claim(db, wanted, how.lease);
         };
         auto taken = co_await run(shard, std::move(work));
         if (!taken) {
            trouble = std::move(taken).error();
            continue; // what was claimed elsewhere must reach the caller
         }
         leases_expired_ += taken->expired;
         for (auto& row : taken->rows) {
            row.outbox_id = wire_id(row.outbox_id, shard);
            reply.rows.push_back(std::move(row));
         }
      }
      if (reply.rows.empty() && trouble) co_return std::move(*trouble);
      std::ranges::sort(reply.rows, {}, &claimed_outbox_row::outbox_id);
      reply.claimed = static_cast<std::int64_t>(reply.rows.size());
      co_return reply;
   }

   /// Rows that were claimed and are not marked yet; the others do not count. Errors: bad_request (no ids), validation.
   awaitable<result<outbox_count_reply>> mark_published(outbox_published_request request) {
      if (request.outbox_ids.empty()) co_return fail(error_code::bad_request, "outbox_ids must not be empty");
      if (request.epochs && request.epochs->size() != request.outbox_ids.size())
         co_return fail(error_code::validation, "epochs: expected one for each of outbox_ids");
      outbox_count_reply reply;
      for (std::size_t shard = 0; shard < shards_.count(); ++shard) {
         std::vector<std::int64_t> ids;
         std::vector<std::optional<std::int64_t>> epochs;
         for (std::size_t i = 0; i < request.outbox_ids.size(); ++i) {
            auto const id = row_id(request.outbox_ids[i], shard);
            if (!id) continue;
            ids.push_back(*id);
            epochs.push_back(request.epochs ? std::optional((*request.epochs)[i]) : std::nullopt);
         }
         if (ids.empty()) continue;
         auto work = [ids, epochs](pg::connection& db) { return outbox_table::mark_published(db, ids, epochs); };
         auto changed = co_await run(shard, std::move(work));
         if (!changed) co_return std::move(changed).error();
         reply.marked += static_cast<std::int64_t>(*changed);
         late_reports_ += ids.size() - std::min(ids.size(), *changed);
      }
      co_return reply;
   }

   /// Errors: bad_request (no error text).
   awaitable<result<outbox_failed_reply>> mark_failed(outbox_failed_request request) {
      if (request.error.empty()) co_return fail(error_code::bad_request, "error must not be empty");
      outbox_table::outbox_failure failure;
      failure.error = first_characters(storable_text(request.error, " "), 2000);
      failure.epoch = request.epoch;
      failure.attempts = request.attempts;
      failure.max_seconds = request.max_delay_seconds;
      failure.hopeless = request.hopeless;
      auto const shard = shard_of(request.outbox_id);
      failure.outbox_id = row_id(request.outbox_id, shard).value_or(0);
      auto work = [failure, most = how_.max_attempts](pg::connection& db) {
         return outbox_table::mark_failed(db, failure, most);
      };
      auto outcome = co_await run(shard, std::move(work));
      if (!outcome) co_return std::move(outcome).error();
      if (!outcome->marked) ++late_reports_;
      outbox_failed_reply reply;
      reply.marked = outcome->marked;
      reply.available_at_in = outcome->delay_seconds;
      if (outcome->parked) reply.parked = true;
      co_return reply;
   }

   /// Rows that a claim could take now.
   awaitable<result<outbox_pending_reply>> pending() {
      outbox_pending_reply reply;
      for (std::size_t shard = 0; shard < shards_.count(); ++shard) {
         auto work = [](pg::connection& db) { return outbox_table::count_due(db); };
         auto count = co_await run(shard, work);
         if (!count) co_return std::move(count).error();
         reply.pending += *count;
      }
      co_return reply;
   }

   /// A page of parked rows, by outbox_id. Errors: bad_request (limit outside 1..1000).
   awaitable<result<outbox_parked_reply>> parked(outbox_parked_filter filter) {
      if (filter.limit < 1 || filter.limit > 1000)
         co_return fail(error_code::bad_request, "query parameter 'limit': expected 1..1000");
      auto const limit = static_cast<std::size_t>(filter.limit);
      outbox_parked_reply reply;
      for (std::size_t shard = 0; shard < shards_.count(); ++shard) {
         // Rows of this shard whose wire id is above `after`.
         auto const count = static_cast<std::int64_t>(shards_.count());
         auto const after = filter.after < 0 ? 0 : (filter.after - static_cast<std::int64_t>(shard)) / count;
         auto work = [after, limit](pg::connection& db) { return outbox_table::parked(db, after, limit + 1); };
         auto rows = co_await run(shard, std::move(work));
         if (!rows) co_return std::move(rows).error();
         for (auto& row : *rows) {
            row.outbox_id = wire_id(row.outbox_id, shard);
            reply.rows.push_back(std::move(row));
         }
      }
      std::ranges::sort(reply.rows, {}, &parked_outbox_row::outbox_id);
      if (reply.rows.size() > limit) {
         reply.rows.resize(limit);
         reply.next = reply.rows.back().outbox_id;
      }
      co_return reply;
   }

   /// Offers parked rows again. Rows that are not parked do not count. Errors: bad_request (no ids).
   awaitable<result<outbox_count_reply>> replay(outbox_selection which) {
      return settle(std::move(which), &outbox_table::replay);
   }
   /// Gives parked rows up.
   awaitable<result<outbox_count_reply>> skip(outbox_selection which) {
      return settle(std::move(which), &outbox_table::skip);
   }

   [[nodiscard]] outbox_figures figures() const noexcept {
      return {pending_.load(), parked_.load(), leases_expired_.load(), late_reports_.load()};
   }

   /// Keeps the gauges fresh from now on. Call once; ends with the executor.
   void start(boost::asio::any_io_executor executor) {
      detail::run_forever(std::move(executor), "outbox.watch", how_.watch, [this] { return watch(); });
   }

private:
   [[nodiscard]] std::int64_t wire_id(std::int64_t id, std::size_t shard) const {
      return id * static_cast<std::int64_t>(shards_.count()) + static_cast<std::int64_t>(shard);
   }
   [[nodiscard]] std::size_t shard_of(std::int64_t wire) const {
      return wire < 0 ? 0 : static_cast<std::size_t>(wire) % shards_.count();
   }
   /// \return nothing when the row lives on another shard
   [[nodiscard]] std::optional<std::int64_t> row_id(std::int64_t wire, std::size_t shard) const {
      if (shard_of(wire) != shard) return std::nullopt;
      return wire / static_cast<std::int64_t>(shards_.count());
   }

   /// The first `count` characters, none of them split. \pre text is UTF-8
   static std::string first_characters(std::string text, std::size_t count) {
      std::size_t at = 0;
      for (; count > 0 && at < text.size(); --count) {
         auto const length = utf8_length(text.data() + at, text.data() + text.size());
         at += std::max<std::size_t>(length, 1);
      }
      text.resize(std::min(at, text.size()));
      return text;
   }

   using settlement = std::size_t (*)(pg::connection&, std::vector<std::int64_t> const&);
   awaitable<result<outbox_count_reply>> settle(outbox_selection which, settlement act) {
      if (which.outbox_ids.empty()) co_return fail(error_code::bad_request, "outbox_ids must not be empty");
      outbox_count_reply reply;
      for (std::size_t shard = 0; shard < shards_.count(); ++shard) {
         std::vector<std::int64_t> ids;
         for (auto const wire : which.outbox_ids)
            if (auto const id = row_id(wire, shard)) ids.push_back(*id);
         if (ids.empty()) continue;
         auto work = [ids, act](pg::connection& db) { return act(db, ids); };
         auto changed = co_await run(shard, std::move(work));
         if (!changed) co_return std::move(changed).error();
         reply.marked += static_cast<std::int64_t>(*changed);
      }
      co_return reply;
   }

   awaitable<std::chrono::milliseconds> watch() {
      std::int64_t due = 0;
      std::int64_t parked = 0;
      bool complete = true;
      for (std::size_t shard = 0; shard < shards_.count(); ++shard) {
         auto work = [](pg::connection& db) {
            return std::pair(outbox_table::count_due(db), outbox_table::count_parked(db));
         };
         auto const counts = co_await run(shard, work);
         complete = complete && counts.has_value();
         if (counts) due += counts->first, parked += counts->second;
      }
      if (complete) pending_ = due, parked_ = parked; // else the last ones stay: readiness tells of the outage
      co_return how_.watch;
   }

   pg::shard_map& shards_;
   outbox_service_settings const how_;
   std::atomic<std::size_t> turn_{0};
   std::atomic<std::int64_t> pending_{0};
   std::atomic<std::int64_t> parked_{0};
   std::atomic<std::uint64_t> leases_expired_{0};
   std::atomic<std::uint64_t> late_reports_{0};
};

} // namespace noetl::control_plane
