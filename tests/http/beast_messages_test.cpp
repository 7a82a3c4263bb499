// Messages of Boost.Beast as ours and back; targets as path and query.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include <noetl/http/beast_messages.hpp>

namespace noetl::http {
namespace {

namespace beast_http = boost::beast::http;

result<request> taken(std::string const& target, std::string body = {}) {
   beast_http::request<beast_http::string_body> got(beast_http::verb::post, target, 11);
   got.insert("X-Part", "a");
   got.insert("x-part", "b");
   got.body() = std::move(body);
   return from_beast(std::move(got));
}

std::string field(beast_http::response<beast_http::string_body> const& answer, std::string const& name) {
   auto const found = answer.find(name);
   return found == answer.end() ? "none" : std::string(found->value().data(), found->value().size());
}

TEST(target, is_split_in_all_forms_that_a_server_takes) {
   struct example {
      std::string_view text, path, query;
   };
   for (auto const& [text, path, query] :
        {example{"/a/b?c=d", "/a/b", "c=d"}, example{"/", "/", ""}, example{"*", "*", ""},
         example{"http://h:1/a?x", "/a", "x"}, example{"http://h", "/", ""}, example{"http://h?x", "/", "x"},
         example{"/a#b?c", "/a", ""}, example{"/a?b#c", "/a", "b"}}) {
      auto const parts = split_target(text);
      ASSERT_TRUE(parts) << text;
      EXPECT_EQ(parts->path, path) << text;
      EXPECT_EQ(parts->query, query) << text;
   }
   EXPECT_FALSE(split_target("a/b"));
   EXPECT_FALSE(split_target("h:80"));
}

TEST(beast_messages, a_request_keeps_method_target_fields_and_body) {
   auto const got = taken("/things/7?deep=1", "{}");
   ASSERT_TRUE(got);
   EXPECT_EQ(got->method, verb::post);
   EXPECT_EQ(got->path, "/things/7");
   EXPECT_EQ(got->query, "deep=1");
   EXPECT_EQ(got->headers.size(), 2U);
   EXPECT_EQ(got->header("x-PART"), "a") << "the first of its name";
   EXPECT_EQ(got->body, "{}");
   EXPECT_FALSE(got->peer_is_loopback);
   auto const wrong = taken("things");
   ASSERT_FALSE(wrong);
   EXPECT_EQ(wrong.error().code, error_code::bad_request);
}

TEST(beast_messages, an_answer_has_type_length_and_date) {
   auto const out = to_beast({.status = 201, .body = "{}", .headers = {{"location", "/x"}}}, verb::post, 11, true);
   EXPECT_EQ(out.result_int(), 201U);
   EXPECT_EQ(field(out, "content-type"), "application/json");
   EXPECT_EQ(field(out, "content-length"), "2");
   EXPECT_EQ(field(out, "location"), "/x");
   EXPECT_NE(field(out, "date"), "none");
   EXPECT_TRUE(out.keep_alive());
   EXPECT_EQ(out.body(), "{}");
   EXPECT_FALSE(to_beast({}, verb::get, 11, false).keep_alive());
   EXPECT_EQ(field(to_beast({.status = 404}, verb::get, 11, true), "content-length"), "0");
}

TEST(beast_messages, the_answer_to_head_has_the_length_and_not_the_body) {
   auto const out = to_beast({.body = "12345"}, verb::head, 11, true);
   EXPECT_EQ(field(out, "content-length"), "5");
   EXPECT_TRUE(out.body().empty());
}

TEST(beast_messages, answers_204_and_304_have_neither_body_nor_length) {
   for (unsigned const status : {204U, 304U}) {
      auto const out = to_beast({.status = status, .body = "x"}, verb::get, 11, true);
      EXPECT_EQ(field(out, "content-length"), "none");
      EXPECT_EQ(field(out, "content-type"), "none");
      EXPECT_TRUE(out.body().empty());
   }
}

TEST(beast_messages, fields_that_could_break_the_framing_are_left_out) {
   auto const out = to_beast({.body = "x",
                              .content_type = "text/plain\r\nx: y",
                              .headers = {{"a b", "c"}, {"ok", "1\r\n2"}, {"Content-Length", "9"}, {"fine", "3"}}},
                             verb::get, 11, true);
   EXPECT_EQ(field(out, "a b"), "none");
   EXPECT_EQ(field(out, "ok"), "none");
   EXPECT_EQ(field(out, "content-length"), "1");
   EXPECT_EQ(field(out, "content-type"), "application/json");
   EXPECT_EQ(field(out, "fine"), "3");
}

} // namespace
} // namespace noetl::http
