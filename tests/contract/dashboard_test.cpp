// GET /api/dashboard/*: http-platform.md section 14 with real figures (D-96).
#include <chrono>
#include <memory>

#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct dashboard : contract {
   static std::string stats(site& at) { return at.get("/api/dashboard/stats").body; }
};

std::string expected(int total, int successful, int failed, int cancelled, int running, int playbooks, int workers) {
   auto const member = [](char const* name, int value) { return std::string(name) + std::to_string(value); };
   return R"({"status":"ok","stats":{)" + member(R"("total_executions":)", total) +
          member(R"(,"successful_executions":)", successful) + member(R"(,"failed_executions":)", failed) +
          member(R"(,"cancelled_executions":)", cancelled) + member(R"(,"running_executions":)", running) +
          member(R"(,"total_playbooks":)", playbooks) + member(R"(,"total_workers":)", workers) + "}}";
}

} // namespace

TEST_F(dashboard, D96_counts_executions_playbooks_and_workers) {
   EXPECT_EQ(stats(*std::make_unique<site>()), expected(0, 0, 0, 0, 0, 0, 0));
   site at;
   enroll(at, linear("board/one"));
   enroll(at, linear("board/one")); // a second version is no second playbook
   enroll(at, linear("board/two"));
   auto const done = execute(at, "board/one");
   work(at, done, "start");
   work(at, done, "end");
   ASSERT_TRUE(
       soon([&] { return at.get("/api/executions/" + done + "/status").body.find("COMPLETED") != std::string::npos; }));
   auto const cancelled = execute(at, "board/two");
   ASSERT_EQ(at.post("/api/executions/" + cancelled + "/cancel", "{}").status, 200U);
   auto const running = execute(at, "board/one");
   // Of an older server: no head; a failed one, and one that runs.
   at.query("insert into noetl.event (execution_id, catalog_id, event_id, event_type, created_at) values"
            " (11, 1, 1, 'playbook_started', now() at time zone 'utc' - interval '2 days'),"
            " (11, 1, 2, 'playbook.initialized', now() at time zone 'utc'),"
            " (11, 1, 3, 'playbook.failed', now() at time zone 'utc'),"
            " (12, 1, 1, 'playbook.started', now() at time zone 'utc' - interval '9 days')");
   at.post("/api/worker/pool/register", R"({"name":"w-ready","status":"ready"})");
   at.post("/api/worker/pool/register", R"({"name":"w-active"})");
   at.post("/api/worker/pool/register", R"({"name":"w-gone","status":"offline"})");
   EXPECT_EQ(stats(at), expected(5, 1, 1, 1, 2, 2, 2));
}

TEST_F(dashboard, D96_widgets_show_seven_days_and_the_ten_newest) {
   site at;
   enroll(at, linear("board/many"));
   std::string newest;
   for (int i = 0; i < 12; ++i) newest = execute(at, "board/many");
   at.query("insert into noetl.event (execution_id, catalog_id, event_id, event_type, created_at) values"
            " (11, 1, 1, 'playbook_started', (now() at time zone 'utc')::date - 6),"
            " (11, 1, 2, 'playbook.initialized', (now() at time zone 'utc')::date - 5),"
            " (12, 1, 1, 'playbook_started', (now() at time zone 'utc')::date - interval '6 days 1 second')");
   auto const got = at.get("/api/dashboard/widgets");
   ASSERT_EQ(got.status, 200U) << got.body;
   ASSERT_EQ(got.at("widgets").get_array().size(), 2U);

   EXPECT_EQ(text(got.at("widgets.0.config")), R"({"chart_type":"line","time_range":"7d"})");
   EXPECT_EQ(got.at("widgets.0.id").get_string() + "/" + got.at("widgets.0.type").get_string(),
             "execution-trend/chart");
   auto const& days = got.at("widgets.0.data").get_array();
   ASSERT_EQ(days.size(), 7U);
   for (int i = 0; i < 7; ++i)
      EXPECT_EQ(days[static_cast<std::size_t>(i)].at("date").get_string(),
                at.cell("select ((now() at time zone 'utc')::date - " + std::to_string(6 - i) + ")::text"));
   EXPECT_EQ(days[0].at("count").as<int>(), 1);
   EXPECT_EQ(days[1].at("count").as<int>(), 0) << "an execution counts on the day of its first start event";
   EXPECT_EQ(days[6].at("count").as<int>(), 12);

   EXPECT_EQ(text(got.at("widgets.1.config")), R"({"columns":["execution_id","path","status"]})");
   EXPECT_EQ(got.at("widgets.1.id").get_string() + "/" + got.at("widgets.1.type").get_string(),
             "recent-executions/table");
   auto const& rows = got.at("widgets.1.data").get_array();
   ASSERT_EQ(rows.size(), 10U);
   EXPECT_EQ(number(rows[0].at("execution_id")), newest);
   EXPECT_EQ(rows[0].at("path").get_string(), "board/many");
   EXPECT_EQ(rows[0].at("status").get_string(), "RUNNING");
}

TEST_F(dashboard, counting_goes_on_once_at_a_time_and_its_outcome_is_kept_for_ten_seconds) {
   site at;
   ASSERT_EQ(stats(at), expected(0, 0, 0, 0, 0, 0, 0));
   at.post("/api/worker/pool/register", R"({"name":"w-late"})");
   EXPECT_EQ(stats(at), expected(0, 0, 0, 0, 0, 0, 0));
   EXPECT_TRUE(soon([&] { return stats(at) == expected(0, 0, 0, 0, 0, 0, 1); }, std::chrono::seconds{20}));
}
