#include <gtest/gtest.h>

#include <noetl/control_plane/command_correlation.hpp>

using namespace noetl::control_plane;
using noetl::event_id;
using noetl::raw_json;

namespace {
correlation of(std::string meta, std::string payload) {
   return correlate(raw_json{std::move(meta)}, raw_json{std::move(payload)});
}
} // namespace

TEST(issued_event, is_the_last_number_of_a_command_id) {
   EXPECT_EQ(issued_event("7001:fetch:9001"), event_id{9001});
   EXPECT_EQ(issued_event("7001:fetch:9223372036854775807"), event_id{9223372036854775807});
   EXPECT_EQ(issued_event("7001:a:b:9001"), event_id{9001}) << "names of steps may hold colons";
   EXPECT_EQ(issued_event("7001::9001"), event_id{9001});
}

TEST(issued_event, leaves_the_iteration_out) {
   EXPECT_EQ(issued_event("7001:each:9001:i0"), event_id{9001});
   EXPECT_EQ(issued_event("7001:each:9001:i17"), event_id{9001});
   EXPECT_EQ(issued_event("7001:i5:9001"), event_id{9001}) << "a step may be called like an iteration";
   EXPECT_EQ(issued_event("7001:each:9001:i"), std::nullopt);
   EXPECT_EQ(issued_event("7001:each:9001:ix"), std::nullopt);
}

TEST(issued_event, is_nothing_for_other_texts) {
   for (auto const* text : {"", "9001", ":", "7001:fetch:unknown", "7001:fetch:", "7001:fetch:-5", "7001:fetch:0",
                            "7001:fetch:1.5", "7001:fetch:9223372036854775808", "i1", ":i1"})
      EXPECT_EQ(issued_event(text), std::nullopt) << text;
}

TEST(correlate, W4_looks_into_meta_then_payload_then_its_data) {
   EXPECT_EQ(of(R"({"command_id":"1:s:2"})", R"({"command_id":"1:s:3"})").text, "1:s:2");
   EXPECT_EQ(of(R"({"attempts":0})", R"({"command_id":"1:s:3","data":{"command_id":"1:s:4"}})").text, "1:s:3");
   EXPECT_EQ(of("", R"({"data":{"command_id":"1:s:4"}})").text, "1:s:4");
   EXPECT_EQ(of("", "").text, "");
   EXPECT_EQ(of(R"({"command_id":"1:s:2"})", "").issued, event_id{2});
}

TEST(correlate, says_whether_meta_has_the_id_already) {
   EXPECT_TRUE(of(R"({"command_id":"1:s:2"})", "").in_meta);
   EXPECT_FALSE(of("{}", R"({"command_id":"1:s:2"})").in_meta);
   EXPECT_FALSE(of(R"({"command_id":null})", R"({"command_id":"1:s:2"})").in_meta);
   EXPECT_EQ(of(R"({"command_id":null})", R"({"command_id":"1:s:2"})").text, "1:s:2");
}

TEST(correlate, takes_integers_as_their_digits_and_nothing_else_that_is_no_text) {
   EXPECT_EQ(of(R"({"command_id":9001})", "").text, "9001");
   EXPECT_EQ(of(R"({"command_id":9001})", "").issued, std::nullopt);
   for (auto const* value : {"true", "null", "1.5", "-3", "[1]", "{}"})
      EXPECT_EQ(of(R"({"command_id":)" + std::string(value) + "}", "").text, "") << value;
}

TEST(correlate, does_not_mind_bodies_that_are_no_objects) {
   for (auto const* body : {"null", "5", "\"text\"", "[{\"command_id\":\"1:s:2\"}]"}) {
      EXPECT_EQ(of(body, body).text, "") << body;
      EXPECT_EQ(of(body, R"({"command_id":"1:s:2","data":)" + std::string(body) + "}").text, "1:s:2") << body;
   }
   EXPECT_EQ(of("", R"({"command_id":"a\u00e9:\"s\":7"})").text, "aé:\"s\":7");
}
