// examples/server/command_relay.hpp: commands on their way to the workers: the bus and the relay that fills it, without
// their headers.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <noetl/control_plane/health.hpp>
#include <noetl/control_plane/settings.hpp>
#include <noetl/events/append.hpp>
#include <noetl/events/outbox_settings.hpp>
#include <noetl/http/metrics.hpp>
#include <noetl/pg/shards.hpp>

namespace server {

/// Brings committed outbox rows to the command bus. Without a configured bus rows stay in the table. Thread-safe.
class command_relay {
public:
   command_relay(noetl::control_plane::server_settings const& how, noetl::pg::shard_map& shards);
   ~command_relay();

   /// Rows that were just committed. Only queues; nothing after stop().
   void offer(std::size_t shard, std::span<noetl::outbox_row const> rows);
   /// What was published is written down; a database that does not answer holds that up for 300 ms at most. The rest
   /// ends when the pools do, and the destructor waits for it.
   void stop();

   [[nodiscard]] noetl::control_plane::bus_state state() const;
   [[nodiscard]] noetl::outbox_stats stats() const;
   void report(noetl::http::samples& out) const;

private:
   struct impl;
   std::unique_ptr<impl> impl_;
};

} // namespace server
