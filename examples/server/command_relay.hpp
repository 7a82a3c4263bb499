// examples/server/command_relay.hpp: commands on their way to the workers: the bus and the relay that fills it, without
// their headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <noetl/control_plane/settings.hpp>
#include <noetl/events/append.hpp>
#include <noetl/events/outbox_settings.hpp>

namespace noetl::control_plane {
enum class bus_state : std::uint8_t;
} // namespace noetl::control_plane
namespace noetl::http {
class samples;
} // namespace noetl::http
namespace noetl::pg {
class shard_map;
} // namespace noetl::pg

namespace server {

/// Brings committed outbox rows to the command bus, from construction on. Without a configured bus rows stay in the
/// table. Thread-safe but for stop() and join().
class command_relay {
public:
   command_relay(noetl::control_plane::server_settings const& how, noetl::pg::shard_map& shards);
   ~command_relay();

   /// Rows that were just committed. Only queues; nothing after stop().
   void offer(std::size_t shard, std::span<noetl::outbox_row const> rows);
   /// Takes no more rows, and writes down which were published; returns after 300 ms at most, though a database that
   /// does not answer holds the writing up.
   void stop();
   /// After stop() and the end of the pools: waits for what stop() left. The destructor does it, too.
   void join();

   /// Of the bus.
   [[nodiscard]] noetl::control_plane::bus_state bus() const;
   /// Of the relay; zeros without a bus and after stop().
   [[nodiscard]] noetl::outbox_stats stats() const;
   void report_bus(noetl::http::samples& out) const;

private:
   struct impl;
   std::unique_ptr<impl> impl_;
};

} // namespace server
