// Keychain and key rotation: http-platform.md sections 10.6, 11, 12.5, 12.6.
#include <mutex>
#include <thread>

#include <boost/asio/io_context.hpp>

#include "contract/secrets.hpp"

#include <noetl/http/server.hpp>

using namespace noetl::test;
namespace http = noetl::http;

namespace {

struct keychain : secret_contract {
   static std::string entry() { return enroll(at(), linear(fresh("keychain/of"))); }
   static reply put(std::string const& catalog, std::string const& name, std::string const& body) {
      return at().post("/api/keychain/" + catalog + "/" + name, body);
   }
   static reply get(std::string const& catalog, std::string const& name, std::string const& query = {}) {
      return at().get("/api/keychain/" + catalog + "/" + name + query);
   }
};

/// Answers as HashiCorp Vault does, for one token.
struct vault_state {
   std::mutex mutex;
   std::map<std::string, std::string> secrets; ///< by path behind /v1/
   std::string asked;
};
noetl::result<http::response> answer_as_vault(vault_state& own, http::request const& received,
                                              http::path_text<"path"> path) {
   std::lock_guard const lock(own.mutex);
   own.asked += path.value + " ";
   if (received.header("x-vault-token") != "vault-token") return http::text_response("denied: leaked-by-vault", 403);
   auto const found = own.secrets.find(path.value);
   if (found == own.secrets.end()) return http::text_response("leaked-by-vault", 404);
   return http::text_response(R"({"data":{"data":)" + found->second + "}}", 200, "application/json");
}
inline constexpr auto vault_routes =
    http::routes<http::services<vault_state>>(http::get<"/v1/{path...}", answer_as_vault>);

class vault {
public:
   vault() : server_(io_, vault_routes, http::services(state), {.port = 0}) {
      server_.start().value();
      thread_ = std::jthread([this] { io_.run(); });
   }
   ~vault() { io_.stop(); }
   [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.port()); }
   void keep(std::string const& path, std::string const& data) {
      std::lock_guard const lock(state.mutex);
      state.secrets[path] = data;
   }
   std::string asked() {
      std::lock_guard const lock(state.mutex);
      return std::exchange(state.asked, {});
   }
   vault_state state;

private:
   boost::asio::io_context io_{1};
   http::http_server server_;
   std::jthread thread_;
};

std::string with_keychain(std::string const& path, std::string const& entries) {
   return linear(path) + "keychain:\n" + entries;
}

} // namespace

TEST_F(keychain, an_entry_is_found_until_it_ends_and_each_look_is_counted) {
   auto const catalog = entry();
   auto const made =
       put(catalog, "token", R"({"data":{"t":"s3cret"},"expires_in":600,"auto_renew":true,"renew_config":{"a":1}})");
   ASSERT_EQ(made.status, 200U) << made.body;
   EXPECT_EQ(shape(made.value), "{cache_key:string,expires_at:string,status:string}");
   EXPECT_EQ(made.at("status").get_string() + " " + made.at("cache_key").get_string(),
             "success token:" + catalog + ":global");
   auto const got = get(catalog, "token");
   EXPECT_EQ(shape(got.value), "{access_count:integer,auto_renew:boolean,data:object,expires_at:string,status:string}");
   EXPECT_EQ(got.at("status").get_string(), "found");
   EXPECT_EQ(text(got.at("data")), R"({"t":"s3cret"})");
   EXPECT_EQ(got.at("expires_at").get_string(), made.at("expires_at").get_string());
   EXPECT_EQ(number(got.at("access_count")) + number(get(catalog, "token").at("access_count")), "12");
   EXPECT_EQ(at().cell("select count(*) from noetl.keychain where data_encrypted like '%s3cret%'"), "0");
   put(catalog, "token", R"({"data":1,"expires_at":"2020-01-01T00:00:00Z"})");
   auto const expired = get(catalog, "token");
   EXPECT_EQ(shape(expired.value), "{access_count:integer,auto_renew:boolean,expires_at:string,status:string}");
   EXPECT_EQ(expired.at("status").get_string(), "expired");
   EXPECT_EQ(number(expired.at("access_count")), "2");
   EXPECT_EQ(get(catalog, "other").body, R"({"status":"not_found"})");
}

TEST_F(keychain, scopes_are_apart_and_D91_unknown_ones_are_refused) {
   auto const catalog = entry();
   std::vector<std::pair<std::string, std::string>> const scopes{
       {"", "n:" + catalog + ":global"},
       {"scope_type=global&execution_id=7", "n:" + catalog + ":global"},
       {"scope_type=local", "n:" + catalog + ":local"},
       {"scope_type=local&execution_id=7", "n:" + catalog + ":7"},
       {"scope_type=shared", "n:" + catalog + ":shared"},
       {"scope_type=shared&execution_id=7", "n:" + catalog + ":shared:7"}};
   for (auto const& [query, key] : scopes) {
      std::string more;
      if (auto const at = query.find("scope_type="); at != query.npos)
         more += R"(,"scope_type":")" + query.substr(at + 11, query.find('&') - at - 11) + "\"";
      if (query.find("execution_id") != query.npos) more += R"(,"execution_id":7)";
      EXPECT_EQ(put(catalog, "n", R"({"data":")" + key + "\"" + more + "}").at("cache_key").get_string(), key);
   }
   for (auto const& [query, key] : scopes)
      EXPECT_EQ(get(catalog, "n", "?" + query).at("data").get_string(), key) << query;
   auto const all = at().get("/api/keychain/catalog/" + catalog);
   EXPECT_EQ(all.at("catalog_id").get_string(), catalog);
   ASSERT_EQ(all.at("entries").get_array().size(), 5U);
   EXPECT_EQ(all.body.find("data"), std::string::npos);
   EXPECT_EQ(shape(all.at("entries.0")),
             "{access_count:integer,accessed_at:string,created_at:string,execution_id:string,"
             "expired:boolean,expires_at:string,keychain_name:string,scope_type:string}");
   EXPECT_EQ(del("/api/keychain/" + catalog + "/n?scope_type=local").body,
             R"({"status":"deleted","cache_key":"n:)" + catalog + R"(:local"})");
   EXPECT_EQ(del("/api/keychain/" + catalog + "/n?scope_type=local").body, R"({"status":"not_found"})");
   EXPECT_EQ(get(catalog, "n", "?scope_type=local").at("status").get_string(), "not_found");
   EXPECT_EQ(get(catalog, "n", "?scope_type=local&execution_id=7").at("status").get_string(), "found");
   for (auto const& refused :
        {get(catalog, "n", "?scope_type=galaxy"), del("/api/keychain/" + catalog + "/n?scope_type=galaxy"),
         put(catalog, "n", R"({"data":1,"scope_type":"galaxy"})")})
      EXPECT_TRUE(is_error(refused, 422, "scope_type: expected local, shared or global"));
}

TEST_F(keychain, D90_an_entry_without_an_end_gets_one_and_requests_are_checked) {
   auto const catalog = entry();
   auto const made = put(catalog, "n", R"({"data":null})");
   ASSERT_EQ(made.status, 200U) << made.body;
   EXPECT_TRUE(is_time(made.at("expires_at").get_string()));
   EXPECT_TRUE(get(catalog, "n").at("data").is_null());
   EXPECT_TRUE(is_error(put(catalog, "n", "{}"), 422, "data"));
   EXPECT_TRUE(is_error(put(catalog, "n", R"({"data":1,"expires_in":-1})"), 422, "expires_in"));
   EXPECT_TRUE(is_error(put(catalog, "n", R"({"data":1,"expires_at":"soon"})"), 422, "expires_at"));
   EXPECT_EQ(put("x", "n", "{}").status, 400U);
   EXPECT_EQ(get(catalog, "n", "?execution_id=x").status, 400U);
   EXPECT_TRUE(is_error(put("1", "n", R"({"data":1})"), 409, "refers to"));
}

TEST_F(keychain, D93_long_expired_entries_go_when_others_come) {
   auto const catalog = entry();
   put(catalog, "old", R"({"data":1,"expires_at":"2020-01-01T00:00:00Z"})");
   EXPECT_EQ(get(catalog, "old").at("status").get_string(), "expired");
   put(catalog, "new", R"({"data":1})");
   EXPECT_EQ(get(catalog, "old").at("status").get_string(), "not_found");
   EXPECT_EQ(get(catalog, "new").at("status").get_string(), "found");
}

TEST_F(keychain, an_alias_of_a_playbook_is_resolved_kept_and_recorded) {
   vault far;
   far.keep("secret/data/plain", R"({"value":"v-plain","other":1})");
   far.keep("apps/data/eu/db", R"({"user":"u1","password":"p1"})");
   site own(variables{{"NOETL_ENCRYPTION_KEY", master_key},
                      {"VAULT_ADDR", far.url()},
                      {"VAULT_TOKEN", "vault-token"},
                      {"NOETL_SERVER_REGION", "us-1"}});
   auto const path = fresh("keychain/resolved");
   enroll(own,
          with_keychain(
              path,
              "  - {name: plain, provider: vault}\n"
              "  - name: db\n    provider: vault\n    map:\n"
              "      user: \"apps/{{ workload.region }}/db#user\"\n      password: \"apps/{{ region }}/db#password\"\n"
              "  - {name: lost, provider: vault}\n"
              "  - {name: clouded, provider: aws}\n"
              "  - {name: idle, kind: oauth}\n"
              "  - {name: abroad, provider: vault, region: eu-1, residency: strict}\n"
              "  - {name: guest, provider: vault, region: eu-1, residency: strict, allowed_regions: [us-1]}\n"));
   auto const execution = execute(own, path, R"(,"payload":{"region":"eu"})");
   auto const ask = [&](std::string const& alias) {
      return own.get("/api/credentials/" + alias + "?include_data=true&execution_id=" + execution);
   };
   auto const plain = ask("plain");
   ASSERT_EQ(plain.status, 200U) << plain.body;
   EXPECT_EQ(shape(plain.value),
             "{created_at:string,data:string,description:string,id:string,name:string,type:string,updated_at:string}");
   EXPECT_EQ(plain.at("id").get_string() + plain.at("name").get_string() + plain.at("type").get_string() +
                 plain.at("data").get_string(),
             "0plainkeychainv-plain");
   EXPECT_EQ(far.asked(), "secret/data/plain ");
   EXPECT_EQ(ask("plain").at("data").get_string(), "v-plain");
   EXPECT_EQ(far.asked(), "") << "kept";
   EXPECT_EQ(text(ask("db").at("data")), R"({"password":"p1","user":"u1"})");
   EXPECT_EQ(far.asked(), "apps/data/eu/db apps/data/eu/db ");
   auto const lost = ask("lost");
   EXPECT_TRUE(is_error(lost, 502, "vault answered 404"));
   EXPECT_EQ((lost.body + own.log()).find("leaked-by-vault"), std::string::npos);
   EXPECT_TRUE(is_error(ask("clouded"), 500, "keychain provider 'aws' is not supported"));
   EXPECT_TRUE(is_error(ask("idle"), 404, "idle")) << "no provider";
   EXPECT_TRUE(is_error(ask("unknown"), 404, "unknown"));
   EXPECT_TRUE(is_error(ask("abroad"), 403, "must stay in region 'eu-1'"));
   EXPECT_TRUE(is_error(ask("guest"), 502, "vault answered 404")) << "may be asked for";
   EXPECT_TRUE(is_error(own.get("/api/credentials/plain?include_data=true&execution_id=12345"), 404, "12345"));
   EXPECT_EQ(own.get("/api/credentials/plain?include_data=true").status, 404U) << "no execution, no keychain";
   EXPECT_EQ(own.cell("select string_agg(outcome, ' ' order by audit_id) from noetl.secret_audit where operation = "
                      "'resolve_keychain'"),
             "ok ok ok provider_fetch_error other credential_not_found credential_not_found residency_violation "
             "provider_fetch_error credential_not_found");
   // Near its end a value is fetched again; when that fails, the kept one is still good.
   own.query("update noetl.keychain set expires_at = now() + interval '30 seconds' where keychain_name = 'plain'");
   far.keep("secret/data/plain", R"({"value":"v-second"})");
   EXPECT_EQ(ask("plain").at("data").get_string(), "v-second");
   own.query("update noetl.keychain set expires_at = now() + interval '30 seconds' where keychain_name = 'plain'");
   {
      std::lock_guard const lock(far.state.mutex);
      far.state.secrets.clear();
   }
   EXPECT_EQ(ask("plain").at("data").get_string(), "v-second");
   for (auto const* never : {"v-plain", "v-second", "vault-token"})
      EXPECT_EQ(own.log().find(never), std::string::npos) << never;
}

TEST_F(keychain, D85_D86_D89_secrets_move_to_a_new_master_key_while_both_are_known) {
   site own(variables{{"NOETL_ENCRYPTION_KEY", master_key}});
   auto const must = [](reply const& got) { EXPECT_EQ(got.status, 200U) << got.body; };
   auto const catalog = enroll(own, linear(fresh("rotated/of")));
   for (int i = 0; i < 5; ++i) {
      must(own.post("/api/credentials", R"({"name":"c)" + std::to_string(i) + R"(","type":"t","data":"secret )" +
                                            std::to_string(i) + "\"}"));
      must(own.post("/api/keychain/" + catalog + "/k" + std::to_string(i),
                    R"({"data":"kept )" + std::to_string(i) + "\"}"));
   }
   own.query("update noetl.credential set data_encrypted = 'damaged' where name = 'c4'");
   EXPECT_EQ(own.get("/api/internal/wallet/key-status").body,
             R"({"credential":{"invalid":1,"v1":4},"keychain":{"v1":5}})")
       << "D-88";
   auto const idle = own.post("/api/internal/wallet/rotate-kek", "{}");
   EXPECT_EQ(number(idle.at("credential.skipped")) + number(idle.at("credential.failed")) +
                 number(idle.at("keychain.skipped")),
             "415");

   auto const restart = [&](variables how) {
      EXPECT_EQ(own.stop_server(SIGTERM), 0);
      own.set(std::move(how));
      own.start_server();
   };
   restart({{"NOETL_ENCRYPTION_KEY", next_master_key},
            {"NOETL_ENCRYPTION_KEY_VERSION", "v2"},
            {"NOETL_ENCRYPTION_KEY_PREVIOUS", std::string("v1:") + master_key}});
   EXPECT_EQ(own.get("/api/credentials/c0?include_data=true").at("data").get_string(), "secret 0");
   must(own.post("/api/credentials", R"({"name":"c3","type":"t","data":"changed"})"));
   // In small steps, each from where the one before ended.
   auto const first = own.post("/api/internal/wallet/rotate-kek", R"({"batch_size":2,"max_batches":1})");
   ASSERT_EQ(first.status, 200U) << first.body;
   EXPECT_EQ(shape(first.value), "{credential:object,keychain:object}");
   EXPECT_EQ(number(first.at("credential.rewrapped")) + number(first.at("keychain.rewrapped")), "22");
   EXPECT_FALSE(first.at("keychain.done").get_boolean());
   auto const rest = own.post("/api/internal/wallet/rotate-kek",
                              R"({"credential_after":)" + number(first.at("credential.last_id")) +
                                  R"(,"keychain_after":")" + first.at("keychain.last_key").get_string() + "\"}");
   EXPECT_EQ(shape(rest.at("keychain")),
             "{done:boolean,failed:integer,last_id:integer,last_key:string,processed:integer,"
             "rewrapped:integer,skipped:integer}");
   EXPECT_EQ(number(rest.at("credential.rewrapped")) + number(rest.at("credential.skipped")) +
                 number(rest.at("credential.failed")) + number(rest.at("keychain.rewrapped")),
             "1113");
   EXPECT_EQ(own.get("/api/internal/wallet/key-status").body,
             R"({"credential":{"invalid":1,"v2":4},"keychain":{"v2":5}})");
   EXPECT_NE(own.get("/metrics").body.find("noetl_wallet_rotate_total{status=\"rewrapped\",table=\"keychain\"} 5"),
             std::string::npos);

   restart({{"NOETL_ENCRYPTION_KEY", next_master_key}, {"NOETL_ENCRYPTION_KEY_VERSION", "v2"}});
   for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(own.get("/api/credentials/c" + std::to_string(i) + "?include_data=true").at("data").get_string(),
                "secret " + std::to_string(i));
      EXPECT_EQ(own.get("/api/keychain/" + catalog + "/k" + std::to_string(i)).at("data").get_string(),
                "kept " + std::to_string(i));
   }
   EXPECT_EQ(own.get("/api/credentials/c3?include_data=true").at("data").get_string(), "changed");
   EXPECT_EQ(own.post("/api/internal/wallet/rotate-kek", "").status, 400U);
   EXPECT_EQ(own.post("/api/internal/wallet/rotate-kek", R"({"batch_size":"x"})").status, 422U);

   restart({{"NOETL_ENCRYPTION_KEY", master_key}});
   auto const shut = own.get("/api/credentials/c0?include_data=true");
   EXPECT_TRUE(is_error(shut, 500, "key version is not among"));
   EXPECT_EQ(own.log().find(master_key), std::string::npos);
}

TEST_F(keychain, a_secret_of_any_call_appears_neither_in_the_log_nor_in_metrics_nor_in_other_answers) {
   auto const catalog = entry();
   std::string const mark = "x9-unmistakable-secret";
   store(fresh("logged"), "{\"password\":\"" + mark + "\"}");
   put(catalog, "logged", R"({"data":")" + mark + R"("})");
   // Broken requests that hold it, for error texts quote what does not fit.
   for (auto const& body :
        {R"({"name":"n","type":"t","data":")" + mark, R"({"name":"n","data":{"p":")" + mark + R"("}})",
         R"({"name":"n","type":"t","data":")" + mark + R"("} trailing)",
         R"({"name":"n","type":"t","tags":5,"data":")" + mark + R"("})"}) {
      auto const got = at().post("/api/credentials", body);
      EXPECT_GE(got.status, 400U);
      EXPECT_EQ(got.body.find(mark), std::string::npos) << got.body;
   }
   for (auto const& got :
        {at().get("/api/credentials"), at().get("/api/keychain/catalog/" + catalog), at().get("/metrics"),
         at().get("/api/internal/secret-audit?limit=10000"), at().get("/api/openapi.json")})
      EXPECT_EQ(got.body.find(mark), std::string::npos);
   auto const log = at().log();
   EXPECT_NE(log.find("/api/credentials"), std::string::npos) << "the log is at debug level and names the routes";
   EXPECT_EQ(log.find(mark), std::string::npos);
   EXPECT_EQ(log.find(master_key), std::string::npos);
   EXPECT_EQ(log.find("hunter2"), std::string::npos) << "of another test";
}

TEST_F(keychain, start_up_refuses_keys_that_are_none_and_hides_them) {
   auto const got = run_server({"--check-config"}, {{"NOETL_ENCRYPTION_KEY", "not-a-key-but-secret"}});
   EXPECT_EQ(got.exit_code, 2);
   EXPECT_NE(got.output.find("NOETL_ENCRYPTION_KEY: expected padded base64 of exactly 32 bytes"), std::string::npos)
       << got.output;
   EXPECT_EQ(got.output.find("not-a-key-but-secret"), std::string::npos);
   EXPECT_EQ(run_server({"--check-config"}, {{"NOETL_KMS_PROVIDER", "gcp-kms"}}).exit_code, 2);
   auto const shown =
       run_server({"--print-config"}, {{"NOETL_ENCRYPTION_KEY", master_key}, {"VAULT_TOKEN", "hidden-token"}});
   EXPECT_EQ(shown.exit_code, 0);
   EXPECT_NE(shown.output.find("NOETL_ENCRYPTION_KEY=***"), std::string::npos);
   EXPECT_EQ(shown.output.find(master_key), std::string::npos);
   EXPECT_EQ(shown.output.find("hidden-token"), std::string::npos);
}
