// events/stream_head.hpp: where a stream of events stands. Knows core only.
#pragma once

#include <cstdint>
#include <string>

#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>

namespace noetl {

/// The row of noetl.stream_head: where an execution or an aggregate stands.
struct stream_head {
   noetl::execution_id execution_id{};
   std::int64_t version = 0;
   std::int64_t guarded_version = 0;
   noetl::catalog_id catalog_id{};
   std::string status{}; ///< RUNNING COMPLETED FAILED CANCELLED, or the state of a thing with a life cycle of its own
   timestamp created_at{};
   timestamp updated_at{};
};

} // namespace noetl
