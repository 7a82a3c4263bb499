// Credentials: http-platform.md sections 10.1 to 10.4, 12.1, 12.2, 12.7; worker-protocol.md section 7.
#include <csignal>

#include "contract/internal.hpp"
#include "contract/secrets.hpp"

#include <noetl/control_plane/sealed_credential.hpp>
#include <noetl/core/crypto.hpp>

using namespace noetl::test;
namespace cp = noetl::control_plane;
namespace crypto = noetl::crypto;

namespace {

struct credentials : secret_contract {};

/// A worker that opens what is sealed for it.
struct recipient {
   std::string name = fresh("worker");
   std::string key = crypto::random_bytes(32);

   void enroll(site& at) const {
      auto const got =
          at.post("/api/worker/pool/register",
                  R"({"name":")" + name + R"(","component_type":"worker_pool","runtime":{"worker_public_key":")" +
                      noetl::encode_base64(crypto::x25519_public_key(key)) + "\"}}");
      if (got.status != 200) throw std::runtime_error(got.body);
   }
   [[nodiscard]] json_value open(reply const& got) const {
      cp::sealed_envelope const envelope{got.at("alg").get_string(), got.at("v").as<int>(),
                                         got.at("eph_pub").get_string(), got.at("ciphertext").get_string()};
      return parse(cp::open_sealed(key, envelope).value());
   }
};

} // namespace

TEST_F(credentials, are_stored_sealed_and_come_back_when_asked_for) {
   auto const name = fresh("pg");
   auto const made = store(name, R"({"db_password":"hunter2","port":5432})",
                           R"(,"meta":{"owner":"a"},"tags":["x","y \"z\""],"description":"main")");
   ASSERT_EQ(made.status, 200U) << made.body;
   EXPECT_EQ(shape(made.value), "{created_at:string,description:string,id:string,meta:object,name:string,tags:array,"
                                "type:string,updated_at:string}");
   EXPECT_TRUE(is_time(made.at("created_at").get_string()));
   auto const got = read(name);
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(text(got.at("data")), R"({"db_password":"hunter2","port":5432})");
   EXPECT_EQ(text(got.at("tags")), R"(["x","y \"z\""])");
   EXPECT_EQ(got.at("id").get_string(), made.at("id").get_string());
   EXPECT_EQ(stored(name).find("hunter2"), std::string::npos);
   EXPECT_TRUE(stored(name).starts_with(R"({"v":2,"alg":"AES-256-GCM","ct":")"));
   EXPECT_EQ(at().get("/api/credentials/" + name).value.find("data"), nullptr) << "not unless asked for";
   EXPECT_EQ(at().get("/api/credentials/" + made.at("id").get_string() + "?include_data=true").at("name").get_string(),
             name);
}

TEST_F(credentials, what_is_absent_is_left_out_never_null) {
   auto const name = fresh("bare");
   EXPECT_EQ(shape(store(name, "null").value),
             "{created_at:string,id:string,name:string,type:string,updated_at:string}");
   auto const got = read(name);
   EXPECT_EQ(shape(got.value), "{created_at:string,data:null,id:string,name:string,type:string,updated_at:string}");
   for (auto const* data : {"\"text\"", "5", "[1,2]", "true", "{}"}) {
      ASSERT_EQ(store(name, data).status, 200U);
      EXPECT_EQ(text(read(name).at("data")), data);
   }
}

TEST_F(credentials, a_second_one_of_a_name_replaces_all_but_id_and_creation) {
   auto const name = fresh("twice");
   auto const first = store(name, "1", R"(,"tags":["a"],"meta":{},"description":"d")");
   auto const second = store(name, "2");
   ASSERT_EQ(second.status, 200U);
   EXPECT_EQ(second.at("id").get_string(), first.at("id").get_string());
   EXPECT_EQ(second.at("created_at").get_string(), first.at("created_at").get_string());
   EXPECT_EQ(shape(second.value), "{created_at:string,id:string,name:string,type:string,updated_at:string}");
   EXPECT_EQ(text(read(name).at("data")), "2");
}

TEST_F(credentials, D94_many_at_once_under_one_name_all_succeed_and_one_of_them_stays_whole) {
   auto const name = fresh("race");
   std::vector<std::string> bodies;
   for (int i = 0; i < 16; ++i)
      bodies.push_back(R"({"name":")" + name + R"(","type":"t)" + std::to_string(i) + R"(","data":"secret )" +
                       std::to_string(i) + "\"}");
   for (auto const& got : at().post_together("/api/credentials", bodies)) EXPECT_EQ(got.status, 200U) << got.body;
   auto const got = read(name);
   EXPECT_EQ(got.at("data").get_string().substr(7), got.at("type").get_string().substr(1));
   EXPECT_EQ(at().cell("select count(*) from noetl.credential where name = '" + name + "'"), "1");
}

TEST_F(credentials, requests_that_do_not_fit_say_why) {
   auto const ask = [](std::string const& body) { return at().post("/api/credentials", body); };
   EXPECT_TRUE(is_error(ask("{"), 400, "malformed JSON"));
   EXPECT_TRUE(is_error(ask(R"({"type":"t","data":1})"), 422, "name"));
   EXPECT_TRUE(is_error(ask(R"({"name":"n","data":1})"), 422, "type"));
   EXPECT_TRUE(is_error(ask(R"({"name":"n","type":"t"})"), 422, "data"));
   EXPECT_TRUE(is_error(ask(R"({"name":"","type":"t","data":1})"), 422, "name: must not be empty"));
   EXPECT_TRUE(is_error(ask(R"({"name":"n","type":"","data":1})"), 422, "type: must not be empty"));
   EXPECT_TRUE(is_error(ask(R"({"name":"n","type":"t","data":1,"tags":"x"})"), 422, "tags"));
   EXPECT_EQ(at().send({"POST", "/api/credentials", "{}", "text/plain"}).status, 415U);
   EXPECT_EQ(at().get("/api/credentials/x?include_data=yes").status, 400U);
   EXPECT_EQ(at().get("/api/credentials/x?execution_id=abc").status, 400U);
   EXPECT_EQ(at().send({.method = "PUT", .target = "/api/credentials/x"}).status, 405U);
}

TEST_F(credentials, lists_are_filtered_newest_first_and_without_data) {
   auto const mark = fresh("listed");
   for (auto const* kind : {"postgres", "bearer", "postgres"})
      ASSERT_EQ(at().post("/api/credentials", R"({"name":")" + fresh(mark) + R"(","type":")" + kind +
                                                  R"(","data":"x","description":"Of )" + mark + "_1\"}")
                    .status,
                200U);
   auto const names = [](reply const& got) {
      std::string all;
      for (auto const& one : got.at("items").get_array()) {
         EXPECT_EQ(one.find("data"), nullptr);
         all += one.at("name").get_string() + " ";
      }
      return all;
   };
   auto const all = at().get("/api/credentials?q=" + mark);
   EXPECT_EQ(all.at("items").get_array().size(), 3U);
   EXPECT_EQ(shape(all.at("filter")), "{q:string}");
   auto const some = at().get("/api/credentials?type=postgres&q=OF%20" + mark + "_");
   EXPECT_EQ(some.at("items").get_array().size(), 2U) << "in any case, _ is any letter: " << names(some);
   EXPECT_EQ(shape(some.at("filter")), "{q:string,type:string}");
   EXPECT_TRUE(some.at("items.0.id").get_string() > some.at("items.1.id").get_string()) << names(some);
   EXPECT_EQ(names(at().get("/api/credentials?q=%25no%5Csuch")), "");
   EXPECT_EQ(at().get("/api/credentials").value.find("filter"), nullptr);
}

TEST_F(credentials, unknown_and_removed_ones_are_404) {
   auto const name = fresh("gone");
   auto const id = store(name, "1").at("id").get_string();
   auto const removed = del("/api/credentials/" + id);
   EXPECT_EQ(removed.status, 200U);
   EXPECT_EQ(removed.at("id").get_string(), id);
   EXPECT_EQ(shape(removed.value), "{id:string,message:string}");
   EXPECT_TRUE(is_error(del("/api/credentials/" + name), 404, name));
   EXPECT_TRUE(is_error(read(name), 404, name));
   EXPECT_TRUE(is_error(at().get("/api/credentials/" + name), 404, name));
   EXPECT_EQ(audited(name, "get_credential"), "credential_not_found/-/-");
}

TEST_F(credentials, a_number_is_an_id_first_and_a_name_else) {
   auto const id = store(fresh("numbered"), "\"by id\"").at("id").get_string();
   ASSERT_EQ(store(id, "\"by name\"").status, 200U);
   EXPECT_EQ(read(id).at("data").get_string(), "by id");
   ASSERT_EQ(store("4711", "\"only a name\"").status, 200U);
   EXPECT_EQ(read("4711").at("data").get_string(), "only a name");
}

TEST_F(credentials, records_of_the_reference_open_and_moved_ones_do_not) {
   auto const name = fresh("foreign");
   store(name, "1");
   at().query(
       "update noetl.credential set data_encrypted = "
       R"('{"v":1,"alg":"AES-256-GCM","ct":"oKGio6SlpqeoqaqrBR7QW6+y7oibCtmYW5uEXXxf8BeFbEZ5p7s5EU8=",)"
       R"("dek":{"p":"local",)"
       R"("kid":"env:NOETL_ENCRYPTION_KEY","kv":"v1","ct":"sLGys7S1tre4ubq7uXR4iMjonXhv0b2J4XCm7bQNe+EhG7kCZve4ymC/)"
       R"(zCloQfsgvHnM22+2zHEY+a6v"}}' where name = ')" +
       name + "'");
   EXPECT_EQ(text(read(name).at("data")), R"({"token":"t"})");
   auto const a = fresh("mine"), b = fresh("theirs");
   store(a, "\"a\"");
   store(b, "\"b\"");
   at().query(
       "update noetl.credential set data_encrypted = (select data_encrypted from noetl.credential where name = '" + b +
       "') where name = '" + a + "'");
   EXPECT_TRUE(is_error(read(a), 500, "cannot be opened"));
   at().query("update noetl.credential set data_encrypted = 'plain text' where name = '" + a + "'");
   auto const odd = read(a);
   EXPECT_TRUE(is_error(odd, 500, "no record"));
   EXPECT_EQ(odd.body.find("plain text"), std::string::npos);
}

TEST_F(credentials, sealed_ones_open_for_their_worker_only) {
   auto const name = fresh("sealed");
   store(name, R"({"token":"s3cret"})", R"(,"tags":["t"])");
   recipient const worker, other;
   worker.enroll(at());
   auto const got = at().get("/api/credentials/" + name + "/sealed?worker_id=" + worker.name + "&execution_id=77");
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(shape(got.value), "{alg:string,ciphertext:string,eph_pub:string,v:integer}");
   EXPECT_EQ(got.body.find("s3cret"), std::string::npos);
   auto const opened = worker.open(got);
   EXPECT_EQ(shape(opened),
             "{created_at:string,data:object,id:string,name:string,tags:array,type:string,updated_at:string}");
   EXPECT_EQ(opened.at("data").at("token").get_string(), "s3cret");
   EXPECT_ANY_THROW(static_cast<void>(other.open(got)));
   EXPECT_EQ(audited(name, "get_sealed"), "ok/" + worker.name + "/77");
}

TEST_F(credentials, sealing_needs_a_worker_with_a_key_and_a_credential) {
   auto const name = fresh("unsealed");
   store(name, "1");
   auto const ask = [&](std::string const& worker, std::string const& which) {
      return at().get("/api/credentials/" + which + "/sealed?worker_id=" + worker);
   };
   EXPECT_TRUE(is_error(ask("nobody", name), 400, "is not registered"));
   EXPECT_EQ(audited(name, "get_sealed"), "no_pubkey/nobody/-");
   auto const with_key = [&](std::string const& runtime) {
      auto worker = fresh("odd");
      at().post("/api/worker/pool/register", R"({"name":")" + worker + R"(","runtime":)" + runtime + "}");
      return worker;
   };
   EXPECT_TRUE(is_error(ask(with_key("{}"), name), 400, "registered no worker_public_key"));
   EXPECT_TRUE(is_error(ask(with_key(R"({"worker_public_key":"AAEC"})"), name), 400, "not base64 of 32 bytes"));
   auto const weak = with_key(R"({"worker_public_key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="})");
   EXPECT_TRUE(is_error(ask(weak, name), 400, "not a usable X25519")) << "D-87";
   EXPECT_EQ(audited(name, "get_sealed"), "no_pubkey/" + weak + "/-") << "it got nothing, and the record says so";
   recipient const worker;
   worker.enroll(at());
   EXPECT_TRUE(is_error(ask(worker.name, "no-such"), 404, "no-such"));
   EXPECT_EQ(at().get("/api/credentials/" + name + "/sealed").status, 400U) << "worker_id is required";
   auto const metrics = at().get("/metrics").body;
   for (auto const* status : {"ok", "no_pubkey", "worker_not_found", "credential_error", "seal_error"})
      EXPECT_NE(metrics.find("noetl_credentials_sealed_total{status=\"" + std::string(status) + "\"}"),
                std::string::npos)
          << status;
}

TEST_F(credentials, D05_each_reading_leaves_a_record_without_the_secret) {
   auto const name = fresh("audited");
   store(name, "\"never in the trail\"");
   read(name, "&execution_id=5&parent_execution_id=4");
   auto const got = at().get("/api/internal/secret-audit?execution_id=5&credential=" + name);
   ASSERT_EQ(got.at("rows").get_array().size(), 1U) << got.body;
   EXPECT_EQ(
       shape(got.at("rows.0")),
       "{audit_id:integer,broker_region:null,credential:string,execution_id:integer,kek_version:string,notes:null,"
       "occurred_at:string,operation:string,outcome:string,parent_execution_id:integer,server_region:string,worker_id:"
       "null}");
   EXPECT_EQ(got.body.find("never in the trail"), std::string::npos);
   at().get("/api/credentials/" + name);
   at().get("/api/credentials?q=" + name);
   EXPECT_EQ(at().get("/api/internal/secret-audit?credential=" + name).at("rows").get_array().size(), 1U)
       << "nothing was handed out";
   auto const when = got.at("rows.0.occurred_at").get_string();
   auto const count = [&](std::string const& filter) {
      return at().get("/api/internal/secret-audit?credential=" + name + filter).at("rows").get_array().size();
   };
   EXPECT_EQ(count("&from=" + when), 1U);
   EXPECT_EQ(count("&to=" + when), 0U);
   read(name);
   EXPECT_EQ(count("&limit=0"), 1U) << "at least one";
   EXPECT_EQ(count("&limit=99999"), 2U);
   EXPECT_EQ(at().get("/api/internal/secret-audit?from=yesterday").status, 400U);
}

TEST_F(credentials, without_a_key_every_secret_is_refused_and_nothing_is_stored) {
   auto const body = R"({"name":"n","type":"t","data":"plain"})";
   EXPECT_TRUE(is_error(server().post("/api/credentials", body), 500, "NOETL_ENCRYPTION_KEY is not set"));
   EXPECT_TRUE(is_error(server().get("/api/credentials/n?include_data=true"), 500, "NOETL_ENCRYPTION_KEY is not set"));
   EXPECT_TRUE(is_error(server().get("/api/keychain/1/n"), 500, "NOETL_ENCRYPTION_KEY is not set"));
   EXPECT_TRUE(is_error(server().post("/api/keychain/1/n", R"({"data":1})"), 500, "NOETL_ENCRYPTION_KEY is not set"));
   EXPECT_TRUE(
       is_error(server().post("/api/internal/wallet/rotate-kek", "{}"), 500, "NOETL_ENCRYPTION_KEY is not set"));
   EXPECT_EQ(server().get("/api/credentials").status, 200U) << "lists hold no secret";
   EXPECT_EQ(server().cell("select count(*) from noetl.credential"), "0");
}

TEST_F(credentials, without_a_record_nothing_is_handed_out_when_records_are_required) {
   site own(variables{{"NOETL_ENCRYPTION_KEY", master_key}, {"NOETL_SECRET_AUDIT_REQUIRED", "true"}});
   ASSERT_EQ(own.post("/api/credentials", R"({"name":"n","type":"t","data":"unrecorded"})").status, 200U);
   recipient const worker;
   worker.enroll(own);
   auto const open = "/api/credentials/n?include_data=true", sealed = "/api/credentials/n/sealed?worker_id=";
   own.query("alter table noetl.secret_audit rename to secret_audit_away");
   for (auto const& target : {std::string(open), sealed + worker.name}) {
      auto const got = own.get(target);
      EXPECT_GE(got.status, 500U) << target << " " << got.body;
      EXPECT_EQ(got.body.find("unrecorded"), std::string::npos);
      EXPECT_EQ(got.value.find("ciphertext"), nullptr);
   }
   own.query("alter table noetl.secret_audit_away rename to secret_audit");
   EXPECT_EQ(own.get(open).status, 200U);
   EXPECT_EQ(worker.open(own.get(sealed + worker.name)).at("data").get_string(), "unrecorded");
}

struct gated_secrets : internal_contract {};

TEST_F(gated_secrets, D01_D02_with_a_token_configured_its_bearers_only) {
   for (auto const& [method, path] :
        std::vector<std::pair<std::string, std::string>>{{"POST", "/api/credentials"},
                                                         {"GET", "/api/credentials"},
                                                         {"GET", "/api/credentials/x"},
                                                         {"GET", "/api/credentials/x/sealed?worker_id=w"},
                                                         {"DELETE", "/api/credentials/x"},
                                                         {"GET", "/api/keychain/1/x"},
                                                         {"POST", "/api/keychain/1/x"},
                                                         {"DELETE", "/api/keychain/1/x"},
                                                         {"GET", "/api/keychain/catalog/1"},
                                                         {"POST", "/api/internal/wallet/rotate-kek"},
                                                         {"GET", "/api/internal/wallet/key-status"},
                                                         {"GET", "/api/internal/secret-audit"},
                                                         {"GET", "/api/internal/ingress/x"}}) {
      auto const without = at().send({method, path, "{", "application/json"});
      EXPECT_EQ(without.status, 403U) << method << " " << path;
      EXPECT_EQ(without.header("content-type"), "text/plain; charset=utf-8");
      EXPECT_EQ(at().send({method, path, "{", "application/json", {{"Authorization", "Bearer wrong"}}}).status, 403U);
      EXPECT_NE(at().send({method, path, "{", "application/json", bearer()}).status, 403U) << method << " " << path;
   }
}

TEST_F(gated_secrets, open_secret_routes_open_neither_key_rotation_nor_the_audit) {
   variables how{{"NOETL_INTERNAL_API_TOKEN", internal_token},
                 {"NOETL_OPEN_SECRET_ROUTES", "true"},
                 {"NOETL_ENCRYPTION_KEY", master_key}};
   site own(how);
   EXPECT_EQ(own.get("/api/credentials").status, 200U);
   EXPECT_NE(own.get("/api/keychain/1/x").status, 403U);
   for (auto const& [method, path] :
        std::vector<std::pair<std::string, std::string>>{{"POST", "/api/internal/wallet/rotate-kek"},
                                                         {"GET", "/api/internal/wallet/key-status"},
                                                         {"GET", "/api/internal/secret-audit"}}) {
      EXPECT_EQ(own.send({method, path, "{}", "application/json"}).status, 403U) << method << " " << path;
      EXPECT_EQ(own.send({method, path, "{}", "application/json", bearer()}).status, 200U) << method << " " << path;
   }
   // Without a token they are for this machine alone, as other secrets are without the switch.
   EXPECT_EQ(own.stop_server(SIGTERM), 0);
   how.erase("NOETL_INTERNAL_API_TOKEN");
   own.set(how);
   own.start_server();
   std::vector<std::pair<std::string, std::string>> const page{{"Origin", "https://evil.example"}};
   EXPECT_EQ(own.send({"GET", "/api/credentials", {}, {}, page}).status, 200U);
   EXPECT_EQ(own.send({"GET", "/api/internal/secret-audit", {}, {}, page}).status, 403U);
   EXPECT_EQ(own.get("/api/internal/secret-audit").status, 200U);
}

TEST_F(credentials, D02_pages_of_other_sites_and_foreign_names_of_this_machine_are_refused) {
   auto const ask = [](std::vector<std::pair<std::string, std::string>> headers) {
      return at().send({"GET", "/api/credentials", {}, {}, std::move(headers)}).status;
   };
   EXPECT_EQ(ask({}), 200U);
   EXPECT_EQ(ask({{"Origin", "https://evil.example"}}), 403U);
   EXPECT_EQ(ask({{"Origin", "http://localhost:3000"}}), 200U);
   EXPECT_EQ(ask({{"Host", "evil.example"}}), 403U) << "a name that was made to point here";
}
