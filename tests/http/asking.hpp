// tests/http/asking.hpp: asking a router without sockets.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <noetl/core/log.hpp>
#include <noetl/http/router.hpp>

namespace http_test {

struct quiet_log : testing::Environment {
   void SetUp() override { noetl::log::set_level(noetl::log::level::off); }
};
inline auto* const quiet = testing::AddGlobalTestEnvironment(new quiet_log);

// Asks a router without sockets.
inline noetl::http::response ask(noetl::http::router const& router, noetl::http::request const& wish) {
   boost::asio::io_context io;
   noetl::http::response got;
   boost::asio::co_spawn(io, router.handle(wish), [&](std::exception_ptr thrown, noetl::http::response answer) {
      EXPECT_FALSE(thrown);
      got = std::move(answer);
   });
   io.run();
   return got;
}
inline noetl::http::request make_request(noetl::http::verb method, std::string path, std::string body = {},
                                         std::string_view content_type = {}) {
   noetl::http::request wish;
   wish.method = method;
   auto const mark = path.find('?');
   wish.path = path.substr(0, mark);
   if (mark != path.npos) wish.query = path.substr(mark + 1);
   wish.body = std::move(body);
   if (!content_type.empty()) wish.headers.add("content-type", content_type);
   return wish;
}

} // namespace http_test
