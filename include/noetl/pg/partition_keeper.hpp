// pg/partition_keeper.hpp: keeps the partitions of noetl.event ahead of time while a server runs.
// Knows pg/partitions.hpp. Rules: spec schema.md section 10.5.
#pragma once

#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <noetl/core/log.hpp>
#include <noetl/core/time.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/partitions.hpp>

namespace noetl::pg {

struct partition_keeper_settings {
   std::chrono::milliseconds every = std::chrono::hours{24};  ///< from one look to the next
   std::chrono::milliseconds retry = std::chrono::minutes{1}; ///< after a look that failed
   std::function<timestamp()> clock = [] { return now(); };
};

/// Looks after the partitions of some databases, on a thread of its own: at start() and then again and again, since a
/// server outlives quarters. What cannot be done is logged and tried again.
class partition_keeper {
public:
   /// Does nothing yet. \param databases  each with a schema noetl of ours
   explicit partition_keeper(std::vector<settings> databases, partition_keeper_settings how = {})
       : databases_(std::move(databases)), how_(std::move(how)) {
      for (auto& one : databases_) one.statement_timeout = {}; // a large default partition takes its time to check
   }

   /// Once at most.
   void start() {
      thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
   }
   /// Ends a statement under way. From one thread; the destructor does it, too.
   void stop() { thread_ = {}; }

private:
   void run(std::stop_token const& stop) {
      while (!stop.stop_requested()) {
         bool good = true;
         for (auto const& database : databases_)
            if (!stop.stop_requested()) good = look_after(database, stop) && good;
         std::unique_lock lock(mutex_);
         changed_.wait_for(lock, stop, good ? how_.every : how_.retry, [] { return false; });
      }
   }

   bool look_after(settings const& database, std::stop_token const& stop) {
      auto const open = [&](std::string_view why) {
         log::warn("database.partitions", {{"database", database.database}, {"open", why}});
      };
      try {
         connection db(database);
         std::stop_callback const cut(stop, [&db] { db.interrupt(); });
         auto const report = keep_event_partitions_ahead(db, how_.clock());
         for (auto const& name : report.created)
            log::info("database.partition", {{"database", database.database}, {"created", name}});
         for (auto const& why : report.skipped) open(why);
         return true;
      } catch (std::exception const& e) { // a lock that was not free, a database that is away
         if (!stop.stop_requested()) open(e.what());
         return false;
      }
   }

   std::vector<settings> databases_;
   partition_keeper_settings const how_;
   std::mutex mutex_;
   std::condition_variable_any changed_;
   std::jthread thread_; // last: ends before what it uses
};

} // namespace noetl::pg
