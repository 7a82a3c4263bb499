// examples/server/event_stream.hpp: committed events on JetStream: one tailer per shard, on threads of its own.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include <noetl/control_plane/settings.hpp>
#include <noetl/http/metrics.hpp>
#include <noetl/pg/settings.hpp>

#include <vector>

namespace server {

/// Off unless the settings say otherwise. Thread-safe.
class event_stream {
public:
   /// \param shards  databases in the order of their index
   event_stream(noetl::control_plane::server_settings const& how, std::vector<noetl::pg::settings> shards);
   ~event_stream();

   /// When the databases have their tables. Says why when there is nothing to start.
   void start();
   /// Stores the cursors and gives the leases back.
   void stop();
   /// Events were committed on a shard.
   void committed(std::size_t shard);

   /// One word for readiness: `leading`, `following`, `waiting: ...`; nothing when it is off.
   [[nodiscard]] std::optional<std::string> state() const;
   void report(noetl::http::samples& out) const;

private:
   struct impl;
   std::unique_ptr<impl> impl_;
};

} // namespace server
