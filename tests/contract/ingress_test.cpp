// Push ingress: http-platform.md section 8.2; checklist item 117.
#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "contract/internal.hpp"
#include "contract/secrets.hpp"
#include "contract/subscribing.hpp"

#include <noetl/http/client.hpp>

using namespace noetl::test;

namespace {

struct ingress : contract {
   void SetUp() override {
      contract::SetUp();
      if (IsSkipped()) return;
      struct put_away : testing::Environment {
         void TearDown() override { holder().reset(); }
      };
      static auto* const registered = testing::AddGlobalTestEnvironment(new put_away);
      static_cast<void>(registered);
      if (!holder())
         holder() = std::make_unique<site>(
             variables{{"NOETL_INTERNAL_API_TOKEN", internal_token}, {"NOETL_ENCRYPTION_KEY", master_key}});
   }
   static std::unique_ptr<site>& holder() {
      static std::unique_ptr<site> one;
      return one;
   }
   static site& at() { return *holder(); }
   static std::vector<std::pair<std::string, std::string>> bearer() {
      return {{"Authorization", std::string("Bearer ") + internal_token}};
   }
   static reply look(std::string const& listener) {
      return at().send({"GET", "/api/internal/ingress/" + listener, {}, {}, bearer()});
   }
   static void keep(std::string const& name, std::string const& data) {
      auto const got =
          at().send({"POST", "/api/credentials", R"({"name":")" + name + R"(","type":"t","data":)" + data + "}",
                     "application/json", bearer()});
      if (got.status != 200) throw std::runtime_error(got.body);
   }
   static std::string document(std::string const& path, std::string const& spec) {
      return "apiVersion: noetl.io/v2\nkind: Subscription\nmetadata: {name: test, path: " + path + "}\nspec:\n" + spec;
   }
   static std::string spec(std::string const& listener, std::string const& verify, std::string const& dispatch) {
      return "  source: webhook\n  mode: push\n  ingress: {gateway_path: /hooks/" + listener + "/, verify: " + verify +
             "}\n" + dispatch;
   }
   /// Registers a push subscription. \return its catalog path
   static std::string push(std::string const& listener, std::string const& verify,
                           std::string const& dispatch = "  dispatch: {playbook: linear/run}\n") {
      auto path = fresh("push/of");
      enroll(at(), document(path, spec(listener, verify, dispatch)));
      return path;
   }
   /// A document that registration may refuse, as an older server stored it.
   static void stored(std::string const& listener, std::string const& verify,
                      std::string const& dispatch = "  dispatch: {playbook: linear/run}\n") {
      auto const path = push(fresh("spare"), oidc);
      at().query("update noetl.catalog set content = $doc$" + document(path, spec(listener, verify, dispatch)) +
                 "$doc$ where path = '" + path + "'");
   }
   static constexpr char const* oidc = "{type: pubsub_oidc, audience: a, service_account: s}";
   static std::string subscriptions_of(std::string const& path) {
      return at().cell(
          "select count(distinct execution_id) from noetl.event where event_type = 'subscription.registered' and "
          "node_name = '" +
          path + "'");
   }
};

} // namespace

TEST_F(ingress, two_looks_register_one_subscription_item_117) {
   keep("hook-secret", R"({"secret":"hmac-key"})");
   auto const path = push("orders", "{type: hmac_sha256, header: X-Signature, secret: hook-secret}",
                          "  dispatch: {playbook: a/b, payload_from: message.body, execution_pool: fast}\n"
                          "  headers: {directives: [{header: h, controls: c}]}\n");
   auto const got = look("orders");
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(shape(got.value),
             "{catalog_path:string,directives:object,dispatch:object,listener:string,source:string,state:string,"
             "subscription_id:string,verify:object}");
   EXPECT_EQ(got.at("listener").get_string() + " " + got.at("catalog_path").get_string() + " " +
                 got.at("source").get_string(),
             "orders " + path + " webhook");
   EXPECT_EQ(text(got.at("verify")), R"({"header":"x-signature","secret":"hmac-key","type":"hmac_sha256"})");
   EXPECT_EQ(text(got.at("dispatch")), R"({"execution_pool":"fast","payload_from":"message.body","playbook":"a/b"})");
   auto const id = got.at("subscription_id").get_string();
   EXPECT_EQ(look("orders").at("subscription_id").get_string(), id);
   EXPECT_EQ(subscribe(at(), path).at("subscription_id").get_string(), id) << "the path of a register call";
   EXPECT_EQ(subscriptions_of(path), "1");
   EXPECT_EQ(at().get("/api/subscriptions/" + id).at("state").get_string(), "REGISTERED");
}

TEST_F(ingress, many_looks_at_once_register_one_subscription) {
   auto const path = push("crowd", oidc);
   std::vector<std::thread> all;
   std::mutex mutex;
   std::set<std::string> ids;
   for (int i = 0; i < 8; ++i)
      all.emplace_back([&] {
         auto const answer = at().exchange(
             "GET /api/internal/ingress/crowd HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " +
             std::string(internal_token) + "\r\n\r\n");
         auto const from = answer.find("\"subscription_id\":\"");
         std::lock_guard const lock(mutex);
         ids.insert(from == answer.npos ? answer : answer.substr(from, 40));
      });
   for (auto& one : all) one.join();
   EXPECT_EQ(ids.size(), 1U) << *ids.begin();
   EXPECT_EQ(subscriptions_of(path), "1");
}

TEST_F(ingress, many_looks_among_more_documents_than_are_kept_all_find_theirs) {
   site own(variables{{"NOETL_INTERNAL_API_TOKEN", internal_token}, {"NOETL_ENCRYPTION_KEY", master_key}});
   auto const path = fresh("push/of");
   enroll(own, document(path, spec("needle", oidc, "  dispatch: {playbook: linear/run}\n")));
   own.query("insert into noetl.catalog (catalog_id, path, version, kind, content) select n, 'push/other' || n, 1, "
             "c.kind, '' from noetl.catalog c, generate_series(1, 10050) n where c.path = '" +
             path + "'");
   noetl::http::client_request look{.target = "/api/internal/ingress/needle"};
   look.headers.push_back({"Authorization", std::string("Bearer ") + internal_token});
   std::vector<std::thread> all;
   std::mutex mutex;
   std::map<unsigned, int> statuses;
   for (int i = 0; i < 4; ++i)
      all.emplace_back([&] {
         noetl::http::blocking_client client(*noetl::http::parse_base_url(own.url()), {});
         for (int n = 0; n < 5; ++n) {
            auto const got = client.send(look);
            std::lock_guard const lock(mutex);
            ++statuses[got ? got->status : 0];
         }
      });
   for (auto& one : all) one.join();
   EXPECT_EQ(statuses, (std::map<unsigned, int>{{200, 20}}));
}

TEST_F(ingress, D76_the_state_of_the_subscription_is_told) {
   push("paused", oidc);
   auto const first = look("paused");
   EXPECT_EQ(first.at("state").get_string(), "REGISTERED");
   EXPECT_EQ(text(first.at("verify")), R"({"audience":"a","service_account":"s","type":"pubsub_oidc"})");
   EXPECT_EQ(first.value.find("directives"), nullptr);
   EXPECT_EQ(text(first.at("dispatch")), R"({"payload_from":"message.json","playbook":"linear/run"})");
   auto const id = first.at("subscription_id").get_string();
   act(at(), id, "activate");
   act(at(), id, "pause");
   EXPECT_EQ(look("paused").at("state").get_string(), "PAUSED");
   act(at(), id, "deactivate");
   EXPECT_NE(look("paused").at("subscription_id").get_string(), id) << "a new one, as registering does";
}

TEST_F(ingress, D76_of_two_subscriptions_on_one_listener_the_smaller_path_has_it) {
   auto const one = push("shared", oidc), two = push("shared", oidc);
   EXPECT_EQ(look("shared").at("catalog_path").get_string(), std::min(one, two));
   EXPECT_NE(at().log().find("ingress.listener_taken"), std::string::npos);
}

TEST_F(ingress, the_newest_version_of_a_document_counts) {
   auto const path = push("versioned", oidc);
   EXPECT_EQ(look("versioned").at("dispatch.playbook").get_string(), "linear/run");
   enroll(at(), document(path, spec("versioned", oidc, "  dispatch: {playbook: newer}\n")));
   EXPECT_EQ(look("versioned").at("dispatch.playbook").get_string(), "newer");
   enroll(at(), document(path, "  source: nats\n  mode: pull\n  dispatch: {playbook: p}\n"));
   EXPECT_EQ(look("versioned").status, 404U);
}

TEST_F(ingress, what_is_missing_or_wrong_is_named) {
   EXPECT_TRUE(is_error(look("nobody"), 404, "nobody"));
   stored("typeless", "{header: x}");
   EXPECT_TRUE(is_error(look("typeless"), 422, "spec.ingress.verify.type: required"));
   stored("magic", "{type: magic}");
   EXPECT_TRUE(is_error(look("magic"), 422, "expected hmac_sha256, bearer or pubsub_oidc"));
   stored("nameless", "{type: bearer}");
   EXPECT_TRUE(is_error(look("nameless"), 422, "spec.ingress.verify.secret: required"));
   stored("aimless", oidc, "  dispatch: {batch_max: 2}\n");
   EXPECT_TRUE(is_error(look("aimless"), 422, "spec.dispatch.playbook: required"));
   push("keyless", "{type: bearer, secret: no-such-credential}");
   EXPECT_TRUE(is_error(look("keyless"), 404, "no-such-credential"));
   keep("odd-secret", R"({"user":"u"})");
   push("odd", "{type: bearer, secret: odd-secret}");
   EXPECT_TRUE(is_error(look("odd"), 422, "holds no text"));
   keep("plain-secret", R"("bare text")");
   push("plain", "{type: bearer, secret: plain-secret}");
   EXPECT_EQ(look("plain").at("verify.secret").get_string(), "bare text");
   EXPECT_EQ(at().log().find("bare text"), std::string::npos);
   EXPECT_EQ(at().cell("select count(*) from noetl.secret_audit where credential = 'plain-secret' and outcome = 'ok' "
                       "and notes = 'ingress'"),
             "1");
}

TEST_F(ingress, needs_the_internal_token) {
   EXPECT_EQ(at().get("/api/internal/ingress/orders").status, 403U);
   EXPECT_EQ(server().get("/api/internal/ingress/orders").status, 503U) << "a server without a token";
}
