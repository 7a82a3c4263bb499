// Repetitions of one result (http-execution.md section 16), on a real database.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <noetl/control_plane/result_store.hpp>
#include <noetl/core/sha256.hpp>
#include <noetl/pg/shards.hpp>

#include "pg/blocking.hpp"
#include "pg/migrated_database.hpp"
#include "support/eventually.hpp"

namespace noetl::test {
namespace {

struct result_store : migrated_database {
   void SetUp() override {
      migrated_database::SetUp();
      if (IsSkipped()) return;
      shards_ = std::make_unique<pg::shard_map>(database_->settings());
      store_ = std::make_unique<control_plane::result_store>(*shards_);
   }
   std::string put(std::string scope = "execution", std::optional<std::string> step = {}) {
      auto stored = blocking(
          store_->put(execution_id{7}, {.name = "n", .data = {"[1]"}, .scope = std::move(scope), .source_step = step}));
      EXPECT_TRUE(stored) << stored.error().message;
      return stored ? stored->ref : "";
   }
   std::size_t rows() { return db_->exec("select 1 from noetl.result_store").size(); }

   std::unique_ptr<pg::shard_map> shards_;
   std::unique_ptr<control_plane::result_store> store_;
};

TEST_F(result_store, equal_puts_at_the_same_time_are_one_result) {
   // Both look before either is there: a lock that lets readers in holds the writers.
   db_->begin();
   db_->script("lock table noetl.result_store in share row exclusive mode");
   std::vector<std::string> refs(2);
   std::vector<std::thread> both;
   for (auto& ref : refs) both.emplace_back([&] { ref = put(); });
   EXPECT_TRUE(eventually([&] {
      return db_->script("select 1 from pg_locks where relation = 'noetl.result_store'::regclass and not granted")
                 .size() == 2;
   }));
   db_->commit();
   for (auto& one : both) one.join();
   EXPECT_EQ(refs[0], refs[1]);
   EXPECT_EQ(rows(), 1U);
   EXPECT_EQ(put(), refs[0]);
}

TEST_F(result_store, a_result_of_an_older_server_is_found_under_its_id) {
   db_->exec("insert into noetl.result_store (result_id, execution_id, name, scope, data, bytes, sha256) values "
             "(42, 7, 'n', 'execution', '[1]', 3, $1)",
             sha256_hex("[1]"));
   EXPECT_EQ(put(), "noetl://execution/7/result/n/42");
   EXPECT_EQ(rows(), 1U);
}

TEST_F(result_store, scope_and_step_tell_results_apart_and_an_expired_one_is_stored_anew) {
   std::set<std::string> const refs{put(), put("global"), put("execution", ""), put("execution", "s")};
   EXPECT_EQ(refs.size(), 4U);
   db_->script("update noetl.result_store set expires_at = now() - interval '1 s'");
   auto const again = put();
   EXPECT_TRUE(refs.contains(again));
   auto uri = parse_result_uri(again);
   ASSERT_TRUE(uri);
   EXPECT_TRUE(blocking(store_->find(*uri)));
}

} // namespace
} // namespace noetl::test
