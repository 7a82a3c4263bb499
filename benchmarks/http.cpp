// benchmarks/http.cpp: our router and server against a bare Beast server that says hello, under the same load.
//
// Both run one thread with one io_context. The load is one thread with 64 kept-alive connections, one request at a time
// on each. Ours looks the route up, converts a path parameter, reads or writes reflected JSON and adds the fields of
// the contract (CORS, request id, date); the bare one parses the request and writes a constant. Runs alternate.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <noetl/http/metrics.hpp>
#include <noetl/http/server.hpp>

#include "http_load.hpp"
#include "rates.hpp"

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using namespace noetl;
using namespace noetl::http;
using noetl::bench::median;
using tcp = asio::ip::tcp;

// ---- ours ----
using item_id = strong<"item_id">;
struct item {
   std::int64_t item_id = 0;
   std::string name;
   std::vector<std::int64_t> sizes;
};
result<item> show_item(item_id id) {
   return item{id.value, "forty-two", {1, 2, 3}};
}
result<item> store_item(item_id id, body<item> given) {
   given->item_id = id.value;
   return *std::move(given);
}
asio::awaitable<result<item>> show_item_later(item_id id) {
   co_return item{id.value, "forty-two", {1, 2, 3}};
}

inline constexpr auto api = routes<services<>>(under<"/api/items">( //
    get<"/{item_id}", show_item>, post<"/{item_id}", store_item>, get<"/{item_id}/later", show_item_later>));

// ---- the limit ----
asio::awaitable<void> hello(tcp::socket socket) {
   socket.set_option(tcp::no_delay(true));
   beast::flat_buffer buffer;
   try {
      for (;;) {
         beast::http::request<beast::http::string_body> wish;
         co_await beast::http::async_read(socket, buffer, wish, asio::use_awaitable);
         beast::http::response<beast::http::string_body> answer{beast::http::status::ok, wish.version()};
         answer.set(beast::http::field::content_type, "application/json");
         answer.body() = R"({"item_id":42,"name":"forty-two","sizes":[1,2,3]})";
         answer.keep_alive(wish.keep_alive());
         answer.prepare_payload();
         co_await beast::http::async_write(socket, answer, asio::use_awaitable);
      }
   } catch (boost::system::system_error const&) { // the load has ended
   }
}
asio::awaitable<void> accept_hello(tcp::acceptor& acceptor) {
   for (;;) {
      auto socket = co_await acceptor.async_accept(asio::use_awaitable);
      asio::co_spawn(acceptor.get_executor(), hello(std::move(socket)), asio::detached);
   }
}

using noetl::bench::broken;

double requests_per_second(std::uint16_t port, std::string const& wish, std::chrono::milliseconds time) {
   return noetl::bench::requests_per_second(
       port, [&](std::string& out) { out = wish; }, time);
}

} // namespace

int main(int argc, char** argv) {
   std::size_t const pairs = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 7;
   std::chrono::milliseconds const time(argc > 2 ? std::strtol(argv[2], nullptr, 10) : 1000);
   log::set_level(log::level::warn);

   asio::io_context ours{1};
   router routing(api);
   metrics counted;
   http_metrics counter(counted, routing.entries());
   http_server server(ours, routing, {.port = 0});
   server.observe(counter);
   if (auto started = server.start(); !started) broken(started.error().message.c_str());

   asio::io_context bare{1};
   tcp::acceptor acceptor(bare, {asio::ip::address_v4::loopback(), 0});
   auto const bare_port = acceptor.local_endpoint().port();
   asio::co_spawn(bare, accept_hello(acceptor), asio::detached);

   std::jthread run_ours([&] { ours.run(); });
   std::jthread run_bare([&] { bare.run(); });

   std::string const json = R"({"item_id":1,"name":"forty-two","sizes":[1,2,3]})";
   std::string const head = " HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\n";
   auto const get_text = [&](std::string const& path) { return "GET " + path + head + "\r\n"; };
   struct load {
      char const* name;
      std::string text;
   };
   std::vector<load> const loads{
       {"get", get_text("/api/items/42")},
       {"post", "POST /api/items/42" + head + "Content-Type: application/json\r\nContent-Length: " +
                    std::to_string(json.size()) + "\r\n\r\n" + json},
       {"get_coroutine", get_text("/api/items/42/later")},
   };

   std::vector<double> all_ratios, all_ours, all_bare;
   for (auto const& l : loads) {
      std::vector<double> ratios, mine, theirs;
      requests_per_second(server.port(), l.text, time / 4); // warm both
      requests_per_second(bare_port, l.text, time / 4);
      for (std::size_t i = 0; i < pairs; ++i) {
         mine.push_back(requests_per_second(server.port(), l.text, time));
         theirs.push_back(requests_per_second(bare_port, l.text, time));
         ratios.push_back(mine.back() / theirs.back());
      }
      std::printf("%-14s ours=%.0f limit=%.0f ratio=%.2f (%.2f..%.2f) pairs=%zu\n", l.name, median(mine),
                  median(theirs), median(ratios), *std::ranges::min_element(ratios), *std::ranges::max_element(ratios),
                  pairs);
      if (std::string_view(l.name) == "get_coroutine") continue;
      all_ratios.insert(all_ratios.end(), ratios.begin(), ratios.end());
      all_ours.insert(all_ours.end(), mine.begin(), mine.end());
      all_bare.insert(all_bare.end(), theirs.begin(), theirs.end());
   }
   std::printf("http ratio=%.2f ours=%.0f limit=%.0f unit=requests/s\n", median(all_ratios), median(all_ours),
               median(all_bare));
   ours.stop();
   bare.stop();
}
