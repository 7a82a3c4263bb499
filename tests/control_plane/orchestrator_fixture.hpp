// tests/control_plane/orchestrator_fixture.hpp: servers of the test's own on a real database, and a worker's part by
// hand.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <noetl/control_plane/reconciler.hpp>
#include <noetl/core/snowflake.hpp>
#include <noetl/events/catching_up.hpp>
#include <noetl/events/log_reader.hpp>
#include <noetl/events/store.hpp>
#include <noetl/pg/migrate.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/workflow/aggregate.hpp>
#include <noetl/workflow/orchestrator.hpp>
#include <noetl/workflow/playbook_parser.hpp>
#include <noetl/workflow/states.hpp>

#include "pg/blocking.hpp"
#include "pg/test_database.hpp"
#include "support/eventually.hpp"

namespace noetl::test {

using namespace std::chrono_literals;

/// One server: a store, an orchestrator and, if wished, a reconciler, on a thread of their own.
class brain {
public:
   brain(pg::settings how, unsigned machine, std::string const& yaml, workflow::orchestrator_settings wish = {},
         std::optional<control_plane::reconciler_settings> look = std::nullopt)
       : shards_(std::move(how)), ids(machine), store(shards_, ids), states(shards_),
         orchestrator(
             io_.get_executor(), store, states, ids,
             [yaml](catalog_id) -> awaitable<result<workflow::orchestrator::playbook_ptr>> {
                auto book = workflow::parse_playbook(yaml);
                if (!book) co_return std::move(book).error();
                co_return std::make_shared<workflow::playbook const>(*std::move(book));
             },
             std::move(wish)) {
      states.on_rebuilt([this](rebuild_report const& done) { from_snapshot += done.from_snapshot ? 1 : 0; });
      store.on_committed([this](std::span<event const> committed) {
         if (!deaf) orchestrator.observe(committed);
      });
      if (look) {
         reconciler.emplace(
             io_.get_executor(), store, [this](execution_id id) { orchestrator.wake(id); },
             [this] { return orchestrator.stats().active; }, [this] { return orchestrator.cached(); },
             [](std::size_t) -> awaitable<result<std::size_t>> { co_return std::size_t{0}; }, *look);
         reconciler->start();
      }
      thread_ = std::jthread([this] { io_.run(); });
   }
   ~brain() {
      deaf = true;
      store.stop(1s); // its thread calls the orchestrator
      io_.stop();
   }

   static control_plane::reconciler_settings often() { return {.interval = 100ms, .retry = 50ms, .grace = 0ms}; }

   result<append_result> append(execution_id id, std::vector<event> events, expected expect = {}) {
      append_request request;
      request.execution_id = id;
      request.expect = expect;
      request.events = std::move(events);
      return blocking(store.append(std::move(request)));
   }
   /// What a coroutine on the server's own thread returns.
   template <class T>
   T within(awaitable<T> work) {
      std::promise<T> answer;
      auto run = [&]() -> awaitable<void> { answer.set_value(co_await std::move(work)); };
      boost::asio::co_spawn(io_, run, boost::asio::detached);
      return answer.get_future().get();
   }
   execution_id start(std::string const& meta = "{}") {
      execution_id const id{ids.next()};
      event e;
      e.event_type = "playbook_started";
      e.node_name = "demo/path";
      e.status = "STARTED";
      e.catalog_id = catalog_id{7};
      e.context = raw_json(R"({"path":"demo/path","workload":{"n":3}})");
      e.meta = raw_json(meta);
      auto const stored = append(id, {e}, {expected::absent, 0});
      EXPECT_TRUE(stored) << stored.error().message;
      return id;
   }

private:
   boost::asio::io_context io_;
   boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
   pg::shard_map shards_;

public:
   snowflake ids;
   std::atomic<bool> deaf{false}; ///< as if the process had died between the commit and the decision
   std::atomic<int> from_snapshot{0};
   event_store store;
   workflow::workflow_states states;
   workflow::orchestrator orchestrator;
   std::optional<control_plane::reconciler> reconciler;

private:
   std::jthread thread_;
};

inline std::string playbook_of(std::string const& steps) {
   return "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: demo, path: demo/path}\nworkflow:\n" + steps;
}

/// A command that no worker has yet.
struct open_command {
   execution_id execution;
   event_id issued;
   std::string id, step;
};

inline event fact(std::string type, std::string const& step, std::string const& command, std::string const& more = "") {
   event e;
   e.event_type = std::move(type);
   e.node_id = e.node_name = step;
   e.status = "COMPLETED";
   e.result = raw_json(R"({"status":"COMPLETED","context":{"command_id":")" + command + "\"" + more + "}}");
   return e;
}
inline event plain(std::string type, std::string status = "RUNNING") {
   event e;
   e.event_type = std::move(type);
   e.status = std::move(status);
   return e;
}

/// One migrated database for all tests, empty before each; who works is the test itself.
class orchestrator_and_snapshots : public testing::Test {
protected:
   static void SetUpTestSuite() {
      if (!has_postgres()) return;
      database_ = std::make_unique<database>("noetl_brain");
      auto const report = pg::migrate(database_->settings());
      ASSERT_TRUE(report) << report.error().message << " " << report.error().detail;
   }
   static void TearDownTestSuite() { database_.reset(); }
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
      db.emplace(database_->settings());
      db->script("truncate noetl.event, noetl.command, noetl.stream_head, noetl.outbox, noetl.projection_snapshot");
   }
   static pg::settings how() { return database_->settings(); }

   template <class T>
   T ask(std::string_view sql) {
      return db->exec(sql)[0].template get<T>(0);
   }
   std::vector<open_command> open() {
      std::vector<open_command> out;
      for (auto const row : db->exec("select execution_id, event_id, meta->>'command_id', step_name from noetl.command "
                                     "where status = 'PENDING' order by command_id"))
         out.push_back(
             {row.get<execution_id>(0), row.get<event_id>(1), row.get<std::string>(2), row.get<std::string>(3)});
      return out;
   }
   open_command next_command() {
      EXPECT_TRUE(eventually([&] { return !open().empty(); }));
      auto const all = open();
      return all.empty() ? open_command{} : all.front();
   }
   static void complete(brain& at, open_command const& c) {
      append_request request;
      request.execution_id = c.execution;
      request.events = {fact("call.done", c.step, c.id, R"(,"result":{"context":{"data":{"v":1}}})"),
                        fact("command.completed", c.step, c.id)};
      request.updates = {{c.execution, c.issued, "COMPLETED", {}, {}, false}};
      auto const stored = blocking(at.store.append(std::move(request)));
      EXPECT_TRUE(stored) << stored.error().message;
   }
   bool ended(std::string const& status = "COMPLETED") {
      return eventually([&] {
         return ask<std::int64_t>("select count(*) from noetl.stream_head where status = '" + status + "'") > 0;
      });
   }
   /// The state in memory is gone, so what is stored is all that the next server has.
   std::string folded(execution_id id) {
      pg::shard_map shards(how());
      log_reader log(shards);
      workflow::workflow_state state;
      catching_up<workflow::workflow_aggregate> progress(state, 1'000);
      auto next = catching_up<workflow::workflow_aggregate>::step::more;
      while (next == catching_up<workflow::workflow_aggregate>::step::more) {
         auto const page = blocking(log.read(id, progress.next()));
         if (!page) return page.error().detail;
         next = progress.take(*page);
      }
      return workflow::state_text(state);
   }

   static inline std::unique_ptr<database> database_{};
   std::optional<pg::connection> db;
};

} // namespace noetl::test
