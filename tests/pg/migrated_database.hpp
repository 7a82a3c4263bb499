// tests/pg/migrated_database.hpp: a migrated database for each test, and a session to look into it.
#pragma once

#include <memory>

#include <gtest/gtest.h>

#include <noetl/pg/connection.hpp>
#include <noetl/pg/migrate.hpp>

#include "pg/test_database.hpp"

namespace noetl::test {

/// Whoever overrides SetUp() calls this one first and returns when IsSkipped().
class migrated_database : public testing::Test {
protected:
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
      database_ = std::make_unique<database>();
      auto const made = pg::migrate(database_->settings());
      ASSERT_TRUE(made) << made.error().message;
      db_ = std::make_unique<pg::connection>(database_->settings());
   }
   std::unique_ptr<database> database_;
   std::unique_ptr<pg::connection> db_;
};

} // namespace noetl::test
