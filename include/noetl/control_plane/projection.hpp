// control_plane/projection.hpp: brings stored states of executions up to date on demand (http-platform.md 5.3).
// Knows states; knows nothing of HTTP.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/reflect/ids.hpp>
#include <noetl/workflow/states.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct advance_request {
   std::vector<noetl::execution_id> execution_ids;
};

struct advanced_execution {
   noetl::execution_id execution_id;
   std::int64_t version = 0; ///< highest stream_version folded; that of the stored snapshot or, after a race, below it
   std::uint64_t events = 0; ///< events folded
};

struct refused_execution {
   noetl::execution_id execution_id;
   std::string error;
};

struct advance_reply {
   std::vector<advanced_execution> advanced;
   std::vector<refused_execution> failed;
};

/// Folds and saves, dispatches nothing. Thread-safe; may run beside the orchestrator and other replicas, because a
/// snapshot never goes back.
class projection_service {
public:
   explicit projection_service(workflow::workflow_states& states) : states_(states) {}

   /// One after the other, in the order of the request; an id given twice counts once. What fails does not stop the
   /// rest.
   awaitable<advance_reply> advance(advance_request request) {
      advance_reply reply;
      std::unordered_set<noetl::execution_id> seen;
      for (auto const id : request.execution_ids) {
         if (!seen.insert(id).second) continue;
         auto one = co_await advance_one(id);
         if (one) {
            ++advanced_;
            reply.advanced.push_back(*one);
         } else {
            log::warn("projection.not_advanced",
                      {{"execution_id", id}, {"reason", one.error().message}, {"detail", one.error().detail}});
            reply.failed.push_back({id, one.error().message});
         }
      }
      co_return reply;
   }

   /// Executions advanced since start.
   [[nodiscard]] std::uint64_t advanced() const noexcept { return advanced_.load(); }

private:
   awaitable<result<advanced_execution>> advance_one(noetl::execution_id id) {
      constexpr int attempts = 3;
      for (int attempt = 1;; ++attempt) {
         auto rebuilt = co_await states_.load(id);
         if (!rebuilt) co_return std::move(rebuilt).error();
         auto const at = workflow::workflow_aggregate::position(rebuilt->state);
         if (at.applied == 0) co_return fail(error_code::not_found, "Execution not found: " + std::to_string(id.value));
         auto snapshot = states_.snapshots().prepare(rebuilt->state, rebuilt->read_at);
         auto saved = co_await states_.snapshots().save(id, std::move(snapshot));
         if (!saved) co_return std::move(saved).error();
         if (*saved != save_outcome::stale) co_return advanced_execution{id, at.version, at.applied};
         if (attempt == attempts)
            co_return fail(error_code::unavailable, "an older server writes to the log of this execution");
      }
   }

   workflow::workflow_states& states_;
   std::atomic<std::uint64_t> advanced_{0};
};

} // namespace noetl::control_plane
