#include <gtest/gtest.h>

#include <noetl/control_plane/event_ingest.hpp>

using namespace noetl::control_plane;
using noetl::raw_json;

namespace columns = noetl::control_plane::detail;

namespace {

event_request with(std::string payload, std::string kind = "data") {
   event_request request;
   request.payload = raw_json{std::move(payload)};
   request.result_kind = std::move(kind);
   return request;
}
std::string result_of(event_request const& request) {
   return columns::result_column(request, "S").text;
}
std::string meta_of(event_request const& request) {
   return columns::meta_column(request, correlate(request.meta, request.payload)).text;
}
} // namespace

TEST(default_status, is_the_first_rule_that_matches_a_part_of_the_type) {
   for (auto const* type :
        {"call.done", "step.exit", "command.completed", "frame.abandoned", "done.error", "x.exit.failed"})
      EXPECT_EQ(columns::default_status(type), "COMPLETED") << type;
   for (auto const* type : {"call.error", "command.failed", "terror"})
      EXPECT_EQ(columns::default_status(type), "FAILED") << type;
   for (auto const* type : {"", "playbook_started", "command.cancelled", "Call.Done", "FAILED"})
      EXPECT_EQ(columns::default_status(type), "RUNNING") << type;
   static_assert(columns::default_status("command.completed") == "COMPLETED");
}

TEST(reported_status, is_known_for_the_events_of_a_commands_life_only) {
   EXPECT_EQ(columns::reported_status("command.claimed"), "CLAIMED");
   EXPECT_EQ(columns::reported_status("action_started"), "RUNNING");
   EXPECT_EQ(columns::reported_status("command.completed"), "COMPLETED");
   EXPECT_EQ(columns::reported_status("action_failed"), "FAILED");
   EXPECT_EQ(columns::reported_status("command.cancelled"), "CANCELLED");
   for (auto const* type : {"call.done", "call.error", "step.exit", "command.issued", ""})
      EXPECT_EQ(columns::reported_status(type), "") << type;
}

TEST(result_column, keeps_an_object_payload_and_drops_everything_else) {
   EXPECT_EQ(result_of(with(R"({"a":1})")), R"({"status":"S","context":{"a":1}})");
   for (auto const* payload : {"", "null", "5", "\"{\"", "[{}]"})
      EXPECT_EQ(result_of(with(payload)), R"({"status":"S"})") << payload;
}

TEST(result_column, names_the_place_of_a_reference_and_drops_the_payload) {
   auto request = with(R"({"a":1})", "ref");
   EXPECT_EQ(result_of(request), R"({"status":"S","context":{"a":1}})") << "no place given";
   request.result_uri = "gs://b/\"o\"";
   EXPECT_EQ(result_of(request), R"({"status":"S","reference":{"store_tier":"gcs","logical_uri":"gs://b/\"o\""}})");
   request.result_uri = "s3://b";
   EXPECT_NE(result_of(request).find(R"("s3")"), std::string::npos);
   request.result_uri = "s3:/b";
   EXPECT_NE(result_of(request).find(R"("artifact")"), std::string::npos);
   request.result_kind = "data";
   EXPECT_EQ(result_of(request), R"({"status":"S","context":{"a":1}})");
}

TEST(result_column, counts_the_parts_of_a_divided_result) {
   auto request = with(R"({"a":1})", "refs");
   request.event_ids = std::vector<std::int64_t>{};
   EXPECT_EQ(result_of(request), R"({"status":"S","reference":{"event_ids":[],"total_parts":0}})");
   request.event_ids = std::vector<std::int64_t>{9223372036854775807, 2};
   EXPECT_EQ(result_of(request), R"({"status":"S","reference":{"event_ids":[9223372036854775807,2],"total_parts":2}})");
}

TEST(result_column, quotes_the_status) {
   EXPECT_EQ(columns::result_column(with(""), "a \"b\"").text, R"({"status":"a \"b\""})");
}

TEST(meta_column, holds_the_flags_the_worker_and_the_command) {
   event_request request;
   EXPECT_EQ(meta_of(request), R"({"actionable":true,"informative":true})");
   request.meta = raw_json{"null"};
   EXPECT_EQ(meta_of(request), R"({"actionable":true,"informative":true})");
   request.meta = raw_json{R"({"attempts":0})"};
   request.actionable = false;
   request.informative = false;
   request.worker_id = "w\"1";
   request.payload = raw_json{R"({"command_id":"1:s:2"})"};
   EXPECT_EQ(meta_of(request),
             R"({"attempts":0,"actionable":false,"informative":false,"worker_id":"w\"1","command_id":"1:s:2"})");
}

TEST(meta_column, does_not_repeat_a_command_id_and_keeps_a_meta_that_is_no_object) {
   event_request request;
   request.meta = raw_json{R"({"command_id":"1:s:2"})"};
   request.payload = raw_json{R"({"command_id":"1:s:3"})"};
   EXPECT_EQ(meta_of(request), R"({"command_id":"1:s:2","actionable":true,"informative":true})");
   request.meta = raw_json{R"(["x"])"};
   EXPECT_EQ(meta_of(request), R"(["x"])");
}
