// workflow/detail/snapshot_saving.hpp: writes the snapshot of an execution in memory when it is due, beside the work.
// Knows states and cached executions.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/time.hpp>
#include <noetl/workflow/detail/cached_execution.hpp>
#include <noetl/workflow/states.hpp>

namespace noetl::workflow::detail {

inline boost::asio::awaitable<void> save(workflow_states& states, std::shared_ptr<cached_execution> one,
                                         snapshot_row row) {
   auto const version = row.position.version;
   result<save_outcome> saved = fail(error_code::internal, "not tried");
   try {
      saved = co_await states.snapshots().save(one->id, std::move(row));
   } catch (std::exception const& e) {
      saved = fail(error_code::internal, "a snapshot cannot be saved", e.what());
   }
   one->saving = false;
   if (!saved)
      log::warn("snapshot.not_saved", {{"execution_id", one->id},
                                       {"version", version},
                                       {"reason", saved.error().message},
                                       {"detail", saved.error().detail}});
}

/// \param every  events between two snapshots; 0: none is written  \pre everything folded is stored, and `one` is busy
inline void save_when_due(boost::asio::any_io_executor const& executor, workflow_states& states, std::uint64_t every,
                          std::shared_ptr<cached_execution> const& one) {
   auto const& state = one->state;
   if (every == 0 || !one->snapshot_due(every) || state.terminal() || one->saving) return;
   auto row = states.snapshots().prepare(state, now());
   one->snapshot_made(row.text.size());
   one->saving = true; // only who has made it busy sets it
   boost::asio::co_spawn(executor, save(states, one, std::move(row)), boost::asio::detached);
}

} // namespace noetl::workflow::detail
