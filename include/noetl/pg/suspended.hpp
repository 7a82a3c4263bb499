// pg/suspended.hpp: a coroutine that waits for the callback of another thread. Knows Asio only.
#pragma once

#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

namespace noetl::pg {

/// Made of the handler of async_initiate; called once, on any thread, it resumes the coroutine on its own executor,
/// which has work until then.
template <class Handler>
class suspended {
public:
   explicit suspended(Handler handler)
       : guard_(boost::asio::make_work_guard(boost::asio::get_associated_executor(handler))),
         handler_(std::move(handler)) {}

   template <class... Values>
   void operator()(Values... values) {
      auto where = guard_.get_executor();
      boost::asio::post(where, [handler = std::move(handler_), ... values = std::move(values)]() mutable {
         std::move(handler)(std::move(values)...);
      });
      guard_.reset();
   }

private:
   using executor = boost::asio::associated_executor_t<Handler>;
   boost::asio::executor_work_guard<executor> guard_;
   Handler handler_;
};

} // namespace noetl::pg
