// nats/connection.hpp: one connection to NATS that is looked after for ever.
// Knows core and the C client; publishers, consumers and stream calls borrow it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <noetl/core/result.hpp>
#include <noetl/nats/cnats.hpp>
#include <noetl/nats/detail/link.hpp>
#include <noetl/nats/state.hpp>
#include <noetl/nats/url.hpp>

namespace noetl::nats {

struct connection_settings {
   std::string url = "nats://127.0.0.1:4222"; ///< see url.hpp; user info is taken out and used as credentials
   std::string user{};                        ///< wins over the URL when not empty
   std::string password{};
   std::string name = "noetl"; ///< shown in the server's connection list
   std::chrono::milliseconds connect_timeout{2000};
   std::chrono::milliseconds reconnect_wait{250};  ///< pause between attempts
   std::chrono::milliseconds ping_interval{10000}; ///< a silent server is given up after three of these
   std::chrono::milliseconds write_deadline{5000}; ///< a server that stops reading is given up after this
   /// False: a lost connection is replaced by a new one instead of resumed. The C client keeps messages that are
   /// published while it reconnects and sends them before anything that is repeated: order would be lost.
   bool resume = true;
   bool send_at_once = true; ///< false lets the client collect writes for about 1 ms: fewer system calls, more delay
};

/// Figures for health answers and metrics.
struct connection_stats {
   connection_state state = connection_state::never_connected;
   std::uint64_t connects = 0;    ///< successful connects and reconnects
   std::uint64_t disconnects = 0; ///< connections lost
   std::string last_error{};      ///< of the last failed attempt or asynchronous error; holds no credentials
};

/// Connects in the background and for ever: the server may be absent at the start, restarted, or gone for minutes, and
/// refused credentials are tried again too (they may be rotated). The constructor never waits.
///
/// Thread-safe. Must outlive publishers and consumers that use it, and must not be destroyed from a listener.
class connection {
public:
   /// \throws std::invalid_argument when the URL cannot be understood (parse_url says it as a value)
   explicit connection(connection_settings settings);
   connection(connection const&) = delete;
   connection& operator=(connection const&) = delete;
   ~connection();

   /// Live state; never blocks.
   [[nodiscard]] connection_state state() const noexcept { return core_->state.load(); }

   /// Waits until connected, at most `limit`.
   /// \return whether it is connected now
   bool wait_connected(std::chrono::milliseconds limit) const;

   [[nodiscard]] connection_stats stats() const;

   /// Largest message the server takes, bytes; 0 while not connected.
   [[nodiscard]] std::size_t max_payload() const;

   /// Calls `listener` after each change of state, on a thread of this class or of the C client, as long as the
   /// returned token lives; dropping the token waits for a call in progress. The listener must return quickly.
   [[nodiscard]] std::shared_ptr<void> on_change(std::function<void(connection_state)> listener);

   /// For the other headers of this layer: the native connection in use, null before the first success.
   [[nodiscard]] std::shared_ptr<detail::link> current_link() const;

private:
   void keep_connected();
   [[nodiscard]] result<std::shared_ptr<detail::link>> open(std::uint64_t generation) const;

   connection_settings settings_;
   address address_;
   std::shared_ptr<detail::connection_core> core_ = std::make_shared<detail::connection_core>();
   std::thread keeper_;
};

inline connection::connection(connection_settings settings) : settings_(std::move(settings)) {
   auto parsed = parse_url(settings_.url);
   if (!parsed) throw std::invalid_argument(parsed.error().message);
   address_ = *std::move(parsed);
   if (!settings_.user.empty()) {
      address_.user = settings_.user;
      address_.password = settings_.password;
      address_.token.clear();
   }
   keeper_ = std::thread([this] { keep_connected(); });
}

inline connection::~connection() {
   {
      std::lock_guard lock(core_->mutex);
      core_->stopping = true;
      core_->changed.notify_all();
   }
   keeper_.join();
   core_->refresh();
   auto last = current_link();
   if (last) last->close(); // a message may still hold the link; nothing travels over it any more
   std::lock_guard lock(core_->mutex);
   core_->current.reset();
}

inline void connection::keep_connected() {
   for (std::uint64_t generation = 1;; ++generation) {
      auto opened = open(generation);
      std::unique_lock lock(core_->mutex);
      if (!opened) {
         core_->last_error = opened.error().message;
         core_->changed.wait_for(lock, settings_.reconnect_wait, [&] { return core_->stopping; });
         if (core_->stopping) return;
         continue;
      }
      auto link = *std::move(opened);
      auto previous = std::exchange(core_->current, link);
      lock.unlock();
      previous.reset(); // locks the same mutex
      core_->refresh();
      lock.lock();
      core_->changed.wait(lock, [&] { return core_->stopping || link->gone; });
      if (core_->stopping) return;
      core_->changed.wait_for(lock, settings_.reconnect_wait, [&] { return core_->stopping; });
      if (core_->stopping) return;
   }
}

inline result<std::shared_ptr<detail::link>> connection::open(std::uint64_t generation) const {
   natsOptions* raw = nullptr;
   if (auto const status = natsOptions_Create(&raw); status != NATS_OK) return detail::to_error(status, "options");
   detail::options_handle options(raw);
   auto made = std::make_shared<detail::link>();
   made->core = core_;
   made->generation = generation;

   std::vector<char const*> servers;
   for (auto const& server : address_.servers) servers.push_back(server.c_str());
   natsStatus status = natsOptions_SetServers(raw, servers.data(), static_cast<int>(servers.size()));
   auto const set = [&](natsStatus outcome) {
      if (status == NATS_OK) status = outcome;
   };
   if (!address_.user.empty()) set(natsOptions_SetUserInfo(raw, address_.user.c_str(), address_.password.c_str()));
   if (!address_.token.empty()) set(natsOptions_SetToken(raw, address_.token.c_str()));
   // parse_url takes no mixture, so the first speaks for all.
   if (address_.servers.front().starts_with("tls://")) set(natsOptions_SetSecure(raw, true));
   set(natsOptions_SetName(raw, settings_.name.c_str()));
   set(natsOptions_SetTimeout(raw, settings_.connect_timeout.count()));
   set(natsOptions_SetAllowReconnect(raw, settings_.resume));
   set(natsOptions_SetMaxReconnect(raw, std::numeric_limits<int>::max()));
   set(natsOptions_SetReconnectWait(raw, settings_.reconnect_wait.count()));
   set(natsOptions_SetReconnectJitter(raw, 50, 50));
   set(natsOptions_SetPingInterval(raw, settings_.ping_interval.count()));
   set(natsOptions_SetMaxPingsOut(raw, 2));
   set(natsOptions_SetWriteDeadline(raw, settings_.write_deadline.count()));
   set(natsOptions_SetSendAsap(raw, settings_.send_at_once));
   set(natsOptions_SetFailRequestsOnDisconnect(raw, true));
   set(natsOptions_SetDisconnectedCB(raw, detail::on_disconnected, made.get()));
   set(natsOptions_SetReconnectedCB(raw, detail::on_reconnected, made.get()));
   set(natsOptions_SetClosedCB(raw, detail::on_closed, made.get()));
   set(natsOptions_SetErrorHandler(raw, detail::on_error, made.get()));
   if (status != NATS_OK) return detail::to_error(status, "options");

   natsConnection* native = nullptr;
   status = natsConnection_Connect(&native, raw);
   made->native.reset(native);
   if (status != NATS_OK) return detail::to_error(status, "connect to " + address_.servers.front());
   return made;
}

inline bool connection::wait_connected(std::chrono::milliseconds limit) const {
   std::unique_lock lock(core_->mutex);
   return core_->changed.wait_for(lock, limit, [&] {
      return state() == connection_state::connected || core_->stopping;
   }) && state() == connection_state::connected;
}

inline connection_stats connection::stats() const {
   std::lock_guard lock(core_->mutex);
   return {core_->state.load(), core_->connects, core_->disconnects, core_->last_error};
}

inline std::size_t connection::max_payload() const {
   if (state() != connection_state::connected) return 0;
   auto const link = current_link();
   return link ? static_cast<std::size_t>(natsConnection_GetMaxPayload(link->native.get())) : 0;
}

inline std::shared_ptr<void> connection::on_change(std::function<void(connection_state)> call) {
   using listener = detail::connection_core::listener;
   struct token {
      std::shared_ptr<listener> registered;
      explicit token(std::shared_ptr<listener> made) : registered(std::move(made)) {}
      token(token const&) = delete;
      token& operator=(token const&) = delete;
      ~token() {
         std::lock_guard lock(registered->mutex);
         registered->call = nullptr;
      }
   };
   auto registered = std::make_shared<listener>();
   registered->call = std::move(call);
   std::lock_guard lock(core_->mutex);
   std::erase_if(core_->listeners, [](auto const& weak) { return weak.expired(); });
   core_->listeners.push_back(registered);
   return std::make_shared<token>(registered);
}

inline std::shared_ptr<detail::link> connection::current_link() const {
   std::lock_guard lock(core_->mutex);
   return core_->current;
}

} // namespace noetl::nats
