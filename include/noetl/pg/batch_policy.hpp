// pg/batch_policy.hpp: what a group_commit_writer must be told of its requests.
// Knows pg/connection.hpp; who writes the batches is in pg/writer.hpp.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <noetl/core/result.hpp>
#include <noetl/pg/connection.hpp>

namespace noetl::pg {

/// What became of a transaction whose COMMIT got no answer.
enum class commit_outcome : std::uint8_t {
   committed,   ///< all of it is stored
   rolled_back, ///< nothing of it is stored, nor will be
   unknown,     ///< cannot be told now: its session may still be at it
};

/// What a group_commit_writer needs to know about its requests. refuse() and bytes() are also called from the threads
/// that submit; all other calls come from the writer's thread.
template <class P>
concept batch_policy = requires(P policy, typename P::request request, connection& db,
                                std::span<typename P::request> batch, std::span<typename P::request const> formed,
                                error why, sql_error const& refusal) {
   requires std::movable<typename P::request>;
   // Rows that the request writes: limits the size of a batch.
   { policy.weight(std::as_const(request)) } -> std::convertible_to<std::size_t>;
   // Bytes of text that the request sends, about: limits the size of a batch and of the queue. The same while it waits.
   { std::as_const(policy).bytes(std::as_const(request)) } -> std::convertible_to<std::size_t>;
   // False: the request must not share a transaction with these.
   { policy.fits(formed, std::as_const(request)) } -> std::same_as<bool>;
   // Writes inside an open transaction. A request that fails its own check is marked and the others go on.
   policy.write(db, batch);
   // After the commit: answers every request that has no answer yet, and tells the news. Must not throw.
   policy.committed(batch);
   // Answers one request that was not written. A second answer is ignored. Must not throw.
   policy.refuse(request, why);
   { policy.answered(std::as_const(request)) } -> std::same_as<bool>;
   // True when a request that the database refused alone should be tried once more.
   { policy.repeat(std::as_const(request), refusal) } -> std::same_as<bool>;
   // A lock that this batch needs was not free within the lock time-out. The next write() must not wait for it again:
   // it marks the requests that still cannot get theirs.
   policy.blocked(formed);
   // After a connection was lost during COMMIT: what became of the batch?
   { policy.outcome(db, batch) } -> std::same_as<commit_outcome>;
};

} // namespace noetl::pg
