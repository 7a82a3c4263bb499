// examples/server/bus.hpp: the command bus: one NATS connection, its stream, its publisher.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
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

/// Keeps the stream of commands in existence (W16): it is looked after at each connect, since a restarted NATS may have
/// lost it, when a message finds no stream, and every 30 seconds. Thread-safe.
class command_bus {
public:
   explicit command_bus(noetl::control_plane::server_settings const& how)
       : stream_(stream_of(how)), connection_(settings_of(how)), publisher_(connection_),
         token_(connection_.on_change([this](noetl::nats::connection_state now) {
            if (now != noetl::nats::connection_state::connected) ready_ = false;
            changed();
         })),
         keeper_([this](std::stop_token stop) { keep_stream(stop); }) {}
   ~command_bus() {
      keeper_.request_stop();
      changed();
   }

   /// What the outbox relay publishes through.
   void publish(std::string_view subject, std::string_view payload, std::string_view message_id,
                noetl::nats::publisher::completion done) {
      auto watched = [this, done = std::move(done)](noetl::result<void> outcome) {
         if (!outcome && outcome.error().message == noetl::nats::no_stream_message && ready_.exchange(false)) changed();
         done(std::move(outcome));
      };
      publisher_.publish(subject, payload, message_id, std::move(watched));
   }

   /// Called on a thread of this class each time the bus becomes usable. Must be quick; give it before the first
   /// message.
   void on_usable(std::function<void()> listener) {
      std::lock_guard const lock(mutex_);
      usable_ = std::move(listener);
   }

   /// Connected means: with a stream to take messages.
   [[nodiscard]] noetl::control_plane::bus_state state() const {
      bool const connected = connection_.state() == noetl::nats::connection_state::connected && ready_.load();
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
   void report(noetl::nats::stream_report const& found) const {
      noetl::log::info("bus.stream", {{"name", found.name}, {"outcome", to_text(found.outcome)}});
      for (auto const& difference : found.differences)
         noetl::log::warn("bus.stream_differs", {{"name", found.name}, {"difference", difference}});
   }

   void keep_stream(std::stop_token stop) {
      while (!stop.stop_requested()) {
         {
            std::unique_lock lock(mutex_);
            wake_.wait_for(lock, look_again, [&] { return look_ || stop.stop_requested(); });
            look_ = false;
         }
         while (!stop.stop_requested() && connection_.state() == noetl::nats::connection_state::connected) {
            auto const found = noetl::nats::ensure_stream(connection_, stream_);
            if (found) {
               bool const again = ready_.exchange(true);
               if (again && found->outcome == noetl::nats::stream_outcome::found) break; // nothing new
               report(*found);
               std::function<void()> tell;
               {
                  std::lock_guard const lock(mutex_);
                  tell = usable_;
               }
               if (tell) tell();
               break;
            }
            ready_ = false;
            noetl::log::warn("bus.stream_put_off", {{"reason", found.error().message}});
            std::unique_lock lock(mutex_);
            wake_.wait_for(lock, std::chrono::milliseconds{500}, [&] { return stop.stop_requested(); });
         }
      }
   }

   static constexpr std::chrono::seconds look_again{30};

   noetl::nats::stream_settings const stream_;
   std::atomic<bool> ready_{false}; ///< the stream was there when last seen
   std::function<void()> usable_;
   std::mutex mutex_;
   std::condition_variable wake_;
   bool look_ = true;
   noetl::nats::connection connection_;
   noetl::nats::publisher publisher_;
   std::shared_ptr<void> token_;
   std::jthread keeper_;
};

} // namespace server
