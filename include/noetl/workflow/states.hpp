// workflow/states.hpp: states of executions from snapshots and logs. Knows the aggregate and events/.
#pragma once

#include <noetl/events/aggregate_states.hpp>
#include <noetl/workflow/aggregate.hpp>

namespace noetl::workflow {

using workflow_states = aggregate_states<workflow_aggregate>;

} // namespace noetl::workflow
