// The routes of an aggregate, asked without sockets over the store in memory.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>

#include <noetl/core/snowflake.hpp>
#include <noetl/events/aggregate_metrics.hpp>
#include <noetl/events/aggregate_routes.hpp>
#include <noetl/events/memory_event_store.hpp>
#include <noetl/http/openapi.hpp>
#include <noetl/http/router.hpp>

#include "events/parcel.hpp"
#include "http/asking.hpp"

namespace noetl::test {
namespace {

using http::verb;
using view = aggregate_view<parcel>;
constexpr std::string_view json = "application/json";

constexpr auto table = http::routes<http::services<aggregates<parcel>>>(aggregate_routes<parcel, "/api/parcels">);
static_assert(table.find(verb::del, "/api/parcels/7").allowed == http::only(verb::get));
static_assert(table.find(verb::post, "/api/parcels/7/weigh").route->pattern() == "/api/parcels/{id}/weigh");

class aggregate_routes_test : public testing::Test {
protected:
   http::response post(std::string const& path, std::string body = {}, std::string_view key = {}) {
      auto wish = http_test::make_request(verb::post, path, body, body.empty() ? "" : json);
      if (!key.empty()) wish.headers.add("Idempotency-Key", key);
      return http_test::ask(routes, wish);
   }
   http::response get(std::string const& path) {
      return http_test::ask(routes, http_test::make_request(verb::get, path));
   }
   template <class T>
   static T read(http::response const& got) {
      EXPECT_LT(got.status, 300U) << got.body;
      auto value = from_json<T>(got.body);
      EXPECT_TRUE(value) << value.error().message << " in " << got.body;
      return value ? *value : T{};
   }
   std::string made() {
      auto const got = read<view>(post("/api/parcels", R"({"destination":"Oslo"})"));
      return "/api/parcels/" + std::to_string(got.id.value.value);
   }
   static std::string refusal(unsigned status, http::response const& got) {
      EXPECT_EQ(got.status, status) << got.body;
      struct refused {
         std::string error;
      };
      auto const said = from_json<refused>(got.body);
      return said ? said->error : got.body;
   }

   snowflake ids{4};
   memory_event_store store{ids};
   aggregates<parcel> parcels{store, ids};
   http::router routes{table, http::services<aggregates<parcel>>(parcels)};
};

TEST_F(aggregate_routes_test, a_creation_answers_201_with_the_place_of_the_new_one) {
   auto const got = post("/api/parcels", R"({"destination":"Oslo"})");
   auto const made = read<view>(got);
   EXPECT_EQ(got.status, 201U);
   ASSERT_EQ(got.headers.size(), 1U);
   EXPECT_EQ(got.headers[0].value, "/api/parcels/" + std::to_string(made.id.value.value));
   EXPECT_EQ(made.state, "REGISTERED");
   EXPECT_EQ(made.version, 1);
   EXPECT_EQ(made.data.destination, "Oslo");
   EXPECT_EQ(made.actions, (std::vector<std::string>{"weigh", "pack"}));
   EXPECT_EQ(read<view>(get(got.headers[0].value)).last_event, "parcel.registered");
}

TEST_F(aggregate_routes_test, bad_input_names_the_field_and_the_rule) {
   auto const one = made();
   EXPECT_EQ(refusal(422, post("/api/parcels", R"({"destination":7})")), "destination: expected string, got number");
   EXPECT_EQ(refusal(422, post("/api/parcels", "{}")), "destination: required field is missing");
   EXPECT_EQ(refusal(422, post("/api/parcels", R"({"destination":""})")), "destination: must not be empty");
   EXPECT_EQ(refusal(422, post(one + "/weigh", R"({"weight_kg":-1})")), "weight_kg: must be above 0 and at most 1000");
   EXPECT_EQ(refusal(422, post(one + "/weigh", R"({"weight_kg":"1"})")), "weight_kg: expected number, got string");
   EXPECT_EQ(refusal(400, post("/api/parcels/x/weigh", R"({"weight_kg":1})")),
             "path parameter 'id': expected an integer in range");
   EXPECT_EQ(refusal(415, post(one + "/weigh")), "expected content type application/json");
   EXPECT_EQ(refusal(422, post(one + "/pack")), "cannot pack what was not weighed");
   EXPECT_EQ(refusal(422, post(one + "/deliver")),
             "cannot deliver from REGISTERED; deliver is allowed from IN_TRANSIT");
   EXPECT_EQ(refusal(422, post(one + "/explode")),
             "Unknown action 'explode'; there are weigh, pack, dispatch, scan, deliver");
   EXPECT_EQ(refusal(400, post(one + "/weigh?version=x", R"({"weight_kg":1})")),
             "query parameter 'version': expected an integer in range");
   EXPECT_EQ(refusal(400, post(one + "/weigh", R"({"weight_kg":1})", "two words")),
             "Idempotency-Key: expected 1 to 255 visible ASCII characters");
   EXPECT_EQ(read<view>(get(one)).version, 1) << "nothing of all this was recorded";
}

TEST_F(aggregate_routes_test, an_action_answers_with_the_state_that_it_led_to) {
   auto const one = made();
   EXPECT_EQ(read<view>(post(one + "/weigh", R"({"weight_kg":1.5})")).data.weight_kg, 1.5);
   EXPECT_EQ(read<view>(post(one + "/pack")).state, "PACKED");
   EXPECT_EQ(refusal(409, post(one + "/dispatch?version=2", R"({"carrier":"posten"})")).substr(0, 7), "parcel ");
   auto const moving = read<view>(post(one + "/dispatch?version=3", R"({"carrier":"posten","label":{"a":[1]}})", "k"));
   EXPECT_EQ(moving.data.label.text, R"({"a":[1]})");
   read<view>(post(one + "/scan", R"({"place":"Voss"})"));
   auto const again = read<view>(post(one + "/dispatch", R"({"carrier":"posten","label":{"a":[1]}})", "k"));
   EXPECT_EQ(again.version, 4) << "a repeat is answered like the first time";
}

TEST_F(aggregate_routes_test, the_past_is_one_query_away) {
   auto const one = made();
   auto const weighed = read<view>(post(one + "/weigh", R"({"weight_kg":1})"));
   read<view>(post(one + "/weigh", R"({"weight_kg":2})"));
   auto const event = std::to_string(weighed.last_event_id.value.value);
   EXPECT_EQ(read<view>(get(one + "?event_id=" + event)).data.weight_kg, 1);
   EXPECT_EQ(read<view>(get(one + "?version=1")).data.weight_kg, 0);
   EXPECT_EQ(refusal(404, get(one + "?event_id=5")).substr(0, 7), "parcel ");
   EXPECT_EQ(refusal(400, get(one + "?event_id=5&version=1")), "give event_id or version, not both");
}

TEST_F(aggregate_routes_test, history_comes_in_pages_that_join_without_gaps) {
   auto const one = made();
   for (int i = 1; i < 6; ++i) read<view>(post(one + "/weigh", R"({"weight_kg":)" + std::to_string(i) + "}"));
   read<view>(post(one + "/pack"));
   std::vector<aggregate_step> all;
   std::string after = "0";
   for (;;) {
      auto const page = read<aggregate_history>(get(one + "/history?limit=3&after=" + after));
      all.insert(all.end(), page.history.begin(), page.history.end());
      if (!page.next) break;
      EXPECT_EQ(page.history.size(), 3U);
      after = std::to_string(*page.next);
   }
   ASSERT_EQ(all.size(), 7U);
   for (std::size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(all[i].version, static_cast<std::int64_t>(i + 1));
      EXPECT_EQ(all[i].from, i == 0 ? std::nullopt : std::optional<std::string>("REGISTERED"));
   }
   EXPECT_EQ(all[2].data.text, R"({"weight_kg":2.0})");
   EXPECT_EQ(all.back().state, "PACKED");
   EXPECT_TRUE(all.back().data.empty()) << all.back().data.text;
   EXPECT_EQ(refusal(400, get(one + "/history?limit=1001")), "query parameter 'limit': expected 1 to 1000");
}

TEST_F(aggregate_routes_test, lists_come_in_pages_that_miss_and_repeat_nobody) {
   std::vector<std::string> wanted;
   for (int i = 0; i < 7; ++i) wanted.push_back(made());
   std::vector<std::string> seen;
   std::string after = "0";
   for (;;) {
      auto const page = read<aggregate_list>(get("/api/parcels?state=REGISTERED&limit=3&after=" + after));
      for (auto const& one : page.items) seen.push_back("/api/parcels/" + std::to_string(one.id.value.value));
      if (!page.next) break;
      after = std::to_string(page.next->value.value);
   }
   EXPECT_EQ(seen, wanted);
   EXPECT_TRUE(read<aggregate_list>(get("/api/parcels?state=PACKED")).items.empty());
   EXPECT_EQ(refusal(400, get("/api/parcels?state=LOST")),
             "query parameter 'state': expected one of REGISTERED, PACKED, IN_TRANSIT, DELIVERED, got \"LOST\"");
}

TEST_F(aggregate_routes_test, the_life_cycle_is_shown_as_table_and_diagram) {
   auto const shown = read<fsm::lifecycle_view>(get("/api/parcels/transitions"));
   EXPECT_EQ(shown.created_by, "parcel.registered");
   EXPECT_EQ(shown.transitions.size(), parcel::lifecycle::arrows.size());
   EXPECT_EQ(shown.mermaid, fsm::mermaid<parcel::lifecycle>());
}

TEST_F(aggregate_routes_test, openapi_knows_the_body_of_each_action_and_the_data_of_each_answer) {
   auto const text = http::openapi_text(routes.entries());
   EXPECT_NE(text.find(R"("/api/parcels/{id}/weigh":{"post":{"operationId":"post_api_parcels_id_weigh")"), text.npos);
   EXPECT_NE(text.find(schema_of<parcel_words::weigh>()), text.npos);
   EXPECT_NE(text.find(schema_of<parcel::create>()), text.npos);
   EXPECT_NE(text.find(schema_of<view>()), text.npos);
   EXPECT_NE(text.find(R"("responses":{"201":)"), text.npos);
   EXPECT_NE(text.find(R"("tags":["parcel"])"), text.npos);
}

TEST_F(aggregate_routes_test, metrics_count_actions_by_outcome) {
   http::metrics all;
   report_aggregates(all, parcels);
   auto const one = made();
   post(one + "/pack");
   auto const text = all.text();
   EXPECT_NE(text.find(R"(noetl_aggregate_actions_total{aggregate="parcel",action="pack",outcome="refused"} 1)"),
             text.npos)
       << text;
}

} // namespace
} // namespace noetl::test
