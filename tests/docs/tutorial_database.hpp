// tests/docs/tutorial_database.hpp: an empty database for each tutorial that stores something.
#pragma once

#include <memory>

#include <gtest/gtest.h>

#include "pg/test_database.hpp"

namespace docs {

class tutorial_database : public testing::Test {
protected:
   void SetUp() override {
      if (!noetl::test::has_postgres()) GTEST_SKIP() << "NOETL_TEST_PG is not set";
      database_ = std::make_unique<noetl::test::database>("noetl_docs");
   }
   std::unique_ptr<noetl::test::database> database_{};
};

} // namespace docs
