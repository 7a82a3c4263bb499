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

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <noetl/http/metrics.hpp>
#include <noetl/http/server.hpp>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using namespace noetl;
using namespace noetl::http;
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

// ---- the load ----
struct client {
   int fd = -1;
   std::string got;
};

// Size of the response at the front of `text`, or 0 when it is not complete.
std::size_t response_size(std::string_view text) {
   auto const end = text.find("\r\n\r\n");
   if (end == text.npos) return 0;
   for (auto const* name : {"content-length: ", "Content-Length: "})
      if (auto const at = text.substr(0, end).find(name); at != text.npos) {
         auto const size = end + 4 + std::strtoul(text.data() + at + 16, nullptr, 10);
         return text.size() >= size ? size : 0;
      }
   return end + 4;
}

[[noreturn]] void broken(char const* what) {
   std::fprintf(stderr, "bench-http: %s\n", what);
   std::exit(1);
}

double requests_per_second(std::uint16_t port, std::string const& wish, std::chrono::milliseconds time) {
   constexpr std::size_t connections = 64;
   std::array<client, connections> clients;
   int const poll = epoll_create1(0);
   sockaddr_in where{};
   where.sin_family = AF_INET;
   where.sin_port = htons(port);
   where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
   auto const say = [&](client& c) {
      if (write(c.fd, wish.data(), wish.size()) != static_cast<ssize_t>(wish.size())) broken("cannot send");
   };
   for (std::size_t i = 0; i < connections; ++i) {
      auto& c = clients[i];
      c.fd = socket(AF_INET, SOCK_STREAM, 0);
      if (connect(c.fd, reinterpret_cast<sockaddr const*>(&where), sizeof where) != 0) broken("cannot connect");
      int const on = 1;
      setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      epoll_ctl(poll, EPOLL_CTL_ADD, c.fd, &event);
      say(c);
   }
   std::size_t answers = 0;
   auto const start = std::chrono::steady_clock::now();
   auto now = start;
   std::array<epoll_event, connections> events;
   std::array<char, 4096> bytes;
   while ((now = std::chrono::steady_clock::now()) - start < time) {
      int const ready = epoll_wait(poll, events.data(), connections, 100);
      for (int i = 0; i < ready; ++i) {
         auto& c = clients[events[static_cast<std::size_t>(i)].data.u64];
         auto const size = read(c.fd, bytes.data(), bytes.size());
         if (size <= 0) broken("connection ended");
         c.got.append(bytes.data(), static_cast<std::size_t>(size));
         auto const complete = response_size(c.got);
         if (complete == 0) continue;
         if (c.got.compare(9, 3, "200") != 0) broken(c.got.c_str());
         c.got.erase(0, complete);
         ++answers;
         say(c);
      }
   }
   for (auto& c : clients) close(c.fd);
   close(poll);
   return static_cast<double>(answers) / std::chrono::duration<double>(now - start).count();
}

double median(std::vector<double> values) {
   std::ranges::sort(values);
   return values[values.size() / 2];
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
