// tests/fault/together.hpp: many clients that begin every round at the same moment.
#pragma once

#include <barrier>
#include <cstddef>
#include <thread>
#include <vector>

#include <noetl/http/client.hpp>

namespace noetl::test {

/// Threads with a kept connection each, released together for every round and done with it before the next; thread i
/// speaks to server i % servers. `round(client, thread, round)`.
template <class Round>
void together(std::vector<http::base_url> const& servers, std::size_t threads, std::size_t rounds, Round round) {
   std::barrier gate(static_cast<std::ptrdiff_t>(threads));
   std::vector<std::thread> all;
   for (std::size_t thread = 0; thread < threads; ++thread)
      all.emplace_back([&, thread] {
         http::blocking_client client(servers[thread % servers.size()], {});
         (void)client.get("/livez"); // the connection is there before the race
         for (std::size_t i = 0; i < rounds; ++i) {
            gate.arrive_and_wait();
            round(client, thread, i);
            gate.arrive_and_wait();
         }
      });
   for (auto& one : all) one.join();
}

} // namespace noetl::test
