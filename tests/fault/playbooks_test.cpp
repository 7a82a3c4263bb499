// The example playbooks, each run by a real server and the worker stub; what comes out is checked, not only that it
// ends. Issue 4, items 6 and 7; orchestration.md 1.5 to 1.13.
#include <atomic>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <noetl/http/server.hpp>

#include "support/deployment.hpp"

namespace noetl::test {
namespace {

using namespace std::chrono_literals;
using json = tao::json::value;

/// The shop of realistic/order_import.yaml: three pages of orders, now and then unwilling.
class shop {
public:
   shop();
   ~shop() {
      io_.stop();
      thread_.join();
   }
   shop(shop const&) = delete;
   shop& operator=(shop const&) = delete;

   [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.port()); }
   std::vector<std::string> imports() const {
      std::lock_guard const lock(mutex_);
      return imports_;
   }
   std::atomic<int> refusals{0}; ///< so many of the next requests for pages are refused

   http::response orders(http::request const& r) {
      if (refusals > 0) {
         --refusals;
         return http::text_response("not now", 503);
      }
      if (r.query.find("after=c2") != std::string::npos)
         return page(R"([{"id":6,"customer":"cy","amount":600}])", "null");
      if (r.query.find("after=c1") != std::string::npos)
         return page(R"([{"id":4,"customer":"ann","amount":40.5},{"id":5,"customer":"bob","amount":500}])", "\"c2\"");
      return page(R"([{"id":1,"customer":"ann","amount":10},{"id":2,"customer":"bob","amount":20.25},)"
                  R"({"id":3,"customer":"O'Neill","amount":30}])",
                  "\"c1\"");
   }
   http::response imported(http::request const& r) {
      std::lock_guard const lock(mutex_);
      imports_.push_back(std::string(r.header("x-import")) + " " + r.body);
      return {201, "{}", std::string(http::json_type), {}};
   }

private:
   static http::response page(std::string const& orders, std::string const& next) {
      return {200, R"({"orders":)" + orders + R"(,"next":)" + next + "}", std::string(http::json_type), {}};
   }
   static http::http_settings settings() {
      http::http_settings out;
      out.port = 0;
      return out;
   }
   boost::asio::io_context io_{1};
   mutable std::mutex mutex_;
   std::vector<std::string> imports_;
   http::http_server server_;
   std::thread thread_;
};

result<http::response> show_orders(shop& at, http::request const& r) {
   return at.orders(r);
}
result<http::response> take_import(shop& at, http::request const& r) {
   return at.imported(r);
}
constexpr auto shop_routes =
    http::routes<http::services<shop>>(http::get<"/orders", show_orders>, http::post<"/imports", take_import>);

shop::shop() : server_(io_, shop_routes, http::services(*this), settings()) {
   if (auto started = server_.start(); !started) throw std::runtime_error(started.error().message);
   thread_ = std::thread([this] { io_.run(); });
}

class playbooks : public testing::Test {
protected:
   static void SetUpTestSuite() {
      if (!has_postgres()) return;
      site = std::make_unique<deployment>();
      site->start_server();
      auto const how = site->db.settings();
      site->start_worker("w-examples", {"--max-concurrent", "8"},
                         {{"PGHOST", how.host},
                          {"PGPORT", std::to_string(how.port)},
                          {"PGUSER", how.user},
                          {"PGPASSWORD", how.password},
                          {"PGDATABASE", how.database}});
   }
   static void TearDownTestSuite() { site.reset(); }
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   }

   static std::string enroll(std::string const& file) {
      std::ifstream in(std::string(NOETL_SOURCE_DIR) + "/examples/server/playbooks/" + file + ".yaml");
      std::ostringstream text;
      text << in.rdbuf();
      if (text.str().empty()) throw std::runtime_error("no playbook " + file);
      site->register_playbook(text.str());
      return "examples/" + file;
   }
   /// Registers and runs to the end. \return the execution as the detail route tells it
   static json run(std::string const& file, json payload = tao::json::empty_object) {
      payload["server_url"] = site->url();
      auto const id = site->execute(enroll(file), tao::json::to_string(payload));
      site->outcome(id, 60s);
      return site->get("/api/executions/" + id).json;
   }
   static std::string status(json const& execution) { return execution.at("status").get_string(); }
   /// What the step left last, as JSON text; empty when nothing.
   static std::string left(json const& execution, std::string const& step = "end") {
      std::string out;
      for (auto const& e : execution.at("events").get_array())
         if (e.at("event_type").get_string() == "call.done" && e.at("node_name").get_string() == step)
            out = tao::json::to_string(e.at("result").at("context").at("result").at("context").at("data"));
      return out;
   }
   static int count(json const& execution, std::string const& type, std::string const& step) {
      int out = 0;
      for (auto const& e : execution.at("events").get_array()) {
         auto const& node = e.at("node_name");
         out += e.at("event_type").get_string() == type && node.is_string_type() && node.get_string() == step;
      }
      return out;
   }
   /// All events in order, `type/step`, for messages.
   static std::string story(json const& execution) {
      std::string out;
      for (auto const& e : execution.at("events").get_array())
         out += e.at("event_type").get_string() + "/" + tao::json::to_string(e.at("node_name")) + " " +
                tao::json::to_string(e.at("error")) + "\n";
      return out;
   }

   static inline std::unique_ptr<deployment> site;
};

/// A playbook that completes and leaves this at its end.
struct example {
   char const* file;
   char const* payload;
   char const* left;
};
std::ostream& operator<<(std::ostream& out, example const& one) {
   return out << one.file << " " << one.payload;
}

class examples : public playbooks, public testing::WithParamInterface<example> {};

TEST_P(examples, leave_what_they_say) {
   auto const& [file, payload, wanted] = GetParam();
   auto const execution = run(file, tao::json::from_string(payload));
   EXPECT_EQ(status(execution), "COMPLETED") << story(execution);
   EXPECT_EQ(left(execution), wanted) << story(execution);
}

INSTANTIATE_TEST_SUITE_P(
    all, examples,
    testing::Values(example{"routing/linear", "{}", R"({"twice":42})"},
                    example{"routing/linear", R"({"number":4})", R"({"twice":8})"},
                    example{"routing/exclusive", "{}", R"({"approved_by":"manager"})"},
                    example{"routing/exclusive", R"({"amount":5000})", R"({"approved_by":"director"})"},
                    example{"routing/exclusive", R"({"amount":1})", R"({"approved_by":"machine"})"},
                    example{"routing/inclusive_join", "{}", R"({"customs_asked":false,"in_stock":true,"limit":500})"},
                    example{"routing/guard", "{}", R"({"wrapped":false})"},
                    example{"routing/guard", R"({"gift":true})", R"({"wrapped":true})"},
                    example{"routing/cycle", "{}", R"({"rounds":3,"total":60})"},
                    example{"routing/polling", "{}", R"({"asked":3})"},
                    example{"pipelines/retry", "{}", R"({"text":"it took 3 attempts"})"},
                    example{"pipelines/jump_break", "{}",
                            R"({"found_on":2,"items":[6,7,8],"nothing_after_the_break":true})"},
                    example{"pipelines/single_tool_policy", "{}", R"({"tries":2})"},
                    example{"loops/parallel", "{}", R"({"squares":[1,4,9,16,25]})"},
                    example{"loops/sequential", "{}", R"({"texts":["1/3 ada","2/3 grace","3/3 barbara"]})"},
                    example{"loops/collections", "{}",
                            R"({"number":[0,1,2],"object":["apple=3","pear=4"],"text":["red","green","blue"]})"},
                    example{"loops/cursor", "{}", R"({"done":5,"total":5})"},
                    example{"data/variables", "{}", R"({"text":"Ada 12 2 large"})"},
                    example{"data/large_result", "{}", R"({"length":300000})"},
                    example{"data/shared_variables", "{}", R"({"set":1,"text":"hello","times":2})"},
                    example{"composition/workbook", "{}", R"({"first":2,"second":12})"},
                    example{"failure/error_routed", "{}", R"({"verdict":"not there"})"},
                    example{"failure/failed_pipeline", "{}", R"({"before":true,"task":"second"})"}),
    [](auto const& one) {
       std::string name;
       for (char const c : std::string(one.param.file)) name += c == '/' ? '_' : c;
       return name + "_" + std::to_string(one.index);
    });

TEST_F(playbooks, branches_that_are_not_taken_are_skipped_and_never_dispatched_C20_C22) {
   auto const exclusive = run("routing/exclusive");
   EXPECT_EQ(count(exclusive, "step.skipped", "by_director"), 1);
   EXPECT_EQ(count(exclusive, "command.issued", "by_director"), 0);
   auto const inclusive = run("routing/inclusive_join");
   EXPECT_EQ(count(inclusive, "step.skipped", "customs"), 1);
   EXPECT_EQ(count(inclusive, "command.issued", "end"), 1) << "the join runs once";
}

TEST_F(playbooks, retries_of_a_pipeline_make_one_command_and_no_events_of_their_own) {
   auto const execution = run("pipelines/retry");
   EXPECT_EQ(count(execution, "command.issued", "start"), 1);
   EXPECT_EQ(count(execution, "call.done", "start"), 1);
   EXPECT_EQ(count(execution, "call.error", "start"), 0);
}

TEST_F(playbooks, a_cursor_loop_claims_frame_after_frame_until_nothing_is_left_C45) {
   auto const execution = run("loops/cursor", {{"jobs", 5}});
   EXPECT_EQ(status(execution), "COMPLETED") << story(execution);
   // Frames of 2, 2, 1 rows and the empty one: 4 claims and 5 bodies.
   EXPECT_EQ(count(execution, "command.issued", "work"), 9) << story(execution);
   EXPECT_EQ(count(execution, "command.issued", "count"), 1);
}

TEST_F(playbooks, a_parent_waits_for_its_child_and_reads_what_it_left_C55) {
   enroll("composition/child");
   auto const execution = run("composition/parent");
   EXPECT_EQ(status(execution), "COMPLETED") << story(execution);
   EXPECT_EQ(left(execution), R"({"async":true,"first":"COMPLETED","sum":9})") << left(execution, "start");
   // The child says whose it is.
   auto const child = tao::json::from_string(left(execution, "not_waited_for")).at("execution_id").get_string();
   EXPECT_EQ(site->outcome(child), "COMPLETED");
   auto const detail = site->get("/api/executions/" + child).json;
   auto const& parent = detail.at("parent_execution_id");
   auto const& own = execution.at("execution_id");
   EXPECT_EQ(parent.is_string_type() ? parent.get_string() : tao::json::to_string(parent),
             own.is_string_type() ? own.get_string() : tao::json::to_string(own));
}

TEST_F(playbooks, a_step_that_raises_ends_the_run_FAILED_and_names_the_step_C49) {
   auto const execution = run("failure/failing_step");
   EXPECT_EQ(status(execution), "FAILED");
   EXPECT_EQ(count(execution, "call.error", "call"), 1);
   EXPECT_EQ(count(execution, "command.failed", "call"), 1);
   EXPECT_EQ(count(execution, "command.issued", "never"), 0);
   EXPECT_NE(story(execution).find("playbook.failed/\"playbook\" \"Failed steps: call\""), std::string::npos)
       << story(execution);
}

TEST_F(playbooks, a_subscription_is_registered_activated_and_drained) {
   auto const path = enroll("subscriptions/orders");
   auto const made = site->post("/api/subscriptions/register", R"({"path":")" + path + R"("})");
   ASSERT_EQ(made.status, 200U) << made.body;
   auto const at = "/api/subscriptions/" + made.json.at("subscription_id").get_string();
   for (auto const& [action, state] : {std::pair{"activate", "ACTIVE"},
                                       {"pause", "PAUSED"},
                                       {"resume", "ACTIVE"},
                                       {"drain", "DRAINING"},
                                       {"deactivate", "DEACTIVATED"}}) {
      auto const got = site->post(at + "/" + action, "{}");
      EXPECT_EQ(got.status, 200U) << action << got.body;
      EXPECT_EQ(got.json.at("state").get_string(), state);
   }
}

TEST_F(playbooks, an_import_pages_through_an_api_loads_in_parallel_adds_up_branches_and_notifies) {
   shop source;
   source.refusals = 2; // tried again by the policy
   auto const execution = run("realistic/order_import", {{"shop_url", source.url()}});
   EXPECT_EQ(status(execution), "COMPLETED") << story(execution);
   EXPECT_EQ(left(execution), R"({"customers":4,"gave_up":null,"notified":201,"orders":6,"total":1200.75})")
       << story(execution) << left(execution, "read_pages");
   EXPECT_EQ(count(execution, "command.issued", "load"), 3) << "one for each page";
   EXPECT_EQ(count(execution, "command.issued", "approve"), 1);
   auto const& id = execution.at("execution_id");
   auto const own = id.is_string_type() ? id.get_string() : tao::json::to_string(id);
   ASSERT_EQ(source.imports().size(), 1U);
   EXPECT_EQ(source.imports().front(), own + R"( {"approved":true,"orders":6,"total":1200.75})");
   pg::connection db(site->db.settings());
   auto const rows = db.exec("select string_agg(customer || ' ' || amount, ', ' order by id) from example_orders where "
                             "import = $1",
                             std::stoll(own));
   EXPECT_EQ(rows[0].get<std::string>(0), "ann 10, bob 20.25, O'Neill 30, ann 40.5, bob 500, cy 600");
}

TEST_F(playbooks, an_import_below_the_limit_needs_no_approval_and_one_whose_shop_is_down_gives_up) {
   shop source;
   auto const small = run("realistic/order_import", {{"shop_url", source.url()}, {"approval_above", 5000}});
   EXPECT_EQ(count(small, "command.issued", "approve"), 0) << story(small);
   EXPECT_EQ(count(small, "step.skipped", "approve"), 1);
   source.refusals = 1'000;
   auto const down = run("realistic/order_import", {{"shop_url", source.url()}});
   EXPECT_EQ(status(down), "COMPLETED") << story(down);
   EXPECT_EQ(count(down, "command.issued", "load"), 0);
   EXPECT_NE(left(down).find("the shop does not answer"), std::string::npos) << left(down);
   EXPECT_EQ(source.imports().size(), 1U);
}

} // namespace
} // namespace noetl::test
