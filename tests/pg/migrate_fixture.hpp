// tests/pg/migrate_fixture.hpp: for tests of migrations and partitions.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <noetl/pg/migrate.hpp>

#include "baseline.hpp"
#include "test_database.hpp"

namespace noetl::test {

class migrate_test : public testing::Test {
protected:
   void SetUp() override {
      if (!has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
   }
   static std::string text(result<pg::migration_report> const& got) {
      return got ? "" : got.error().message + " " + got.error().detail;
   }
   static std::set<std::string> names(pg::connection& db, std::string_view query) {
      std::set<std::string> out;
      for (auto const row : db.exec(query)) out.insert(row.get<std::string>(0));
      return out;
   }
};

} // namespace noetl::test
