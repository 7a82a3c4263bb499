// tests/fault/evidence.hpp: what the database says about promises, dispatches, ends and versions.
// Reads the tables with a session of its own, past every server.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <noetl/pg/connection.hpp>

#include "fault/load.hpp"
#include "support/deployment.hpp"

namespace noetl::test {

/// The last lines of a log, for messages of failed assertions.
inline std::string tail(std::string const& text, std::size_t bytes = 3'000) {
   return text.size() <= bytes ? text : "..." + text.substr(text.size() - bytes);
}

/// Not thread-safe.
class evidence {
public:
   explicit evidence(deployment const& system) : db_(system.db.settings()) {}

   std::int64_t number(std::string_view sql) { return db_.exec(sql)[0].get<std::int64_t>(0); }
   pg::connection& database() { return db_; }

   // ---- what is under way
   std::int64_t running() { return number("select count(*) from noetl.stream_head where status = 'RUNNING'"); }
   std::int64_t open_commands() {
      return number("select count(*) from noetl.command where status not in ('COMPLETED', 'FAILED', 'CANCELLED')");
   }
   std::int64_t unclaimed() { return number("select count(*) from noetl.command where status = 'PENDING'"); }
   std::int64_t unannounced() { return number("select count(*) from noetl.outbox where status <> 'PUBLISHED'"); }
   /// Running executions in which no command is open: a decision is due.
   std::int64_t undecided() {
      return number("select count(*) from noetl.stream_head h where h.status = 'RUNNING' and not exists (select 1 from "
                    "noetl.command c where c.execution_id = h.execution_id and c.status not in ('COMPLETED', 'FAILED', "
                    "'CANCELLED'))");
   }
   std::int64_t executions() { return number("select count(*) from noetl.stream_head"); }
   std::int64_t events() { return number("select count(*) from noetl.event"); }

   /// Waits until nothing is under way, as long as something still happens: a slow machine may take its time.
   /// \param standstill  this long without a change of any table means that nobody will finish it
   /// \return whether it came to that
   bool settles(std::chrono::milliseconds standstill = std::chrono::seconds{40}) {
      auto const state = [this] {
         return std::array{running(), open_commands(), unannounced(), unclaimed(), events()};
      };
      auto last = state();
      auto const begin = std::chrono::steady_clock::now();
      for (auto changed = begin; last[0] + last[1] + last[2] > 0;) {
         auto const now = std::chrono::steady_clock::now();
         if (now - changed > standstill || now - begin > std::chrono::minutes{3}) return false;
         std::this_thread::sleep_for(std::chrono::milliseconds{100});
         auto const next = state();
         if (next != last) changed = std::chrono::steady_clock::now();
         last = next;
      }
      return true;
   }
   /// What is not finished, for a message.
   std::string unfinished() {
      std::string text = std::to_string(running()) + " running, " + std::to_string(undecided()) + " undecided, " +
                         std::to_string(open_commands()) + " open commands, " + std::to_string(unannounced()) +
                         " unannounced\n";
      for (auto const& line :
           lines("select c.execution_id, c.step_name, c.status, c.worker_id, o.status, o.attempts, h.status, "
                 "h.version from noetl.command c join noetl.stream_head h using (execution_id) left join "
                 "noetl.outbox o on o.execution_id = c.execution_id and o.event_id = c.event_id "
                 "where c.status not in ('COMPLETED', 'FAILED', 'CANCELLED') limit 10"))
         text += line + '\n';
      return text;
   }

   // ---- what must not be; each gives a few culprits
   std::vector<std::string> lost_executions(promises const& given) {
      return lines("select x from unnest($1::bigint[]) x where not exists (select 1 from noetl.event e where "
                   "e.execution_id = x and e.event_type = 'playbook_started') limit 10",
                   given.executions);
   }
   std::vector<std::string> lost_events(promises const& given) {
      std::vector<std::int64_t> executions, ids, numbers;
      for (auto const& one : given.events) {
         executions.push_back(one.execution);
         ids.push_back(one.event);
         numbers.push_back(one.number);
      }
      return lines(
          "select x.execution, x.id, e.result::text from unnest($1::bigint[], $2::bigint[], $3::bigint[]) "
          "x(execution, id, number) left join noetl.event e on e.execution_id = x.execution and e.event_id = x.id "
          "where (e.result->'context'->>'number')::bigint is distinct from x.number limit 10",
          executions, ids, numbers);
   }
   /// Steps that were not dispatched exactly once.
   std::vector<std::string> wrong_dispatches() {
      auto culprits =
          lines("select execution_id, node_name, count(*) from noetl.event where event_type = 'command.issued' "
                "group by 1, 2 having count(*) <> 1 limit 10");
      auto const incomplete = lines(
          "select h.execution_id, count(e.event_id) || ' steps' from noetl.stream_head h left join noetl.event e on "
          "e.execution_id = h.execution_id and e.event_type = 'command.issued' group by 1 having count(e.event_id) "
          "<> " +
          std::to_string(chain_steps) + " limit 10");
      culprits.insert(culprits.end(), incomplete.begin(), incomplete.end());
      return culprits;
   }
   /// Commands with a number of claims other than one, or without a row or an event.
   std::vector<std::string> wrong_claims() {
      return lines(
          "select i.execution_id, i.node_name, count(c.event_id) || ' claims' from noetl.event i left join noetl.event "
          "c on "
          "c.execution_id = i.execution_id and c.event_type = 'command.claimed' and c.meta->>'command_id' = "
          "i.meta->>'command_id' where i.event_type = 'command.issued' and exists (select 1 from noetl.command r where "
          "r.execution_id = i.execution_id and r.event_id = i.event_id) group by i.execution_id, i.event_id, "
          "i.node_name "
          "having count(c.event_id) <> 1 limit 10");
   }
   /// Executions without exactly one terminal event, or with one that is not `wanted`.
   std::vector<std::string> wrong_ends(std::string const& wanted = "COMPLETED") {
      return lines(
          "select h.execution_id, h.status, count(e.event_id) || ' ends' from noetl.stream_head h left join "
          "noetl.event e on "
          "e.execution_id = h.execution_id and e.event_type in ('playbook.completed', 'playbook_completed', "
          "'playbook.failed', 'playbook_failed', 'playbook.cancelled', 'playbook_cancelled', 'execution.cancelled') "
          "group by h.execution_id, h.status having count(e.event_id) <> 1 or h.status <> $1 limit 10",
          wanted);
   }
   /// Executions whose versions are not 1, 2, 3, ... up to that of the head.
   std::vector<std::string> wrong_versions() {
      return lines("select e.execution_id, min(e.stream_version), max(e.stream_version), count(*), min(h.version) from "
                   "noetl.event e "
                   "left join noetl.stream_head h on h.execution_id = e.execution_id group by 1 having "
                   "min(e.stream_version) <> 1 or "
                   "max(e.stream_version) <> count(*) or count(distinct e.stream_version) <> count(*) or "
                   "min(h.version) is distinct from count(*) limit 10");
   }

   /// Rows as text, cells separated by blanks.
   template <class... Params>
   std::vector<std::string> lines(std::string_view sql, Params const&... params) {
      std::vector<std::string> out;
      auto const rows = db_.exec(sql, params...);
      for (std::size_t i = 0; i < rows.size(); ++i) {
         std::string line;
         for (std::size_t column = 0; column < rows.columns(); ++column)
            line += (column == 0 ? "" : " ") + std::string(rows[i][column].value_or("null"));
         out.push_back(std::move(line));
      }
      return out;
   }

private:
   pg::connection db_;
};

inline std::string joined(std::vector<std::string> const& lines) {
   std::string text;
   for (auto const& line : lines) text += line + '\n';
   return text;
}

/// Nothing that was acknowledged is missing.
inline void expect_promises_kept(evidence& found, promises const& given) {
   EXPECT_EQ(joined(found.lost_executions(given)), "") << "acknowledged executions are missing";
   EXPECT_EQ(joined(found.lost_events(given)), "") << "acknowledged events are missing or changed";
}

/// Every execution ended once, every step was dispatched once, every command was claimed once, versions have no holes.
/// \pre nothing is under way
inline void expect_exactly_once(evidence& found) {
   EXPECT_EQ(found.unannounced(), 0);
   EXPECT_EQ(found.open_commands(), 0);
   EXPECT_EQ(joined(found.wrong_ends()), "") << "executions did not end exactly once and COMPLETED";
   EXPECT_EQ(joined(found.wrong_dispatches()), "") << "steps were not dispatched exactly once";
   EXPECT_EQ(joined(found.wrong_claims()), "") << "commands were not claimed exactly once";
   EXPECT_EQ(joined(found.wrong_versions()), "") << "stream versions have holes or repeat";
}

/// The clients saw 200, 503 with Retry-After, and silence; nothing else.
inline void expect_clean_answers(answer_counts const& counts) {
   EXPECT_EQ(joined(counts.unexpected), "");
   EXPECT_EQ(counts.without_retry_after, 0U);
}

/// One line of figures per test.
inline void say(std::string const& text) {
   std::printf("   %s\n", text.c_str());
   std::fflush(stdout);
}
inline std::string figures(evidence& found, load const& clients) {
   auto const counts = clients.answers();
   std::string text = std::to_string(found.executions()) + " executions (" + std::to_string(clients.executions()) +
                      " acknowledged), " + std::to_string(found.events()) + " events (" +
                      std::to_string(clients.events()) + " reported by clients); answers:";
   for (auto const& [status, count] : counts.by_status)
      text += " " + (status == 0 ? std::string("none") : std::to_string(status)) + "=" + std::to_string(count);
   return text + "; slowest " + std::to_string(counts.slowest.count()) + " ms";
}

} // namespace noetl::test
