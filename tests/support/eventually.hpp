// tests/support/eventually.hpp: waiting for what must come.
#pragma once

#include <chrono>
#include <thread>

namespace noetl::test {

/// Calls `done` until it is true. \return whether it became true in time
template <class F>
bool eventually(F done, std::chrono::milliseconds limit = std::chrono::seconds{20},
                std::chrono::milliseconds pause = std::chrono::milliseconds{20}) {
   auto const until = std::chrono::steady_clock::now() + limit;
   while (!done()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(pause);
   }
   return true;
}

} // namespace noetl::test
