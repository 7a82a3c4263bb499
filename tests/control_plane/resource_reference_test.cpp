#include <gtest/gtest.h>

#include <noetl/control_plane/catalog.hpp>
#include <noetl/control_plane/catalog_document.hpp>

using namespace noetl::control_plane;

namespace {
noetl::result<catalog_reference> of(std::optional<std::string> id, std::optional<std::string> path,
                                    std::optional<std::string> version = {}) {
   return to_reference({.catalog_id = std::move(id), .path = std::move(path), .version = std::move(version)});
}
std::string refusal(noetl::result<catalog_reference> const& got) {
   if (got) return "accepted";
   EXPECT_EQ(got.error().code, noetl::error_code::validation);
   return got.error().message;
}
} // namespace

TEST(to_reference, the_id_wins_over_path_and_version) {
   auto const got = of("9223372036854775807", "a", "nonsense");
   ASSERT_TRUE(got);
   EXPECT_EQ(got->id, noetl::catalog_id{9223372036854775807});
   EXPECT_EQ(got->version, std::nullopt);
}

TEST(to_reference, a_path_alone_or_with_latest_means_the_highest_version) {
   for (auto const& version : {std::optional<std::string>{}, std::optional<std::string>{"latest"}}) {
      auto const got = of({}, "a/b", version);
      ASSERT_TRUE(got);
      EXPECT_EQ(got->path, "a/b");
      EXPECT_EQ(got->id, std::nullopt);
      EXPECT_EQ(got->version, std::nullopt);
   }
   EXPECT_EQ(of({}, "a", "7").value().version, 7);
   EXPECT_EQ(of({}, "a", "0").value().version, 0);
   EXPECT_EQ(of({}, "a", "32767").value().version, 32767);
}

TEST(to_reference, what_is_no_number_is_refused_by_name) {
   for (auto const* id : {"", "x", "1x", " 1", "+1", "1.0", "9223372036854775808"})
      EXPECT_EQ(refusal(of(id, {})), "Invalid catalog_id") << id;
   for (auto const* version : {"", "x", "1.0", "-1", "32768", "Latest", "99999999999999999999"})
      EXPECT_EQ(refusal(of({}, "a", version)), "Invalid version number") << version;
   EXPECT_EQ(refusal(of({}, {})), "Either 'catalog_id' or 'path' must be provided");
   EXPECT_EQ(refusal(of({}, {}, "1")), "Either 'catalog_id' or 'path' must be provided");
}

TEST(read_document, takes_path_kind_and_parts_from_YAML) {
   auto const got = read_document(
       {.content =
            "kind: PlayBook\nmetadata: {path: a/b, name: n, labels: {x: y}}\nworkload: {k: 1}\nworkflow: [1]\n"});
   ASSERT_TRUE(got);
   EXPECT_EQ(got->path, "a/b");
   EXPECT_EQ(got->kind, "playbook");
   EXPECT_EQ(got->payload.text, R"({"k":1})");
   EXPECT_EQ(got->layout.text, "[1]");
   EXPECT_EQ(got->meta.text, R"({"x":"y"})");
   auto const bare = read_document({.content = "metadata: {name: n}", .resource_type = "Agent"});
   ASSERT_TRUE(bare);
   EXPECT_EQ(bare->path, "n");
   EXPECT_EQ(bare->kind, "agent");
   EXPECT_TRUE(bare->payload.empty());
}
