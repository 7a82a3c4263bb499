#include <gtest/gtest.h>

#include <string>

#include <noetl/events/detail/append_policy.hpp>

namespace noetl {
namespace {

TEST(append_policy_test, bytes_are_those_of_the_texts_without_a_limit) {
   detail::commit_news const news;
   detail::append_policy const policy(0, news, 32);
   detail::append_job job;
   EXPECT_EQ(policy.bytes(job), 0U);
   auto const text = [](std::size_t size) { return raw_json(std::string(size, '1')); };
   job.request.events = {{.context = text(1), .result = text(20)}, {.meta = text(300), .error = "four"}};
   job.request.commands = {{.context = text(5'000), .meta = text(60'000)}};
   job.request.updates = {{.status = "FAILED", .error = "sevens!"}};
   job.request.outbox = {{.payload = text(800'000)}};
   EXPECT_EQ(policy.bytes(job), 1U + 20 + 300 + 4 + 5'000 + 60'000 + 7 + 800'000);
   auto const rows = policy.weight(job);
   job.request.follow_up = {.events = {{.context = text(9)}}, .commands = {}, .outbox = {{.payload = text(90)}}};
   EXPECT_EQ(policy.bytes(job), 1U + 20 + 300 + 4 + 5'000 + 60'000 + 7 + 800'000 + 9 + 90);
   EXPECT_EQ(policy.weight(job), rows + 2);
}

} // namespace
} // namespace noetl
