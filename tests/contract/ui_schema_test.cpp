// GET /api/catalog/{path}/ui_schema: http-execution.md 11.4.
#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct ui_schema : contract {};

std::string documented(std::string const& path) {
   return "kind: Playbook\n"
          "metadata: {name: Import, path: " +
          path +
          ", description: \"# Imports\", exposed_in_ui: true}\n"
          "workload:\n"
          "  zone: eu # ui:enum=[eu, us] # ui:description=Where to run\n"
          "  token: ''  # ui:secret\n"
          "  database: main # ui:credential=pg_*\n"
          "  limits: {rows: 5, share: 0.5}\n"
          "  dry: false\n";
}
reply form(std::string const& path, std::string const& query = "") {
   return site::shared().get("/api/catalog/" + path + "/ui_schema" + query);
}
std::string const field_shape =
    "{children:null,credential_glob:null,default:string,description:string,kind:string,name:"
    "string,options:array,secret:boolean}";

} // namespace

TEST_F(ui_schema, shows_the_fields_of_the_workload_with_their_hints) {
   auto const path = fresh("ui/deep/path");
   enroll(server(), documented(path));
   auto const got = form(path);
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(shape(got.value),
             "{description_markdown:string,exposed_in_ui:boolean,fields:array,generated_at:string,kind:"
             "string,path:string,title:string,version:integer}");
   EXPECT_EQ(got.at("path").get_string(), path);
   EXPECT_EQ(got.at("version").as<int>(), 1);
   EXPECT_EQ(got.at("kind").get_string(), "playbook");
   EXPECT_EQ(got.at("title").get_string(), "Import");
   EXPECT_EQ(got.at("description_markdown").get_string(), "# Imports");
   EXPECT_TRUE(got.at("exposed_in_ui").get_boolean());
   EXPECT_TRUE(is_time(got.at("generated_at").get_string())) << got.body;
   EXPECT_EQ(shape(got.at("fields.0")), field_shape);
   EXPECT_EQ(text(got.at("fields.0")),
             R"({"children":null,"credential_glob":null,"default":"eu","description":"Where to run","kind":"enum",)"
             R"("name":"zone","options":["eu","us"],"secret":false})");
   EXPECT_TRUE(got.at("fields.1.secret").get_boolean());
   EXPECT_EQ(got.at("fields.2.credential_glob").get_string(), "pg_*");
   EXPECT_EQ(got.at("fields.3.kind").get_string(), "object");
   EXPECT_EQ(got.at("fields.3.children.0.name").get_string(), "rows");
   EXPECT_EQ(got.at("fields.3.children.1.kind").get_string(), "number");
   EXPECT_EQ(got.at("fields.4.kind").get_string(), "boolean");
}

TEST_F(ui_schema, the_version_is_the_wanted_one_or_the_latest) {
   auto const path = fresh("ui/versions");
   enroll(server(), documented(path));
   enroll(server(), "kind: Agent\nmetadata: {path: " + path + "}\n");
   EXPECT_EQ(form(path).at("version").as<int>(), 2);
   EXPECT_EQ(form(path).at("kind").get_string(), "agent");
   for (auto const* latest : {"?version=", "?version=latest", "?version=2"})
      EXPECT_EQ(form(path, latest).at("version").as<int>(), 2) << latest;
   EXPECT_EQ(form(path, "?version=1").at("fields").get_array().size(), 5U);
   EXPECT_TRUE(is_error(form(path, "?version=x"), 422, "Invalid version number"));
   EXPECT_TRUE(is_error(form(path, "?version=7"), 404, "Catalog entry '" + path + "' version 7 not found"));
   EXPECT_TRUE(is_error(form("no/such"), 404, "Catalog entry 'no/such' not found"));
}

TEST_F(ui_schema, a_document_without_workload_has_no_fields) {
   auto const path = fresh("ui/bare");
   enroll(server(), "metadata: {path: " + path + "}\nworkload: [1]\n");
   auto const got = form(path);
   EXPECT_EQ(got.status, 200U);
   EXPECT_EQ(text(got.at("fields")), "[]");
   EXPECT_TRUE(got.at("title").is_null());
   EXPECT_TRUE(got.at("description_markdown").is_null());
   EXPECT_FALSE(got.at("exposed_in_ui").get_boolean());
}

TEST_F(ui_schema, a_stored_document_that_is_no_yaml_has_no_fields) {
   auto const path = fresh("ui/broken");
   auto const id = enroll(server(), documented(path));
   server().query("update noetl.catalog set content = 'a: [' where catalog_id = " + id);
   EXPECT_EQ(text(form(path).at("fields")), "[]");
   server().query("update noetl.catalog set content = null where catalog_id = " + id);
   EXPECT_EQ(text(form(path).at("fields")), "[]");
}

TEST_F(ui_schema, other_paths_below_the_catalog_are_told_apart) {
   EXPECT_TRUE(is_error(server().get("/api/catalog/a/b"), 404, "no route matched GET /api/catalog/a/b"));
   EXPECT_TRUE(is_error(server().get("/api/catalog/aui_schema"), 404, "no route matched GET /api/catalog/aui_schema"));
   EXPECT_TRUE(is_error(server().get("/api/catalog/ui_schema"), 422, "ui_schema path must not be empty"));
   EXPECT_TRUE(is_error(server().get("/api/catalog//ui_schema"), 422, "ui_schema path must not be empty"));
   for (auto const* name : {"register", "list", "resource", "validate"}) {
      auto const got = server().get("/api/catalog/" + std::string(name));
      EXPECT_EQ(got.status, 405U) << name;
      EXPECT_NE(got.header("allow").find("POST"), std::string::npos) << name;
   }
   EXPECT_EQ(server().post("/api/catalog/a/ui_schema", "{}").status, 405U);
   EXPECT_EQ(server().get("/api/catalog/").status, 404U);
   for (auto const* path : {"list", "register"})
      EXPECT_TRUE(is_error(form(path), 404, "Catalog entry '" + std::string(path) + "' not found"));
   auto const path = fresh("ui/a b");
   enroll(server(), documented("\"" + path + "\""));
   EXPECT_EQ(server().get("/api/catalog/ui%2Fa%20b" + path.substr(6) + "/ui_schema").at("path").get_string(), path);
}
