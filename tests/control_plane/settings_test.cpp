#include <gtest/gtest.h>

#include <noetl/control_plane/settings.hpp>
#include <noetl/pg/settings.hpp>

namespace noetl::control_plane {
namespace {

TEST(settings, goal_11_a_busy_database_is_waited_for_five_seconds_not_thirty) {
   EXPECT_EQ(postgres_settings{}.acquire_timeout, std::chrono::seconds{5});
   EXPECT_EQ(pg::settings{}.acquire_timeout, postgres_settings{}.acquire_timeout) << "one default";
}

} // namespace
} // namespace noetl::control_plane
