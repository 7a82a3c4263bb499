// examples/server/serve.hpp: the server as one call.
#pragma once

#include <noetl/control_plane/settings.hpp>

namespace server {

/// Serves until SIGINT or SIGTERM, and drains. \return false when it could not start or had to stop; the log says why
bool serve(noetl::control_plane::configuration const& config);

} // namespace server
