// Configuration, start and stop of the server program: http-execution.md sections 20 (W17, W29) and 23.
#include <algorithm>
#include <csignal>

#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct configuring : testing::Test {};
struct starting_up : contract {
   void SetUp() override {
      if (std::getenv("NOETL_TEST_PG") == nullptr) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   }
};

std::size_t lines(std::string const& text) {
   return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

} // namespace

TEST_F(configuring, W29_every_malformed_variable_is_one_line_and_the_exit_code_is_2) {
   auto const got = run_server({}, {{"NOETL_PORT", "tcp://10.0.0.1:8082"},
                                    {"NOETL_DISABLE_METRICS", "1"},
                                    {"NOETL_SERVER_MACHINE_ID", "1024"},
                                    {"NOETL_NATS_ULR", "nats://user:hidden@x"},
                                    {"POSTGRES_MAX_CONNECTIONS", "many"},
                                    {"NOETL_SOMEBODY_ELSES_SETTING", "ignored"}});
   EXPECT_EQ(got.exit_code, 2) << got.output;
   EXPECT_EQ(lines(got.output), 5U) << got.output;
   for (auto const* part :
        {"NOETL_PORT: expected an integer 0..65535, got \"tcp://10.0.0.1:8082\"",
         "NOETL_DISABLE_METRICS: expected true or false", "NOETL_SERVER_MACHINE_ID: expected an integer 0..1023",
         "NOETL_NATS_ULR: unknown, did you mean NOETL_NATS_URL?",
         "POSTGRES_MAX_CONNECTIONS: expected an integer 1..1000, got \"many\""})
      EXPECT_NE(got.output.find(part), std::string::npos) << part << "\n" << got.output;
   EXPECT_EQ(got.output.find("hidden"), std::string::npos);
}

TEST_F(configuring, W29_what_no_single_variable_shows_is_refused_too) {
   struct sample {
      std::string name, value;
   };
   for (auto const& [name, value] : std::vector<sample>{{"NOETL_SHARD_COUNT", "0"},
                                                        {"NOETL_SHARD_INDEX", "1"},
                                                        {"NOETL_CORS_ORIGINS", "ui.example"},
                                                        {"NOETL_SHARDS", "host=a;nonsense=b"},
                                                        {"NOETL_CLUSTER_DSN", "port=x"},
                                                        {"NOETL_NATS_URL", "http://x"}}) {
      auto const got = run_server({"--check-config"}, {{name, value}});
      EXPECT_EQ(got.exit_code, 2) << name;
      EXPECT_EQ(lines(got.output), 1U) << got.output;
      EXPECT_TRUE(got.output.starts_with(name + ": ")) << got.output;
   }
}

TEST_F(configuring, check_config_is_quiet_when_all_is_well) {
   auto const got = run_server({"--check-config"}, {{"NOETL_PORT", "8099"}, {"POSTGRES_HOST", "db"}});
   EXPECT_EQ(got.exit_code, 0);
   EXPECT_EQ(got.output, "");
   EXPECT_EQ(run_server({"--check-config"}, {{"NOETL_PORT", "x"}}).exit_code, 2);
}

TEST_F(configuring, print_config_shows_every_variable_and_masks_secrets) {
   auto const got = run_server({"--print-config"}, {{"NOETL_PORT", "8099"},
                                                    {"NOETL_NATS_URL", "nats://user:hidden1@bus:4222"},
                                                    {"POSTGRES_PASSWORD", "hidden2"},
                                                    {"NOETL_CLUSTER_DSN", "host=c;user=u;password=hidden3"},
                                                    {"NOETL_INTERNAL_API_TOKEN", "hidden4"}});
   EXPECT_EQ(got.exit_code, 0);
   for (auto const* line : {"NOETL_PORT=8099\n", "POSTGRES_HOST=localhost\n", "POSTGRES_PORT=5432\n",
                            "POSTGRES_MAX_CONNECTIONS=10\n", "NOETL_PUBLIC_SERVER_URL=http://localhost:8082\n",
                            "NOETL_SHARD_COUNT=1\n", "NOETL_PG_STATEMENT_CACHE_CAPACITY=100\n"})
      EXPECT_NE(got.output.find(line), std::string::npos) << line << got.output;
   EXPECT_EQ(got.output.find("hidden"), std::string::npos) << got.output;
   for (auto const* name : {"NOETL_NATS_URL=", "POSTGRES_PASSWORD=", "NOETL_CLUSTER_DSN=", "NOETL_INTERNAL_API_TOKEN="})
      EXPECT_EQ(got.output.find(std::string(name) + "\n"), std::string::npos)
          << name << " is set and must not look empty";
}

TEST_F(configuring, the_version_is_printed_and_an_unknown_flag_refused) {
   EXPECT_EQ(run_server({"--version"}, {}).output, "3.15.4\n");
   EXPECT_NE(run_server({"--nonsense"}, {}).exit_code, 0);
}

TEST_F(starting_up, W17_a_bus_that_is_away_degrades_and_one_that_comes_is_used) {
   site own({}, false);
   own.stop_nats();
   own.start_server();
   auto ready = own.get("/readyz");
   EXPECT_EQ(ready.status, 200U) << "reports must get in";
   EXPECT_EQ(ready.at("status").get_string(), "degraded");
   auto health = own.get("/api/health");
   EXPECT_EQ(health.status, 200U);
   EXPECT_EQ(health.at("nats").get_string(), "disconnected");
   auto const execution = start_linear(own);
   EXPECT_EQ(own.cell("select status from noetl.outbox where execution_id = " + execution), "PENDING");
   own.start_nats();
   EXPECT_TRUE(soon([&] { return own.get("/readyz").at("status").get_string() == "ready"; }));
   EXPECT_EQ(own.get("/api/health").at("nats").get_string(), "connected");
   EXPECT_EQ(own.notifications(execution, 1, std::chrono::seconds{15}).size(), 1U) << "announced late, not lost";
   own.stop_nats();
   EXPECT_TRUE(soon([&] { return own.get("/api/health").at("nats").get_string() == "disconnected"; }));
}

TEST_F(starting_up, without_a_bus_commands_are_kept_and_metrics_can_be_hidden) {
   site own(variables{{"NOETL_NATS_URL", ""}, {"NOETL_DISABLE_METRICS", "true"}});
   EXPECT_EQ(own.get("/readyz").at("status").get_string(), "ready");
   EXPECT_EQ(own.get("/api/health").at("nats").get_string(), "not_configured");
   auto const execution = start_linear(own);
   work(own, execution, "start");
   work(own, execution, "end");
   EXPECT_EQ(ending(own, execution), "COMPLETED");
   EXPECT_EQ(own.cell("select count(*) from noetl.outbox where status = 'PENDING' and execution_id = " + execution),
             "2");
   EXPECT_EQ(own.get("/metrics").status, 404U);
   EXPECT_EQ(own.get("/api/openapi.json").at("paths").find("/metrics"), nullptr);
}

TEST_F(starting_up, a_stop_is_orderly_and_a_restart_knows_commands_claims_and_ends) {
   site own;
   auto const execution = start_linear(own);
   auto const id = issued(own, execution, "start");
   auto const first = claim(own, id);
   ASSERT_EQ(first.status, 200U);
   EXPECT_EQ(own.stop_server(SIGTERM), 0);
   own.start_server();
   EXPECT_EQ(own.get("/api/commands/" + id).status, 200U);
   EXPECT_EQ(text(claim(own, id).value), text(first.value)) << "read from the database, not remembered";
   EXPECT_TRUE(is_error(claim(own, id, "w-2"), 409, "w-1"));
   work(own, execution, "start");
   EXPECT_TRUE(is_error(claim(own, id), 409, "terminal"));
   EXPECT_EQ(own.stop_server(SIGTERM), 0);
   own.start_server();
   EXPECT_TRUE(is_error(claim(own, id), 409, "terminal"));
   work(own, execution, "end");
   EXPECT_EQ(ending(own, execution), "COMPLETED");
}

TEST_F(starting_up, a_port_in_use_ends_the_second_server_with_a_sentence) {
   auto const port = std::to_string(server().port());
   auto const got = run_server({}, {{"NOETL_HOST", "127.0.0.1"}, {"NOETL_PORT", port}});
   EXPECT_EQ(got.exit_code, 1);
   EXPECT_NE(got.output.find(port), std::string::npos) << got.output;
}

TEST_F(starting_up, without_a_database_the_server_lives_and_is_not_ready) {
   site own(variables{{"POSTGRES_PORT", "1"}}, false);
   own.start_server(false);
   ASSERT_TRUE(soon([&] { return own.get("/health").status == 200; }));
   EXPECT_EQ(own.get("/readyz").status, 503U);
   EXPECT_EQ(own.get("/readyz").at("status").get_string(), "not_ready");
   auto const got = own.get("/api/health");
   EXPECT_EQ(got.status, 503U);
   EXPECT_EQ(got.at("status").get_string(), "unhealthy");
   EXPECT_EQ(got.at("database").get_string(), "disconnected");
   EXPECT_TRUE(is_error(own.post("/api/events", R"({"execution_id":1,"step":"s","event_type":"x"})"), 503, ""));
}

TEST_F(starting_up, D02_pages_of_other_sites_can_be_kept_out) {
   site at(variables{{"NOETL_CORS_ORIGINS", "local"}});
   auto const from = [&](std::string const& page) {
      return at.send(
          {"POST", "/api/catalog/register", content_of(linear("cors/page")), "application/json", {{"Origin", page}}});
   };
   EXPECT_TRUE(is_error(from("https://evil.example"), 403, "Origin"));
   EXPECT_EQ(at.cell("select count(*) from noetl.catalog"), "0");
   auto const ours = from("http://localhost:3000");
   EXPECT_EQ(ours.status, 200U) << ours.body;
   EXPECT_EQ(ours.header("access-control-allow-origin"), "http://localhost:3000");
}
