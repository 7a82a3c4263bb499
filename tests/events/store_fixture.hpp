// One migrated database per test suite, and shorthand for appends.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include <noetl/core/snowflake.hpp>
#include <noetl/events/store.hpp>
#include <noetl/pg/migrate.hpp>

#include "pg/blocking.hpp"
#include "pg/test_database.hpp"

namespace noetl::test {

class store_fixture : public testing::Test {
protected:
   static void SetUpTestSuite() {
      if (!has_postgres()) return;
      database_ = std::make_unique<database>("noetl_events");
      auto const report = pg::migrate(database_->settings());
      ASSERT_TRUE(report) << report.error().message << " " << report.error().detail;
   }
   static void TearDownTestSuite() { database_.reset(); }
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   }

   static event fact(std::string type, std::string step = "start") {
      event e;
      e.event_type = std::move(type);
      e.node_id = e.node_name = std::move(step);
      e.status = "RUNNING";
      e.context = raw_json(R"({"a":1})");
      return e;
   }
   static append_request started(execution_id id) {
      append_request r;
      r.execution_id = id;
      r.expect = {expected::absent, 0};
      r.events = {fact("playbook_started", "playbook")};
      r.events[0].catalog_id = catalog_id{7};
      return r;
   }
   static append_request one(execution_id id, event e) {
      append_request r;
      r.execution_id = id;
      r.events.push_back(std::move(e));
      return r;
   }
   static result<append_result> append(event_store& store, append_request request) {
      return blocking(store.append(std::move(request)));
   }
   static std::vector<event> load(event_store& store, execution_id id, std::int64_t after = 0,
                                  std::size_t limit = 100'000) {
      auto events = blocking(store.load(id, after, limit));
      EXPECT_TRUE(events) << events.error().message << " " << events.error().detail;
      return events ? *events : std::vector<event>{};
   }
   /// First cell of a statement, straight from the database.
   template <class T, class... Params>
   static T ask(std::string_view text, Params const&... params) {
      pg::connection db(database_->settings());
      return db.exec(text, params...)[0].template get<T>(0);
   }

   static inline std::unique_ptr<database> database_{};
   static inline snowflake ids_{1};
};

/// A replica: pools and a store of its own on the same database. The store can be ended early, so that all its news are
/// out.
struct replica {
   explicit replica(pg::settings how, unsigned machine, event_store_settings store_settings = {})
       : shards(std::move(how)), ids(machine), owner(std::make_unique<event_store>(shards, ids, store_settings)),
         store(*owner) {}
   void stop() { owner.reset(); }
   pg::shard_map shards;
   snowflake ids;
   std::unique_ptr<event_store> owner;
   event_store& store;
};

} // namespace noetl::test
