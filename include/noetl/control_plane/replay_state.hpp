// control_plane/replay_state.hpp: what a log says about stages, frames, commands, loops and business objects, in the
// form of GET /api/replay/state (http-execution.md section 17). Plain data and a fold; no I/O.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <tao/json/value.hpp>

#include <noetl/core/strong.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/reflect/json_value.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::control_plane {

/// An event with the columns that only this fold reads.
struct replay_event {
   event fact;
   std::optional<std::int64_t> stage_id, frame_id, command_id;
   std::optional<std::string> aggregate_type, aggregate_id;
};

struct replay_checksum {
   std::string type = "sha256";
   std::string value;
};

using replay_parts = std::map<std::string, tao::json::value>;

/// The answer. Members of the parts are those of the contract; absent ones are left out.
struct replay_state {
   std::string tenant_id = "default";
   std::string organization_id = "default";
   noetl::execution_id execution_id{};
   std::string projection = "all";
   std::int64_t event_count = 0;
   std::optional<noetl::event_id> last_event_id;
   std::optional<std::string> last_event_type;
   tao::json::value execution = tao::json::null; ///< set by the first apply() or seal()
   replay_parts stages, frames, commands, business_objects, loops;
   std::map<std::string, std::string> projection_checksums;
   replay_checksum checksum;
   using json_rules = rules<omit_empty<"last_event_id", "last_event_type">>;
};

/// Folds one event. Malformed bodies change only the counters.
void apply(replay_state& state, replay_event const& e);

/// Fills the checksums: SHA-256 over compact JSON with sorted members of each part, and of the whole answer without
/// `checksum`.
void seal(replay_state& state);

} // namespace noetl::control_plane

#include <noetl/control_plane/detail/replay_fold.hpp>
