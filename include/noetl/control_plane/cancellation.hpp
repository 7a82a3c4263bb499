// control_plane/cancellation.hpp: ending executions from outside: cancel, with descendants, and finalize
// (http-execution.md 13.4 to 13.6). Knows the event store; knows nothing of HTTP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/detail/end_event.hpp>
#include <noetl/control_plane/detail/execution_sql.hpp>
#include <noetl/control_plane/gather.hpp>
#include <noetl/core/id_generator.hpp>
#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/append.hpp>
#include <noetl/events/store.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/reflect/ids.hpp>
#include <noetl/reflect/json_write.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct cancel_request {
   bool cascade = false; ///< children and their children too
   std::optional<std::string> reason;
   using json_rules = rules<defaulted<"cascade">>;
};

struct cancel_reply {
   noetl::execution_id execution_id;
   std::string message = "Execution cancellation requested";
   std::string status = "cancelled";
   std::vector<id_text<noetl::execution_id>> cancelled_executions; ///< by this request; the one that was named first
};

struct cancellation_state {
   noetl::execution_id execution_id;
   bool is_cancelled = false;
   bool cancelled = false; ///< the same, as the Python worker reads it
};

struct finalize_request {
   std::string status; ///< COMPLETED or FAILED
   std::optional<std::string> error;
};

struct finalize_reply {
   noetl::execution_id execution_id;
   std::string status;
   std::string message;
};

/// Ends executions. The end is one append with everything it means: the event, the state of the execution, its open
/// commands CANCELLED, their notifications withdrawn. The first end stays (W5): of a cancellation and a completion at
/// the same time one is written. Thread-safe.
class cancellation_service {
public:
   cancellation_service(event_store& store, id_generator ids) : store_(store), ids_(ids) {}

   /// Cancels; a repeat finds nothing left to do and is answered alike, but still looks for descendants. Descendants
   /// that have ended are passed by, their own descendants are not. What a worker has in hand runs on; its reports are
   /// stored and change nothing. Errors: not_found (no such execution), validation (it has completed or failed).
   awaitable<result<cancel_reply>> cancel(noetl::execution_id id, cancel_request how) {
      auto known = co_await is_execution(id);
      if (!known) co_return std::move(known).error();
      if (!*known) co_return unknown(id);
      cancel_reply reply;
      reply.execution_id = id;
      auto status = co_await cancel_one(id, how.reason, std::nullopt);
      if (!status) co_return std::move(status).error();
      if (status->empty())
         reply.cancelled_executions.emplace_back(id);
      else if (*status != "CANCELLED")
         co_return fail(error_code::validation, "Cannot cancel execution in " + *status + " state");
      else
         reply.message = "Execution is cancelled already";
      if (how.cascade) {
         auto done = co_await cancel_descendants(id, how.reason, reply.cancelled_executions);
         if (!done) co_return std::move(done).error();
      }
      co_return reply;
   }

   /// Whether an execution was cancelled; false for an unknown one.
   awaitable<result<cancellation_state>> check(noetl::execution_id id) {
      auto status = co_await end_of(id);
      if (!status) co_return std::move(status).error();
      bool const cancelled = *status == "CANCELLED";
      co_return cancellation_state{id, cancelled, cancelled};
   }

   /// Ends an execution as COMPLETED or FAILED. Saying the same again is answered alike and writes nothing.
   /// Errors: validation (another status; the execution has ended otherwise), not_found.
   awaitable<result<finalize_reply>> finalize(noetl::execution_id id, finalize_request how) {
      if (how.status != "COMPLETED" && how.status != "FAILED")
         co_return fail(error_code::validation, "Invalid finalization status: " + how.status);
      auto known = co_await is_execution(id);
      if (!known) co_return std::move(known).error();
      if (!*known) co_return unknown(id);
      auto what =
          detail::end_event(id, how.status == "COMPLETED" ? "playbook_completed" : "playbook_failed", how.status);
      what.error = std::move(how.error);
      what.meta = raw_json{R"({"emitted_by":"finalize"})"};
      auto status = co_await end(std::move(what));
      if (!status) co_return std::move(status).error();
      if (!status->empty() && *status != how.status)
         co_return fail(error_code::validation, "Cannot finalize execution in " + *status + " state");
      co_return finalize_reply{id, how.status, "Execution finalized with status: " + how.status};
   }

private:
   static constexpr std::size_t at_once = 32;

   static error unknown(noetl::execution_id id) {
      return fail(error_code::not_found, "Execution not found: " + std::to_string(id.value));
   }

   /// Other things have logs too: subscriptions, messages about them.
   awaitable<result<bool>> is_execution(noetl::execution_id id) {
      auto work = [id](pg::connection& db) -> result<bool> {
         static auto const text = "SELECT 1 FROM noetl.event WHERE execution_id = $1 AND event_type IN " +
                                  std::string(detail::start_types) + " LIMIT 1";
         return !db.exec(text, id).empty();
      };
      co_return co_await store_.shards().of(id).run(std::move(work));
   }

   /// How an execution has ended; empty when it has not, or is none.
   awaitable<result<std::string>> end_of(noetl::execution_id id) {
      auto work = [id](pg::connection& db) -> result<std::string> {
         static auto const text = "SELECT coalesce(o.status, '') FROM (SELECT $1::bigint AS execution_id) e " +
                                  std::string(detail::outcome_of_e);
         return db.exec(text, id)[0].get<std::string>(0);
      };
      co_return co_await store_.shards().of(id).run(std::move(work));
   }

   /// Appends the end unless there is one. \return the status that the execution has ended with before; empty: none
   awaitable<result<std::string>> end(event what) {
      auto const id = what.execution_id;
      auto append = detail::first_end(std::move(what), noetl::event_id{ids_.next()});
      auto stored = co_await store_.append(std::move(append));
      if (stored) co_return std::string{};
      if (stored.error().code != error_code::conflict) co_return std::move(stored).error();
      auto before = co_await end_of(id);
      if (before && before->empty()) co_return std::move(stored).error(); // refused for another reason
      co_return before;
   }

   awaitable<result<std::string>> cancel_one(noetl::execution_id id, std::optional<std::string> reason,
                                             std::optional<noetl::execution_id> root) {
      auto cancelled = detail::cancelled_event(id, reason, root);
      auto status = co_await end(std::move(cancelled));
      if (status && status->empty())
         log::info("execution.cancelled", {{"execution_id", id.value}, {"cascaded", root.has_value()}});
      co_return status;
   }

   /// Level by level; parents are cancelled before their children are looked for, so that no decision of theirs starts
   /// another one in between.
   awaitable<result<void>> cancel_descendants(noetl::execution_id root, std::optional<std::string> reason,
                                              std::vector<id_text<noetl::execution_id>>& cancelled) {
      std::unordered_set<noetl::execution_id> seen{root};
      std::vector<std::int64_t> parents{root.value};
      while (!parents.empty()) {
         auto found = co_await children_of(parents);
         if (!found) co_return std::move(found).error();
         std::vector<noetl::execution_id> level;
         for (auto const id : *found)
            if (seen.insert(id).second) level.push_back(id);
         auto one = [&](std::size_t i) { return cancel_one(level[i], reason, root); };
         auto const outcomes = co_await gather(level.size(), at_once, one);
         parents.clear();
         for (std::size_t i = 0; i < level.size(); ++i) {
            if (!outcomes[i]) co_return outcomes[i].error();
            if (outcomes[i]->empty()) cancelled.emplace_back(level[i]);
            parents.push_back(level[i].value);
         }
      }
      co_return result<void>{};
   }

   awaitable<result<std::vector<noetl::execution_id>>> children_of(std::vector<std::int64_t> const& parents) {
      auto& shards = store_.shards();
      auto ask = [&shards, &parents](std::size_t shard) {
         auto work = [parents](pg::connection& db) -> result<std::vector<noetl::execution_id>> {
            static auto const text =
                "SELECT DISTINCT execution_id FROM noetl.event WHERE parent_execution_id IS NOT NULL"
                " AND parent_execution_id = ANY($1::bigint[]) AND event_type IN " +
                std::string(detail::start_types) + " ORDER BY execution_id";
            std::vector<noetl::execution_id> ids;
            for (auto const row : db.exec(text, parents)) ids.push_back(row.get<noetl::execution_id>(0));
            return ids;
         };
         return shards.shard(shard).run(std::move(work));
      };
      auto pages = co_await gather(shards.count(), shards.count(), ask);
      std::vector<noetl::execution_id> all;
      for (auto& page : pages) {
         if (!page) co_return std::move(page).error();
         all.insert(all.end(), page->begin(), page->end());
      }
      co_return all;
   }

   event_store& store_;
   id_generator ids_;
};

} // namespace noetl::control_plane
