// tests/nats/connected.hpp: a NATS server of the test's own and a connection to it.
#pragma once

#include <chrono>
#include <memory>

#include <gtest/gtest.h>

#include <noetl/nats/connection.hpp>

#include "nats_server.hpp"

namespace noetl::test {

struct connected_to_nats : testing::Test {
   nats_server server;
   std::unique_ptr<nats::connection> c;

   void SetUp() override {
      server.start();
      c = std::make_unique<nats::connection>(
          nats::connection_settings{.url = server.url(), .reconnect_wait = std::chrono::milliseconds(50)});
      ASSERT_TRUE(c->wait_connected(std::chrono::seconds(10)));
   }
};

} // namespace noetl::test
