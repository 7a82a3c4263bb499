// fixed_string, strong, ranged, secret, result: the small value types.
#include <noetl/core/fixed_string.hpp>
#include <noetl/core/ranged.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/secret.hpp>
#include <noetl/core/strong.hpp>

#include <gtest/gtest.h>

#include <concepts>
#include <memory>
#include <ostream>
#include <unordered_set>

namespace {

using noetl::error_code;
using noetl::result;

static_assert(noetl::fixed_string("abc").view() == "abc");
static_assert(noetl::fixed_string("abc").size() == 3);
static_assert(!std::convertible_to<noetl::execution_id, noetl::event_id>);
static_assert(!std::convertible_to<std::int64_t, noetl::execution_id>, "an id is never made by accident");
static_assert(!std::equality_comparable_with<noetl::execution_id, noetl::event_id>);
static_assert(noetl::execution_id{1} < noetl::execution_id{2});

template <class T>
concept printable = requires(std::ostream& out, T const& value) {
   out << value;
};
static_assert(!printable<noetl::secret>, "a secret does not slip into a stream");

using port = noetl::ranged<int, 1, 65535>;
static_assert(port{8082} == 8082);
static_assert(!std::default_initializable<port>, "zero is no port");
static_assert(std::default_initializable<noetl::ranged<int, 0, 9>>);

TEST(ranged, value_outside_is_refused) {
   EXPECT_THROW(port{0}, std::out_of_range);
   EXPECT_THROW(port{65536}, std::out_of_range);
}

TEST(strong, ids_can_be_keys) {
   std::unordered_set<noetl::execution_id> seen{noetl::execution_id{1}};
   EXPECT_TRUE(seen.contains(noetl::execution_id{1}));
   EXPECT_FALSE(seen.contains(noetl::execution_id{2}));
}

TEST(result, holds_a_value_or_an_error) {
   result<int> good = 5;
   EXPECT_TRUE(good);
   EXPECT_EQ(*good, 5);
   result<int> bad = noetl::fail(error_code::not_found, "Playbook not found: x", "detail");
   EXPECT_FALSE(bad);
   EXPECT_EQ(bad.error().status(), 404);
   EXPECT_EQ(bad.value_or(7), 7);
   EXPECT_THROW((void)bad.value(), noetl::bad_result);
}

TEST(result, moves_what_cannot_be_copied) {
   result<std::unique_ptr<int>> owner = std::make_unique<int>(3);
   std::unique_ptr<int> const taken = std::move(owner).value();
   EXPECT_EQ(*taken, 3);
}

TEST(result, without_value_type_is_success_or_error) {
   EXPECT_TRUE(result<void>{});
   result<void> const bad = noetl::fail(error_code::conflict, "another writer was first");
   EXPECT_FALSE(bad);
   EXPECT_THROW(bad.value(), noetl::bad_result);
}

TEST(result, error_classes_map_to_the_statuses_of_the_contract) {
   constexpr std::pair<error_code, int> expected[]{
       {error_code::validation, 422},  {error_code::bad_request, 400}, {error_code::unauthorized, 401},
       {error_code::forbidden, 403},   {error_code::not_found, 404},   {error_code::method_not_allowed, 405},
       {error_code::conflict, 409},    {error_code::too_large, 413},   {error_code::unsupported_media, 415},
       {error_code::internal, 500},    {error_code::database, 500},    {error_code::upstream, 502},
       {error_code::unavailable, 503},
   };
   for (auto const& [code, status] : expected) EXPECT_EQ(noetl::http_status(code), status);
}

} // namespace
