// examples/server/bus.hpp: the command bus: one NATS connection, its stream, its publisher.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include <noetl/control_plane/health.hpp>
#include <noetl/control_plane/settings.hpp>
#include <noetl/core/log.hpp>
#include <noetl/nats/connection.hpp>
#include <noetl/nats/publisher.hpp>
#include <noetl/nats/stream.hpp>

namespace server {

/// Keeps the stream of commands in existence: it is looked after at each connect, since a restarted NATS may have lost
/// it. Thread-safe.
class command_bus {
public:
   explicit command_bus(noetl::control_plane::server_settings const& how)
       : stream_(stream_of(how)), connection_(settings_of(how)), publisher_(connection_),
         token_(connection_.on_change([this](noetl::nats::connection_state) { changed(); })),
         keeper_([this](std::stop_token stop) { keep_stream(stop); }) {}
   ~command_bus() {
      keeper_.request_stop();
      changed();
   }

   /// What the outbox relay publishes through.
   void publish(std::string_view subject, std::string_view payload, std::string_view message_id,
                noetl::nats::publisher::completion done) {
      publisher_.publish(subject, payload, message_id, std::move(done));
   }

   [[nodiscard]] noetl::control_plane::bus_state state() const {
      bool const connected = connection_.state() == noetl::nats::connection_state::connected;
      return connected ? noetl::control_plane::bus_state::connected : noetl::control_plane::bus_state::disconnected;
   }
   [[nodiscard]] noetl::nats::publisher_stats stats() const { return publisher_.stats(); }

private:
   static noetl::nats::stream_settings stream_of(noetl::control_plane::server_settings const& how) {
      auto stream = noetl::nats::command_stream();
      stream.name = how.nats_command_stream;
      stream.max_age = how.nats_command_max_age;
      return stream;
   }
   static noetl::nats::connection_settings settings_of(noetl::control_plane::server_settings const& how) {
      noetl::nats::connection_settings settings;
      settings.url = how.nats_url.value;
      settings.name = "noetl-server";
      return settings;
   }

   void changed() {
      {
         std::lock_guard const lock(mutex_);
         look_ = true;
      }
      wake_.notify_all();
   }

   void keep_stream(std::stop_token stop) {
      while (!stop.stop_requested()) {
         {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [&] { return look_ || stop.stop_requested(); });
            look_ = false;
         }
         while (!stop.stop_requested() && connection_.state() == noetl::nats::connection_state::connected) {
            auto const report = noetl::nats::ensure_stream(connection_, stream_);
            if (report) {
               noetl::log::info("bus.stream", {{"name", report->name}, {"outcome", to_text(report->outcome)}});
               for (auto const& difference : report->differences)
                  noetl::log::warn("bus.stream_differs", {{"name", report->name}, {"difference", difference}});
               break;
            }
            noetl::log::warn("bus.stream_put_off", {{"reason", report.error().message}});
            std::unique_lock lock(mutex_);
            wake_.wait_for(lock, std::chrono::milliseconds{500}, [&] { return stop.stop_requested(); });
         }
      }
   }

   noetl::nats::stream_settings const stream_;
   std::mutex mutex_;
   std::condition_variable wake_;
   bool look_ = true;
   noetl::nats::connection connection_;
   noetl::nats::publisher publisher_;
   std::shared_ptr<void> token_;
   std::jthread keeper_;
};

} // namespace server
