#include <atomic>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <gtest/gtest.h>

#include <noetl/control_plane/gather.hpp>

namespace noetl::test {
namespace {

namespace asio = boost::asio;
using control_plane::gather;

// Runs on four threads. \return what came out; nothing when it threw
template <class Make>
std::optional<std::vector<std::size_t>> run(std::size_t count, std::size_t at_once, Make make) {
   asio::io_context io;
   std::optional<std::vector<std::size_t>> out;
   auto work = [&]() -> asio::awaitable<void> { out = co_await gather(count, at_once, make); };
   asio::co_spawn(io, work(), [](std::exception_ptr) {});
   {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 4; ++i) threads.emplace_back([&] { io.run(); });
   }
   return out;
}

asio::awaitable<void> pause(int ms) {
   asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds{ms});
   co_await timer.async_wait(asio::use_awaitable);
}

TEST(gather, gives_all_results_in_order_whoever_is_ready_first) {
   auto const out = run(50, 50, [](std::size_t i) -> asio::awaitable<std::size_t> {
      co_await pause(static_cast<int>((50 - i) % 7));
      co_return i* i;
   });
   ASSERT_TRUE(out);
   ASSERT_EQ(out->size(), 50U);
   for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ((*out)[i], i * i);
}

TEST(gather, keeps_to_the_number_at_once) {
   std::atomic<int> now{0}, most{0};
   auto const out = run(40, 3, [&](std::size_t i) -> asio::awaitable<std::size_t> {
      int const here = ++now;
      for (int seen = most; seen < here && !most.compare_exchange_weak(seen, here);) {
      }
      co_await pause(1);
      --now;
      co_return i;
   });
   ASSERT_TRUE(out);
   EXPECT_LE(most, 3);
}

TEST(gather, of_nothing_is_nothing) {
   auto const out = run(0, 8, [](std::size_t i) -> asio::awaitable<std::size_t> { co_return i; });
   ASSERT_TRUE(out);
   EXPECT_TRUE(out->empty());
}

TEST(gather, throws_after_all_have_ended) {
   std::atomic<int> ended{0};
   auto const out = run(10, 10, [&](std::size_t i) -> asio::awaitable<std::size_t> {
      co_await pause(static_cast<int>(i));
      ++ended;
      if (i == 2) throw std::runtime_error("no");
      co_return i;
   });
   EXPECT_FALSE(out);
   EXPECT_EQ(ended, 10);
}

} // namespace
} // namespace noetl::test
