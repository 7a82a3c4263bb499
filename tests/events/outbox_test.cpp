#include "store_fixture.hpp"

#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include <noetl/events/outbox.hpp>
#include <noetl/events/outbox_table.hpp>

namespace noetl::test {
namespace {

using namespace std::chrono_literals;

/// A bus in memory that can be away, stuck or slow to answer, and that knows duplicates by message id like JetStream.
class memory_bus {
public:
   void publish(std::string subject, std::string_view payload, std::string id, std::function<void(result<void>)> done) {
      result<void> outcome;
      {
         std::unique_lock lock(guard_);
         changed_.wait(lock, [&] { return !stuck_; });
         ++attempts_;
         if (silent_) {
            messages_.emplace(std::move(id), std::pair(std::move(subject), std::string(payload)));
            unanswered_.push_back(std::move(done));
            return;
         }
         if (away_)
            outcome = fail(error_code::unavailable, "the bus is away");
         else if (subject == "too.large")
            outcome = fail(error_code::too_large, "too large");
         else
            messages_.emplace(std::move(id), std::pair(std::move(subject), std::string(payload)));
      }
      done(std::move(outcome));
   }
   void away(bool value) {
      std::lock_guard lock(guard_);
      away_ = value;
   }
   /// publish() blocks.
   void stuck(bool value) {
      std::lock_guard lock(guard_);
      stuck_ = value;
      changed_.notify_all();
   }
   /// Messages arrive, their acknowledgements come with answer().
   void silent(bool value) {
      std::lock_guard lock(guard_);
      silent_ = value;
   }
   std::size_t answer() {
      std::vector<std::function<void(result<void>)>> calls;
      {
         std::lock_guard lock(guard_);
         calls.swap(unanswered_);
      }
      for (auto& call : calls) call({});
      return calls.size();
   }
   int attempts() const {
      std::lock_guard lock(guard_);
      return attempts_;
   }
   std::map<std::string, std::pair<std::string, std::string>> messages() const {
      std::lock_guard lock(guard_);
      return messages_;
   }

private:
   mutable std::mutex guard_;
   std::condition_variable changed_;
   std::map<std::string, std::pair<std::string, std::string>> messages_;
   std::vector<std::function<void(result<void>)>> unanswered_;
   bool away_ = false;
   bool stuck_ = false;
   bool silent_ = false;
   int attempts_ = 0;
};
static_assert(message_publisher<memory_bus>);

template <class F>
bool eventually(F f, std::chrono::milliseconds limit = 10s) {
   auto const end = std::chrono::steady_clock::now() + limit;
   while (!f()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(10ms);
   }
   return true;
}

/// A server as it is put together: the store ends before the relay that it feeds.
struct server {
   server(pg::settings how, outbox_settings relay_how, unsigned machine = 2)
       : shards(std::move(how)), ids(machine), relay(shards, bus, relay_how), store(shards, ids) {
      store.on_outbox([this](std::size_t shard, std::span<outbox_row const> rows) { relay.offer(shard, rows); });
   }
   pg::shard_map shards;
   snowflake ids;
   memory_bus bus;
   outbox_relay<memory_bus> relay;
   event_store store;
};

class outbox_test : public store_fixture {
protected:
   void SetUp() override {
      store_fixture::SetUp();
      if (IsSkipped()) return;
      pg::connection db(database_->settings());
      db.script("truncate noetl.outbox");
      db.script("update noetl.command set status = 'COMPLETED'");
   }
   static append_request issue(execution_id id, event_id issued) {
      auto request = started(id);
      request.events.push_back(fact("command.issued"));
      request.events.back().event_id = issued;
      request.commands.emplace_back();
      request.commands[0].event_id = issued;
      request.outbox = {{id, issued, "noetl.commands.shared.http", raw_json(R"({"n":1})")}};
      return request;
   }
   static std::int64_t count(std::string_view status) {
      return ask<std::int64_t>("select count(*) from noetl.outbox where status = $1", status);
   }
   static outbox_settings quick() { return {.poll = 50ms, .grace = 300ms, .announce_again = 0ms, .care = 100ms}; }
};

TEST_F(outbox_test, committed_rows_are_published_at_once_and_marked) {
   server r(database_->settings(), {.announce_again = 0ms});
   auto& bus = r.bus;
   event_id const issued{ids_.next()};
   ASSERT_TRUE(append(r.store, issue(execution_id{ids_.next()}, issued)));
   ASSERT_TRUE(eventually([&] { return bus.messages().size() == 1; }, 500ms));
   auto const [id, message] = *bus.messages().begin();
   EXPECT_EQ(id, std::to_string(issued.value));
   EXPECT_EQ(message.first, "noetl.commands.shared.http");
   EXPECT_EQ(message.second, R"({"n":1})");
   EXPECT_TRUE(eventually([&] { return count("PUBLISHED") == 1; }));
}

TEST_F(outbox_test, W1_rows_of_a_process_that_died_before_publishing_are_published_by_the_next) {
   {
      replica r(database_->settings(), 2); // no relay: it died between commit and publish
      for (int i = 0; i < 20; ++i)
         ASSERT_TRUE(append(r.store, issue(execution_id{ids_.next()}, event_id{ids_.next()})));
   }
   replica next(database_->settings(), 3);
   memory_bus bus;
   outbox_relay relay(next.shards, bus, quick());
   EXPECT_TRUE(eventually([&] { return bus.messages().size() == 20; }));
   EXPECT_TRUE(eventually([&] { return count("PUBLISHED") == 20; }));
}

TEST_F(outbox_test, a_bus_that_comes_back_gets_everything) {
   server r(database_->settings(), quick());
   auto& bus = r.bus;
   bus.away(true);
   for (int i = 0; i < 50; ++i) ASSERT_TRUE(append(r.store, issue(execution_id{ids_.next()}, event_id{ids_.next()})));
   std::this_thread::sleep_for(800ms);
   EXPECT_TRUE(bus.messages().empty());
   EXPECT_EQ(count("PUBLISHED"), 0);
   bus.away(false);
   r.relay.wake();
   EXPECT_TRUE(eventually([&] { return bus.messages().size() == 50; }));
   EXPECT_TRUE(eventually([&] { return count("PUBLISHED") == 50; }));
}

TEST_F(outbox_test, a_message_that_can_never_be_sent_is_parked_and_does_not_hold_up_others) {
   replica r(database_->settings(), 2);
   memory_bus bus;
   outbox_relay relay(r.shards, bus, quick());
   auto request = issue(execution_id{ids_.next()}, event_id{ids_.next()});
   request.outbox[0].subject = "too.large";
   ASSERT_TRUE(append(r.store, request));
   ASSERT_TRUE(append(r.store, issue(execution_id{ids_.next()}, event_id{ids_.next()})));
   EXPECT_TRUE(eventually([&] { return count("FAILED") == 1 && count("PUBLISHED") == 1; }));
   EXPECT_EQ(ask<std::string>("select last_error from noetl.outbox where status = 'FAILED'"), "too large");
}

TEST_F(outbox_test, abandoned_rows_are_offered_again_and_old_ones_purged) {
   replica r(database_->settings(), 2);
   ASSERT_TRUE(append(r.store, issue(execution_id{ids_.next()}, event_id{ids_.next()})));
   ASSERT_TRUE(append(r.store, issue(execution_id{ids_.next()}, event_id{ids_.next()})));
   {
      pg::connection db(database_->settings());
      db.script("update noetl.command set status = 'COMPLETED'");
      db.script("update noetl.outbox set status = 'IN_FLIGHT', locked_at = now() - interval '6 minutes' "
                "where outbox_id = (select min(outbox_id) from noetl.outbox)");
      db.script("update noetl.outbox set status = 'PUBLISHED', published_at = now() - interval '25 hours' "
                "where outbox_id = (select max(outbox_id) from noetl.outbox)");
   }
   memory_bus bus;
   outbox_relay relay(r.shards, bus, quick());
   EXPECT_TRUE(eventually([&] { return bus.messages().size() == 1; }));
   EXPECT_TRUE(eventually([&] { return count("PUBLISHED") == 1; }));
   EXPECT_EQ(ask<std::int64_t>("select count(*) from noetl.outbox"), 1);
}

TEST_F(outbox_test, W1_unclaimed_commands_are_announced_again_under_a_new_message_id) {
   auto how = quick();
   how.announce_again = 400ms;
   server r(database_->settings(), how);
   auto& bus = r.bus;
   execution_id const id{ids_.next()}, claimed{ids_.next()}, ended{ids_.next()};
   event_id const issued{ids_.next()}, other{ids_.next()}, third{ids_.next()};
   ASSERT_TRUE(append(r.store, issue(id, issued)));
   ASSERT_TRUE(append(r.store, issue(claimed, other)));
   auto claim = one(claimed, fact("command.claimed"));
   claim.updates = {{claimed, other, "CLAIMED", "w", {}, true}};
   ASSERT_TRUE(append(r.store, claim));
   ASSERT_TRUE(append(r.store, issue(ended, third)));
   ASSERT_TRUE(append(r.store, one(ended, fact("playbook.cancelled"))));
   auto const named = [&](event_id which) {
      std::size_t found = 0;
      for (auto const& [message_id, message] : bus.messages())
         found += message_id.starts_with(std::to_string(which.value));
      return found;
   };
   EXPECT_TRUE(eventually([&] { return named(issued) >= 3; }));
   EXPECT_EQ(named(other), 1U);
   EXPECT_EQ(named(third), 1U);
}

TEST_F(outbox_test, W8_a_command_that_is_due_again_is_told_under_a_new_id_however_old_its_row_is) {
   server r(database_->settings(), quick()); // announcing again is off: what is due does not need it
   execution_id const id{ids_.next()};
   event_id const issued{ids_.next()};
   ASSERT_TRUE(append(r.store, issue(id, issued)));
   ASSERT_TRUE(eventually([&] { return count("PUBLISHED") == 1; }));
   auto claim = one(id, fact("command.claimed"));
   claim.updates = {{id, issued, "CLAIMED", "w", {}, true}};
   ASSERT_TRUE(append(r.store, claim));
   auto const turn_old = [&] {
      pg::connection db(database_->settings());
      db.script("update noetl.outbox set published_at = now() - interval '25 hours'");
   };
   turn_old();
   pg::connection db(database_->settings());
   db.exec("insert into noetl.outbox (event_id, subject, payload, status, published_at) values (9, 'a.b', '{}', "
           "'PUBLISHED', now() - interval '25 hours')");
   // The neighbour without a command is purged, so care has been there; the row of the claimed command stays.
   ASSERT_TRUE(
       eventually([&] { return ask<std::int64_t>("select count(*) from noetl.outbox where event_id = 9") == 0; }));
   ASSERT_EQ(count("PUBLISHED"), 1);
   turn_old();
   db.script("update noetl.command set status = 'PENDING'");
   outbox_table::due_again(db, {id.value}, {issued.value});
   EXPECT_TRUE(eventually([&] { return r.bus.messages().size() == 2; }));
   EXPECT_TRUE(eventually([&] { return count("PUBLISHED") == 1; }));
   auto const name = std::to_string(issued.value);
   for (auto const& [message_id, message] : r.bus.messages()) {
      EXPECT_TRUE(message_id == name || message_id.starts_with(name + "-")) << message_id;
      EXPECT_EQ(message.second.find("\"n\""), 1U);
   }
   EXPECT_EQ(r.relay.stats().announced_again, 1U);
   db.script("update noetl.command set status = 'COMPLETED'");
   turn_old();
   EXPECT_TRUE(eventually([&] { return count("PUBLISHED") == 0; })) << "the row of an ended command stays";
}

TEST_F(outbox_test, W8_a_publication_under_way_does_not_hide_that_a_command_is_due_again) {
   server r(database_->settings(), quick());
   r.bus.silent(true);
   execution_id const id{ids_.next()};
   event_id const issued{ids_.next()};
   ASSERT_TRUE(append(r.store, issue(id, issued)));
   ASSERT_TRUE(eventually([&] { return r.bus.messages().size() == 1; }));
   pg::connection db(database_->settings());
   r.bus.silent(false);
   r.bus.away(true);
   outbox_table::due_again(db, {id.value}, {issued.value});
   r.bus.answer();
   std::this_thread::sleep_for(300ms);
   EXPECT_EQ(count("PUBLISHED"), 0);
   r.bus.away(false);
   EXPECT_TRUE(eventually([&] { return r.bus.messages().size() == 2 && count("PUBLISHED") == 1; }));
}

TEST_F(outbox_test, W1_a_wiped_bus_is_told_of_thousands_of_commands_in_one_go_and_purging_does_not_wait) {
   pg::connection db(database_->settings());
   auto const base = ids_.next();
   constexpr int many = 6'000;
   auto const rows = " from generate_series(1, " + std::to_string(many) + ") n";
   auto const first = std::to_string(base);
   db.script("insert into noetl.stream_head (execution_id, version, guarded_version, catalog_id) select " + first +
             " + n, 1, 1, 7" + rows);
   db.script(
       "insert into noetl.command (command_id, event_id, execution_id, catalog_id, step_name, created_at) select " +
       first + " + n, " + first + " + n, " + first + " + n, 7, 's', now() - interval '2 hours'" + rows);
   db.script("insert into noetl.outbox (execution_id, event_id, subject, payload, status, published_at) select " +
             first + " + n, " + first +
             " + n, 'noetl.commands.shared.1', '{}', 'PUBLISHED', now() - interval '2 hours'" + rows);
   db.script("insert into noetl.outbox (event_id, subject, payload, status, published_at) select n, 'a.b', '{}', "
             "'PUBLISHED', now() - interval '25 hours'" +
             rows);
   {
      replica r(database_->settings(), 2);
      memory_bus bus;
      outbox_relay relay(r.shards, bus,
                         {.announce_again = 3'600'000ms, .care = 3'600'000ms}); // the next turn is far away
      EXPECT_TRUE(eventually([&] { return bus.messages().size() == many && count("PUBLISHED") == many; }, 60s))
          << bus.messages().size() << " told, " << count("PUBLISHED") << " rows published";
      EXPECT_EQ(relay.stats().purged, static_cast<std::uint64_t>(many));
   }
   db.script("delete from noetl.stream_head where version = 1 and catalog_id = 7 and guarded_version = 1");
}

TEST_F(outbox_test, W1_an_announcement_that_the_bus_refuses_is_repeated_soon_not_after_another_period) {
   replica r(database_->settings(), 2);
   memory_bus bus;
   {
      outbox_relay relay(r.shards, bus, quick());
      r.store.on_outbox([&](std::size_t shard, std::span<outbox_row const> rows) { relay.offer(shard, rows); });
      ASSERT_TRUE(append(r.store, issue(execution_id{ids_.next()}, event_id{ids_.next()})));
      ASSERT_TRUE(eventually([&] { return count("PUBLISHED") == 1; }));
      r.stop();
   }
   pg::connection(database_->settings()).script("update noetl.command set created_at = now() - interval '2 hours'");
   pg::connection(database_->settings()).script("update noetl.outbox set published_at = now() - interval '2 hours'");
   bus.away(true);
   auto how = quick();
   how.announce_again = 3'600'000ms;
   outbox_relay relay(r.shards, bus, how);
   ASSERT_TRUE(eventually([&] { return relay.stats().refused > 0; }));
   bus.away(false);
   EXPECT_TRUE(eventually([&] { return bus.messages().size() == 2; }));
   EXPECT_TRUE(eventually([&] { return count("PUBLISHED") == 1; }));
}

TEST_F(outbox_test, a_bus_that_is_away_is_asked_less_and_less_often_and_at_once_when_it_is_back) {
   auto how = quick();
   how.poll = how.grace = 3'600'000ms;
   server r(database_->settings(), how);
   r.bus.away(true);
   constexpr int rows = 10;
   for (int i = 0; i < rows; ++i) ASSERT_TRUE(append(r.store, issue(execution_id{ids_.next()}, event_id{ids_.next()})));
   std::this_thread::sleep_for(2s);
   EXPECT_LT(r.bus.attempts(), rows * 40); // every 5 ms would be 4,000 and more
   r.bus.away(false);
   r.relay.wake();
   EXPECT_TRUE(eventually([&] { return r.bus.messages().size() == rows; }));
   EXPECT_TRUE(eventually([&] { return count("PUBLISHED") == rows; }));
}

TEST_F(outbox_test, a_bus_that_blocks_holds_up_no_commit) {
   server r(database_->settings(), quick());
   r.bus.stuck(true);
   for (int i = 0; i < 20; ++i) {
      std::promise<bool> stored;
      r.store.append_then(issue(execution_id{ids_.next()}, event_id{ids_.next()}),
                          [&](auto got) { stored.set_value(got.has_value()); });
      auto answer = stored.get_future();
      bool const answered = answer.wait_for(10s) == std::future_status::ready;
      EXPECT_TRUE(answered) << "commit " << i;
      if (!answered) {
         r.bus.stuck(false);
         answer.wait();
         return;
      }
   }
   r.bus.stuck(false);
   EXPECT_TRUE(eventually([&] { return r.bus.messages().size() == 20 && count("PUBLISHED") == 20; }));
}

TEST_F(outbox_test, rows_are_taken_from_the_table_as_fast_as_outcomes_come_and_every_outcome_is_written) {
   {
      replica r(database_->settings(), 2); // no relay
      for (int i = 0; i < 300; ++i)
         ASSERT_TRUE(append(r.store, issue(execution_id{ids_.next()}, event_id{ids_.next()})));
   }
   replica next(database_->settings(), 3);
   memory_bus bus;
   bus.silent(true);
   auto how = quick();
   how.grace = 0ms;
   how.batch = 20;
   how.poll = 3'600'000ms; // one look, at the start: all else must come from outcomes
   outbox_relay relay(next.shards, bus, how);
   ASSERT_TRUE(eventually([&] { return bus.messages().size() == 20; }));
   std::this_thread::sleep_for(200ms);
   EXPECT_EQ(count("IN_FLIGHT"), 20);
   EXPECT_EQ(count("PENDING"), 280);
   EXPECT_TRUE(eventually([&] {
      bus.answer();
      return count("PUBLISHED") == 300;
   }));
}

TEST_F(outbox_test, late_acknowledgements_are_written_down_without_waiting_for_the_next_look) {
   auto how = quick();
   how.poll = how.grace = 3'600'000ms;
   server r(database_->settings(), how);
   r.bus.silent(true);
   std::this_thread::sleep_for(200ms); // the keeper sleeps until its next look, an hour away
   for (int i = 0; i < 5; ++i) ASSERT_TRUE(append(r.store, issue(execution_id{ids_.next()}, event_id{ids_.next()})));
   ASSERT_TRUE(eventually([&] { return r.bus.messages().size() == 5; }));
   EXPECT_EQ(r.bus.answer(), 5U);
   EXPECT_TRUE(eventually([&] { return count("PUBLISHED") == 5; }));
}

TEST_F(outbox_test, foreign_rows_are_published_too) {
   replica r(database_->settings(), 2);
   {
      pg::connection db(database_->settings());
      db.script("insert into noetl.outbox (event_id, subject, payload) values (5, 'a.b', '{}')");
      db.script("insert into noetl.outbox (event_id, subject, payload) values (6, null, '{}')");
   }
   memory_bus bus;
   outbox_relay relay(r.shards, bus, quick());
   EXPECT_TRUE(eventually([&] { return count("PUBLISHED") == 1 && count("FAILED") == 1; }));
   EXPECT_EQ(bus.messages().size(), 1U);
}

} // namespace
} // namespace noetl::test
