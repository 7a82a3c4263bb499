// Snapshots of a small aggregate on a real database: items 119-121, 123, 124, 126, 127, 129, 131, 133, 135; D-50, D-51,
// D-54 to D-57.
#include "store_fixture.hpp"

#include <atomic>
#include <chrono>
#include <thread>

#include <noetl/events/aggregate_states.hpp>
#include <noetl/reflect/json.hpp>

#include "support/eventually.hpp"

using namespace noetl;
using namespace noetl::test;

namespace {

/// Remembers the ids of its events in fold order, so that every mistake of a rebuild shows.
struct journal {
   struct state {
      std::int64_t version = 0;
      std::uint64_t applied = 0, unversioned = 0;
      std::int64_t last_unversioned = 0;
      std::string head; ///< `first,last` and a sum that depends on the order
      std::int64_t sum = 0;
   };
   static constexpr std::string_view aggregate_type = "journal";
   static constexpr int format = 3;
   static void apply(state& s, event const& e) {
      if (e.stream_version > 0) {
         if (e.stream_version <= s.version) return;
         s.version = e.stream_version;
      } else {
         if (e.event_id.value <= s.last_unversioned) return;
         s.last_unversioned = e.event_id.value;
         ++s.unversioned;
         ++s.version;
      }
      ++s.applied;
      s.sum = (s.sum * 31 + e.event_id.value) % 1'000'000'007;
      if (s.head.empty()) s.head = e.event_type;
   }
   static void start_after(state& s, std::int64_t version) { s.version = version; }
   static fold_position position(state const& s) {
      return {s.version, s.applied, s.unversioned, event_id{s.last_unversioned}};
   }
   static bool terminal(state const&) { return false; }
   static raw_json routing(state const& s) { return raw_json("{\"head\":\"" + s.head + "\"}"); }
   static std::string text(state const& s) { return to_json(s); }
   static std::optional<state> parse(std::string_view text) {
      auto read = from_json<state>(text);
      if (!read) return std::nullopt;
      return *std::move(read);
   }
};
static_assert(snapshotted<journal>);
using journals = aggregate_states<journal>;

class snapshot : public store_fixture {
protected:
   void SetUp() override {
      store_fixture::SetUp();
      if (IsSkipped()) return;
      how = database_->settings();
      shards = std::make_unique<pg::shard_map>(how);
      states = std::make_unique<journals>(*shards, state_settings{.build = "test 1.0", .page = 400});
   }
   /// A log of `count` numbered rows, and its head, without the detour over appends.
   static execution_id log_of(std::int64_t count) {
      execution_id const id{ids_.next()};
      pg::connection db(database_->settings());
      db.exec("insert into noetl.event (execution_id, catalog_id, event_id, event_type, stream_version) "
              "select $1::bigint, 7, $1::bigint + n, 'fact', n from generate_series(1, $2::bigint) n",
              id, count);
      db.exec(
          "insert into noetl.stream_head (execution_id, version, guarded_version, catalog_id) values ($1, $2, 0, 7)",
          id, count);
      return id;
   }
   static void older_row(execution_id id, std::int64_t event_id, std::string const& created_at = "2026-01-01") {
      pg::connection db(database_->settings());
      db.exec("insert into noetl.event (execution_id, catalog_id, event_id, event_type, created_at) "
              "values ($1, 7, $2, 'older', $3::timestamp)",
              id, event_id, created_at);
   }
   journals::rebuilt load_state(execution_id id) {
      auto got = blocking(states->load(id));
      EXPECT_TRUE(got) << got.error().message << " " << got.error().detail;
      return got ? *got : journals::rebuilt{};
   }
   save_outcome save(execution_id id, journal::state const& state) {
      auto got = blocking(states->snapshots().save(id, states->snapshots().prepare(state, now())));
      EXPECT_TRUE(got) << got.error().message << " " << got.error().detail;
      return got ? *got : save_outcome::stale;
   }
   static void sql(std::string_view text, execution_id id) {
      pg::connection db(database_->settings());
      EXPECT_EQ(db.exec(text, std::to_string(id.value)).affected(), 1U) << text;
   }
   snapshot_stats stats() const { return states->snapshots().stats(); }

   pg::settings how;
   std::unique_ptr<pg::shard_map> shards;
   std::unique_ptr<journals> states;
};

} // namespace

TEST_F(snapshot, is_one_row_per_execution_under_the_documented_key_item_119) {
   auto const id = log_of(3);
   auto const state = load_state(id).state;
   EXPECT_EQ(save(id, state), save_outcome::saved);
   EXPECT_EQ(save(id, state), save_outcome::saved) << "an equal version may overwrite";
   pg::connection db(how);
   auto const rows = db.exec("select aggregate_type, tenant_id, organization_id, version, checksum, "
                             "meta->>'applied_count', meta->>'build', meta->>'format', meta->'routing_meta'->>'head', "
                             "(meta->>'read_at')::timestamptz <= now() from noetl.projection_snapshot "
                             "where aggregate_id = $1",
                             std::to_string(id.value));
   ASSERT_EQ(rows.size(), 1U);
   std::vector<std::string> cells;
   for (std::size_t i = 0; i < rows.columns(); ++i) cells.emplace_back(rows[0][i].value_or("NULL"));
   EXPECT_EQ(cells, (std::vector<std::string>{"journal", "default", "default", "3", sha256_hex(journal::text(state)),
                                              "3", "test 1.0", "3", "fact", "t"}));
}

TEST_F(snapshot, never_goes_back_item_120_D51) {
   auto const id = log_of(10);
   auto const ten = load_state(id).state;
   auto five = ten;
   five.version = five.applied = 5;
   EXPECT_EQ(save(id, ten), save_outcome::saved);
   EXPECT_EQ(save(id, five), save_outcome::superseded);
   EXPECT_EQ(stats().superseded, 1U);
   EXPECT_EQ(
       ask<int>("select version from noetl.projection_snapshot where aggregate_id = $1", std::to_string(id.value)), 10);
   EXPECT_EQ(load_state(id).state.applied, 10U);
}

TEST_F(snapshot, with_one_wrong_byte_is_ignored_counted_and_rebuilt_from_the_log_items_121_129_D50) {
   for (char const* damage :
        {"update noetl.projection_snapshot set snapshot = jsonb_set(snapshot, '{sum}', '1') where aggregate_id = $1",
         "update noetl.projection_snapshot set snapshot = jsonb_set(snapshot, '{head}', '\"fbct\"') where aggregate_id "
         "= $1",
         "update noetl.projection_snapshot set checksum = translate(checksum, '0123456789', '1234567890') "
         "where aggregate_id = $1",
         "update noetl.projection_snapshot set version = version + 1 where aggregate_id = $1",
         "update noetl.projection_snapshot set meta = jsonb_set(meta, '{applied_count}', '2') where aggregate_id = "
         "$1"}) {
      auto const id = log_of(20);
      auto const state = load_state(id).state;
      ASSERT_EQ(save(id, state), save_outcome::saved);
      sql(damage, id);
      auto const before = stats().corrupt;
      auto const again = load_state(id);
      EXPECT_EQ(stats().corrupt, before + 1) << damage;
      EXPECT_FALSE(again.report.from_snapshot) << damage;
      EXPECT_EQ(again.report.events, 20U) << damage;
      EXPECT_EQ(journal::text(again.state), journal::text(state)) << damage;
   }
}

TEST_F(snapshot, of_an_unknown_shape_is_absent_and_never_an_error_items_129_135) {
   for (char const* change :
        {"update noetl.projection_snapshot set snapshot = '[]' where aggregate_id = $1",
         "update noetl.projection_snapshot set snapshot = snapshot - 'sum' where aggregate_id = $1",
         "update noetl.projection_snapshot set meta = jsonb_set(meta, '{format}', '4') where aggregate_id = $1",
         "update noetl.projection_snapshot set meta = '{}' where aggregate_id = $1",
         "update noetl.projection_snapshot set meta = jsonb_set(meta, '{read_at}', '\"soon\"') where aggregate_id = $1",
         "update noetl.projection_snapshot set updated_at = 'infinity' where aggregate_id = $1"}) {
      auto const id = log_of(2);
      ASSERT_EQ(save(id, load_state(id).state), save_outcome::saved);
      sql(change, id);
      auto const before = stats().unreadable;
      auto const again = load_state(id);
      EXPECT_EQ(stats().unreadable, before + 1) << change;
      EXPECT_FALSE(again.report.from_snapshot) << change;
      EXPECT_EQ(again.state.applied, 2U) << change;
   }
   EXPECT_EQ(load_state(execution_id{1}).state.applied, 0U) << "nothing at all is an empty state";
}

TEST_F(snapshot, bounds_a_rebuild_of_50000_events_to_the_tail_item_123) {
   auto const id = log_of(49'900);
   auto const first = load_state(id);
   EXPECT_EQ(first.report.events, 49'900U);
   ASSERT_EQ(save(id, first.state), save_outcome::saved);
   pg::connection db(how);
   db.exec("insert into noetl.event (execution_id, catalog_id, event_id, event_type, stream_version) "
           "select $1::bigint, 7, $1::bigint + n, 'fact', n from generate_series(49901, 50000) n",
           id);
   auto const again = load_state(id);
   EXPECT_TRUE(again.report.from_snapshot);
   EXPECT_EQ(again.report.events, 100U);
   EXPECT_EQ(again.state.applied, 50'000U);
   sql("delete from noetl.projection_snapshot where aggregate_id = $1", id);
   EXPECT_EQ(journal::text(load_state(id).state), journal::text(again.state));
}

TEST_F(snapshot, includes_an_event_that_comes_late_with_an_old_id_and_time_items_124_127_D54_D57) {
   replica server(how, 5);
   execution_id const id{ids_.next()};
   ASSERT_TRUE(append(server.store, started(id)));
   for (int i = 0; i < 5; ++i) ASSERT_TRUE(append(server.store, one(id, fact("step.enter"))));
   auto const before = load_state(id);
   ASSERT_EQ(save(id, before.state), save_outcome::saved);
   auto late = fact("late");
   late.event_id = event_id{id.value - 5}; // far below every folded id
   late.created_at = now() - std::chrono::minutes{10};
   ASSERT_TRUE(append(server.store, one(id, late)));
   auto const after = load_state(id);
   EXPECT_TRUE(after.report.from_snapshot);
   EXPECT_EQ(after.report.events, 1U) << "its number lies above the snapshot's version, whatever its id says";
   EXPECT_EQ(after.state.applied, before.state.applied + 1);
   EXPECT_EQ(after.state.version, before.state.version + 1);
   EXPECT_EQ(save(id, after.state), save_outcome::saved);
}

TEST_F(snapshot, is_rebuilt_when_an_older_server_writes_below_it_items_124_126_131_D54_D55) {
   execution_id const id{ids_.next()};
   older_row(id, 1'000);
   older_row(id, 3'000);
   auto const before = load_state(id);
   ASSERT_EQ(save(id, before.state), save_outcome::saved);
   older_row(id, 4'000);
   auto const grown = load_state(id);
   EXPECT_TRUE(grown.report.from_snapshot);
   EXPECT_EQ(grown.report.events, 1U) << "a row behind the folded ones needs no rebuild";
   older_row(id, 2'000, "2020-01-01");
   EXPECT_EQ(save(id, grown.state), save_outcome::stale) << "131: the counts of log and state differ";
   EXPECT_EQ(stats().stale, 1U);
   auto const after = load_state(id);
   EXPECT_EQ(after.report.restarts, 1U);
   EXPECT_FALSE(after.report.from_snapshot);
   EXPECT_EQ(after.state.applied, 4U);
   EXPECT_EQ(save(id, after.state), save_outcome::saved);
   journal::state in_order;
   for (auto const event : {1'000, 2'000, 3'000, 4'000}) {
      noetl::event e;
      e.event_id = event_id{event};
      e.event_type = "older";
      journal::apply(in_order, e);
   }
   EXPECT_EQ(journal::text(after.state), journal::text(in_order));
}

TEST_F(snapshot, of_an_adopted_log_survives_a_late_row_of_the_older_server_items_124_126) {
   replica server(how, 6);
   execution_id const id{ids_.next()};
   older_row(id, 1'000);
   older_row(id, 3'000);
   ASSERT_TRUE(append(server.store, one(id, fact("ours"))));
   auto const before = load_state(id);
   EXPECT_EQ(before.state.version, 3);
   ASSERT_EQ(save(id, before.state), save_outcome::saved);
   older_row(id, 2'000);
   auto const after = load_state(id);
   EXPECT_EQ(after.report.restarts, 1U);
   EXPECT_EQ(after.state.applied, 4U) << "no event is lost, ours neither";
   EXPECT_EQ(after.state.version, 3) << "numbers are given by appends only";
   EXPECT_EQ(save(id, after.state), save_outcome::saved);
   ASSERT_TRUE(append(server.store, one(id, fact("ours again"))));
   auto const last = load_state(id);
   EXPECT_TRUE(last.report.from_snapshot);
   EXPECT_EQ(last.report.events, 1U);
   EXPECT_EQ(last.state.applied, 5U);
}

TEST_F(snapshot, only_grows_under_20_parallel_advances_while_events_arrive_items_127_133_D51) {
   replica server(how, 7);
   execution_id const id{ids_.next()};
   ASSERT_TRUE(append(server.store, started(id)));
   std::atomic<bool> over{false};
   std::atomic<int> backwards{0}, looks{0};
   std::jthread watcher([&] {
      pg::connection db(how);
      std::int64_t highest = 0;
      while (!over) {
         auto const rows =
             db.exec("select version from noetl.projection_snapshot where aggregate_id = $1", std::to_string(id.value));
         auto const version = rows.empty() ? 0 : rows[0].get<std::int64_t>(0);
         if (version < highest) ++backwards;
         highest = std::max(highest, version);
         ++looks;
      }
   });
   std::atomic<int> refused{0}, fell{0};
   {
      std::vector<std::jthread> advancing;
      for (int i = 0; i < 20; ++i)
         advancing.emplace_back([&] {
            std::int64_t mine = 0;
            for (int k = 0; k < 10; ++k) {
               auto const got = blocking(states->load(id));
               if (!got) {
                  ++refused;
                  continue;
               }
               auto const saved =
                   blocking(states->snapshots().save(id, states->snapshots().prepare(got->state, got->read_at)));
               if (!saved) ++refused;
               if (got->state.version < mine) ++fell;
               mine = got->state.version;
               if (got->state.applied != static_cast<std::uint64_t>(got->state.version)) ++fell;
            }
         });
      for (int i = 0; i < 100; ++i) ASSERT_TRUE(append(server.store, one(id, fact("step.enter"))));
   }
   auto const last = load_state(id);
   EXPECT_EQ(last.state.version, 101);
   ASSERT_EQ(save(id, last.state), save_outcome::saved);
   over = true;
   watcher.join();
   EXPECT_EQ(backwards, 0) << looks << " looks";
   EXPECT_EQ(refused, 0);
   EXPECT_EQ(fell, 0);
   EXPECT_EQ(stats().corrupt + stats().unreadable, 0U);
}

TEST_F(snapshot, of_an_ended_execution_can_be_purged) {
   auto const running = log_of(1), ended = log_of(1), fresh = log_of(1);
   for (auto const id : {running, ended, fresh}) ASSERT_EQ(save(id, load_state(id).state), save_outcome::saved);
   pg::connection db(how);
   auto const age = [&](execution_id id, char const* status, char const* since) {
      db.exec("update noetl.stream_head set status = $2, updated_at = now() - $3::interval where execution_id = $1", id,
              status, since);
      db.exec("update noetl.projection_snapshot set updated_at = now() - $2::interval where aggregate_id = $1",
              std::to_string(id.value), since);
   };
   age(running, "RUNNING", "3 days");
   age(ended, "COMPLETED", "3 days");
   age(fresh, "COMPLETED", "1 hour");
   auto const gone = blocking(states->snapshots().purge(0, now() - std::chrono::hours{24}, 100));
   ASSERT_TRUE(gone) << gone.error().detail;
   EXPECT_EQ(*gone, 1U);
   EXPECT_FALSE(load_state(ended).report.from_snapshot);
   EXPECT_TRUE(load_state(running).report.from_snapshot);
   EXPECT_TRUE(load_state(fresh).report.from_snapshot);
}
