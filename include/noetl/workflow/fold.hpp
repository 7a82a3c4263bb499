// workflow/fold.hpp: folds the event log of one execution into a workflow_state (orchestration.md section 3). Pure.
#pragma once

#include <noetl/events/envelope.hpp>
#include <noetl/workflow/state.hpp>

namespace noetl::workflow {

/// Applies one event. Cannot refuse: unknown types and malformed bodies change nothing but the counters.
///
/// Events must come in stream order. One whose stream_version is not above `state.version` was applied before and
/// changes nothing; rows of an older server have none (0), come first in event_id order and count up, as adoption of
/// such a log does; one whose event_id is not above the last of them was applied before.
void apply(workflow_state& state, event const& e);

/// User data of a result envelope (3.6): `context.result.context.data`, `context.data`, `context`, or the value itself;
/// an object of objects is flattened.
tao::json::value user_data(tao::json::value const& envelope);

/// User data as templates see it: an object without `data` gets itself under that name.
tao::json::value exposed(tao::json::value data);

} // namespace noetl::workflow

#include <noetl/workflow/detail/fold_rules.hpp>
