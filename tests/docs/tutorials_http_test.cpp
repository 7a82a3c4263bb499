// tests/docs/tutorials_http_test.cpp: the programs of tutorials 1, 2 and 4. What stands between `snippet: NAME` and
// `end snippet` is what the pages show (scripts/snippets).

// snippet: hello-includes
#include <cstdint>
#include <cstdio>
#include <string>

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <noetl/http/server.hpp>
#include <noetl/reflect/config.hpp>
// end snippet

// snippet: reflect-includes
#include <optional>
#include <string>

#include <noetl/http/openapi.hpp>
#include <noetl/http/server.hpp>
#include <noetl/reflect/json.hpp>
#include <noetl/reflect/schema.hpp>
#include <noetl/reflect/sql.hpp>
// end snippet

// snippet: lifecycle-includes
#include <noetl/fsm/diagram.hpp>
#include <noetl/fsm/machine.hpp>
#include <noetl/fsm/msm.hpp> // in one source file of the program
#include <noetl/fsm/table.hpp>
// end snippet

#include <gtest/gtest.h>

#include "docs/session.hpp"

// ---- tutorial 1 ----
namespace hello {
// snippet: hello-handler
namespace http = noetl::http;

struct greeting {
   std::string text;
};

noetl::result<greeting> greet(http::path_text<"name"> name) {
   if (name.value.size() > 40) return noetl::fail(noetl::error_code::validation, "name: at most 40 bytes");
   return greeting{"Hello, " + name.value + "!"};
}
// end snippet

// clang-format off
// snippet: hello-routes
inline constexpr auto api = http::routes<http::services<>>(
   http::get<"/hello/{name}", greet>.summary("Says hello"));

static_assert(api.find(http::verb::get, "/hello/you"));
static_assert(api.find(http::verb::put, "/hello/you").allowed == http::only(http::verb::get));
// end snippet
// clang-format on

// snippet: hello-main
struct listening {
   std::uint16_t port = 8083; // HELLO_PORT
};
struct settings {
   listening hello;
};

int main() {
   auto const loaded = noetl::load_config<settings>(noetl::environment_from(environ));
   for (auto const& problem : loaded.problems) std::fprintf(stderr, "%s\n", problem.text().c_str());
   if (!loaded) return 2;

   boost::asio::io_context io{1};
   http::http_server server(io, api, http::services<>(), {.port = loaded.value.hello.port});
   if (auto started = server.start(); !started) {
      std::fprintf(stderr, "%s\n", started.error().message.c_str());
      return 1;
   }
   io.run();
   return 0;
}
// end snippet
} // namespace hello

TEST(tutorials, hello_route_answers_as_its_page_says) {
   docs::program running(hello::main, "HELLO_PORT");
   docs::expect_session("docs/tutorials/1-hello-route.md", 8083, running.port());
}

TEST(tutorials, hello_route_refuses_a_wrong_port_as_its_page_says) {
   EXPECT_EQ(docs::exit_code_of(hello::main, "HELLO_PORT", "http"), 2);
}

// ---- tutorial 2 ----
namespace reflected {
// snippet: reflect-struct
struct parcel {
   std::string destination;
   std::optional<std::string> carrier;
   double weight_kg = 1.0;

   using json_rules = noetl::rules<noetl::alias<"destination", "to">, // also read under this name
                                   noetl::defaulted<"weight_kg">,     // may be absent
                                   noetl::omit_empty<"carrier">>;     // not written when empty
};
// end snippet

// snippet: reflect-fields
static_assert(noetl::field_count<parcel> == 3);
static_assert(noetl::field_name<parcel, 0> == "destination");
// end snippet

TEST(tutorials, reflect_json_goes_both_ways) {
   // snippet: reflect-json
   auto const read = noetl::from_json<parcel>(R"({"to": "Bergen", "weight_kg": 2.5})");
   ASSERT_TRUE(read);
   EXPECT_EQ(noetl::to_json(*read), R"({"destination":"Bergen","weight_kg":2.5})");

   auto const wrong = noetl::from_json<parcel>(R"({"to": 7})");
   ASSERT_FALSE(wrong);
   EXPECT_EQ(wrong.error().message, "to: expected string, got number");
   // end snippet
}

TEST(tutorials, reflect_sql_and_schema_are_derived) {
   // snippet: reflect-sql
   struct row {
      std::int64_t parcel_id = 0;
      std::string destination;
      std::optional<std::string> carrier;
   };
   EXPECT_EQ(noetl::insert_statement<row>("app.parcel"),
             "INSERT INTO app.parcel (parcel_id, destination, carrier) VALUES ($1, $2, $3)");
   EXPECT_EQ((noetl::create_table<row, "parcel_id">("app.parcel")), "CREATE TABLE IF NOT EXISTS app.parcel (\n"
                                                                    "   parcel_id bigint NOT NULL,\n"
                                                                    "   destination text NOT NULL,\n"
                                                                    "   carrier text,\n"
                                                                    "   PRIMARY KEY (parcel_id)\n"
                                                                    ")");
   // end snippet
}

// clang-format off
// snippet: reflect-routes
namespace http = noetl::http;

noetl::result<parcel> weigh(http::body<parcel> wish) {
   if (wish->weight_kg > 30) return noetl::fail(noetl::error_code::validation, "weight_kg: at most 30");
   return *wish;
}

inline constexpr auto api = http::routes<http::services<>>(
   http::post<"/api/parcels/weigh", weigh>.summary("Checks a parcel"));
// end snippet
// clang-format on

// snippet: reflect-openapi
http::router routes(http::openapi_document const& document) {
   return http::router({{api, http::services<>()}, {http::openapi_routes, http::services(document)}});
}
// end snippet

int main() {
   std::setvbuf(stdout, nullptr, _IONBF, 0);
   boost::asio::io_context io{1};
   // snippet: reflect-main
   http::openapi_document const document(api, {.title = "parcels"});
   http::http_server server(io, routes(document), {.port = docs::port_from("PARCELS_PORT")});
   // end snippet
   if (!server.start()) return 1;
   io.run();
   return 0;
}

TEST(tutorials, reflect_a_struct_answers_as_its_page_says) {
   docs::program running(main, "PARCELS_PORT");
   docs::expect_session("docs/tutorials/2-reflect-a-struct.md", 8083, running.port());
}
} // namespace reflected

// ---- tutorial 4 ----
namespace parcel_words {
// clang-format off
// snippet: lifecycle-words
struct registered : noetl::fsm::state<"REGISTERED"> {};
struct on_the_way : noetl::fsm::state<"ON_THE_WAY"> {};
struct delivered  : noetl::fsm::state<"DELIVERED"> {};
struct returned   : noetl::fsm::state<"RETURNED"> {};

struct dispatch    : noetl::fsm::action<"dispatch", "parcel.dispatched"> {};
struct deliver     : noetl::fsm::action<"deliver", "parcel.delivered"> {};
struct send_back   : noetl::fsm::action<"send-back", "parcel.returned"> {};
// end snippet

// snippet: lifecycle-table
using noetl::fsm::any_of, noetl::fsm::row;

struct lifecycle : noetl::fsm::lifecycle<noetl::fsm::starts<registered, "parcel.registered">,
   //   from                             action      to
   row< any_of<registered, returned>,    dispatch,   on_the_way >,
   row< on_the_way,                      deliver,    delivered  >,
   row< any_of<on_the_way, delivered>,   send_back,  returned   >> {};

static_assert(lifecycle::find("ON_THE_WAY", "deliver")->to == "DELIVERED");
static_assert(lifecycle::find("REGISTERED", "deliver") == nullptr);
// end snippet
// clang-format on
} // namespace parcel_words

// snippet: lifecycle-machine
template class noetl::fsm::machine<parcel_words::lifecycle>;
// end snippet

TEST(tutorials, lifecycle_says_what_may_happen) {
   // snippet: lifecycle-ask
   using parcel_words::lifecycle;

   auto const moved = noetl::fsm::machine<lifecycle>::run("REGISTERED", "dispatch");
   EXPECT_EQ(moved.what, noetl::fsm::verdict::moved);
   EXPECT_EQ(moved.to, "ON_THE_WAY");
   EXPECT_EQ(moved.event_type, "parcel.dispatched");

   auto const refused = noetl::fsm::machine<lifecycle>::run("REGISTERED", "deliver");
   EXPECT_EQ(refused.what, noetl::fsm::verdict::refused);
   EXPECT_EQ(lifecycle::refusal("REGISTERED", "deliver"),
             "cannot deliver from REGISTERED; deliver is allowed from ON_THE_WAY");
   // end snippet
}

TEST(tutorials, lifecycle_table_and_machine_agree) {
   // snippet: lifecycle-matrix
   using parcel_words::lifecycle;
   for (auto const state : lifecycle::states)
      for (auto const& action : lifecycle::actions) {
         auto const* const arrow = lifecycle::find(state, action.name);
         auto const outcome = noetl::fsm::machine<lifecycle>::run(state, action.name);
         EXPECT_EQ(outcome.to, arrow ? arrow->to : "") << state << " " << action.name;
      }
   // end snippet
}

TEST(tutorials, lifecycle_draws_itself) {
   EXPECT_EQ(docs::block_of("docs/tutorials/4-life-cycle.md", "mermaid"),
             noetl::fsm::mermaid<parcel_words::lifecycle>());
}
