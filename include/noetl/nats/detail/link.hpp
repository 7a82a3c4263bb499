// nats/detail/link.hpp: the native connection and what its callbacks may touch.
// Private to nats/connection.hpp and to those who hold subscriptions.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <noetl/nats/cnats.hpp>
#include <noetl/nats/state.hpp>

namespace noetl::nats::detail {

class connection_core;

/// One native connection. A new one replaces it when the C client gives up, which it does after repeated refusals of
/// the credentials; whoever holds subscriptions compares `generation`.
struct link {
   std::shared_ptr<connection_core> core;
   std::uint64_t generation = 0;
   connection_handle native;
   bool gone = false; ///< guarded by core->mutex; the C client has closed it and will not call back again

   link() = default;
   link(link const&) = delete;
   link& operator=(link const&) = delete;
   ~link() { close(); }

   /// Ends the connection and waits for its last callback. Must not run on a thread of the C client.
   void close();
};

/// State of a connection; outlives it while a callback may run.
class connection_core {
public:
   struct listener {
      std::recursive_mutex mutex; // recursive: a callback may drop its own registration
      std::function<void(connection_state)> call;
   };

   /// Derives the state anew from the native connection and tells listeners when it differs. `dropped`: the connection
   /// was lost since, even if it is up again by now.
   void refresh(bool dropped = false) {
      std::lock_guard telling(tell_mutex_);
      std::shared_ptr<link> now_current;
      {
         std::lock_guard lock(mutex);
         now_current = current;
      }
      // Outside the mutex: the C client may hold its own lock for as long as a write lasts.
      bool const live = now_current && natsConnection_Status(now_current->native.get()) == NATS_CONN_STATUS_CONNECTED;
      connection_state before{};
      connection_state now{};
      std::vector<std::shared_ptr<listener>> told;
      {
         std::lock_guard lock(mutex);
         before = state.load();
         now = stopping   ? connection_state::closed
               : live     ? connection_state::connected
               : connects ? connection_state::reconnecting
                          : connection_state::never_connected;
         dropped = dropped && !stopping; // our own closing is no loss
         if (dropped) ++disconnects;
         if (now == connection_state::connected && (dropped || before != now)) ++connects;
         state = now;
         for (auto const& weak : listeners)
            if (auto strong = weak.lock()) told.push_back(std::move(strong));
      }
      changed.notify_all();
      if (dropped && before == now && now == connection_state::connected) tell(told, connection_state::reconnecting);
      if (dropped || before != now) tell(told, now);
   }

   std::atomic<connection_state> state = connection_state::never_connected;

   std::mutex mutex; // guards what follows
   std::condition_variable changed;
   std::shared_ptr<link> current;
   std::vector<std::weak_ptr<listener>> listeners;
   std::uint64_t connects = 0;
   std::uint64_t disconnects = 0;
   std::string last_error;
   bool stopping = false;

private:
   static void tell(std::vector<std::shared_ptr<listener>> const& told, connection_state now) {
      for (auto const& one : told) {
         std::lock_guard lock(one->mutex);
         if (one->call) one->call(now);
      }
   }
   std::mutex tell_mutex_; // keeps the order in which listeners hear of changes
};

inline void link::close() {
   if (!native) return;
   natsConnection_Close(native.get());
   std::unique_lock lock(core->mutex);
   core->changed.wait(lock, [&] { return gone; });
}

inline void on_disconnected(natsConnection*, void* closure) {
   static_cast<link*>(closure)->core->refresh(true);
}
inline void on_reconnected(natsConnection*, void* closure) {
   static_cast<link*>(closure)->core->refresh();
}

inline void on_closed(natsConnection*, void* closure) {
   auto const core = static_cast<link*>(closure)->core; // the link may end as soon as `gone` is set
   std::lock_guard lock(core->mutex);
   static_cast<link*>(closure)->gone = true;
   core->changed.notify_all();
}

inline void on_error(natsConnection*, natsSubscription*, natsStatus status, void* closure) {
   auto& core = *static_cast<link*>(closure)->core;
   std::lock_guard lock(core.mutex);
   core.last_error = natsStatus_GetText(status);
}

} // namespace noetl::nats::detail
