// W8: a claim does not outlive its worker.
#include <gtest/gtest.h>

#include "support/deployment.hpp"

namespace noetl::test {
namespace {

constexpr char const* leased_playbook = R"(apiVersion: noetl.io/v2
kind: Playbook
metadata: {name: leased, path: fault/leased}
workflow:
  - step: start
    tool: {kind: noop}
)";

// Announcing again what nobody claims is off: a command that is taken back is announced by the lease itself. The
// workers die after they acknowledged the notification, so the bus does not deliver it again either.
deployment::variables const quick{{"NOETL_CLAIM_LEASE", "2"}, {"NOETL_REANNOUNCE_AFTER", "0"}};

std::int64_t count(deployment& site, std::string const& execution, std::string const& type) {
   auto const detail = site.get("/api/executions/" + execution);
   std::int64_t n = 0;
   for (auto const& e : detail.json.at("events").get_array()) n += e.at("event_type").get_string() == type ? 1 : 0;
   return n;
}

/// noetl_outbox_announced_again_total
std::int64_t announced_again(deployment& site) {
   constexpr std::string_view name = "\nnoetl_outbox_announced_again_total ";
   auto const text = site.get("/metrics").body;
   auto const at = text.find(name);
   return at == std::string::npos ? -1 : std::stoll(text.substr(at + name.size()));
}

TEST(claim_lease, W8_a_command_of_a_killed_worker_is_offered_again_and_done_by_another) {
   if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   deployment site;
   site.start_server(quick);
   site.register_playbook(leased_playbook);
   auto& first = site.start_worker("w-dies", {"--fault", "die-after-started"});
   auto const execution = site.execute("fault/leased");
   ASSERT_EQ(first.wait_for(std::chrono::seconds{20}), 137) << first.output();
   EXPECT_EQ(count(site, execution, "command.claimed"), 1);
   EXPECT_EQ(announced_again(site), 0);
   // A claim may be older than what the relay keeps of ended commands.
   pg::connection db(site.db.settings());
   ASSERT_TRUE(eventually([&] {
      return db.exec("update noetl.outbox set published_at = now() - interval '25 hours' where status = 'PUBLISHED'")
                 .affected() == 1;
   }));

   site.start_worker("w-lives");
   EXPECT_EQ(site.outcome(execution), "COMPLETED") << site.server->output();
   EXPECT_EQ(announced_again(site), 1);
   EXPECT_EQ(count(site, execution, "command.claimed"), 2);
   EXPECT_EQ(count(site, execution, "command.lease_expired"), 1);
   EXPECT_EQ(count(site, execution, "command.issued"), 1);
}

TEST(claim_lease, W8_a_command_whose_workers_keep_vanishing_fails_after_three_attempts) {
   if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   deployment site;
   site.start_server(quick);
   site.register_playbook(leased_playbook);
   auto const execution = site.execute("fault/leased");
   for (int attempt = 1; attempt <= 3; ++attempt) {
      auto& worker = site.start_worker("w-dies-" + std::to_string(attempt), {"--fault", "die-after-started"});
      ASSERT_EQ(worker.wait_for(std::chrono::seconds{40}), 137) << "attempt " << attempt << ": " << worker.output();
   }
   EXPECT_EQ(site.outcome(execution), "FAILED") << site.server->output();
   EXPECT_EQ(count(site, execution, "command.claimed"), 3);
}

TEST(claim_lease, W8_a_command_whose_notification_is_gone_is_told_again_too) {
   if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   deployment site;
   site.start_server(quick);
   site.register_playbook(leased_playbook);
   auto& first = site.start_worker("w-dies", {"--fault", "die-after-started"});
   auto const execution = site.execute("fault/leased");
   ASSERT_EQ(first.wait_for(std::chrono::seconds{20}), 137) << first.output();
   pg::connection db(site.db.settings());
   ASSERT_EQ(db.exec("delete from noetl.outbox").affected(), 1U);
   site.start_worker("w-lives");
   EXPECT_EQ(site.outcome(execution, std::chrono::seconds{60}), "COMPLETED") << site.server->output();
}

TEST(claim_lease, W8_a_long_running_command_of_a_living_worker_is_left_alone) {
   if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   deployment site;
   site.start_server(quick);
   site.register_playbook(leased_playbook);
   site.start_worker("w-slow", {"--fault", "slow=12000"}, {{"WORKER_HEARTBEAT_INTERVAL", "1"}});
   auto const execution = site.execute("fault/leased");
   EXPECT_EQ(site.outcome(execution), "COMPLETED") << site.server->output();
   EXPECT_EQ(count(site, execution, "command.lease_expired"), 0);
   EXPECT_EQ(count(site, execution, "command.claimed"), 1);
}

TEST(claim_lease, W8_a_worker_killed_and_back_under_its_name_leaves_its_claims_to_others) {
   if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   deployment site;
   site.start_server(quick);
   site.register_playbook(leased_playbook);
   deployment::variables const alive{{"WORKER_HEARTBEAT_INTERVAL", "1"}};
   auto& first = site.start_worker("w-again", {"--fault", "die-after-started"}, alive);
   auto const execution = site.execute("fault/leased");
   ASSERT_EQ(first.wait_for(std::chrono::seconds{20}), 137) << first.output();
   site.start_worker("w-again", {}, alive); // its heartbeats must not hold what it knows nothing of
   EXPECT_EQ(site.outcome(execution), "COMPLETED") << site.server->output();
   EXPECT_EQ(count(site, execution, "command.claimed"), 2);
   EXPECT_EQ(count(site, execution, "command.lease_expired"), 1);
}

TEST(claim_lease, W8_a_command_of_a_worker_that_lives_and_never_reports_is_offered_again_at_the_limit) {
   if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   deployment site;
   auto limited = quick;
   limited["NOETL_CLAIM_LIMIT"] = "3";
   site.start_server(limited);
   site.register_playbook(leased_playbook);
   site.start_worker("w-stuck", {"--fault", "slow=120000", "--max-concurrent", "1"},
                     {{"WORKER_HEARTBEAT_INTERVAL", "1"}});
   auto const execution = site.execute("fault/leased");
   ASSERT_TRUE(eventually([&] { return count(site, execution, "command.claimed") == 1; }));
   site.start_worker("w-well");
   EXPECT_EQ(site.outcome(execution), "COMPLETED") << site.server->output();
   EXPECT_EQ(count(site, execution, "command.claimed"), 2);
   EXPECT_EQ(count(site, execution, "command.lease_expired"), 1) << "the second claim is younger than the limit";
   auto const log = site.get("/api/executions/" + execution).body;
   EXPECT_NE(log.find("worker w-stuck has not reported within 3 s; attempts: 2"), std::string::npos) << log;
}

} // namespace
} // namespace noetl::test
