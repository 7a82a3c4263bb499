// control_plane/gather.hpp: several coroutines at a time, all results at the end. Knows Asio and pg/suspended.hpp.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <noetl/pg/suspended.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

namespace detail {

template <class T>
struct gathering {
   explicit gathering(std::size_t count) : results(count) {}

   std::vector<std::optional<T>> results;
   std::atomic<std::size_t> next{0};
   std::atomic<std::size_t> running{0};
   std::mutex mutex; // of failure
   std::exception_ptr failure;
};

template <class T, class Make>
awaitable<void> take_turns(gathering<T>& all, Make& make) {
   for (std::size_t i = all.next++; i < all.results.size(); i = all.next++) {
      auto made = co_await make(i);
      all.results[i].emplace(std::move(made));
   }
}

template <class T>
struct awaited;
template <class T>
struct awaited<awaitable<T>> {
   using type = T;
};

} // namespace detail

/// Awaits `make(0)` to `make(count - 1)`, at most `at_once` of them at a time.
/// \param make  `std::size_t` to `awaitable<T>`; called on any thread of the executor
/// \return what they gave, in order
/// \throws what the last of them to throw did, after all have ended
template <class Make>
auto gather(std::size_t count, std::size_t at_once, Make make)
    -> awaitable<std::vector<typename detail::awaited<std::invoke_result_t<Make&, std::size_t>>::type>> {
   using value = typename detail::awaited<std::invoke_result_t<Make&, std::size_t>>::type;
   std::vector<value> out;
   if (count == 0) co_return out;
   detail::gathering<value> all(count);
   auto const executor = co_await boost::asio::this_coro::executor;
   auto const hands = std::clamp<std::size_t>(at_once, 1, count);
   all.running = hands;
   auto initiate = [&](auto handler) {
      auto const shared = std::make_shared<pg::suspended<decltype(handler)>>(std::move(handler));
      auto ended = [&all, shared](std::exception_ptr thrown) {
         if (thrown) {
            std::lock_guard const lock(all.mutex);
            all.failure = std::move(thrown);
         }
         if (all.running.fetch_sub(1) == 1) (*shared)();
      };
      for (std::size_t i = 0; i < hands; ++i)
         boost::asio::co_spawn(executor, detail::take_turns<value>(all, make), ended);
   };
   co_await boost::asio::async_initiate<boost::asio::use_awaitable_t<> const, void()>(initiate,
                                                                                      boost::asio::use_awaitable);
   if (all.failure) std::rethrow_exception(all.failure);
   out.reserve(count);
   for (auto& one : all.results) out.push_back(*std::move(one));
   co_return out;
}

} // namespace noetl::control_plane
