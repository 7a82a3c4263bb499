// /api/vars: http-execution.md section 15.
#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct variables_api : contract {
   std::string id = minted_id();

   reply set(std::string const& body) { return server().post("/api/vars/" + id, body); }
   reply listed(std::string const& items) { return set(R"({"variables":[)" + items + "]}"); }
   reply show(std::string const& name = {}) {
      return server().get("/api/vars/" + id + (name.empty() ? "" : "/" + name));
   }
   reply remove(std::string const& name = {}) {
      return server().send({"DELETE", "/api/vars/" + id + (name.empty() ? "" : "/" + name)});
   }
};

} // namespace

TEST_F(variables_api, an_unknown_execution_has_none) {
   EXPECT_EQ(show().status, 200U);
   EXPECT_EQ(show().body, "[]");
   EXPECT_TRUE(is_error(show("x"), 404, "Variable not found: x for execution " + id));
   EXPECT_TRUE(is_error(server().get("/api/vars/abc"), 400, "execution_id"));
}

TEST_F(variables_api, W22_both_forms_of_a_body_set_variables) {
   auto const got = listed(R"({"var_name":"b","var_value":{"k":[1,null]},"var_type":"computed","source_step":"s"},)"
                           R"({"var_name":"a","var_value":null})");
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(got.body, R"({"execution_id":)" + id + R"(,"status":"ok","variables_set":2})");
   auto const worker = set(R"({"c":"text","variables":7})"); // as the worker writes it
   ASSERT_EQ(worker.status, 200U) << worker.body;
   EXPECT_EQ(worker.at("variables_set").as<int>(), 2);

   auto const all = show();
   ASSERT_EQ(all.value.get_array().size(), 4U) << all.body;
   EXPECT_EQ(shape(all.at("0")), "{access_count:integer,accessed_at:string,created_at:string,source_step:null,"
                                 "var_name:string,var_type:string,var_value:null}");
   EXPECT_EQ(all.at("0.var_name").get_string(), "a");
   EXPECT_EQ(all.at("0.var_type").get_string(), "user_defined");
   EXPECT_EQ(all.at("1.var_name").get_string(), "b");
   EXPECT_EQ(all.at("1.var_type").get_string(), "computed");
   EXPECT_EQ(all.at("1.source_step").get_string(), "s");
   EXPECT_EQ(text(all.at("1.var_value")), R"({"k":[1,null]})");
   EXPECT_EQ(all.at("2.var_value").get_string(), "text");
   EXPECT_EQ(all.at("3.var_name").get_string(), "variables");
   EXPECT_TRUE(is_time(all.at("0.created_at").get_string()));
   EXPECT_EQ(all.at("1.access_count").as<int>(), 0) << "listing counts nothing";
}

TEST_F(variables_api, reading_one_counts_and_setting_it_again_keeps_count_and_creation) {
   ASSERT_EQ(set(R"({"n":1})").status, 200U);
   auto const first = show("n");
   EXPECT_EQ(first.at("access_count").as<int>(), 1);
   EXPECT_EQ(show("n").at("access_count").as<int>(), 2);
   ASSERT_EQ(listed(R"({"var_name":"n","var_value":2,"var_type":"step_result","source_step":"x"})").status, 200U);
   auto const again = show("n");
   EXPECT_EQ(again.at("access_count").as<int>(), 3);
   EXPECT_EQ(again.at("created_at").get_string(), first.at("created_at").get_string());
   EXPECT_EQ(text(again.at("var_value")), "2");
   EXPECT_EQ(again.at("var_type").get_string(), "step_result");
   EXPECT_EQ(again.at("source_step").get_string(), "x");
}

TEST_F(variables_api, a_request_sets_all_or_nothing) {
   auto const good = std::string(R"({"var_name":"a","var_value":1})");
   EXPECT_TRUE(
       is_error(listed(good + R"(,{"var_name":"b","var_value":1,"var_type":"odd"})"), 422, "Invalid var_type: odd"));
   EXPECT_TRUE(is_error(listed(good + R"(,{"var_name":"b"})"), 422, "var_value"));
   EXPECT_TRUE(is_error(listed(good + R"(,{"var_value":1})"), 422, "var_name"));
   EXPECT_TRUE(is_error(listed(good + R"(,{"var_name":"","var_value":1})"), 422, "var_name"));
   EXPECT_TRUE(is_error(listed(good + R"(,{"var_name":"b","var_value":"\u0000"})"), 422, ""));
   EXPECT_TRUE(is_error(set("[]"), 422, ""));
   EXPECT_TRUE(is_error(set("{"), 400, ""));
   EXPECT_TRUE(is_error(server().send({"POST", "/api/vars/" + id, "{}", "text/plain"}), 415, ""));
   EXPECT_EQ(show().body, "[]");
   auto const twice = listed(good + R"(,{"var_name":"a","var_value":2})");
   EXPECT_EQ(twice.at("variables_set").as<int>(), 2);
   EXPECT_EQ(text(show("a").at("var_value")), "2") << "the last one stays";
   EXPECT_EQ(set("{}").at("variables_set").as<int>(), 0);
}

TEST_F(variables_api, variables_are_deleted_one_by_one_and_all_together) {
   ASSERT_EQ(set(R"({"a b/ä":1,"c":2,"d":3})").status, 200U);
   auto const one = remove("a%20b%2F%C3%A4");
   EXPECT_EQ(one.status, 200U) << one.body;
   EXPECT_EQ(one.body, R"({"execution_id":)" + id + R"(,"var_name":"a b/ä","status":"deleted"})");
   EXPECT_TRUE(is_error(remove("a%20b%2F%C3%A4"), 404, "Variable not found"));
   auto const rest = remove();
   EXPECT_EQ(rest.body, R"({"execution_id":)" + id + R"(,"status":"ok","variables_deleted":2})");
   EXPECT_EQ(remove().at("variables_deleted").as<int>(), 0);
   EXPECT_EQ(show().body, "[]");
}
