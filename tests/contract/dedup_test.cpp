// Starting an execution once per key: http-execution.md section 6.5.
#include <algorithm>
#include <set>
#include <utility>

#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct dedup : contract {
   std::string path, key;

   void SetUp() override {
      contract::SetUp();
      if (IsSkipped()) return;
      path = fresh("dedup/run");
      key = fresh("key");
      enroll(server(), linear(path));
   }
   [[nodiscard]] std::string body(std::string const& more = {}, std::string const& window = {}) const {
      return R"({"path":")" + path + R"(","dedup":{"key":")" + key + "\"" + window + "}" + more + "}";
   }
   reply start(std::string const& more = {}, std::string const& window = {}) {
      return server().post("/api/execute", body(more, window));
   }
};

} // namespace

TEST_F(dedup, the_same_key_again_answers_duplicate_with_the_first_execution) {
   auto const first = start();
   ASSERT_EQ(first.status, 200U) << first.body;
   EXPECT_EQ(first.at("status").get_string(), "started");
   auto const second = start();
   EXPECT_EQ(second.status, 200U);
   EXPECT_EQ(second.body, R"({"execution_id":")" + first.at("execution_id").get_string() +
                              R"(","status":"duplicate","commands_generated":0})");
   EXPECT_EQ(server().get("/api/executions?path=" + path).value.get_array().size(), 1U);
}

TEST_F(dedup, keys_are_separate_per_parent) {
   auto const parent = start_linear(server());
   EXPECT_EQ(start().at("status").get_string(), "started");
   EXPECT_EQ(start(R"(,"parent_execution_id":)" + parent).at("status").get_string(), "started");
   EXPECT_EQ(start(R"(,"parent_execution_id":)" + parent).at("status").get_string(), "duplicate");
   EXPECT_EQ(start().at("status").get_string(), "duplicate");
}

TEST_F(dedup, a_key_is_free_again_when_its_window_is_over) {
   EXPECT_EQ(start().at("status").get_string(), "started");
   EXPECT_EQ(start("", R"(,"window_secs":0)").at("status").get_string(), "started");
   EXPECT_EQ(start("", R"(,"window_secs":18446744073709551615)").at("status").get_string(), "duplicate");
}

TEST_F(dedup, a_short_window_frees_no_key_of_others) {
   EXPECT_EQ(start("", R"(,"window_secs":86400)").at("status").get_string(), "started");
   auto const held = std::exchange(key, fresh("key"));
   EXPECT_EQ(start("", R"(,"window_secs":0)").at("status").get_string(), "started");
   key = held;
   EXPECT_EQ(start("", R"(,"window_secs":86400)").at("status").get_string(), "duplicate");
}

TEST_F(dedup, W3_a_start_that_fails_gives_its_key_back) {
   auto const good = path;
   path = "no/such";
   EXPECT_TRUE(is_error(start(), 404, "Playbook not found: no/such"));
   path = good;
   EXPECT_TRUE(is_error(start(R"(,"execution_pool":"a.b")"), 422, "execution_pool"));
   EXPECT_EQ(start().at("status").get_string(), "started");
}

TEST_F(dedup, a_suppressed_start_is_noted_in_the_log_of_its_parent) {
   auto const parent = start_linear(server());
   auto const more = R"(,"parent_execution_id":)" + parent;
   auto const first = start(more).at("execution_id").get_string();
   ASSERT_EQ(start(more).at("status").get_string(), "duplicate");
   auto const where =
       " from noetl.event where event_type = 'subscription.message.deduplicated' and execution_id = " + parent;
   EXPECT_EQ(server().cell("select concat_ws(',', node_id, node_name, node_type, status)" + where),
             "subscription,ingress,subscription,DEDUPLICATED");
   auto const context = parse(server().cell("select context" + where));
   EXPECT_EQ(shape(context),
             "{dedup_key:string,duplicate_suppressed:boolean,original_execution_id:string,subscription_id:string,"
             "suppressed_execution_id:string}");
   EXPECT_EQ(context.at("dedup_key").get_string(), key);
   EXPECT_EQ(context.at("original_execution_id").get_string(), first);
   EXPECT_EQ(context.at("subscription_id").get_string(), parent);
}

TEST_F(dedup, of_many_starts_with_one_key_at_once_exactly_one_starts) {
   auto const answers = server().post_together("/api/execute", std::vector<std::string>(16, body()));
   std::set<std::string> ids;
   int started = 0;
   for (auto const& got : answers) {
      ASSERT_EQ(got.status, 200U) << got.body;
      ids.insert(got.at("execution_id").get_string());
      if (got.at("status").get_string() == "started") ++started;
   }
   EXPECT_EQ(started, 1);
   EXPECT_EQ(ids.size(), 1U);
}

TEST_F(dedup, a_misshapen_wish_answers_422_and_null_is_none) {
   auto const ask = [&](std::string const& wish) {
      return server().post("/api/execute", R"({"path":")" + path + R"(","dedup":)" + wish + "}");
   };
   EXPECT_TRUE(is_error(ask("{}"), 422, "dedup.key"));
   EXPECT_TRUE(is_error(ask(R"({"key":5})"), 422, "dedup.key"));
   EXPECT_TRUE(is_error(ask(R"({"key":"a","window_secs":-1})"), 422, "dedup.window_secs"));
   EXPECT_TRUE(is_error(ask(R"({"key":"a","window_secs":1.5})"), 422, "dedup.window_secs"));
   EXPECT_TRUE(is_error(ask("\"a\""), 422, "dedup"));
   EXPECT_EQ(ask("null").at("status").get_string(), "started");
}

TEST_F(dedup, W3_a_key_of_a_start_that_is_not_committed_answers_503_and_is_free_some_seconds_later) {
   auto const hold = [&](std::string const& age) {
      server().query(
          "insert into noetl.subscription_dedup (subscription_id, dedup_key, execution_id, seen_at) values (0, '" +
          key + "', 12345, now() - interval '" + age + "')");
   };
   hold("0 s");
   EXPECT_TRUE(is_error(start(), 503, "dedup"));
   server().query("delete from noetl.subscription_dedup where dedup_key = '" + key + "'");
   hold("4 min"); // a slow start may still succeed
   EXPECT_TRUE(is_error(start(), 503, "dedup"));
   server().query("delete from noetl.subscription_dedup where dedup_key = '" + key + "'");
   hold("6 min");
   EXPECT_EQ(start().at("status").get_string(), "started");
}
