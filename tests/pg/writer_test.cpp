#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <noetl/pg/writer.hpp>

#include "support/eventually.hpp"
#include "test_database.hpp"

namespace noetl::test {
namespace {

using namespace std::chrono_literals;
using pg::commit_outcome;
using pg::detail::batch_attempt;
using pg::detail::batch_step;

// What a policy saw, and what it does when it is asked.
struct script {
   std::mutex guard;
   std::condition_variable changed;
   std::vector<std::vector<int>> tried; // each write()
   std::map<int, std::string> answers;  // "" is committed, else why it was refused
   bool open = true;                    // write() waits for this
   int asked = 0;                       // outcome()
   std::function<void(pg::connection&, std::vector<int> const&)> during = [](auto&, auto const&) {};
   std::function<commit_outcome()> outcome = [] { return commit_outcome::unknown; };

   void set_open(bool now) {
      std::lock_guard lock(guard);
      open = now;
      changed.notify_all();
   }
   [[nodiscard]] std::size_t tries() {
      std::lock_guard lock(guard);
      return tried.size();
   }
   [[nodiscard]] std::optional<std::string> answer(int id) {
      std::lock_guard lock(guard);
      auto const found = answers.find(id);
      return found == answers.end() ? std::nullopt : std::optional(found->second);
   }
};

struct parcel {
   int id = 0;
   std::size_t bytes = 0;
   bool answered = false;
};

class scripted_policy {
public:
   using request = parcel;
   explicit scripted_policy(std::shared_ptr<script> s) : script_(std::move(s)) {}

   std::size_t weight(parcel const&) const { return 1; }
   std::size_t bytes(parcel const& p) const { return p.bytes; }
   bool fits(std::span<parcel const>, parcel const&) const { return true; }
   void write(pg::connection& db, std::span<parcel> batch) {
      std::vector<int> ids;
      for (auto const& one : batch) ids.push_back(one.id);
      std::unique_lock lock(script_->guard);
      script_->tried.push_back(ids);
      script_->changed.wait(lock, [this] { return script_->open; });
      lock.unlock();
      db.exec("select 1");
      script_->during(db, ids);
   }
   void committed(std::span<parcel> batch) {
      for (auto& one : batch) answer(one, "");
   }
   void refuse(parcel& one, error const& why) { answer(one, why.message); }
   bool answered(parcel const& one) const { return one.answered; }
   bool repeat(parcel const&, pg::sql_error const&) const { return false; }
   void blocked(std::span<parcel const>) {}
   commit_outcome outcome(pg::connection&, std::span<parcel>) {
      {
         std::lock_guard lock(script_->guard);
         ++script_->asked;
      }
      return script_->outcome();
   }

private:
   void answer(parcel& one, std::string text) {
      if (std::exchange(one.answered, true)) return;
      std::lock_guard lock(script_->guard);
      script_->answers.emplace(one.id, std::move(text));
   }
   std::shared_ptr<script> script_;
};
static_assert(pg::batch_policy<scripted_policy>);

class writer_test : public testing::Test {
protected:
   using writer = pg::group_commit_writer<scripted_policy>;

   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   }
   void TearDown() override { go(); }
   // A writer that is in the middle of request 0, so that what comes next waits until go().
   writer& busy(pg::writer_settings how) {
      how.database = maintenance();
      writer_.emplace(std::move(how), scripted_policy(s));
      s->set_open(false);
      writer_->submit({.id = 0});
      EXPECT_TRUE(eventually([&] { return s->tries() == 1; }));
      return *writer_;
   }
   void go() { s->set_open(true); }
   [[nodiscard]] std::string answer(int id) {
      EXPECT_TRUE(eventually([&] { return s->answer(id).has_value(); })) << id;
      return s->answer(id).value_or("none");
   }
   // The batches tried after that of request 0.
   [[nodiscard]] std::vector<std::vector<int>> tried() {
      std::lock_guard lock(s->guard);
      return {s->tried.begin() + 1, s->tried.end()};
   }

   using batches = std::vector<std::vector<int>>;
   std::shared_ptr<script> s = std::make_shared<script>();
   std::optional<writer> writer_;
};

TEST_F(writer_test, a_batch_is_cut_by_bytes) {
   auto& w = busy({.max_bytes = 100});
   for (int id = 1; id <= 5; ++id) w.submit({.id = id, .bytes = 50});
   EXPECT_EQ(w.stats().waiting_bytes, 250U);
   go();
   EXPECT_EQ(answer(5), "");
   EXPECT_EQ(tried(), (batches{{1, 2}, {3, 4}, {5}}));
   EXPECT_EQ(w.stats().waiting_bytes, 0U);
}

TEST_F(writer_test, a_request_larger_than_a_batch_goes_alone) {
   auto& w = busy({.max_bytes = 100});
   w.submit({.id = 1, .bytes = 10});
   w.submit({.id = 2, .bytes = 500});
   w.submit({.id = 3, .bytes = 10});
   go();
   EXPECT_EQ(answer(2), "");
   EXPECT_EQ(answer(3), "");
   EXPECT_EQ(tried(), (batches{{1}, {2}, {3}}));
}

TEST_F(writer_test, the_queue_is_bounded_by_bytes) {
   auto& w = busy({.max_waiting_bytes = 100});
   w.submit({.id = 1, .bytes = 60});
   w.submit({.id = 2, .bytes = 41});
   EXPECT_EQ(answer(2), "too many writes wait for the database");
   w.submit({.id = 3, .bytes = 40});
   go();
   EXPECT_EQ(answer(1), "");
   EXPECT_EQ(answer(3), "");
   s->set_open(false);
   w.submit({.id = 4});
   ASSERT_TRUE(eventually([&] { return tried().back() == std::vector{4}; }));
   w.submit({.id = 5, .bytes = 500}); // nothing waits: it would never have a better time
   w.submit({.id = 6, .bytes = 1});
   EXPECT_EQ(answer(6), "too many writes wait for the database");
   go();
   EXPECT_EQ(answer(5), "");
}

TEST_F(writer_test, who_loses_the_connection_alone_is_refused_and_the_others_are_written) {
   auto& w = busy({});
   s->during = [](pg::connection& db, std::vector<int> const& ids) {
      if (std::find(ids.begin(), ids.end(), 2) == ids.end()) return;
      db.interrupt();
      db.exec("select 1");
   };
   for (int id = 1; id <= 3; ++id) w.submit({.id = id, .bytes = 10});
   go();
   EXPECT_EQ(answer(1), "");
   EXPECT_EQ(answer(2), "the database connection was lost");
   EXPECT_EQ(answer(3), "");
   EXPECT_EQ(tried(), (batches{{1, 2, 3}, {1, 2, 3}, {1}, {2}, {2}, {2}, {3}}));
   EXPECT_EQ(w.stats().waiting_bytes, 0U);
}

TEST_F(writer_test, a_database_that_loses_every_connection_is_not_asked_for_each_request) {
   auto& w = busy({});
   s->during = [](pg::connection&, std::vector<int> const&) { throw pg::connection_lost("gone"); };
   for (int id = 1; id <= 100; ++id) w.submit({.id = id});
   go();
   for (int id = 1; id <= 100; ++id) EXPECT_EQ(answer(id), "the database connection was lost");
   EXPECT_LE(tried().size(), 8U);
}

TEST_F(writer_test, transactions_of_a_queue_follow_each_other_and_none_stays_open_behind_them) {
   std::string transactions; // ids, one per batch
   int pid = 0;
   s->during = [&](pg::connection& db, std::vector<int> const&) {
      transactions += std::string(db.exec("select pg_current_xact_id()::text")[0][0].value_or("")) + " ";
      pid = db.backend_pid();
   };
   auto& w = busy({.max_requests = 1});
   for (int id = 1; id <= 3; ++id) w.submit({.id = id});
   go();
   EXPECT_EQ(answer(3), "");
   EXPECT_TRUE(eventually([&] {
      pg::connection look(maintenance());
      return look.exec("select state from pg_stat_activity where pid = $1", pid)[0][0] == "idle";
   })) << "and not idle in transaction";
   std::set<std::string> different;
   std::istringstream words(transactions);
   for (std::string id; words >> id;) different.insert(id);
   EXPECT_EQ(different.size(), 4U) << transactions;
}

TEST_F(writer_test, a_connection_lost_between_two_transactions_costs_nobody_anything) {
   int batches_seen = 0;
   s->during = [&](pg::connection& db, std::vector<int> const&) {
      if (++batches_seen == 3) { // begun with the commit before
         db.interrupt();
         db.exec("select 1");
      }
   };
   auto& w = busy({.max_requests = 1});
   for (int id = 1; id <= 4; ++id) w.submit({.id = id});
   go();
   for (int id = 1; id <= 4; ++id) EXPECT_EQ(answer(id), "");
}

TEST_F(writer_test, a_commit_in_doubt_is_looked_up) {
   auto& w = busy({});
   s->during = [](pg::connection& db, std::vector<int> const& ids) {
      if (ids.front() == 1 || ids.front() == 2) db.interrupt();
   };
   s->outcome = [this] {
      if (s->asked % 3 != 0) throw std::runtime_error("not now");
      return s->asked == 3 ? commit_outcome::committed : commit_outcome::rolled_back;
   };
   go();
   w.submit({.id = 1});
   EXPECT_EQ(answer(1), "");
   EXPECT_EQ(s->asked, 3);
   s->set_open(false);
   w.submit({.id = 2});
   ASSERT_TRUE(eventually([&] { return tried().back() == std::vector{2}; }));
   {
      std::lock_guard lock(s->guard);
      s->during = [n = 0](pg::connection& db, std::vector<int> const&) mutable {
         if (n++ == 0) db.interrupt();
      };
   }
   go();
   EXPECT_EQ(answer(2), "") << "rolled back, so it was written again";
   EXPECT_EQ(tried(), (batches{{1}, {2}, {2}}));
   EXPECT_EQ(s->asked, 6);
}

TEST_F(writer_test, a_commit_in_doubt_that_began_the_next_transaction_is_looked_up_and_the_others_are_written) {
   auto& w = busy({.max_requests = 1});
   s->during = [n = 0](pg::connection& db, std::vector<int> const& ids) mutable {
      if (ids.front() == 1 && n++ == 0) db.interrupt(); // 2 waits
   };
   s->outcome = [this] { return s->asked == 1 ? commit_outcome::rolled_back : commit_outcome::unknown; };
   w.submit({.id = 1});
   w.submit({.id = 2});
   go();
   EXPECT_EQ(answer(1), "");
   EXPECT_EQ(answer(2), "");
   EXPECT_EQ(tried(), (batches{{1}, {1}, {2}}));
   EXPECT_EQ(s->asked, 1);
}

TEST_F(writer_test, a_commit_that_is_refused_begins_nothing) {
   auto& w = busy({.max_requests = 1});
   s->during = [](pg::connection& db, std::vector<int> const& ids) {
      if (ids.front() != 1) return;
      db.script("create temporary table late (a int unique deferrable initially deferred)");
      db.exec("insert into late values (1), (1)"); // said at COMMIT
   };
   for (int id = 1; id <= 3; ++id) w.submit({.id = id});
   go();
   EXPECT_NE(answer(1), "");
   EXPECT_EQ(answer(2), "");
   EXPECT_EQ(answer(3), "");
}

TEST_F(writer_test, a_doubt_that_nothing_settles_ends) {
   auto& w = busy({.max_doubt = 300ms});
   s->during = [](pg::connection& db, std::vector<int> const& ids) {
      if (ids.front() == 1) db.interrupt();
   };
   s->outcome = []() -> commit_outcome { throw std::runtime_error("cannot be told"); };
   w.submit({.id = 1});
   go();
   ASSERT_TRUE(eventually([&] { return tried().size() == 1; }));
   auto const begin = std::chrono::steady_clock::now();
   w.submit({.id = 2});
   EXPECT_EQ(answer(1), "the outcome of this write is not known");
   EXPECT_GE(std::chrono::steady_clock::now() - begin, 250ms);
   EXPECT_EQ(answer(2), "") << "the others go on";
   EXPECT_GT(s->asked, 2);
}

TEST(batch_step, refusals_are_repeated_split_or_passed_on) {
   pg::sql_error const deadlock("40P01", ""), locked("55P03", ""), broken("22P02", "");
   auto const after = [](pg::sql_error const& e, batch_attempt attempt, bool once_more = false) {
      return pg::detail::after_refusal(attempt, e, once_more);
   };
   EXPECT_EQ(after(deadlock, {.size = 9, .number = 4}), batch_step::pause);
   EXPECT_EQ(after(deadlock, {.size = 9, .number = 5}), batch_step::halves);
   EXPECT_EQ(after(deadlock, {.size = 1, .number = 5}), batch_step::refuse);
   EXPECT_EQ(after(locked, {.size = 9}), batch_step::repeat);
   EXPECT_EQ(after(locked, {.size = 9, .number = 2, .waited = true}), batch_step::one_by_one);
   EXPECT_EQ(after(locked, {.size = 1}), batch_step::refuse);
   EXPECT_EQ(after(broken, {.size = 2}), batch_step::halves);
   EXPECT_EQ(after(broken, {.size = 1}), batch_step::refuse);
   EXPECT_EQ(after(broken, {.size = 1, .number = 2}, true), batch_step::repeat);
   EXPECT_EQ(after(broken, {.size = 1, .number = 3}, true), batch_step::refuse);
}

static_assert(pg::detail::after_loss(9, 1) == batch_step::repeat);
static_assert(pg::detail::after_loss(9, 2) == batch_step::one_by_one);
static_assert(pg::detail::after_loss(1, 2) == batch_step::repeat);
static_assert(pg::detail::after_loss(1, 3) == batch_step::refuse);
static_assert(pg::detail::after_loss(9, 4) == batch_step::one_by_one);
static_assert(pg::detail::after_loss(9, 5) == batch_step::refuse);

} // namespace
} // namespace noetl::test
