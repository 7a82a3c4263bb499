// Whose keys a claim frees (http-execution.md section 6.5), on a real database.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <noetl/control_plane/dedup.hpp>
#include <noetl/core/snowflake.hpp>
#include <noetl/events/store.hpp>
#include <noetl/pg/shards.hpp>

#include "pg/blocking.hpp"
#include "pg/migrated_database.hpp"

namespace noetl::test {
namespace {

struct dedup_keys : migrated_database {
   void SetUp() override {
      migrated_database::SetUp();
      if (IsSkipped()) return;
      shards_ = std::make_unique<pg::shard_map>(database_->settings());
      store_ = std::make_unique<event_store>(*shards_, ids_);
      service_ = std::make_unique<control_plane::dedup_service>(*shards_, *store_);
      for (int id = 1; id < 4; ++id)
         db_->exec("insert into noetl.stream_head (execution_id, version, guarded_version, catalog_id, status) "
                   "values ($1, 1, 0, 1, 'RUNNING')",
                   id);
   }
   void add(std::string const& key, int execution, std::string const& age) {
      db_->script(
          "insert into noetl.subscription_dedup (subscription_id, dedup_key, execution_id, seen_at) values (0, '" +
          key + "', " + std::to_string(execution) + ", now() - interval '" + age + "')");
   }
   /// The execution that holds the key after a claim for `mine`.
   std::int64_t claim(std::string key, std::uint64_t window, std::int64_t mine) {
      auto holder = blocking(service_->claim(execution_id{0}, {std::move(key), window}, execution_id{mine}));
      EXPECT_TRUE(holder) << holder.error().message;
      return holder->value_or(execution_id{mine}).value;
   }
   std::string keys() {
      return db_
          ->exec("select coalesce(string_agg(dedup_key, ',' order by dedup_key), '') from noetl.subscription_dedup")[0]
          .get<std::string>(0);
   }

   std::unique_ptr<pg::shard_map> shards_;
   snowflake ids_{1};
   std::unique_ptr<event_store> store_;
   std::unique_ptr<control_plane::dedup_service> service_;
};

TEST_F(dedup_keys, a_window_counts_for_its_own_key_only) {
   add("a", 1, "1 hour");
   add("b", 2, "1 hour");
   EXPECT_EQ(claim("a", 60, 3), 3) << "its window is over";
   EXPECT_EQ(claim("a", 60, 4), 3);
   EXPECT_EQ(claim("b", 86'400, 4), 2) << "the other's window said nothing about it";
   EXPECT_EQ(claim("b", 0, 3), 3);
   EXPECT_EQ(keys(), "a,b");
}

TEST_F(dedup_keys, rows_older_than_any_window_are_swept_and_no_window_is_longer) {
   for (int i = 0; i < 12; ++i) add("old" + std::to_string(i), 1, "31 days");
   add("young", 1, "29 days");
   EXPECT_EQ(claim("young", 18'446'744'073'709'551'615U, 2), 1);
   EXPECT_EQ(claim("old0", 18'446'744'073'709'551'615U, 2), 2);
   EXPECT_EQ(claim("one", 300, 2), 2);
   EXPECT_EQ(keys(), "old0,one,young");
}

} // namespace
} // namespace noetl::test
