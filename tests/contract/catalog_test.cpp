// /api/catalog: http-execution.md section 11.
#include <algorithm>
#include <set>

#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct catalog : contract {};

reply enter(std::string const& content, std::string const& more = {}) {
   auto body = content_of(content);
   body.pop_back();
   return site::shared().post("/api/catalog/register", body + more + "}");
}
std::string named(std::string const& path) {
   return "kind: Playbook\nmetadata: {path: " + path + "}\n";
}

std::string const entry_shape =
    "{catalog_id:string,content:string,created_at:string,kind:string,layout:array,meta:object,"
    "path:string,payload:object,version:integer}";

} // namespace

TEST_F(catalog, register_answers_with_path_version_id_and_lower_case_kind) {
   auto const path = fresh("catalog/one");
   auto const got = enter(linear(path));
   EXPECT_EQ(got.status, 200U);
   EXPECT_EQ(shape(got.value),
             "{catalog_id:string,kind:string,message:string,path:string,status:string,version:integer}");
   EXPECT_EQ(got.at("status").get_string(), "success");
   EXPECT_EQ(got.at("message").get_string(), "Resource '" + path + "' version '1' registered.");
   EXPECT_EQ(got.at("path").get_string(), path);
   EXPECT_EQ(got.at("version").as<int>(), 1);
   EXPECT_EQ(got.at("kind").get_string(), "playbook");
   EXPECT_GT(std::stoll(got.at("catalog_id").get_string()), std::int64_t{1} << 53);
}

TEST_F(catalog, the_same_content_again_is_a_new_version) {
   auto const path = fresh("catalog/again");
   auto const first = enter(named(path));
   auto const second = enter(named(path));
   EXPECT_EQ(second.at("version").as<int>(), 2);
   EXPECT_NE(first.at("catalog_id").get_string(), second.at("catalog_id").get_string());
}

TEST_F(catalog, concurrent_registrations_of_one_path_get_distinct_versions) {
   auto const path = fresh("catalog/race");
   auto const answers =
       server().post_together("/api/catalog/register", std::vector<std::string>(24, content_of(named(path))));
   std::set<int> versions;
   for (auto const& got : answers) {
      ASSERT_EQ(got.status, 200U) << got.body;
      versions.insert(got.at("version").as<int>());
   }
   EXPECT_EQ(versions.size(), answers.size());
   EXPECT_EQ(*versions.begin(), 1);
   EXPECT_EQ(*versions.rbegin(), static_cast<int>(answers.size()));
}

TEST_F(catalog, base64_content_is_stored_decoded) {
   // kind: Playbook / metadata: {path: catalog/base64}
   auto const got = enter("a2luZDogUGxheWJvb2sKbWV0YWRhdGE6IHtwYXRoOiBjYXRhbG9nL2Jhc2U2NH0K");
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(got.at("path").get_string(), "catalog/base64");
   auto const entry = server().post("/api/catalog/resource", R"({"path":"catalog/base64"})");
   EXPECT_EQ(entry.at("content").get_string(), "kind: Playbook\nmetadata: {path: catalog/base64}\n");
   // Without its padding, or of bytes that are no text, it is taken as YAML, where a lone word is no mapping.
   EXPECT_TRUE(is_error(enter("a2luZDogUGxheWJvb2sKbWV0YWRhdGE6IHtwYXRoOiBhfQ"), 422, "Invalid YAML"));
   EXPECT_TRUE(is_error(enter("/////w=="), 422, "Invalid YAML"));
}

TEST_F(catalog, the_path_is_metadata_path_or_else_its_name_and_the_kind_has_a_default) {
   auto const name = fresh("catalog-name");
   auto const got = enter("metadata: {name: " + name + "}\n");
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(got.at("path").get_string(), name);
   EXPECT_EQ(got.at("kind").get_string(), "playbook");
   auto const other = enter("metadata: {name: " + name + "}\n", R"(,"resource_type":"Credential")");
   EXPECT_EQ(other.at("kind").get_string(), "credential");
   EXPECT_EQ(other.at("version").as<int>(), 2);
   EXPECT_EQ(enter("kind: Agent\nmetadata: {name: " + name + "}\n", R"(,"resource_type":"Credential")")
                 .at("kind")
                 .get_string(),
             "agent");
}

TEST_F(catalog, register_refuses_what_is_not_a_document_with_a_name) {
   EXPECT_TRUE(is_error(enter("a: [1"), 422, "Invalid YAML"));
   EXPECT_TRUE(is_error(enter("a: 1\na: 2"), 422, "Invalid YAML"));
   EXPECT_TRUE(is_error(enter("- 1"), 422, "Invalid YAML"));
   EXPECT_TRUE(is_error(enter(""), 422, "Invalid YAML"));
   EXPECT_TRUE(is_error(enter("kind: Playbook"), 422, "Missing 'metadata' section"));
   EXPECT_TRUE(is_error(enter("metadata: {labels: {}}"), 422, "Missing 'path' or 'name' in metadata"));
   EXPECT_TRUE(is_error(enter("metadata: {path: 5}"), 422, "Missing 'path' or 'name' in metadata"));
   EXPECT_TRUE(is_error(enter("kind: Nonsense\nmetadata: {path: a}"), 422, "nonsense"));
}

TEST_F(catalog, a_playbook_is_not_validated_when_registered) {
   auto const path = fresh("catalog/unchecked");
   EXPECT_EQ(enter("apiVersion: other/v9\nkind: Playbook\nmetadata: {path: " + path + "}\nworkflow: 5\n").status, 200U);
}

TEST_F(catalog, an_entry_shows_every_member_and_nulls_explicitly) {
   auto const path = fresh("catalog/entry");
   auto const yaml = "kind: Playbook\nmetadata: {path: " + path +
                     ", labels: {team: a}}\nworkload: {b: 1, big: 9223372036854775807}\n"
                     "workflow: [{step: start}]\n";
   auto const id = enroll(server(), yaml);
   auto const got = server().post("/api/catalog/resource", R"({"path":")" + path + "\"}");
   EXPECT_EQ(got.status, 200U);
   EXPECT_EQ(shape(got.value), entry_shape);
   EXPECT_EQ(got.at("catalog_id").get_string(), id);
   EXPECT_EQ(got.at("content").get_string(), yaml);
   EXPECT_EQ(text(got.at("payload")), R"({"b":1,"big":9223372036854775807})");
   EXPECT_EQ(text(got.at("layout")), R"([{"step":"start"}])");
   EXPECT_EQ(text(got.at("meta")), R"({"team":"a"})");
   EXPECT_TRUE(is_time(got.at("created_at").get_string())) << got.body;

   auto const bare = fresh("catalog/bare");
   enroll(server(), named(bare));
   auto const nulls = server().post("/api/catalog/resource", R"({"path":")" + bare + "\"}");
   for (auto const* member : {"payload", "layout", "meta"}) EXPECT_TRUE(nulls.at(member).is_null()) << nulls.body;
}

TEST_F(catalog, resource_finds_by_id_by_path_and_by_version) {
   auto const path = fresh("catalog/find");
   auto const first = enroll(server(), named(path));
   auto const second = enroll(server(), named(path));
   auto const version = [&](std::string const& body) {
      auto const got = server().post("/api/catalog/resource", body);
      return got.status == 200 ? number(got.at("version")) : got.body;
   };
   EXPECT_EQ(version(R"({"path":")" + path + "\"}"), "2");
   EXPECT_EQ(version(R"({"path":")" + path + R"(","version":"latest"})"), "2");
   EXPECT_EQ(version(R"({"path":")" + path + R"(","version":null})"), "2");
   EXPECT_EQ(version(R"({"path":")" + path + R"(","version":"1"})"), "1");
   EXPECT_EQ(version(R"({"catalog_id":")" + first + "\"}"), "1");
   EXPECT_EQ(version(R"({"catalog_id":")" + first + R"(","path":"other","version":"nonsense"})"), "1");
   EXPECT_EQ(version(R"({"catalog_id":")" + second + "\"}"), "2");
}

TEST_F(catalog, resource_refuses_what_it_cannot_read_or_find) {
   auto const ask = [&](std::string const& body) { return server().post("/api/catalog/resource", body); };
   EXPECT_TRUE(is_error(ask("{}"), 422, "Either 'catalog_id' or 'path' must be provided"));
   for (auto const* id : {"", "x", "1.0", " 1", "9223372036854775808"})
      EXPECT_TRUE(is_error(ask(R"({"catalog_id":")" + std::string(id) + "\"}"), 422, "Invalid catalog_id")) << id;
   for (auto const* version : {"", "x", "1.0", "-1", "99999999999999999999"})
      EXPECT_TRUE(
          is_error(ask(R"({"path":"a","version":")" + std::string(version) + "\"}"), 422, "Invalid version number"))
          << version;
   EXPECT_TRUE(is_error(ask(R"({"path":"no/such"})"), 404, "Catalog entry 'no/such' not found"));
   EXPECT_TRUE(
       is_error(ask(R"({"path":"no/such","version":"7"})"), 404, "Catalog entry 'no/such' version 7 not found"));
   EXPECT_TRUE(is_error(ask(R"({"catalog_id":"42"})"), 404, "42"));
}

TEST_F(catalog, list_shows_all_versions_newest_first) {
   auto const path = fresh("catalog/listed");
   enroll(server(), named(path));
   enroll(server(), named(path));
   auto const got = server().post("/api/catalog/list", "{}");
   ASSERT_EQ(got.status, 200U);
   EXPECT_EQ(shape(got.value), "{entries:array}");
   auto const& entries = got.at("entries").get_array();
   ASSERT_GE(entries.size(), 2U);
   EXPECT_EQ(entries[0].at("path").get_string(), path);
   EXPECT_EQ(entries[0].at("version").as<int>(), 2);
   EXPECT_EQ(entries[1].at("version").as<int>(), 1);
   EXPECT_EQ(entries[0].at("content").get_string(), named(path));
   EXPECT_TRUE(std::ranges::is_sorted(entries, [](auto const& a, auto const& b) {
      return a.at("created_at").get_string().substr(0, 19) > b.at("created_at").get_string().substr(0, 19);
   }));
}

TEST_F(catalog, W22_list_filters_by_kind_without_regard_to_case) {
   auto const name = fresh("catalog/memory");
   enroll(server(), "kind: Memory\nmetadata: {path: " + name + "}\n");
   for (auto const* kind : {"memory", "Memory", "MEMORY"}) {
      auto const got = server().post("/api/catalog/list", R"({"resource_type":")" + std::string(kind) + "\"}");
      ASSERT_FALSE(got.at("entries").get_array().empty()) << kind;
      for (auto const& entry : got.at("entries").get_array()) EXPECT_EQ(entry.at("kind").get_string(), "memory");
   }
   EXPECT_EQ(server().post("/api/catalog/list", R"({"resource_type":"nothing"})").body, R"({"entries":[]})");
   EXPECT_EQ(server().post("/api/catalog/list", R"({"resource_type":null})").status, 200U);
}

TEST_F(catalog, W22_the_terminal_ui_lists_by_GET) {
   auto const name = fresh("catalog/mcp");
   enroll(server(), "kind: Mcp\nmetadata: {path: " + name + "}\n");
   for (auto const* kind : {"mcp", "Mcp"}) {
      auto const got = server().get("/api/catalog/list/" + std::string(kind));
      ASSERT_EQ(got.status, 200U) << got.body;
      EXPECT_EQ(shape(got.value), "{entries:array}");
      ASSERT_FALSE(got.at("entries").get_array().empty());
      for (auto const& entry : got.at("entries").get_array()) EXPECT_EQ(entry.at("kind").get_string(), "mcp");
   }
   EXPECT_EQ(server().get("/api/catalog/list/nothing").body, R"({"entries":[]})");
}

TEST_F(catalog, a_subscription_is_checked_when_registered) {
   auto const path = fresh("catalog/subscription");
   auto const head = "kind: Subscription\nmetadata: {path: " + path + "}\n";
   EXPECT_TRUE(is_error(enter(head), 422, "spec: is missing"));
   EXPECT_TRUE(is_error(enter(head + "spec: {source: natz, mode: pull, dispatch: {}}\n"), 422, "did you mean 'nats'?"));
   EXPECT_TRUE(is_error(enter(head + "spec: {source: nats, mode: pull, dispatch: {}}\n"), 422,
                        "spec.dispatch.playbook: is missing (line 3)"));
   EXPECT_TRUE(is_error(server().post("/api/catalog/resource", R"({"path":")" + path + "\"}"), 404, path));
   auto const got = enter(head + "spec: {source: nats, mode: pull, dispatch: {playbook: a}}\n");
   EXPECT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(got.at("kind").get_string(), "subscription");
}
