// POST /api/catalog/validate and /api/catalog/register?validate=true: all problems of a document, with places.
#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct validation : contract {};

reply validate(std::string const& content) {
   return site::shared().post("/api/catalog/validate", content_of(content));
}
reply enter_with_query(std::string const& content, std::string const& query = "?validate=true") {
   return site::shared().post("/api/catalog/register" + query, content_of(content));
}
std::string broken(std::string const& path) {
   return playbook(path, "  - step: start\n"
                         "    tool: {kind: htpt}\n"
                         "    next: nowhere\n"
                         "  - step: lost\n"
                         "    tool: {kind: noop, input: {}, args: {}}\n");
}

std::string const finding = "{column:integer,key:string,line:integer,message:string,step:string}";

} // namespace

TEST_F(validation, a_good_document_is_valid_and_nothing_is_stored) {
   auto const path = fresh("validate/good");
   auto const got = validate(linear(path));
   EXPECT_EQ(got.status, 200U);
   EXPECT_EQ(got.body, R"({"valid":true,"errors":[],"warnings":[]})");
   EXPECT_TRUE(is_error(server().post("/api/catalog/resource", R"({"path":")" + path + "\"}"), 404, path));
}

TEST_F(validation, all_errors_and_warnings_are_listed_with_their_places) {
   auto const got = validate(broken("validate/broken"));
   EXPECT_EQ(got.status, 200U);
   EXPECT_EQ(shape(got.value), "{errors:array,valid:boolean,warnings:array}");
   EXPECT_FALSE(got.at("valid").get_boolean());
   ASSERT_EQ(got.at("errors").get_array().size(), 3U) << got.body;
   EXPECT_EQ(shape(got.at("errors.0")), finding);
   EXPECT_EQ(got.at("errors.0.message").get_string(),
             "step 'start': tool.kind: unknown tool kind 'htpt' (did you mean 'http'?)");
   EXPECT_EQ(got.at("errors.0.step").get_string(), "start");
   EXPECT_EQ(got.at("errors.0.key").get_string(), "tool.kind");
   EXPECT_EQ(number(got.at("errors.0.line")), "7");
   EXPECT_EQ(got.at("errors.1.step").get_string(), "lost");
   EXPECT_EQ(number(got.at("errors.1.line")), "10");
   EXPECT_EQ(got.at("errors.2.message").get_string(), "step 'start': next: unknown step 'nowhere'");
   EXPECT_FALSE(got.at("warnings").get_array().empty());
   EXPECT_NE(got.body.find("not reachable"), std::string::npos) << got.body;
}

TEST_F(validation, warnings_alone_leave_a_document_valid) {
   auto const got = validate(playbook("a", "  - {step: start, tool: {kind: noop}, output: x}\n"));
   EXPECT_TRUE(got.at("valid").get_boolean());
   EXPECT_EQ(text(got.at("errors")), "[]");
   EXPECT_EQ(got.at("warnings.0.key").get_string(), "output");
   EXPECT_TRUE(got.at("warnings.1.step").is_null());
}

TEST_F(validation, what_is_no_document_is_an_error_of_the_list_not_of_the_request) {
   for (std::string const& content :
        {std::string("a: [1"), std::string(), std::string("- 1"), std::string("a: 1\na: 2"),
         std::string("kind: Playbook"), std::string("kind: Nonsense\nmetadata: {path: a}")}) {
      auto const got = validate(content);
      EXPECT_EQ(got.status, 200U) << content;
      EXPECT_FALSE(got.at("valid").get_boolean()) << content;
      EXPECT_FALSE(got.at("errors").get_array().empty()) << content;
   }
   // Runs, but the catalog finds no path in it.
   auto const nameless = validate("apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: 5}\nworkflow:\n"
                                  "- {step: start, tool: {kind: noop}}\n");
   EXPECT_EQ(nameless.at("errors.0.message").get_string(), "Missing 'path' or 'name' in metadata");
   EXPECT_FALSE(nameless.at("valid").get_boolean());
}

TEST_F(validation, base64_is_decoded_and_other_kinds_have_their_own_rules) {
   EXPECT_TRUE(validate("a2luZDogTWVtb3J5Cm1ldGFkYXRhOiB7cGF0aDogYX0K").at("valid").get_boolean()); // kind: Memory
   auto const got = validate("kind: Subscription\nmetadata: {path: a}\nspec: {source: nats}\n");
   EXPECT_EQ(got.at("errors").get_array().size(), 2U) << got.body;
   EXPECT_EQ(got.at("errors.0.key").get_string(), "spec.mode");
   EXPECT_TRUE(got.at("errors.0.step").is_null());
}

TEST_F(validation, a_bad_request_is_refused_as_by_register) {
   EXPECT_EQ(server().post("/api/catalog/validate", "{").status, 400U);
   EXPECT_TRUE(is_error(server().post("/api/catalog/validate", "{}"), 422, "content"));
   EXPECT_TRUE(is_error(server().post("/api/catalog/validate", R"({"content":5})"), 422, "content"));
   EXPECT_EQ(server().send({"POST", "/api/catalog/validate", "a: 1", "text/plain"}).status, 415U);
   EXPECT_EQ(server().send({.method = "PUT", .target = "/api/catalog/validate"}).status, 405U);
}

TEST_F(validation, register_refuses_what_execution_would_when_asked_to) {
   auto const path = fresh("validate/register");
   auto const got = enter_with_query(broken(path));
   EXPECT_EQ(got.status, 422U);
   EXPECT_EQ(shape(got.value), "{error:string,errors:array,status:integer,warnings:array}");
   EXPECT_EQ(number(got.at("status")), "422");
   EXPECT_EQ(got.at("errors").get_array().size(), 3U);
   EXPECT_EQ(got.at("error").get_string().substr(0, 64),
             "Invalid document: step 'start': tool.kind: unknown tool kind 'ht");
   EXPECT_TRUE(is_error(server().post("/api/catalog/resource", R"({"path":")" + path + "\"}"), 404, path));
   // Without being asked, or with a no, any playbook is taken, as the reference does.
   EXPECT_EQ(enter_with_query(broken(path), "").at("version").as<int>(), 1);
   EXPECT_EQ(enter_with_query(broken(path), "?validate=false").at("version").as<int>(), 2);
   EXPECT_TRUE(is_error(enter_with_query(broken(path), "?validate=perhaps"), 400, "validate"));
}

TEST_F(validation, register_shows_the_warnings_when_asked_to) {
   auto const path = fresh("validate/warned");
   auto const got = enter_with_query(playbook(path, "  - {step: start, tool: {kind: noop}, ouptut: x}\n"));
   EXPECT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(shape(got.value),
             "{catalog_id:string,kind:string,message:string,path:string,status:string,version:integer,"
             "warnings:array}");
   EXPECT_EQ(got.at("warnings.0.key").get_string(), "ouptut");
   EXPECT_EQ(text(enter_with_query(linear(path)).at("warnings")), "[]");
}

TEST_F(validation, an_alias_bomb_is_refused_by_all_of_them) {
   std::string bomb = "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: a, path: validate/bomb}\nworkload:\n"
                      "  a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
   for (int i = 1; i < 10; ++i) {
      auto const before = "*a" + std::to_string(i - 1);
      bomb += "  a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
      for (int k = 0; k < 10; ++k) bomb += before + ",";
      bomb += "]\n";
   }
   EXPECT_TRUE(is_error(enter_with_query(bomb, ""), 422, "Invalid YAML: more than 200000 values (line"));
   EXPECT_EQ(enter_with_query(bomb).status, 422U);
   EXPECT_FALSE(validate(bomb).at("valid").get_boolean());
}
