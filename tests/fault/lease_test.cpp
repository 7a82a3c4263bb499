// W8: a claim does not outlive its worker.
#include <gtest/gtest.h>

#include "support/deployment.hpp"

namespace noetl::test {
namespace {

constexpr char const* playbook = R"(apiVersion: noetl.io/v2
kind: Playbook
metadata: {name: leased, path: fault/leased}
workflow:
  - step: start
    tool: {kind: noop}
)";

deployment::variables const quick{{"NOETL_CLAIM_LEASE", "2"}, {"NOETL_REANNOUNCE_AFTER", "1"}};

std::int64_t count(deployment& site, std::string const& execution, std::string const& type) {
   auto const detail = site.get("/api/executions/" + execution);
   std::int64_t n = 0;
   for (auto const& e : detail.json.at("events").get_array()) n += e.at("event_type").get_string() == type ? 1 : 0;
   return n;
}

TEST(claim_lease, W8_a_command_of_a_killed_worker_is_offered_again_and_done_by_another) {
   if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   deployment site;
   site.start_server(quick);
   site.register_playbook(playbook);
   auto& first = site.start_worker("w-dies", {"--fault", "die-after-claim"});
   auto const execution = site.execute("fault/leased");
   ASSERT_EQ(first.wait_for(std::chrono::seconds{20}), 137) << first.output();
   EXPECT_EQ(count(site, execution, "command.claimed"), 1);

   site.start_worker("w-lives");
   EXPECT_EQ(site.outcome(execution), "COMPLETED") << site.server->output();
   EXPECT_EQ(count(site, execution, "command.claimed"), 2);
   EXPECT_EQ(count(site, execution, "command.lease_expired"), 1);
   EXPECT_EQ(count(site, execution, "command.issued"), 1);
}

TEST(claim_lease, W8_a_command_whose_workers_keep_vanishing_fails_after_three_attempts) {
   if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   deployment site;
   site.start_server(quick);
   site.register_playbook(playbook);
   auto const execution = site.execute("fault/leased");
   for (int attempt = 1; attempt <= 3; ++attempt) {
      auto& worker = site.start_worker("w-dies-" + std::to_string(attempt), {"--fault", "die-after-claim"});
      ASSERT_EQ(worker.wait_for(std::chrono::seconds{40}), 137) << "attempt " << attempt << ": " << worker.output();
   }
   EXPECT_EQ(site.outcome(execution), "FAILED") << site.server->output();
   EXPECT_EQ(count(site, execution, "command.claimed"), 3);
}

TEST(claim_lease, W8_a_long_running_command_of_a_living_worker_is_left_alone) {
   if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   deployment site;
   site.start_server(quick);
   site.register_playbook(playbook);
   site.start_worker("w-slow", {"--fault", "slow=12000"}, {{"WORKER_HEARTBEAT_INTERVAL", "1"}});
   auto const execution = site.execute("fault/leased");
   EXPECT_EQ(site.outcome(execution), "COMPLETED") << site.server->output();
   EXPECT_EQ(count(site, execution, "command.lease_expired"), 0);
   EXPECT_EQ(count(site, execution, "command.claimed"), 1);
}

} // namespace
} // namespace noetl::test
