// Which reports are decided upon before they are stored (decision 114).
#include <gtest/gtest.h>

#include <string>

#include <noetl/workflow/detail/reports.hpp>

namespace noetl::workflow {
namespace {

append_request ended(std::string status = "COMPLETED") {
   append_request request;
   request.events.emplace_back();
   request.events[0].event_id = event_id{50};
   request.events[0].result = raw_json(R"({"status":"COMPLETED"})");
   request.updates = {{.event_id = event_id{7}, .status = std::move(status), .worker_id = "w1"}};
   return request;
}

TEST(reports, the_end_of_a_command_is_foreseen_and_nothing_less) {
   EXPECT_TRUE(detail::may_be_foreseen(ended()));
   EXPECT_TRUE(detail::may_be_foreseen(ended("FAILED")));
   EXPECT_FALSE(detail::may_be_foreseen(ended("RUNNING")));
   EXPECT_FALSE(detail::may_be_foreseen(ended("")));
   EXPECT_FALSE(detail::may_be_foreseen(append_request{}));
}

TEST(reports, what_is_large_or_lies_in_the_result_store_is_stored_first) {
   auto large = ended();
   large.events[0].context = raw_json("\"" + std::string(detail::foreseen_bytes, 'x') + "\"");
   EXPECT_FALSE(detail::may_be_foreseen(large));
   large.events[0].context = {};
   large.events[0].error = std::string(detail::foreseen_bytes, 'x');
   EXPECT_FALSE(detail::may_be_foreseen(large));
   auto stored = ended();
   stored.events[0].result = raw_json(R"({"status":"COMPLETED","reference":{"logical_uri":"noetl://x"}})");
   EXPECT_FALSE(detail::may_be_foreseen(stored));
}

TEST(reports, the_newest_id_is_that_of_any_event) {
   auto report = ended();
   report.events.push_back(report.events[0]);
   report.events[0].event_id = event_id{1'000};
   EXPECT_EQ(detail::newest_id(report), event_id{1'000});
   EXPECT_EQ(detail::newest_id(append_request{}), event_id{});
}

TEST(reports, one_open_command_is_one_that_was_issued_and_has_not_ended) {
   workflow_state state;
   EXPECT_FALSE(detail::one_command_open(state));
   auto const add = [&](std::string const& id, command_phase phase, bool issued = true) {
      auto& command = state.commands[id];
      command.phase = phase;
      command.issued = issued;
   };
   add("a", command_phase::completed);
   add("b", command_phase::failed);
   add("c", command_phase::claimed, false); // its command.issued has not come yet
   EXPECT_FALSE(detail::one_command_open(state));
   add("d", command_phase::started);
   EXPECT_TRUE(detail::one_command_open(state));
   add("e", command_phase::issued);
   EXPECT_FALSE(detail::one_command_open(state));
}

} // namespace
} // namespace noetl::workflow
