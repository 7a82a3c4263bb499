// tests/events/outbox_fixture.hpp: an outbox with its relay, and a bus in memory that can be away, stuck or late.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <noetl/core/snowflake.hpp>
#include <noetl/events/outbox.hpp>

#include "store_fixture.hpp"
#include "support/eventually.hpp"

namespace noetl::test {

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
         else if (subject == "odd.words")
            outcome = fail(error_code::too_large, std::string("no \0 \xff \xc3\xa9", 9));
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

/// A server as it is put together: the store ends before the relay that it feeds.
struct relaying_server {
   relaying_server(pg::settings how, outbox_settings relay_how, unsigned machine = 2)
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
   append_request issue_to(std::string subject) {
      auto request = issue(execution_id{ids_.next()}, event_id{ids_.next()});
      request.outbox[0].subject = std::move(subject);
      return request;
   }
   static std::int64_t count(std::string_view status) {
      return ask<std::int64_t>("select count(*) from noetl.outbox where status = $1", status);
   }
   static outbox_settings quick() {
      using std::chrono::milliseconds;
      return {.poll = milliseconds(50),
              .grace = milliseconds(300),
              .announce_again = milliseconds(0),
              .care = milliseconds(100)};
   }
};

} // namespace noetl::test
