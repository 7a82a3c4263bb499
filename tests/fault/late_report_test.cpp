// W8: two workers by hand. The first is cut off from the server while it works, its lease ends, the second takes over;
// what the first says when it is back decides nothing.
#include <gtest/gtest.h>

#include "support/deployment.hpp"

namespace noetl::test {
namespace {

constexpr char const* playbook = R"(apiVersion: noetl.io/v2
kind: Playbook
metadata: {name: late, path: fault/late}
workflow:
  - step: start
    tool: {kind: noop}
    next: [{step: end}]
  - step: end
    tool: {kind: noop}
)";

class hand {
public:
   hand(deployment& site, std::string worker) : site_(site), worker_(std::move(worker)) {}

   answer claim(std::string const& event) {
      return site_.post("/api/commands/" + event + "/claim", R"({"worker_id":")" + worker_ + "\"}");
   }
   answer report(std::string const& command, std::string const& type, std::string const& more = {}) {
      auto const colon = command.find(':');
      auto const step = command.substr(colon + 1, command.find(':', colon + 1) - colon - 1);
      return site_.post("/api/events", R"({"execution_id":)" + command.substr(0, colon) + R"(,"step":")" + step +
                                           R"(","event_type":")" + type + R"(","worker_id":")" + worker_ +
                                           R"(","context":{"command_id":")" + command + "\"" + more + "}}");
   }
   unsigned beat() { return site_.post("/api/worker/pool/heartbeat", R"({"name":")" + worker_ + "\"}").status; }

private:
   deployment& site_;
   std::string worker_;
};

struct command {
   std::string event, id;
};

command issued(deployment& site, std::string const& execution, std::string const& step) {
   command found;
   eventually([&] {
      auto const detail = site.get("/api/executions/" + execution);
      for (auto const& e : detail.json.at("events").get_array())
         if (e.at("event_type").get_string() == "command.issued" && e.at("node_name").get_string() == step)
            found.event = std::to_string(e.at("event_id").as<std::int64_t>());
      return !found.event.empty();
   });
   found.id = execution + ":" + step + ":" + found.event;
   return found;
}

TEST(late_report, W8_of_a_worker_whose_command_another_one_has_taken_over_decides_nothing) {
   if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   deployment site;
   site.start_server({{"NOETL_CLAIM_LEASE", "2"}, {"NOETL_REANNOUNCE_AFTER", "0"}});
   site.register_playbook(playbook);
   auto const execution = site.execute("fault/late");
   auto const start = issued(site, execution, "start");
   hand first(site, "w-first"), second(site, "w-second");

   ASSERT_EQ(first.beat(), 200U);
   ASSERT_EQ(first.claim(start.event).status, 200U);
   ASSERT_EQ(first.report(start.id, "command.started").status, 200U);
   // The first is silent from here on; the second lives.
   ASSERT_TRUE(eventually(
       [&] {
          second.beat();
          return second.claim(start.event).status == 200;
       },
       std::chrono::seconds{60}, std::chrono::milliseconds{100}))
       << site.server->output();

   // Back again, with everything that it has done meanwhile.
   auto const result = [](std::string const& who) {
      return R"(,"result":{"status":"success","context":{"data":{"by":")" + who + "\"}}}";
   };
   EXPECT_EQ(first.report(start.id, "call.done", result("first")).status, 409U);
   EXPECT_EQ(first.report(start.id, "command.completed").status, 409U);
   EXPECT_EQ(first.report(start.id, "command.failed").status, 409U);
   EXPECT_EQ(site.get("/api/executions/" + execution + "/status").json.at("status").get_string(), "RUNNING");

   second.beat();
   ASSERT_EQ(second.report(start.id, "call.done", result("second")).status, 200U);
   ASSERT_EQ(second.report(start.id, "command.completed").status, 200U);
   EXPECT_EQ(first.report(start.id, "call.done", result("first")).status, 409U);

   auto const end = issued(site, execution, "end");
   auto const given = second.claim(end.event);
   ASSERT_EQ(given.status, 200U) << given.body;
   EXPECT_EQ(given.json.at("context").at("render_context").at("start").at("by").get_string(), "second");
   ASSERT_EQ(second.report(end.id, "command.completed").status, 200U);
   EXPECT_EQ(site.outcome(execution), "COMPLETED");

   pg::connection db(site.db.settings());
   auto const rows = db.exec("select count(*) filter (where event_type = 'call.done'),"
                             " count(*) filter (where event_type = 'command.lease_expired'),"
                             " count(*) filter (where event_type = 'command.failed') from noetl.event where"
                             " execution_id = $1 and node_name = 'start'",
                             std::stoll(execution));
   EXPECT_EQ(rows[0].get<std::int64_t>(0), 1);
   EXPECT_GE(rows[0].get<std::int64_t>(1), 1);
   EXPECT_EQ(rows[0].get<std::int64_t>(2), 0);
}

} // namespace
} // namespace noetl::test
