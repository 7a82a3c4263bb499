// Executions that an older server started (requirements W4, W13, W25).
#include "store_fixture.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <utility>
#include <vector>

namespace noetl::test {
namespace {

class adopt_test : public store_fixture {
protected:
   /// What 3.15.4 would have written: no version, no head, a command row that never moved.
   static execution_id legacy(std::string_view last_type = "call.done") {
      pg::connection db(database_->settings());
      execution_id const id{ids_.next()};
      auto const insert = [&](std::int64_t event, std::string_view type, std::string_view meta, std::string_view result,
                              std::optional<std::string> worker = {}) {
         db.exec("insert into noetl.event (execution_id, event_id, catalog_id, event_type, node_name, status, meta, "
                 "result, worker_id) "
                 "values ($1, $2, 5, $3, 'fetch', 'X', $4::jsonb, $5::jsonb, $6)",
                 id, event, type, meta,
                 result.empty() ? std::optional<std::string>() : std::optional<std::string>(result), worker);
      };
      insert(1, "playbook_started", "{}", "");
      insert(2, "command.issued", R"({"command_id":"E:fetch:2"})", "");
      insert(3, "command.issued", R"({"command_id":"E:fetch:3"})", "");
      insert(4, "command.issued", "{}", "");
      insert(5, "command.claimed", R"({"command_id":"E:fetch:2"})", "", "w1");
      insert(6, "command.claimed", R"({"command_id":"E:fetch:3","worker_id":"w2"})", "");
      insert(7, "command.completed", "{}", R"({"status":"success","context":{"command_id":"E:fetch:2"}})");
      insert(8, last_type, "{}", "");
      db.exec("insert into noetl.command (command_id, event_id, execution_id, catalog_id, step_name) values (77, 2, "
              "$1, 5, 'fetch')",
              id);
      db.exec("update noetl.event set stream_version = null where execution_id = $1", id);
      return id;
   }
};

TEST_F(adopt_test, the_first_append_continues_after_the_old_rows) {
   replica r(database_->settings(), 2);
   auto const id = legacy();
   auto before = load(r.store, id);
   ASSERT_EQ(before.size(), 8U);
   for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(before[i].stream_version, static_cast<std::int64_t>(i + 1));
   EXPECT_FALSE(blocking(r.store.head(id)).value());

   auto request = one(id, fact("decision"));
   request.expect = {expected::exactly, before.back().stream_version};
   auto const got = append(r.store, request);
   ASSERT_TRUE(got) << got.error().message << got.error().detail;
   EXPECT_EQ(got->version, 9);
   auto const after = load(r.store, id);
   ASSERT_EQ(after.size(), 9U);
   EXPECT_EQ(after.back().stream_version, 9);
   EXPECT_EQ(after.back().catalog_id, catalog_id{5});
   EXPECT_EQ(load(r.store, id, 8).size(), 1U);
   EXPECT_EQ(load(r.store, id, 6).size(), 3U);
   EXPECT_EQ(load(r.store, id, 2, 3).back().stream_version, 5);
   EXPECT_EQ(blocking(r.store.head(id)).value()->status, "RUNNING");
}

TEST_F(adopt_test, command_rows_are_completed_and_brought_up_to_date) {
   replica r(database_->settings(), 2);
   auto const id = legacy();
   ASSERT_TRUE(append(r.store, one(id, fact("x"))));
   pg::connection db(database_->settings());
   auto const rows =
       db.exec("select event_id, status, worker_id, command_id, completed_at is not null from noetl.command "
               "where execution_id = $1 order by event_id",
               id);
   ASSERT_EQ(rows.size(), 3U);
   EXPECT_EQ(rows[0][1], "COMPLETED");
   EXPECT_EQ(rows[0][2], "w1");
   EXPECT_EQ(rows[0][3], "77");
   EXPECT_EQ(rows[0][4], "t");
   EXPECT_EQ(rows[1][1], "CLAIMED");
   EXPECT_EQ(rows[1][2], "w2");
   EXPECT_EQ(rows[2][1], "PENDING");
}

TEST_F(adopt_test, a_long_execution_is_adopted_within_the_time_that_a_statement_has) {
   replica r(database_->settings(), 2);
   execution_id const id{ids_.next()};
   pg::connection db(database_->settings());
   for (auto const* one : {"command.issued", "command.claimed", "command.started", "command.completed"})
      db.exec("insert into noetl.event (execution_id, event_id, catalog_id, event_type, node_name, status, meta, "
              "stream_version) select $1::bigint, row_number() over () + (select count(*) from noetl.event where "
              "execution_id = $1::bigint), 5, $2::text, 'fetch', 'X', jsonb_build_object('command_id', 'E:fetch:' || "
              "n), null from generate_series(1, 12000) n",
              id, one);
   ASSERT_TRUE(append(r.store, one(id, fact("x"))));
   auto const rows = db.exec("select status, count(*) from noetl.command where execution_id = $1 group by status", id);
   ASSERT_EQ(rows.size(), 1U);
   EXPECT_EQ(rows[0][0], "COMPLETED");
   EXPECT_EQ(rows[0].get<int>(1), 12'000);
}

TEST_F(adopt_test, an_ended_execution_is_adopted_as_ended) {
   replica r(database_->settings(), 2);
   auto const id = legacy("playbook_cancelled");
   ASSERT_TRUE(append(r.store, one(id, fact("late"))));
   EXPECT_EQ(blocking(r.store.head(id)).value()->status, "CANCELLED");
}

TEST_F(adopt_test, absent_does_not_take_over_an_old_execution) {
   replica r(database_->settings(), 2);
   auto const got = append(r.store, started(legacy()));
   ASSERT_FALSE(got);
   EXPECT_EQ(got.error().code, error_code::conflict);
}

TEST_F(adopt_test, two_replicas_adopt_at_once) {
   replica a(database_->settings(), 2), b(database_->settings(), 3);
   auto const id = legacy();
   std::promise<result<append_result>> answers[20];
   for (int i = 0; i < 20; ++i)
      (i % 2 ? a : b).store.append_then(one(id, fact("x")), [&answers, i](auto got) {
         answers[i].set_value(std::move(got));
      });
   for (auto& each : answers) EXPECT_TRUE(each.get_future().get());
   EXPECT_EQ(load(a.store, id).back().stream_version, 28);
}

TEST_F(adopt_test, a_repeat_of_an_event_that_the_old_server_stored_is_a_duplicate) {
   replica r(database_->settings(), 2);
   auto const id = legacy();
   auto request = one(id, fact("command.claimed", "fetch"));
   request.events[0].event_id = event_id{5};
   request.ids_from_client = true;
   auto const got = append(r.store, request);
   ASSERT_TRUE(got) << got.error().message;
   EXPECT_TRUE(got->duplicate);
   EXPECT_EQ(got->version, 8);
}

TEST_F(adopt_test, reports_to_two_replicas_at_once_take_an_old_execution_over_and_none_is_lost) {
   replica left(database_->settings(), 2), right(database_->settings(), 3);
   std::vector<execution_id> all;
   std::vector<std::future<result<append_result>>> answers;
   for (int i = 0; i < 20; ++i) {
      all.push_back(legacy());
      for (auto const command : {3, 4}) {
         auto report = one(all.back(), fact("command.completed"));
         report.updates = {{all.back(), event_id{command}, "COMPLETED"}};
         auto const answer = std::make_shared<std::promise<result<append_result>>>();
         answers.push_back(answer->get_future());
         (command == 3 ? left : right).store.append_then(report, [answer](result<append_result> got) {
            answer->set_value(std::move(got));
         });
      }
   }
   for (auto& answer : answers) {
      auto const got = answer.get();
      EXPECT_TRUE(got) << got.error().message << got.error().detail;
   }
   for (auto const id : all)
      EXPECT_EQ(ask<int>("select count(*) from noetl.command where execution_id = $1 and status = 'COMPLETED'", id), 3);
}

TEST_F(adopt_test, what_an_older_server_left_running_is_taken_over_without_an_append_W1_W13) {
   replica r(database_->settings(), 2);
   auto const running = legacy(), ended = legacy("playbook_completed"), old = legacy(),
              ours = execution_id{ids_.next()};
   ASSERT_TRUE(append(r.store, started(ours)));
   pg::connection db(database_->settings());
   db.exec("update noetl.event set created_at = created_at - interval '30 days' where execution_id = $1", old);
   auto const since = now() - std::chrono::hours(24);
   EXPECT_GE(blocking(r.store.adopt_running(0, since)).value(), 1U);
   auto const head = [&](execution_id id) { return blocking(r.store.head(id)).value(); };
   ASSERT_TRUE(head(running));
   EXPECT_EQ(head(running)->status, "RUNNING");
   EXPECT_EQ(head(running)->version, 8);
   EXPECT_FALSE(head(ended));
   EXPECT_FALSE(head(old)) << "a run that was given up long ago must not come back to life";
   EXPECT_EQ(blocking(r.store.adopt_running(0, since)).value(), 0U);

   // Of its three commands one is done and one is claimed; the third waits and nobody was told.
   db.exec(
       "update noetl.event set meta = meta || '{\"execution_pool\":\"gpu\"}' where execution_id = $1 and event_id = 1",
       running);
   auto const waiting = blocking(r.store.unannounced(0, 1'000)).value();
   auto const mine = std::ranges::find(waiting, running, &unannounced_command::execution_id);
   ASSERT_NE(mine, waiting.end());
   EXPECT_EQ(std::ranges::count(waiting, running, &unannounced_command::execution_id), 1);
   EXPECT_EQ(mine->event_id, event_id{4});
   EXPECT_EQ(mine->catalog_id, catalog_id{5});
   EXPECT_EQ(mine->execution_pool, "gpu");
   std::vector<announcement_target> const targets{{running, event_id{4}, "noetl.commands.gpu.1", "gpu"}};
   EXPECT_EQ(blocking(r.store.announce(0, targets, "http://here")).value(), 1U);
   EXPECT_EQ(blocking(r.store.announce(0, targets, "http://here")).value(), 0U);
   auto const row = db.exec("select subject, payload->>'command_id', payload->>'step', payload->>'server_url', "
                            "jsonb_typeof(payload->'event_id'), status from noetl.outbox where execution_id = $1",
                            running);
   ASSERT_EQ(row.size(), 1U);
   EXPECT_EQ(row[0][0], "noetl.commands.gpu.1");
   EXPECT_EQ(row[0][1], std::to_string(running.value) + ":fetch:4");
   EXPECT_EQ(row[0][2], "fetch");
   EXPECT_EQ(row[0][3], "http://here");
   EXPECT_EQ(row[0][4], "number");
   EXPECT_EQ(row[0][5], "PENDING");
}

} // namespace
} // namespace noetl::test
