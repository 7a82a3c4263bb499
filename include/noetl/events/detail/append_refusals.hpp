// events/detail/append_refusals.hpp: what a merged batch knows of heads and commands, and which appends it refuses for
// that. Knows appends only; nothing here asks the database.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/events/append.hpp>

namespace noetl::detail {

/// Position of a command's status in its life; unknown texts count as the beginning.
constexpr int command_rank(std::string_view status) noexcept {
   if (status == "CLAIMED") return 1;
   if (status == "RUNNING") return 2;
   if (status == "COMPLETED" || status == "FAILED" || status == "CANCELLED") return 3;
   return 0;
}

/// An execution as the appends taken in so far leave it.
struct batch_head {
   std::int64_t version;
   std::int64_t guarded_version;
   catalog_id catalog;
   std::string status;
   bool fresh = false;   ///< created by this batch and not used yet
   bool created = false; ///< created by this batch
   bool changed = false;
};

/// A command as the appends taken in so far leave it.
struct batch_command {
   std::string status;
   int rank = 0;
   std::optional<std::string> worker_id{};
   int attempt = 1;
   std::optional<std::string> error{};
   std::optional<event_id> latest{};
   std::int64_t command_id = 0;
   catalog_id catalog{};
   std::string step{};
   bool changed = false;
   bool fresh = false; ///< inserted by this batch
};
using command_key = std::pair<std::int64_t, std::int64_t>; ///< execution and the event that issued it
using batch_commands = std::map<command_key, batch_command>;

inline bool has_ended(batch_head const& at) {
   return at.status == "COMPLETED" || at.status == "FAILED" || at.status == "CANCELLED";
}

inline error claimed_by(batch_command const& command) {
   return fail(error_code::conflict, "Command already claimed by " + command.worker_id.value_or("another worker"));
}

/// Of an append to an execution that nobody has begun, and that it does not begin either.
inline error refusal_of_unknown(append_request const& request) {
   if (request.expect.what == expected::absent)
      return fail(error_code::validation, "the first event of an execution needs a catalog_id");
   return fail(error_code::not_found, "Execution not found: " + std::to_string(request.execution_id.value));
}

/// What the append says about its execution does not hold.
inline std::optional<error> refusal_of_expectation(append_request const& request, batch_head const& at) {
   auto const conflict = [&](std::string why) {
      return fail(error_code::conflict,
                  "execution " + std::to_string(request.execution_id.value) + " " + std::move(why));
   };
   switch (request.expect.what) {
   case expected::any: break;
   case expected::exactly:
      if (at.version != request.expect.version)
         return conflict("is at version " + std::to_string(at.version) + ", not " +
                         std::to_string(request.expect.version));
      break;
   case expected::undecided_since:
      if (has_ended(at)) return conflict("has ended: " + at.status);
      if (at.guarded_version > request.expect.version)
         return conflict("was decided on at version " + std::to_string(at.guarded_version));
      break;
   case expected::absent:
      if (!at.fresh) return conflict("exists already");
      break;
   }
   // A head that this batch made for an append that failed is not there for anybody else.
   if (at.fresh && request.expect.what != expected::absent) return refusal_of_unknown(request);
   return std::nullopt;
}

/// A command that cannot be had any more.
inline std::optional<error> refusal_of_claim(command_update const& u, batch_head const& at,
                                             batch_commands const& commands) {
   auto const found = commands.find({u.execution_id.value, u.event_id.value});
   if (found == commands.end())
      return fail(error_code::not_found, "command.issued event not found: " + std::to_string(u.event_id.value));
   auto const& command = found->second;
   bool const closed = command.rank >= 3;
   if (closed && command.status != "CANCELLED")
      return fail(error_code::conflict, "Command already reached terminal state");
   if (at.status == "CANCELLED") return fail(error_code::conflict, "Execution has been cancelled");
   if (has_ended(at)) return fail(error_code::conflict, "Execution has ended: " + at.status);
   if (closed) return fail(error_code::conflict, "Command already reached terminal state");
   if (command.rank > 0) return claimed_by(command);
   return std::nullopt;
}

/// A worker whose command was given to another one has nothing to say about it any more.
inline std::optional<error> refusal_of_report(command_update const& u, batch_commands const& commands) {
   if (!u.owned || !u.worker_id) return std::nullopt;
   auto const found = commands.find({u.execution_id.value, u.event_id.value});
   if (found == commands.end() || found->second.rank == 0) return std::nullopt;
   auto const& command = found->second;
   if (!command.worker_id || *command.worker_id == *u.worker_id) return std::nullopt;
   return claimed_by(command);
}

/// Why an append to `at` cannot be taken in, nothing when it can.
inline std::optional<error> refusal_of(append_request const& request, batch_head const& at,
                                       batch_commands const& commands) {
   if (auto refusal = refusal_of_expectation(request, at)) return refusal;
   for (auto const& u : request.updates)
      if (auto refusal = u.required ? refusal_of_claim(u, at, commands) : refusal_of_report(u, commands))
         return refusal;
   return std::nullopt;
}

} // namespace noetl::detail
