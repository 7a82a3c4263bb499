// A server of aggregates with a route of its own, in memory and over real sockets. What it does on PostgreSQL and NATS,
// and at kill -9, is tests/docs/shipments.sh.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include <noetl/app/run_server.hpp>
#include <noetl/fsm/msm.hpp>
#include <noetl/http/client.hpp>

#include "events/parcel.hpp"
#include "support/free_port.hpp"

template class noetl::fsm::machine<noetl::test::parcel::lifecycle>;

namespace noetl::test {
namespace {

using namespace std::chrono_literals;

// snippet: own-route
struct demand {
   std::string destination;
};
struct enrolled {
   id_text<aggregate_id> parcel;
};

/// A route that uses an aggregate in process.
awaitable<result<enrolled>> enroll(aggregates<parcel>& parcels, http::body<demand> wish) {
   parcel::create what{wish->destination + "!"};
   auto made = co_await parcels.create(std::move(what));
   if (!made) co_return std::move(made).error();
   co_return enrolled{made->id};
}
inline constexpr auto desk_routes = http::under<"/desk">(http::post<"", enroll>.summary("Enroll a parcel"));

void counter_of_a_shop(app::aggregate_server& server) {
   auto& parcels = server.serve<parcel, "/api/parcels">();
   server.mount(http::mount<desk_routes>(parcels));
}
// end snippet

class running {
public:
   ~running() { server_.stop(); } // the future waits
   result<void> stop() {
      server_.stop();
      return ended_.get();
   }
   [[nodiscard]] std::uint16_t port() const { return port_; }
   /// Waits for the listener at first.
   http::client_response ask(http::client_request const& wish) {
      for (int tries = 0;; ++tries) {
         auto got = client_.send(wish);
         if (got || tries == 200) return got.value();
         std::this_thread::sleep_for(20ms);
      }
   }
   http::client_response get(std::string target) { return ask({.target = std::move(target)}); }
   http::client_response post(std::string target, std::string json) {
      return ask({.method = http::verb::post,
                  .target = std::move(target),
                  .body = std::move(json),
                  .content_type = "application/json"});
   }

private:
   std::uint16_t const port_ = static_cast<std::uint16_t>(free_port());
   http::blocking_client client_{{.port = port_}};
   app::aggregate_server server_{"shop", {.how = {.port = port_}}};
   std::future<result<void>> ended_ = std::async(std::launch::async, [this] {
      counter_of_a_shop(server_);
      return server_.run();
   });
};

TEST(aggregate_server, serves_aggregates_and_routes_of_the_program_that_use_them) {
   running shop;
   auto const made = shop.post("/desk", R"({"destination":"Oslo"})");
   ASSERT_EQ(made.status, 200U) << made.body;
   auto const id = from_json<enrolled>(made.body);
   ASSERT_TRUE(id) << made.body;
   auto const shown = shop.get("/api/parcels/" + std::to_string(id->parcel.value.value));
   EXPECT_NE(shown.body.find("Oslo!"), std::string::npos) << shown.body;
   EXPECT_NE(shop.get("/api/openapi.json").body.find("Enroll a parcel"), std::string::npos);
   EXPECT_NE(shop.get("/metrics").body.find("noetl_aggregate_actions_total"), std::string::npos);
   EXPECT_TRUE(shop.stop());
}

TEST(aggregate_server, in_memory_it_is_ready_without_database_and_bus) {
   running shop;
   EXPECT_EQ(shop.get("/livez").body, R"({"status":"ok"})");
   EXPECT_EQ(shop.get("/readyz").body, R"({"status":"ready","database":"memory","nats":"not_configured"})");
}

TEST(aggregate_server, a_port_in_use_is_an_error_that_says_so) {
   running first;
   EXPECT_EQ(first.get("/livez").status, 200U);
   app::aggregate_server second("shop", {.how = {.port = first.port()}});
   counter_of_a_shop(second);
   auto const ended = second.run();
   ASSERT_FALSE(ended);
   EXPECT_NE(ended.error().message.find(std::to_string(first.port())), std::string::npos) << ended.error().message;
}

TEST(aggregate_server, what_is_stopped_before_it_runs_ends_at_once) {
   app::aggregate_server server("shop", {.how = {.port = 0}});
   server.stop();
   EXPECT_TRUE(server.run());
}

std::string said_at_the_end_of(void (*setup)(app::aggregate_server&)) {
   testing::internal::CaptureStderr();
   char const* arguments[] = {"shop", "--memory"};
   EXPECT_EQ(app::run_server("shop", {}, 2, arguments, setup), 1);
   return testing::internal::GetCapturedStderr();
}

TEST(aggregate_server, a_route_that_is_mounted_twice_ends_the_program_with_a_sentence) {
   auto const said = said_at_the_end_of([](app::aggregate_server& server) {
      auto& parcels = server.serve<parcel, "/api/parcels">();
      server.mount(http::mount<desk_routes>(parcels));
      server.mount(http::mount<desk_routes>(parcels));
   });
   EXPECT_EQ(said, "shop: noetl: two of the mounted parts have a route with the same verb and pattern: POST /desk\n");
}

TEST(aggregate_server, one_aggregate_is_served_once) {
   auto const said = said_at_the_end_of([](app::aggregate_server& server) {
      server.serve<parcel, "/api/parcels">();
      server.serve<parcel, "/api/packets">();
   });
   EXPECT_EQ(said, "shop: noetl: two of the aggregates served are called parcel\n");
}

/// Writes its name when it ends.
class bell {
public:
   bell(std::string& ended, char const* name) : ended_(ended), name_(name) {}
   ~bell() { ended_ += name_; }

private:
   std::string& ended_;
   char const* name_;
};

TEST(aggregate_server, what_it_keeps_ends_in_the_opposite_order) {
   std::string ended;
   {
      app::aggregate_server server("shop", {});
      server.keep<bell>(ended, "first");
      server.keep<bell>(ended, "second ");
   }
   EXPECT_EQ(ended, "second first");
}

} // namespace
} // namespace noetl::test
