// control_plane/detail/run_forever.hpp: work that a service repeats as long as its executor runs. Knows Asio and the
// log.
#pragma once

#include <chrono>
#include <exception>
#include <string>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <noetl/core/log.hpp>

namespace noetl::control_plane::detail {

/// Waits for `time`, or until the executor stops.
inline boost::asio::awaitable<void> rest(boost::asio::any_io_executor executor, std::chrono::milliseconds time) {
   boost::asio::steady_timer timer(executor, time);
   boost::system::error_code ignored; // a cancelled wait only means: go on now
   co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
}

template <class Pass>
boost::asio::awaitable<void> passes(boost::asio::any_io_executor executor, std::string name,
                                    std::chrono::milliseconds after_throw, Pass pass) {
   for (;;) {
      auto pause = after_throw;
      try {
         pause = co_await pass();
      } catch (std::exception const& e) {
         log::error(name + ".threw", {{"what", e.what()}});
      } catch (...) {
         log::error(name + ".threw");
      }
      co_await rest(executor, pause);
   }
}

/// Starts `pass` again and again until the executor stops. What a pass throws is logged and ends that pass only: under
/// `detached` it would end the work for good, unseen.
/// \param name  of the work, first part of what is logged
/// \param after_throw  wait after a pass that threw
/// \param pass  returns awaitable<milliseconds>: the wait until the next one
template <class Pass>
void run_forever(boost::asio::any_io_executor executor, std::string name, std::chrono::milliseconds after_throw,
                 Pass pass) {
   auto all = passes(executor, std::move(name), after_throw, std::move(pass));
   boost::asio::co_spawn(std::move(executor), std::move(all), boost::asio::detached);
}

} // namespace noetl::control_plane::detail
