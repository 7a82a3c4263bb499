// Fault 8 (goals.md): publishers of outbox rows that die, report late, or meet a row that nobody can publish.
#include <gtest/gtest.h>

#include <string>

#include <tao/json/to_string.hpp>

#include "support/deployment.hpp"

namespace noetl::test {
namespace {

/// A publisher outside of the server, in the words of the outbox playbook.
class publisher {
public:
   explicit publisher(deployment& site) : site_(site) {}

   answer post(std::string const& route, std::string body) {
      return site_.send({.method = http::verb::post,
                         .target = "/api/internal/outbox/" + route,
                         .body = std::move(body),
                         .content_type = "application/json",
                         .headers = {{"authorization", "Bearer t"}}});
   }
   answer get(std::string const& route) {
      return site_.send({.target = "/api/internal/outbox/" + route, .headers = {{"authorization", "Bearer t"}}});
   }
   /// Claims until there is a row. \return the row
   tao::json::value claim() {
      tao::json::value row = tao::json::null;
      eventually([&] {
         auto const got = post("claim", "{}");
         if (got.status != 200 || got.json.at("rows").get_array().empty()) return false;
         row = got.json.at("rows").get_array().front();
         return true;
      });
      return row;
   }

private:
   deployment& site_;
};

std::string text(tao::json::value const& value) {
   return tao::json::to_string(value);
}

struct outbox_fault : testing::Test {
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   }
   static deployment::variables settings(bool bus) {
      deployment::variables out{
          {"NOETL_INTERNAL_API_TOKEN", "t"}, {"NOETL_OUTBOX_LEASE", "2"}, {"NOETL_OUTBOX_MAX_ATTEMPTS", "3"}};
      if (!bus) out["NOETL_NATS_URL"] = "";
      return out;
   }
   static void add_row(deployment& site) {
      pg::connection db(site.db.settings());
      db.script(
          "insert into noetl.outbox (event_id, subject, payload) values (77, 'noetl.commands.shared.77', '{\"n\":1}')");
   }
   static std::string status(deployment& site) {
      pg::connection db(site.db.settings());
      return db.exec("select status from noetl.outbox where event_id = 77")[0].get<std::string>(0);
   }
};

TEST_F(outbox_fault, fault_8_item_72_the_row_of_a_dead_claimer_is_offered_again_and_its_late_report_refused) {
   deployment site;
   site.start_server(settings(false));
   add_row(site);
   publisher first(site), second(site);
   auto const lost = first.claim();
   ASSERT_TRUE(lost.is_object());
   site.server->kill(); // with it goes everything that is not in the database
   site.start_server(settings(false));
   auto const row = second.claim();
   ASSERT_TRUE(row.is_object()) << site.server->output();
   EXPECT_EQ(text(row.at("outbox_id")), text(lost.at("outbox_id")));
   EXPECT_EQ(text(row.at("attempts")), "2");
   auto const id = text(row.at("outbox_id"));
   auto const late = first.post("mark-failed",
                                R"({"outbox_id":)" + id + R"(,"error":"late","epoch":)" + text(lost.at("epoch")) + "}");
   EXPECT_EQ(late.body, R"({"marked":false,"available_at_in":1})");
   auto const published = [&](tao::json::value const& of) {
      return R"({"outbox_ids":[)" + id + R"(],"epochs":[)" + text(of.at("epoch")) + "]}";
   };
   EXPECT_EQ(first.post("mark-published", published(lost)).body, R"({"marked":0})");
   EXPECT_EQ(status(site), "IN_FLIGHT");
   EXPECT_EQ(second.post("mark-published", published(row)).body, R"({"marked":1})");
   EXPECT_EQ(status(site), "PUBLISHED");
}

TEST_F(outbox_fault, fault_8_a_row_that_always_fails_is_parked_listed_and_can_be_replayed) {
   deployment site;
   site.start_server(settings(false));
   add_row(site);
   publisher one(site);
   std::string id;
   for (int attempt = 1; attempt <= 3; ++attempt) {
      auto const row = one.claim();
      ASSERT_TRUE(row.is_object()) << "attempt " << attempt;
      EXPECT_EQ(text(row.at("attempts")), std::to_string(attempt));
      id = text(row.at("outbox_id"));
      auto const got =
          one.post("mark-failed", R"({"outbox_id":)" + id + R"(,"error":"no such subject","max_delay_seconds":0})");
      EXPECT_EQ(got.body.find("parked") != std::string::npos, attempt == 3) << got.body;
   }
   EXPECT_EQ(one.get("pending-count").body, R"({"pending":0})");
   auto const list = one.get("parked");
   ASSERT_EQ(list.json.at("rows").get_array().size(), 1U) << list.body;
   EXPECT_EQ(list.json.at("rows").get_array()[0].at("last_error").get_string(), "no such subject");
   EXPECT_TRUE(
       eventually([&] { return site.get("/metrics").body.find("\nnoetl_outbox_parked ") != std::string::npos; }));
   EXPECT_EQ(one.post("parked/replay", R"({"outbox_ids":[)" + id + "]}").body, R"({"marked":1})");
   auto const again = one.claim();
   ASSERT_TRUE(again.is_object());
   EXPECT_EQ(text(again.at("attempts")), "4");
   EXPECT_EQ(one.post("mark-published", R"({"outbox_ids":[)" + id + "]}").body, R"({"marked":1})");
   EXPECT_EQ(one.get("parked").body, R"({"rows":[]})");
}

TEST_F(outbox_fault, fault_8_the_servers_own_relay_takes_over_from_a_claimer_that_died) {
   deployment site;
   site.start_server(settings(false));
   add_row(site);
   publisher dying(site);
   auto const row = dying.claim();
   ASSERT_TRUE(row.is_object());
   site.server->send(SIGTERM);
   site.server->wait();
   site.start_server(settings(true));
   EXPECT_TRUE(eventually([&] { return status(site) == "PUBLISHED"; })) << status(site) << site.server->output();
   EXPECT_EQ(dying.post("mark-failed", R"({"outbox_id":)" + text(row.at("outbox_id")) + R"(,"error":"late"})").body,
             R"({"marked":false,"available_at_in":1})");
   EXPECT_EQ(status(site), "PUBLISHED");
}

} // namespace
} // namespace noetl::test
