#include <noetl/core/shard.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstdint>

namespace {

struct vector {
   std::int64_t id;
   std::uint64_t hash;
   std::array<std::uint32_t, 5> shards; // of 2, 4, 16, 64, 1024
};

// Spec http-execution.md 4.1.
constexpr std::array vectors{
    vector{0, 0x34c96acdcadb1bbb, {1, 3, 11, 59, 955}},
    vector{1, 0x9f29cb17a2a49995, {1, 1, 5, 21, 405}},
    vector{42, 0xb556806fb6d14353, {1, 3, 3, 19, 851}},
    vector{320816801799737344, 0x7c38cb2fcd528abe, {0, 2, 14, 62, 702}},
    vector{321079436235509760, 0xd3b5652160b1a0cf, {1, 3, 15, 15, 207}},
    vector{478775660589088776, 0x784983554294b82e, {0, 2, 14, 46, 46}},
    vector{9223372036854775807, 0xff70cc60366e770c, {0, 0, 12, 12, 780}},
    vector{-1, 0x85d136adb773c6c9, {1, 1, 9, 9, 713}},
};

TEST(shard, hash_and_shards_of_all_vectors) {
   constexpr std::array<std::uint32_t, 5> counts{2, 4, 16, 64, 1024};
   for (auto const& v : vectors) {
      noetl::execution_id const id{v.id};
      EXPECT_EQ(noetl::shard_hash(id), v.hash) << v.id;
      for (std::size_t i = 0; i < counts.size(); ++i)
         EXPECT_EQ(noetl::shard_for(id, counts[i]), v.shards[i]) << v.id << " of " << counts[i];
   }
}

TEST(shard, one_shard_or_none_is_shard_zero) {
   EXPECT_EQ(noetl::shard_for(noetl::execution_id{42}, 0), 0U);
   EXPECT_EQ(noetl::shard_for(noetl::execution_id{42}, 1), 0U);
}

} // namespace
