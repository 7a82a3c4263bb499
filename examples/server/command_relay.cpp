// examples/server/command_relay.cpp: the command bus and its relay, put together.
#include "command_relay.hpp"

#include <chrono>
#include <future>
#include <mutex>
#include <optional>
#include <utility>

#include <noetl/control_plane/health.hpp>
#include <noetl/events/outbox.hpp>
#include <noetl/http/metrics.hpp>
#include <noetl/pg/shards.hpp>

#include "bus.hpp"

namespace server {
namespace {

namespace cp = noetl::control_plane;
using relay_type = noetl::outbox_relay<command_bus>;

} // namespace

struct command_relay::impl {
   mutable std::mutex mutex; // of relay; the bus's thread takes it
   std::unique_ptr<relay_type> relay;
   std::optional<command_bus> bus; // none when none is configured
   std::future<void> ended;        // of a relay that was stopped: waits for its end before the bus goes
};

command_relay::command_relay(cp::server_settings const& how, noetl::pg::shard_map& shards)
    : impl_(std::make_unique<impl>()) {
   if (how.nats_url.value.empty()) return;
   auto& bus = impl_->bus.emplace(how);
   impl_->relay =
       std::make_unique<relay_type>(shards, bus, noetl::outbox_settings{.announce_again = how.reannounce_after});
   bus.on_usable([made = impl_.get()] {
      std::lock_guard const lock(made->mutex);
      if (made->relay) made->relay->wake();
   });
}

command_relay::~command_relay() {
   stop(); // the relay ends before the bus
}

void command_relay::offer(std::size_t shard, std::span<noetl::outbox_row const> rows) {
   std::lock_guard const lock(impl_->mutex);
   if (impl_->relay) impl_->relay->offer(shard, rows);
}

void command_relay::stop() {
   std::unique_ptr<relay_type> last;
   {
      std::lock_guard const lock(impl_->mutex);
      last = std::move(impl_->relay);
   }
   if (!last) return;
   impl_->ended = std::async(std::launch::async, [last = std::move(last)]() mutable { last.reset(); });
   impl_->ended.wait_for(std::chrono::milliseconds{300});
}

void command_relay::join() {
   if (impl_->ended.valid()) impl_->ended.wait();
}

cp::bus_state command_relay::bus() const {
   return impl_->bus ? impl_->bus->state() : cp::bus_state::not_configured;
}

noetl::outbox_stats command_relay::stats() const {
   std::lock_guard const lock(impl_->mutex);
   return impl_->relay ? impl_->relay->stats() : noetl::outbox_stats{};
}

void command_relay::report_bus(noetl::http::samples& out) const {
   out.gauge("noetl_bus_connected", "1 while the command bus is connected", bus() == cp::bus_state::connected ? 1 : 0);
   if (impl_->bus)
      out.gauge("noetl_bus_in_flight", "Messages sent and not acknowledged",
                static_cast<double>(impl_->bus->stats().in_flight));
}

} // namespace server
