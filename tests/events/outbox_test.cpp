#include "store_fixture.hpp"

#include <map>
#include <mutex>
#include <thread>

#include <noetl/events/outbox.hpp>

namespace noetl::test {
namespace {

using namespace std::chrono_literals;

/// A bus in memory that can be away, and that knows duplicates by message id like JetStream.
class memory_bus {
public:
   void publish(std::string subject, std::string_view payload, std::string id, std::function<void(result<void>)> done) {
      result<void> outcome;
      {
         std::lock_guard lock(guard_);
         ++attempts_;
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
   std::map<std::string, std::pair<std::string, std::string>> messages() const {
      std::lock_guard lock(guard_);
      return messages_;
   }

private:
   mutable std::mutex guard_;
   std::map<std::string, std::pair<std::string, std::string>> messages_;
   bool away_ = false;
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
   static outbox_settings quick() { return {.poll = 50ms, .grace = 300ms, .announce_again = 0ms}; }
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
