// What is committed with an append because it follows from it (events/append.hpp): the decision on a report.
#include <future>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "events/store_fixture.hpp"

namespace noetl::test {
namespace {

class follow_up_test : public store_fixture {
protected:
   /// An execution with two commands, at version 3.
   struct run {
      execution_id id{ids_.next()};
      event_id first{ids_.next()};
      event_id second{ids_.next()};
   };
   static run begun(event_store& store) {
      run out;
      auto request = started(out.id);
      for (auto const issued : {out.first, out.second}) {
         request.events.push_back(fact("command.issued"));
         request.events.back().event_id = issued;
         request.commands.emplace_back();
         request.commands.back().event_id = issued;
         request.commands.back().step_name = "s";
      }
      auto const stored = append(store, request);
      EXPECT_TRUE(stored) << stored.error().message;
      return out;
   }
   /// The first command ends; a third one follows.
   static append_request report(run const& at, std::string status = "COMPLETED") {
      auto request = one(at.id, fact("command.completed"));
      request.updates = {{at.id, at.first, std::move(status), "w1"}};
      auto& follows = request.follow_up.emplace();
      follows.version = 3;
      auto issued = fact("command.issued", "next");
      issued.event_id = event_id{ids_.next()};
      follows.events = {fact("step.enter", "next"), issued};
      command_row command;
      command.event_id = issued.event_id;
      command.step_name = "next";
      follows.commands = {command};
      follows.outbox = {{at.id, issued.event_id, "noetl.commands.shared.x", raw_json("{}")}};
      return request;
   }
   static std::vector<std::string> types(event_store& store, run const& at) {
      std::vector<std::string> out;
      for (auto const& e : load(store, at.id, 3)) out.push_back(e.event_type);
      return out;
   }
   static int commands(run const& at) {
      return ask<int>("select count(*) from noetl.command where execution_id = $1", at.id);
   }
   static std::string status(event_id issued) {
      return ask<std::string>("select status from noetl.command where event_id = $1", issued);
   }
   using names = std::vector<std::string>;
};

TEST_F(follow_up_test, is_one_transaction_with_its_cause_and_told_behind_it) {
   std::vector<event> told;
   std::vector<outbox_row> notes;
   replica r(database_->settings(), 2);
   r.store.on_committed([&](std::span<event const> all) { told.insert(told.end(), all.begin(), all.end()); });
   r.store.on_outbox([&](std::size_t, std::span<outbox_row const> all) { notes.assign(all.begin(), all.end()); });
   auto const at = begun(r.store);
   auto const stored = append(r.store, report(at));
   ASSERT_TRUE(stored) << stored.error().message;
   EXPECT_TRUE(stored->followed);
   EXPECT_EQ(stored->version, 6);
   EXPECT_EQ(stored->event_ids.size(), 1U) << "of the append alone";
   EXPECT_EQ(types(r.store, at), (names{"command.completed", "step.enter", "command.issued"}));
   EXPECT_EQ(ask<int>("select count(distinct ingest_xid) from noetl.event where execution_id = $1 and stream_version "
                      "> 3",
                      at.id),
             1);
   EXPECT_EQ(status(at.first), "COMPLETED");
   EXPECT_EQ(ask<std::int64_t>("select latest_event_id from noetl.command where event_id = $1", at.first),
             stored->event_ids[0].value)
       << "the report, not what follows";
   EXPECT_EQ(commands(at), 3);
   EXPECT_EQ(ask<int>("select count(*) from noetl.outbox where execution_id = $1", at.id), 1);
   auto const head = blocking(r.store.head(at.id)).value().value();
   EXPECT_EQ(head.version, 6);
   EXPECT_EQ(head.guarded_version, 6) << "as for every decision";
   r.stop();
   ASSERT_EQ(told.size(), 6U);
   for (std::size_t i = 0; i < told.size(); ++i) EXPECT_EQ(told[i].stream_version, static_cast<std::int64_t>(i) + 1);
   EXPECT_EQ(notes.size(), 1U);
}

TEST_F(follow_up_test, is_left_out_when_something_came_between_and_its_cause_is_stored) {
   replica r(database_->settings(), 2);
   auto const at = begun(r.store);
   ASSERT_TRUE(append(r.store, one(at.id, fact("step.progress"))));
   auto const stored = append(r.store, report(at));
   ASSERT_TRUE(stored) << stored.error().message;
   EXPECT_FALSE(stored->followed);
   EXPECT_EQ(stored->version, 5);
   EXPECT_EQ(types(r.store, at), (names{"step.progress", "command.completed"}));
   EXPECT_EQ(commands(at), 2);
   EXPECT_EQ(ask<int>("select count(*) from noetl.outbox where execution_id = $1", at.id), 0);
}

TEST_F(follow_up_test, two_at_one_version_one_is_taken) {
   replica r(database_->settings(), 2);
   auto const at = begun(r.store);
   std::promise<result<append_result>> answers[2];
   for (auto& answer : answers) // one merged transaction, most likely
      r.store.append_then(report(at), [&answer](result<append_result> got) { answer.set_value(std::move(got)); });
   int taken = 0;
   for (auto& answer : answers) {
      auto const got = answer.get_future().get();
      ASSERT_TRUE(got) << got.error().message;
      taken += got->followed ? 1 : 0;
   }
   EXPECT_EQ(taken, 1);
   EXPECT_EQ(commands(at), 3);
}

TEST_F(follow_up_test, of_an_append_that_is_refused_or_stored_already_nothing_is_written) {
   replica r(database_->settings(), 2);
   auto const at = begun(r.store);
   auto claim = one(at.id, fact("command.claimed"));
   claim.updates = {{at.id, at.first, "CLAIMED", "other", {}, true}};
   ASSERT_TRUE(append(r.store, claim));
   auto late = report(at);
   late.follow_up->version = 4;
   late.updates[0].owned = true;
   EXPECT_EQ(append(r.store, late).error(), fail(error_code::conflict, "Command already claimed by other"));

   auto chosen = one(at.id, fact("note"));
   chosen.ids_from_client = true;
   chosen.events[0].event_id = event_id{ids_.next()};
   ASSERT_TRUE(append(r.store, chosen));
   chosen.follow_up = report(at).follow_up;
   chosen.follow_up->version = 5;
   auto const repeated = append(r.store, chosen);
   ASSERT_TRUE(repeated) << repeated.error().message;
   EXPECT_TRUE(repeated->duplicate);
   EXPECT_FALSE(repeated->followed);
   EXPECT_EQ(types(r.store, at), (names{"command.claimed", "note"}));
   EXPECT_EQ(commands(at), 2);
}

TEST_F(follow_up_test, that_ends_the_execution_ends_what_is_open_and_not_what_has_just_ended) {
   replica r(database_->settings(), 2);
   auto const at = begun(r.store);
   auto failed = report(at, "FAILED");
   failed.follow_up->events = {fact("playbook.failed")};
   failed.follow_up->commands.clear();
   failed.follow_up->outbox.clear();
   auto const stored = append(r.store, failed);
   ASSERT_TRUE(stored && stored->followed);
   EXPECT_EQ(status(at.first), "FAILED");
   EXPECT_EQ(status(at.second), "CANCELLED");
   EXPECT_EQ(blocking(r.store.head(at.id)).value()->status, "FAILED");

   auto const other = begun(r.store);
   auto ending = report(other);
   ending.events.push_back(fact("playbook_cancelled"));
   auto const ended = append(r.store, ending);
   ASSERT_TRUE(ended);
   EXPECT_FALSE(ended->followed) << "the append itself ended the execution";
   EXPECT_EQ(commands(other), 2);
}

TEST_F(follow_up_test, a_row_of_it_that_the_table_refuses_fails_its_append_and_no_other) {
   replica r(database_->settings(), 2);
   auto const at = begun(r.store), beside = begun(r.store);
   auto bad = report(at);
   bad.follow_up->events[0].result = raw_json(R"({"status":1})"); // chk_event_result_shape
   std::promise<result<append_result>> first, second;
   r.store.append_then(bad, [&](result<append_result> got) { first.set_value(std::move(got)); });
   r.store.append_then(report(beside), [&](result<append_result> got) { second.set_value(std::move(got)); });
   auto const refused = first.get_future().get();
   ASSERT_FALSE(refused);
   EXPECT_EQ(refused.error().code, error_code::validation);
   auto const other = second.get_future().get();
   EXPECT_TRUE(other && other->followed);
   EXPECT_EQ(types(r.store, at), names{});
   auto foreign = report(at);
   foreign.follow_up->commands[0].execution_id = beside.id;
   EXPECT_EQ(append(r.store, foreign).error().message, "a command belongs to another execution than the append");
}

} // namespace
} // namespace noetl::test
