#include "store_fixture.hpp"

#include "pg/driver.hpp"

#include <future>
#include <thread>

namespace noetl::test {
namespace {

class store_test : public store_fixture {};

TEST_F(store_test, absent_creates_an_execution_once) {
   replica r(database_->settings(), 2);
   execution_id const id{ids_.next()};
   auto const first = append(r.store, started(id));
   ASSERT_TRUE(first) << first.error().message << first.error().detail;
   EXPECT_EQ(first->version, 1);
   ASSERT_EQ(first->event_ids.size(), 1U);
   auto const second = append(r.store, started(id));
   ASSERT_FALSE(second);
   EXPECT_EQ(second.error().code, error_code::conflict);
   EXPECT_EQ(load(r.store, id).size(), 1U);
}

TEST_F(store_test, absent_needs_a_catalog_id) {
   replica r(database_->settings(), 2);
   auto request = started(execution_id{ids_.next()});
   request.events[0].catalog_id = {};
   auto const got = append(r.store, request);
   ASSERT_FALSE(got);
   EXPECT_EQ(got.error().code, error_code::validation);
}

TEST_F(store_test, unknown_execution_is_not_found) {
   replica r(database_->settings(), 2);
   auto const got = append(r.store, one(execution_id{12345}, fact("x")));
   ASSERT_FALSE(got);
   EXPECT_EQ(got.error(), fail(error_code::not_found, "Execution not found: 12345"));
   EXPECT_TRUE(load(r.store, execution_id{12345}).empty());
}

TEST_F(store_test, every_column_comes_back_as_it_went_in) {
   replica r(database_->settings(), 2);
   execution_id const id{ids_.next()};
   ASSERT_TRUE(append(r.store, started(id)));
   event e = fact("call.done", "fetch \"it\"\t{x},\\ NULL \xF0\x9F\x98\x80\n");
   e.event_id = event_id{ids_.next()};
   e.parent_event_id = event_id{11};
   e.parent_execution_id = execution_id{22};
   e.created_at = timestamp(std::chrono::microseconds(1'750'154'672'500'001));
   e.node_type = "";
   e.result = raw_json(R"({"status": "success", "context": {"n": 9007199254740993}})");
   e.meta = raw_json(R"("text")");
   e.error = "NULL";
   e.worker_id = "w-1";
   e.context = {};
   ASSERT_TRUE(append(r.store, one(id, e)));
   // The same through COPY.
   append_request many;
   many.execution_id = id;
   many.events.assign(40, e);
   for (auto& each : many.events) each.event_id = {};
   ASSERT_TRUE(append(r.store, many));
   auto const events = load(r.store, id);
   ASSERT_EQ(events.size(), 42U);
   for (std::size_t i = 1; i < events.size(); ++i) {
      auto const& got = events[i];
      EXPECT_EQ(got.stream_version, static_cast<std::int64_t>(i + 1));
      EXPECT_EQ(got.catalog_id, catalog_id{7});
      EXPECT_EQ(got.parent_event_id, e.parent_event_id);
      EXPECT_EQ(got.parent_execution_id, e.parent_execution_id);
      EXPECT_EQ(got.created_at, e.created_at);
      EXPECT_EQ(got.event_type, e.event_type);
      EXPECT_EQ(got.node_name, e.node_name);
      EXPECT_EQ(got.node_type, e.node_type);
      EXPECT_EQ(got.status, e.status);
      EXPECT_TRUE(got.context.empty());
      EXPECT_EQ(got.result.text, R"({"status": "success", "context": {"n": 9007199254740993}})");
      EXPECT_EQ(got.meta.text, R"("text")");
      EXPECT_EQ(got.error, e.error);
      EXPECT_EQ(got.worker_id, e.worker_id);
   }
   EXPECT_EQ(events[1].event_id, e.event_id);
}

TEST_F(store_test, W33_created_at_is_utc_whatever_the_session_zone_of_the_reader) {
   replica r(database_->settings(), 2);
   execution_id const id{ids_.next()};
   auto request = started(id);
   request.events[0].created_at = timestamp(std::chrono::seconds(1'750'154'672));
   ASSERT_TRUE(append(r.store, request));
   EXPECT_EQ(load(r.store, id)[0].created_at, request.events[0].created_at);
   EXPECT_EQ(ask<std::string>("select created_at::text from noetl.event where execution_id = $1", id),
             "2025-06-17 10:04:32");
}

TEST_F(store_test, W25_versions_follow_the_order_of_arrival_not_of_ids) {
   replica r(database_->settings(), 2);
   execution_id const id{ids_.next()};
   ASSERT_TRUE(append(r.store, started(id)));
   std::vector<std::int64_t> const client_ids{900, 100, 500};
   for (auto given : client_ids) {
      auto request = one(id, fact("x"));
      request.events[0].event_id = event_id{given};
      request.ids_from_client = true;
      ASSERT_TRUE(append(r.store, request));
   }
   auto const events = load(r.store, id, 1);
   ASSERT_EQ(events.size(), 3U);
   for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(events[i].event_id.value, client_ids[i]);
      EXPECT_EQ(events[i].stream_version, static_cast<std::int64_t>(i + 2));
   }
   EXPECT_EQ(load(r.store, id, 2, 1).at(0).event_id.value, 100);
   EXPECT_TRUE(load(r.store, id, 4).empty());
}

TEST_F(store_test, expected_versions_are_checked) {
   replica r(database_->settings(), 2);
   execution_id const id{ids_.next()};
   ASSERT_TRUE(append(r.store, started(id)));
   auto request = one(id, fact("decided"));
   request.expect = {expected::exactly, 1};
   EXPECT_EQ(append(r.store, request)->version, 2);
   auto const late = append(r.store, request);
   ASSERT_FALSE(late);
   EXPECT_EQ(late.error().code, error_code::conflict);

   // A fact does not disturb a decision that only minds other decisions.
   ASSERT_TRUE(append(r.store, one(id, fact("fact"))));
   request.expect = {expected::undecided_since, 2};
   EXPECT_EQ(append(r.store, request)->version, 4);
   EXPECT_FALSE(append(r.store, request));
   request.expect = {expected::undecided_since, 4};
   EXPECT_TRUE(append(r.store, request));
}

TEST_F(store_test, repeat_with_client_ids_is_answered_like_the_first_time) {
   replica r(database_->settings(), 2);
   execution_id const id{ids_.next()};
   ASSERT_TRUE(append(r.store, started(id)));
   append_request request;
   request.execution_id = id;
   request.ids_from_client = true;
   request.events = {fact("a"), fact("b")};
   request.events[0].event_id = event_id{ids_.next()};
   request.events[1].event_id = event_id{ids_.next()};
   auto const first = append(r.store, request);
   ASSERT_TRUE(first);
   EXPECT_FALSE(first->duplicate);
   request.events[0].context = raw_json(R"( {"a" : 1} )"); // same JSON, other bytes
   auto const again = append(r.store, request);
   ASSERT_TRUE(again) << again.error().message;
   EXPECT_TRUE(again->duplicate);
   EXPECT_EQ(again->event_ids, first->event_ids);
   EXPECT_EQ(again->version, first->version);

   request.events[0].context = raw_json(R"({"a":2})");
   auto const other = append(r.store, request);
   ASSERT_FALSE(other);
   EXPECT_EQ(other.error().code, error_code::conflict);

   // A repeat that brings one more event stores just that one.
   request.events[0].context = raw_json(R"({"a":1})");
   request.events.push_back(fact("c"));
   request.events[2].event_id = event_id{ids_.next()};
   auto const more = append(r.store, request);
   ASSERT_TRUE(more);
   EXPECT_FALSE(more->duplicate);
   EXPECT_EQ(more->version, first->version + 1);
   EXPECT_EQ(load(r.store, id).size(), 4U);
}

TEST_F(store_test, commands_and_outbox_are_written_with_their_event) {
   replica r(database_->settings(), 2);
   execution_id const id{ids_.next()};
   auto request = started(id);
   auto issued = fact("command.issued", "fetch");
   issued.event_id = event_id{ids_.next()};
   request.events.push_back(issued);
   command_row command;
   command.event_id = issued.event_id;
   command.step_name = "fetch";
   command.tool_kind = "http";
   command.meta = raw_json(R"({"attempt":1})");
   request.commands = {command};
   request.outbox = {{id, issued.event_id, "noetl.commands.shared.http", raw_json(R"({"x":1})")}};
   ASSERT_TRUE(append(r.store, request));
   auto const found = blocking(r.store.load_command(issued.event_id));
   ASSERT_TRUE(found) << found.error().message << found.error().detail;
   EXPECT_EQ(found->issued.event_id, issued.event_id);
   EXPECT_EQ(found->issued.execution_id, id);
   EXPECT_EQ(found->status, "PENDING");
   EXPECT_NE(found->command_id, 0);
   EXPECT_EQ(ask<std::int64_t>("select latest_event_id from noetl.command where execution_id = $1", id),
             issued.event_id.value);
   EXPECT_EQ(ask<std::string>("select payload_codec from noetl.outbox where execution_id = $1", id), "json");
   auto const missing = blocking(r.store.load_command(event_id{4711}));
   EXPECT_EQ(missing.error(), fail(error_code::not_found, "command.issued event not found: 4711"));
}

TEST_F(store_test, W6_a_command_is_claimed_once_and_its_status_only_goes_forward) {
   replica r(database_->settings(), 2);
   execution_id const id{ids_.next()};
   event_id const issued{ids_.next()};
   auto request = started(id);
   request.events.push_back(fact("command.issued"));
   request.events.back().event_id = issued;
   request.commands.emplace_back();
   request.commands[0].event_id = issued;
   request.commands[0].step_name = "s";
   ASSERT_TRUE(append(r.store, request));
   auto const step = [&](std::string status, bool required, std::string worker) {
      auto next = one(id, fact("step " + status));
      next.updates = {{id, issued, std::move(status), std::move(worker), {}, required}};
      return append(r.store, next);
   };
   auto const state = [&] { return blocking(r.store.load_command(issued)).value(); };
   ASSERT_TRUE(step("CLAIMED", true, "w1"));
   auto const second = step("CLAIMED", true, "w2");
   ASSERT_FALSE(second);
   EXPECT_EQ(second.error(), fail(error_code::conflict, "Command already claimed by w1"));
   ASSERT_TRUE(step("COMPLETED", false, "w1"));
   ASSERT_TRUE(step("RUNNING", false, "w9"));
   EXPECT_EQ(state().status, "COMPLETED");
   EXPECT_EQ(state().worker_id, "w1");
   EXPECT_EQ(step("CLAIMED", true, "w1").error().message, "Command already reached terminal state");
   EXPECT_TRUE(ask<bool>("select claimed_at is not null and started_at is not null and completed_at is not null "
                         "from noetl.command where execution_id = $1",
                         id));
}

TEST_F(store_test, terminal_status_of_an_execution_is_sticky) {
   replica r(database_->settings(), 2);
   execution_id const id{ids_.next()};
   ASSERT_TRUE(append(r.store, started(id)));
   auto const listed = [&] {
      auto const heads = blocking(r.store.running(0, execution_id{id.value + 1}, 1)).value();
      return !heads.empty() && heads[0].execution_id == id;
   };
   EXPECT_TRUE(listed());
   ASSERT_TRUE(append(r.store, one(id, fact("playbook_cancelled"))));
   EXPECT_FALSE(listed());
   ASSERT_TRUE(append(r.store, one(id, fact("playbook.completed"))));
   auto const head = blocking(r.store.head(id)).value().value();
   EXPECT_EQ(head.status, "CANCELLED");
   EXPECT_EQ(head.version, 3);
   EXPECT_EQ(head.catalog_id, catalog_id{7});
}

TEST_F(store_test, a_bad_event_fails_alone_in_a_merged_batch) {
   replica r(database_->settings(), 2);
   execution_id const id{ids_.next()};
   ASSERT_TRUE(append(r.store, started(id)));
   constexpr std::size_t count = 500;
   std::vector<std::promise<result<append_result>>> answers(count);
   for (std::size_t i = 0; i < count; ++i) {
      auto request = one(id, fact("n" + std::to_string(i)));
      if (i == 137) request.events[0].result = raw_json(R"({"status":1})"); // chk_event_result_shape
      r.store.append_then(request, [&answers, i](result<append_result> got) { answers[i].set_value(std::move(got)); });
   }
   for (std::size_t i = 0; i < count; ++i) {
      auto const got = answers[i].get_future().get();
      EXPECT_EQ(got.has_value(), i != 137) << i;
      if (i == 137) {
         EXPECT_EQ(got.error().code, error_code::validation);
         EXPECT_EQ(got.error().message.find("insert"), std::string::npos) << "no SQL text for callers";
      }
   }
   EXPECT_EQ(load(r.store, id).size(), count);
}

TEST_F(store_test, committed_events_are_told_once_and_in_order) {
   std::vector<event> told;
   replica r(database_->settings(), 2);
   r.store.on_committed([&](std::span<event const> events) { told.insert(told.end(), events.begin(), events.end()); });
   execution_id const id{ids_.next()};
   ASSERT_TRUE(append(r.store, started(id)));
   constexpr int count = 300;
   std::vector<std::promise<void>> done(count);
   for (int i = 0; i < count; ++i)
      r.store.append_then(one(id, fact("x")),
                          [&done, i](auto const&) { done[static_cast<std::size_t>(i)].set_value(); });
   for (auto& each : done) each.get_future().get();
   r.stop();
   std::int64_t version = 0;
   for (auto const& e : told) EXPECT_EQ(e.stream_version, ++version);
   EXPECT_EQ(version, count + 1);
}

TEST_F(store_test, zero_bytes_are_refused_instead_of_cutting_the_text) {
   replica r(database_->settings(), 2);
   execution_id const id{ids_.next()};
   ASSERT_TRUE(append(r.store, started(id)));
   auto const got = append(r.store, one(id, fact(std::string("a\0b", 3))));
   ASSERT_FALSE(got);
   EXPECT_EQ(got.error().code, error_code::validation);
}

} // namespace
} // namespace noetl::test
