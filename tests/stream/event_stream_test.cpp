// Table to stream over PostgreSQL and NATS: the promises of the tailer and of the publisher, one by one.
#include "stream_fixture.hpp"

#include <algorithm>
#include <set>

#include <tao/json/from_string.hpp>

#include <noetl/control_plane/result_store.hpp>
#include <noetl/core/sha256.hpp>

#include "pg/blocking.hpp"

namespace noetl::test {
namespace {

class event_stream : public stream_fixture {
protected:
   void restart_nats(std::vector<std::string> arguments = {}) {
      nats_.stop(SIGTERM);
      nats_.arguments(std::move(arguments));
      nats_.start();
      ASSERT_TRUE(bus_->wait_connected(10s));
   }
   static tao::json::value json(std::string const& text) { return tao::json::from_string(text); }
   std::int64_t position() {
      return ask<std::int64_t>("select position from noetl.stream_cursor where name = 'event_feed'");
   }
   /// What GET /api/result/resolve answers: its handler is this function.
   static result<std::string> resolve(std::string const& uri) {
      pg::shard_map shards(database_->settings());
      control_plane::result_store results(shards);
      return blocking(results.find(parse_result_uri(uri).value()));
   }
};

} // namespace

TEST_F(event_stream, items_1_8_14_41_48_rows_arrive_whole_in_order_with_their_ids_and_can_be_filtered_by_subject) {
   auto const running = start(from_the_beginning());
   insert(1, 11, "playbook.started");
   insert(1, 12, "step.enter");
   insert(1, 13, "playbook.completed");
   auto const got = messages(3);
   ASSERT_EQ(ids(got), texts({11, 12, 13}));
   EXPECT_EQ(got[1].subject, "noetl.events.step.enter");
   for (auto const& one : got)
      EXPECT_TRUE(
          ask<bool>("select to_jsonb(e) = $2::jsonb from noetl.event e where event_id = $1::bigint", one.id, one.data))
          << one.data;
   EXPECT_EQ(ids(messages(2, "noetl.events.playbook.*")), texts({11, 13}));
}

TEST_F(event_stream, items_3_6_18_after_a_stop_the_rest_follows_also_ids_below_the_cursor_and_nothing_twice) {
   {
      auto const running = start(from_the_beginning());
      for (int i = 100; i < 110; ++i) insert(1, i);
      ASSERT_TRUE(in_time([&] { return stored() == 10; }));
   }
   for (int i : {99, 110, 5, 111, 112}) insert(1, i);
   auto const running = start(from_the_beginning());
   ASSERT_EQ(ids(messages(15)), texts({100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 99, 110, 5, 111, 112}));
   EXPECT_EQ(running->tail.stats().sent, 5U);
   EXPECT_TRUE(in_time([&] { return position() == 112; }));
}

TEST_F(event_stream, item_4_12_13_a_terminal_event_that_commits_late_with_a_low_id_reaches_the_stream) {
   auto const running = start(from_the_beginning());
   pg::connection late(database_->settings());
   late.begin();
   insert(late, 1, 100, "playbook.completed");
   insert(2, 200);
   std::this_thread::sleep_for(200ms);
   EXPECT_EQ(stored(), 0);
   late.commit();
   EXPECT_EQ(ids(messages(2)), texts({100, 200}));
}

TEST_F(event_stream, item_17_the_place_shown_does_not_move_over_numbered_rows_that_history_walks_past) {
   insert(1, 1);
   stream::committed_events from(*pool_);
   stream::fenced_cursor at(*pool_, from_the_beginning());
   auto const held = at.acquire();
   ASSERT_TRUE(held && *held);
   auto const start = (*held)->from;
   auto const walked = from.read(start, 10);
   ASSERT_TRUE(walked && walked->items.empty());
   EXPECT_EQ(walked->through.event_id, 1) << "past the row, which comes later by its number";
   ASSERT_TRUE(at.advance((*held)->epoch, start, walked->through));
   EXPECT_EQ(position(), 0) << "a reference server that went on from here would skip the row";
   ASSERT_TRUE(horizon_passes());
   auto const behind = from.read(walked->through, 10);
   ASSERT_TRUE(behind);
   auto const read = from.read(behind->through, 10);
   ASSERT_TRUE(read);
   ASSERT_EQ(read->items.size(), 1U);
   ASSERT_TRUE(at.advance((*held)->epoch, walked->through, read->through));
   EXPECT_EQ(position(), 1);
}

TEST_F(event_stream, items_16_18_the_first_start_begins_with_what_is_committed_later) {
   for (int i = 1; i <= 5; ++i) insert(1, i);
   pg::connection open(database_->settings());
   open.begin();
   insert(open, 1, 6);
   auto running = start();
   open.commit();
   insert(1, 7);
   EXPECT_EQ(ids(messages(2)), texts({6, 7})) << "a transaction under way at the start is not lost";
   running.reset();
   db_->script("truncate noetl.stream_cursor");
   start().reset(); // stopped before any event
   insert(1, 8), insert(1, 9);
   running = start();
   EXPECT_EQ(ids(messages(4)), texts({6, 7, 8, 9}));
}

TEST_F(event_stream, item_17_backfill_begins_with_the_oldest_event_and_history_comes_first) {
   db_->script("insert into noetl.event (execution_id, event_id, catalog_id, ingest_xid) values (1, 3, 7, null), (1, "
               "4, 7, null)");
   insert(1, 1), insert(1, 2);
   auto const running = start(from_the_beginning());
   EXPECT_EQ(ids(messages(4)), texts({3, 4, 1, 2}));
}

TEST_F(event_stream, items_11_D30_an_id_a_year_ahead_does_not_stop_the_others) {
   insert(1, pg::first_id_at(now() + std::chrono::hours(24 * 365)));
   auto const running = start();
   insert(1, 5);
   EXPECT_EQ(ids(messages(1)), texts({5}));
}

TEST_F(event_stream, items_9_31_32_D24_goal_6_above_900_KiB_a_stub_goes_out_and_the_text_to_the_result_store) {
   auto const running = start(from_the_beginning());
   // The same row with a longer text, so that its JSON has exactly the wanted size. Times are given: what they print as
   // depends on their last digits.
   auto const row_of = [&](int id, std::int64_t text) {
      db_->exec("insert into noetl.event (execution_id, event_id, catalog_id, event_type, status, error, event_time, "
                "ingest_time, created_at) select 1, $1::bigint, 7, 'call.done', 'x', nullif(repeat('e', $2::int), ''), "
                "t, t, t at time zone 'utc' from (select timestamptz '2026-11-28 10:11:12.123456+00') as w(t)",
                id, text);
   };
   row_of(1, 0);
   auto const base = static_cast<std::int64_t>(messages(1)[0].data.size());
   auto const put = [&](int id, std::int64_t size) { row_of(id, size - (base - 4) - 2); };
   put(2, 900 * 1024), put(3, 900 * 1024 + 400), insert(1, 4);
   auto const got = messages(4);
   ASSERT_EQ(ids(got), texts({1, 2, 3, 4}));
   EXPECT_GT(got[1].data.size(), 900U * 1024 - 100);
   EXPECT_LE(got[1].data.size(), 900U * 1024);
   auto const stub = json(got[2].data);
   EXPECT_LT(got[2].data.size(), 8'000U);
   EXPECT_EQ(stub.at("event_id").as<std::int64_t>(), 3);
   EXPECT_EQ(stub.at("event_type").get_string(), "call.done");
   EXPECT_TRUE(stub.at("error").is_null());
   EXPECT_EQ(stub.at("left_out").at(0).get_string(), "error");
   auto const reference = stub.at("by_reference");
   auto const row =
       db_->exec("select data = (select to_jsonb(e) from noetl.event e where event_id = 3), sha256, bytes, "
                 "'noetl://execution/' || execution_id || '/result/' || name || '/' || result_id from "
                 "noetl.result_store");
   ASSERT_EQ(row.size(), 1U);
   EXPECT_TRUE(row[0].get<bool>(0)) << "the whole row is there";
   EXPECT_EQ(reference.at("sha256").get_string(), *row[0][1]);
   EXPECT_EQ(std::to_string(reference.at("bytes").as<std::int64_t>()), *row[0][2]);
   EXPECT_EQ(reference.at("uri").get_string(), *row[0][3]);
   auto const resolved = resolve(reference.at("uri").get_string());
   ASSERT_TRUE(resolved) << resolved.error().message;
   EXPECT_EQ(reference.at("sha256").get_string(), sha256_hex(*resolved)) << "of what GET /api/result/resolve answers";
   EXPECT_EQ(reference.at("bytes").as<std::size_t>(), resolved->size());
   EXPECT_EQ(running->to.stats().by_reference, 1U);
   EXPECT_TRUE(in_time([&] { return position() == 4; }));
}

TEST_F(event_stream, the_sum_of_a_stub_is_that_of_what_a_resolve_answers_whatever_the_numbers_and_the_spelling) {
   db_->script("alter table noetl.event add column x_json json");
   db_->script("insert into noetl.event (execution_id, event_id, catalog_id, event_type, duration, context, x_json) "
               "values (1, 1, 7, 'a', 1e16, '{\"b\": 1.50, \"aa\": 12345678901234567890123, \"\\u00e9\": 1e15}', "
               "'{\"x\": 1E2, \"x\" : 1e16, \"w\": -0}')");
   stream::committed_events table(*pool_);
   stream::large_event_keeper const store(*pool_);
   auto const items = table.rows({{.xid = 0, .execution_id = 1, .event_id = 1, .scope = {}}});
   ASSERT_TRUE(items) << items.error().detail;
   auto const first = store(items->at(0));
   ASSERT_TRUE(first) << first.error().message << first.error().detail;
   db_->script("alter table noetl.event drop column x_json");
   auto const later = table.rows({{.xid = 0, .execution_id = 1, .event_id = 1, .scope = {}}});
   auto const again = store(later->at(0)); // the row has another form now; the stub that is out must stay true
   ASSERT_TRUE(again);
   auto const resolved = resolve(first->uri);
   ASSERT_TRUE(resolved) << resolved.error().message;
   for (auto const* stub : {&*first, &*again}) {
      EXPECT_EQ(stub->uri, first->uri);
      EXPECT_EQ(stub->sha256, sha256_hex(*resolved)) << *resolved;
      EXPECT_EQ(stub->bytes, resolved->size());
   }
}

TEST_F(event_stream, item_31_the_limit_is_exact) {
   auto const running = start(from_the_beginning());
   std::string const most(900 * 1024, 'x');
   std::vector<stream::feed_item> items(2);
   items[0].event_id = 1, items[0].payload = most;
   items[1].event_id = 2, items[1].payload = most + "x";
   stream::jetstream_sink sink(
       *bus_, [](stream::feed_item const&) -> result<stream::stored_event> { return stream::stored_event{}; });
   ASSERT_TRUE(sink.prepare(items));
   EXPECT_FALSE(items[0].by_reference);
   EXPECT_TRUE(items[1].by_reference);
}

TEST_F(event_stream, items_34_goal_6_a_server_with_a_small_limit_gets_stubs_and_is_not_asked_for_ever) {
   temporary_file config("max_payload: 65536\n");
   restart_nats({"-c", config.path()});
   auto const running = start(from_the_beginning());
   db_->script("insert into noetl.event (execution_id, event_id, catalog_id, event_type, error) values "
               "(1, 1, 7, 'a', repeat('x', 70000)), (1, 2, 7, 'a', 'small'), (1, 3, 7, 'a', repeat('x', 60000))");
   auto const got = messages(3);
   ASSERT_EQ(ids(got), texts({1, 2, 3}));
   EXPECT_NE(got[0].data.find("by_reference"), std::string::npos);
   EXPECT_EQ(got[2].data.find("by_reference"), std::string::npos);
}

TEST_F(event_stream, a_large_event_that_the_store_refuses_still_gets_its_stub) {
   db_->script("alter table noetl.result_store add constraint refuse check (bytes < 0)");
   auto const running = start(from_the_beginning());
   db_->script("insert into noetl.event (execution_id, event_id, catalog_id, event_type, error) values (1, 1, 7, 'a', "
               "repeat('x', 1000000))");
   insert(1, 2);
   auto const got = messages(2);
   ASSERT_EQ(ids(got), texts({1, 2}));
   EXPECT_FALSE(json(got[0].data).at("by_reference").at("problem").get_string().empty());
   EXPECT_EQ(running->to.stats().not_stored, 1U);
   db_->script("alter table noetl.result_store drop constraint refuse");
}

TEST_F(event_stream, items_33_35_47_D23_goal_6_any_event_type_is_published_and_the_payload_holds_it_as_it_is) {
   auto const running = start(from_the_beginning());
   std::vector<std::string> types{
       "a b", "x.*", ">", "", "a\r\nb", ".leading", "trailing.", "a..b", "\xE2\x82\xAC", std::string(10'000, 'y'),
       "\t",  "%"};
   for (std::size_t i = 0; i < types.size(); ++i) insert(1, static_cast<std::int64_t>(i) + 1, types[i]);
   db_->script("insert into noetl.event (execution_id, event_id, catalog_id, event_type) values (1, 100, 7, null)");
   insert(1, 101, "plain");
   auto const got = messages(types.size() + 2);
   ASSERT_EQ(got.size(), types.size() + 2);
   std::set<std::string> subjects;
   for (std::size_t i = 0; i < types.size(); ++i) {
      EXPECT_EQ(json(got[i].data).at("event_type").get_string(), types[i]);
      subjects.insert(got[i].subject);
   }
   EXPECT_EQ(subjects.size(), types.size());
   EXPECT_EQ(got[types.size()].subject, "noetl.events.unknown");
   EXPECT_EQ(got.back().subject, "noetl.events.plain");
}

TEST_F(event_stream, items_26_38_49_59_D27_started_before_nats_and_before_the_tables_it_begins_when_they_appear) {
   nats_.stop();
   database later("noetl_stream_late");
   pg::pool pool(later.settings());
   streaming one(pool, *bus_, from_the_beginning());
   std::this_thread::sleep_for(200ms);
   EXPECT_EQ(one.tail.stats().state, stream::tailer_state::waiting);
   EXPECT_FALSE(one.tail.stats().trouble.empty());
   nats_.start();
   ASSERT_TRUE(in_time([&] { return one.tail.stats().trouble.find("database is not prepared") != std::string::npos; }))
       << one.tail.stats().trouble;
   ASSERT_TRUE(pg::migrate(later.settings()));
   pg::connection db(later.settings());
   insert(db, 1, 1);
   ASSERT_TRUE(in_time([&] { return stored() == 1; })) << one.tail.stats().trouble;
   EXPECT_TRUE(consumer("noetl_projector").is_object());
   EXPECT_TRUE(consumer("noetl_materializer").is_object());
}

TEST_F(event_stream, items_7_29_D25_an_outage_longer_than_the_dedup_window_repeats_nothing_that_was_acknowledged) {
   create_stream({{"duplicate_window", 1'000'000'000}});
   auto const running = start(from_the_beginning());
   for (int i = 1; i <= 200; ++i) insert(1, i);
   ASSERT_TRUE(in_time([&] { return stored() == 200; }));
   nats_.stop(SIGTERM);
   for (int i = 201; i <= 400; ++i) insert(1, i);
   std::this_thread::sleep_for(1500ms);
   nats_.start();
   auto const got = messages(400);
   std::vector<int> wanted;
   for (int i = 1; i <= 400; ++i) wanted.push_back(i);
   EXPECT_EQ(ids(got), texts(wanted)) << "all of them, once, in order";
   EXPECT_TRUE(in_time([&] { return running->tail.stats().trouble.empty(); })) << running->tail.stats().trouble;
}

TEST_F(event_stream, items_5_44_45_what_is_published_again_within_the_window_is_stored_once) {
   auto running = start(from_the_beginning());
   for (int i = 1; i <= 20; ++i) insert(1, i);
   ASSERT_TRUE(in_time([&] { return position() == 20 && stored() == 20; }));
   running.reset();
   // As if the process had died before it stored its place.
   db_->script("update noetl.stream_cursor set xid = '0', execution_id = 0, event_id = 0 where name = 'event_feed'");
   running = start(from_the_beginning());
   ASSERT_TRUE(in_time([&] { return running->to.bus_stats().duplicates == 20; }));
   EXPECT_EQ(stored(), 20);
}

TEST_F(event_stream, item_7_beyond_the_window_a_repeat_bears_the_same_id_so_that_inserts_stay_idempotent) {
   create_stream({{"duplicate_window", 100'000'000}});
   auto running = start(from_the_beginning());
   insert(1, 1);
   ASSERT_TRUE(in_time([&] { return position() == 1; }));
   running.reset();
   std::this_thread::sleep_for(2s);
   db_->script("update noetl.stream_cursor set xid = '0', execution_id = 0, event_id = 0 where name = 'event_feed'");
   running = start(from_the_beginning());
   auto const got = messages(2);
   ASSERT_EQ(ids(got), texts({1, 1}));
   EXPECT_EQ(got[0].data, got[1].data);
   db_->script(
       "create table noetl.read_model (execution_id bigint, event_id bigint, primary key (execution_id, event_id))");
   for (auto const& one : got)
      db_->exec("insert into noetl.read_model select (j->>'execution_id')::bigint, (j->>'event_id')::bigint from "
                "(select $1::jsonb j) x "
                "on conflict do nothing",
                one.data);
   EXPECT_EQ(ask<int>("select count(*) from noetl.read_model"), 1);
   db_->script("drop table noetl.read_model");
}

TEST_F(event_stream, items_10_37_D26_two_tailers_send_each_event_once_and_the_cursor_never_goes_back) {
   pg::pool second(database_->settings());
   streaming a(*pool_, *bus_, from_the_beginning()), b(second, *bus_, from_the_beginning());
   for (int i = 1; i <= 300; ++i) insert(1, i);
   ASSERT_TRUE(in_time([&] { return stored() == 300; }));
   EXPECT_EQ(a.tail.stats().sent + b.tail.stats().sent, 300U);
   EXPECT_EQ(a.to.bus_stats().duplicates + b.to.bus_stats().duplicates, 0U);
}

TEST_F(event_stream,
       items_42_61_read_models_can_be_rebuilt_from_the_stream_and_ageing_out_takes_nothing_from_the_table) {
   create_stream({{"max_age", 3'000'000'000}, {"duplicate_window", 1'000'000'000}});
   auto const running = start(from_the_beginning());
   for (int i = 1; i <= 50; ++i)
      db_->exec("insert into noetl.event (execution_id, event_id, catalog_id, event_type, status, context) values "
                "(9, $1::bigint, 7, 'call.done', 'x', jsonb_build_object('n', $1::bigint))",
                i);
   auto const got = messages(50);
   ASSERT_EQ(got.size(), 50U);
   db_->script("create table noetl.rebuilt (like noetl.event)");
   for (auto const& one : got)
      db_->exec("insert into noetl.rebuilt select * from jsonb_populate_record(null::noetl.rebuilt, $1::jsonb)",
                one.data);
   EXPECT_EQ(ask<int>("select count(*) from ((table noetl.event except table noetl.rebuilt) union all "
                      "(table noetl.rebuilt except table noetl.event)) x"),
             0);
   db_->script("drop table noetl.rebuilt");
   ASSERT_TRUE(in_time([&] { return stored() == 0; })) << "aged out";
   EXPECT_EQ(ask<int>("select count(*) from noetl.event"), 50);
   insert(9, 51);
   EXPECT_EQ(ids(messages(1)), texts({51}));
}

TEST_F(event_stream, item_43_messages_folded_in_one_transaction_and_acknowledged_later_converge) {
   auto const running = start(from_the_beginning());
   for (int i = 1; i <= 30; ++i) insert(1, i);
   db_->script("create table noetl.folded (event_id bigint primary key)");
   auto const fold = [&](bool acknowledge) {
      nats::consumer reader(
          *bus_, {.stream = "noetl_events", .durable = "folding", .filter_subject = "noetl.events.>", .ack_wait = 1s});
      std::size_t count = 0;
      EXPECT_TRUE(in_time([&] {
         auto got = reader.fetch(100, 500ms);
         if (!got) return false;
         db_->begin();
         for (auto& one : *got)
            db_->exec("insert into noetl.folded values ($1::bigint) on conflict do nothing",
                      std::string(one.header("Nats-Msg-Id")));
         db_->commit();
         if (acknowledge)
            for (auto& one : *got) (void)one.ack();
         return (count += got->size()) >= 30;
      }));
   };
   fold(false); // dies after the commit and before the acknowledgement
   fold(true);  // gets everything again
   EXPECT_EQ(ask<int>("select count(*) from noetl.folded"), 30);
   db_->script("drop table noetl.folded");
}

} // namespace noetl::test
