// Runs a coroutine to its end from a plain test.
#pragma once

#include <optional>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

namespace noetl::test {

template <class T>
boost::asio::awaitable<void> keep(boost::asio::awaitable<T> work, std::optional<T>& out) {
   out.emplace(co_await std::move(work));
}

/// Value of a coroutine, awaited on an io_context of its own.
template <class T>
T blocking(boost::asio::awaitable<T> work) {
   boost::asio::io_context io;
   std::optional<T> out;
   boost::asio::co_spawn(io, keep(std::move(work), out), boost::asio::detached);
   io.run();
   return std::move(out.value());
}

} // namespace noetl::test
