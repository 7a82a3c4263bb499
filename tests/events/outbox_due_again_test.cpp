// Commands that are due again: unclaimed ones, those whose worker vanished, those that a wiped bus forgot (W1, W8).
#include "outbox_fixture.hpp"

#include <future>
#include <thread>

#include <noetl/events/outbox_table.hpp>

namespace noetl::test {
namespace {

using namespace std::chrono_literals;

TEST_F(outbox_test, W1_unclaimed_commands_are_announced_again_under_a_new_message_id) {
   auto how = quick();
   how.announce_again = 400ms;
   relaying_server r(database_->settings(), how);
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
   relaying_server r(database_->settings(), quick()); // announcing again is off: what is due does not need it
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
   relaying_server r(database_->settings(), quick());
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

} // namespace
} // namespace noetl::test
