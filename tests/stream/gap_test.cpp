// Goal 1: writers with random commit delays and ids from clocks of their own. Ours loses nothing; a cursor over
// event_id, as the reference has it, loses events in the same run.
#include "stream_fixture.hpp"

#include <atomic>
#include <random>
#include <unordered_map>
#include <unordered_set>

#include "pg/driver.hpp"

namespace noetl::test {
namespace {

using gap_test = stream_fixture;

/// A writer whose clock is off by up to 25 ms. Each transaction holds rows of several of its executions and commits
/// after 0-50 ms.
struct writer {
   writer(pg::settings how, int number, std::size_t rows)
       : random(static_cast<unsigned>(number) + 1), thread([=, this] {
            pg::connection db(how);
            std::int64_t const skew = static_cast<std::int64_t>(random() % 51) - 25;
            std::int64_t last = 0;
            for (std::size_t done = 0; done < rows;) {
               auto const size = std::min<std::size_t>(rows - done, 1 + random() % 200);
               std::vector<std::int64_t> executions, events;
               for (std::size_t i = 0; i < size; ++i) {
                  last = std::max(last + 1, pg::first_id_at(now() + std::chrono::milliseconds(skew)) + (number << 12));
                  executions.push_back(1'000 * (number + 1) + static_cast<std::int64_t>(random() % 20));
                  events.push_back(last);
               }
               db.begin();
               db.exec("insert into noetl.event (execution_id, event_id, catalog_id, event_type, status, context) "
                       "select x, e, 7, "
                       "'call.done', 'x', '{\"a\":1}' from unnest($1::bigint[], $2::bigint[]) t(x, e)",
                       executions, events);
               std::this_thread::sleep_for(std::chrono::milliseconds(random() % 51));
               if (random() % 20 == 0) {
                  db.rollback();
                  rolled_back += size;
               } else {
                  db.commit();
                  done += size;
               }
            }
         }) {}
   std::mt19937 random;
   std::size_t rolled_back = 0;
   std::jthread thread;
};

} // namespace

TEST_F(gap_test,
       items_4_6_11_D20_D21_D22_goal_1_eight_writers_with_late_commits_lose_nothing_while_a_cursor_over_ids_loses) {
   constexpr std::size_t writers = 8, rows = 12'800;
   auto const running = start(from_the_beginning());

   // The control reads strictly above the highest id it saw, as the reference does.
   std::unordered_set<std::int64_t> control;
   std::jthread reference([&](std::stop_token stop) {
      pg::connection db(database_->settings());
      db.script("create index if not exists gap_control on noetl.event (event_id)");
      std::int64_t cursor = 0;
      for (bool last = false;;) {
         auto const got =
             db.exec("select event_id from noetl.event where event_id > $1 order by event_id limit 500", cursor);
         for (auto const row : got) control.insert(cursor = row.get<std::int64_t>(0));
         if (got.empty() && std::exchange(last, stop.stop_requested())) return;
         if (got.empty()) std::this_thread::sleep_for(10ms);
      }
   });
   {
      std::vector<std::unique_ptr<writer>> all;
      for (int i = 0; i < static_cast<int>(writers); ++i)
         all.push_back(std::make_unique<writer>(database_->settings(), i, rows));
   }
   auto const committed = ask<std::int64_t>("select count(*) from noetl.event");
   ASSERT_EQ(committed, static_cast<std::int64_t>(writers * rows));
   ASSERT_TRUE(eventually([&] { return stored() >= committed; }, 2 * patience)) << stored() << " of " << committed;
   reference.request_stop();
   reference.join();

   auto const got = messages(static_cast<std::size_t>(committed), "noetl.events.>", patience);
   std::unordered_map<std::string, std::size_t> place;
   for (std::size_t i = 0; i < got.size(); ++i)
      EXPECT_TRUE(place.emplace(got[i].id, i).second) << got[i].id << " twice";
   std::size_t lost = 0, disordered = 0;
   std::unordered_map<std::int64_t, std::size_t> last;
   for (auto const row : db_->exec("select execution_id, event_id from noetl.event order by execution_id, event_id")) {
      auto const at = place.find(std::string(*row[1]));
      if (at == place.end()) {
         ++lost;
         continue;
      }
      auto [before, fresh] = last.try_emplace(row.get<std::int64_t>(0), at->second);
      if (!fresh && at->second < before->second) ++disordered;
      before->second = at->second;
   }
   auto const lost_by_control = committed - static_cast<std::int64_t>(control.size());
   std::printf("   %lld events; ours lost %zu, out of order within an execution %zu; the control lost %lld (%.1f %%)\n",
               static_cast<long long>(committed), lost, disordered, static_cast<long long>(lost_by_control),
               100.0 * static_cast<double>(lost_by_control) / static_cast<double>(committed));
   EXPECT_EQ(lost, 0U);
   EXPECT_EQ(disordered, 0U);
   EXPECT_GT(lost_by_control, 0) << "the control lost nothing: the run shows nothing";
   db_->script("drop index noetl.gap_control");
}

} // namespace noetl::test
