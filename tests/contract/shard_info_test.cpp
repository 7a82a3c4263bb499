// GET /api/runtime/shard-info: http-execution.md 4.3.
#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct shard_info : contract {
   static reply ask(std::string const& query) { return server().get("/api/runtime/shard-info" + query); }
};

} // namespace

TEST_F(shard_info, tells_the_shard_of_an_execution) {
   EXPECT_EQ(ask("?execution_id=1&shard_count=16").body,
             R"({"execution_id":1,"shard_count":16,"shard_index":5,"source":"noetl-server",)"
             R"("hash_function":"twox_hash::XxHash64","seed":0,"server_config":{"shard_index":0,"shard_count":1}})");
   struct vector {
      std::string id, count;
      int shard;
   };
   for (auto const& [id, count, shard] :
        {vector{"320816801799737344", "64", 62}, vector{"9223372036854775807", "1024", 780}, vector{"-1", "4", 1},
         vector{"42", "1", 0}}) {
      auto const got = ask("?execution_id=" + id + "&shard_count=" + count);
      ASSERT_EQ(got.status, 200U) << got.body;
      EXPECT_EQ(got.at("shard_index").as<int>(), shard) << id;
      EXPECT_EQ(number(got.at("execution_id")), id);
   }
}

TEST_F(shard_info, wrong_values_answer_400_without_a_status_member) {
   auto const refusal = [](reply const& got) { return std::to_string(got.status) + " " + got.body; };
   EXPECT_EQ(refusal(ask("?execution_id=abc&shard_count=4")),
             R"(400 {"error":"execution_id \"abc\" is not a valid i64"})");
   EXPECT_EQ(refusal(ask("?execution_id=9223372036854775808&shard_count=4")),
             R"(400 {"error":"execution_id \"9223372036854775808\" is not a valid i64"})");
   EXPECT_EQ(refusal(ask("?execution_id=1&shard_count=0")), R"(400 {"error":"shard_count must be >= 1"})");
   EXPECT_EQ(refusal(ask("?execution_id=1&shard_count=5000")),
             R"(400 {"error":"shard_count 5000 exceeds practical maximum 1024"})");
   for (auto const* query :
        {"", "?execution_id=1", "?shard_count=4", "?execution_id=1&shard_count=-4", "?execution_id=1&shard_count=x"})
      EXPECT_EQ(ask(query).status, 400U) << query;
}
