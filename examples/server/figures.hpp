// examples/server/figures.hpp: live figures of the parts for /metrics.
#pragma once

#include <noetl/http/metrics.hpp>

namespace noetl::control_plane {
class cleanup_service;
class outbox_service;
class projector_service;
} // namespace noetl::control_plane
namespace noetl::pg {
class shard_map;
}

namespace server {

class command_relay;
class event_stream;
class upkeep;

/// What is asked at each scrape; all of it lives as long as scrapes go on.
struct figure_sources {
   noetl::pg::shard_map& shards;
   noetl::control_plane::outbox_service& outbox;
   noetl::control_plane::projector_service& projector;
   noetl::control_plane::cleanup_service& cleanup;
   server::upkeep& upkeep;
   event_stream& events;
   command_relay& relay;
};

/// Makes the figures part of /metrics.
void report_figures(noetl::http::metrics& metrics, figure_sources from);

} // namespace server
