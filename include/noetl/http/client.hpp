// http/client.hpp: an HTTP/1.1 client with kept-alive connections (Boost.Beast, coroutines), and a blocking one for
// tests. Knows core and http/message.hpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <noetl/core/result.hpp>
#include <noetl/http/message.hpp>
#include <noetl/http/query.hpp>

namespace noetl::http {

/// Where a client sends its requests.
struct base_url {
   std::string host = "127.0.0.1";
   std::uint16_t port = 80;
   std::string prefix{}; ///< put before every target; without slash at its end
};

/// Reads `http://host[:port][/prefix]`. \return bad_request when it is not of that form
inline result<base_url> parse_base_url(std::string_view text) {
   auto const wrong = [&] { return fail(error_code::bad_request, "not an http:// URL: '" + std::string(text) + "'"); };
   constexpr std::string_view scheme = "http://";
   if (!text.starts_with(scheme)) return wrong();
   auto const rest = text.substr(scheme.size());
   auto const slash = rest.find('/');
   auto authority = rest.substr(0, slash);
   base_url url;
   if (slash != rest.npos) url.prefix = rest.substr(slash);
   while (url.prefix.ends_with('/')) url.prefix.pop_back();
   auto const bracket = authority.find(']'); // [::1]:8082
   auto const colon = authority.find(':', bracket == authority.npos ? 0 : bracket);
   if (colon != authority.npos) {
      if (!read_number(authority.substr(colon + 1), url.port)) return wrong();
      authority = authority.substr(0, colon);
   }
   if (authority.starts_with('[') && authority.ends_with(']')) authority = authority.substr(1, authority.size() - 2);
   if (authority.empty()) return wrong();
   url.host = authority;
   return url;
}

struct client_request {
   verb method = verb::get;
   std::string target = "/"; ///< path and query, percent-encoded
   std::string body{};
   std::string content_type{}; ///< empty means application/json when there is a body
   std::vector<header> headers{};
   /// The server answers a repetition like the first time. Then a request is sent again when a kept connection turns
   /// out to be dead before any byte of an answer; GET, HEAD, PUT, DELETE and OPTIONS always count as such.
   bool repeatable = false;
};

struct client_response {
   unsigned status = 0;
   header_fields headers;
   std::string body;

   [[nodiscard]] std::string_view header(std::string_view name) const noexcept { return headers.find(name); }
};

struct client_settings {
   std::chrono::milliseconds connect_timeout = std::chrono::seconds(5);  ///< from the name to the connection
   std::chrono::milliseconds request_timeout = std::chrono::seconds(30); ///< from sending to the last byte
   std::size_t max_response_bytes = std::size_t{64} << 20U;
   std::size_t max_idle_connections = 16;
};

/// Sends requests to one server and keeps its connections. Any number of requests may be under way, each on a
/// connection of its own. Not thread-safe: one thread or one strand at a time; outlives its requests.
class http_client {
   using stream = boost::beast::tcp_stream;
   using error_code_type = boost::system::error_code;
   static constexpr auto as_values = boost::asio::as_tuple(boost::asio::use_awaitable);

public:
   explicit http_client(boost::asio::any_io_executor executor, base_url where, client_settings settings = {})
       : executor_(std::move(executor)), where_(std::move(where)), settings_(settings) {}

   /// \return the answer whatever its status; `unavailable` when there was none (not reachable, cut, too slow)
   boost::asio::awaitable<result<client_response>> send(client_request wish) {
      auto const outgoing = make_message(wish);
      if (auto kept = take_idle()) {
         attempt tried;
         co_await exchange(*kept, outgoing, tried);
         if (tried.answer) co_return finish(std::move(kept), std::move(tried));
         if (tried.answer_begun || !may_repeat(wish)) co_return failure("no answer from", tried.ec);
      }
      auto fresh = std::make_unique<connection>(executor_);
      auto const ec = co_await connect(*fresh);
      if (ec) co_return failure("cannot connect to", ec);
      attempt tried;
      co_await exchange(*fresh, outgoing, tried);
      if (tried.answer) co_return finish(std::move(fresh), std::move(tried));
      co_return failure("no answer from", tried.ec);
   }

   [[nodiscard]] std::size_t idle_connections() const noexcept { return idle_.size(); }

private:
   using message = boost::beast::http::request<boost::beast::http::string_body>;
   using parser = boost::beast::http::response_parser<boost::beast::http::string_body>;

   struct connection {
      explicit connection(boost::asio::any_io_executor const& executor) : io(executor) {}
      stream io;
      boost::beast::flat_buffer input;
   };
   struct attempt {
      std::optional<client_response> answer;
      error_code_type ec;
      bool answer_begun = false;
      bool keep = false;
   };

   // A name being looked up. The system's resolver cannot be interrupted, so at the deadline it is left behind and
   // holds what it writes to.
   struct lookup : std::enable_shared_from_this<lookup> {
      using resolver_type = boost::asio::ip::tcp::resolver;

      lookup(boost::asio::any_io_executor const& executor, std::chrono::steady_clock::time_point deadline)
          : resolver(executor), over(executor, deadline) {}
      void start(std::string const& host, std::string const& service) {
         resolver.async_resolve(
             host, service,
             [self = shared_from_this()](error_code_type const& ec, resolver_type::results_type const& answer) {
                self->done = true;
                self->unknown = ec;
                self->found = answer;
                self->over.cancel();
             });
      }

      resolver_type resolver;
      boost::asio::steady_timer over; // ends at the deadline, or earlier when the answer is there
      bool done = false;
      error_code_type unknown;
      resolver_type::results_type found;
   };

   message make_message(client_request const& wish) const {
      message out;
      out.method_string(to_text(wish.method));
      out.target(where_.prefix + wish.target);
      out.version(11);
      bool const v6 = where_.host.find(':') != std::string::npos;
      out.set(boost::beast::http::field::host,
              (v6 ? "[" + where_.host + "]" : where_.host) + ":" + std::to_string(where_.port));
      if (!wish.content_type.empty())
         out.set(boost::beast::http::field::content_type, wish.content_type);
      else if (!wish.body.empty())
         out.set(boost::beast::http::field::content_type,
                 boost::beast::string_view(json_type.data(), json_type.size()));
      for (auto const& [name, value] : wish.headers) out.set(name, value);
      out.body() = wish.body;
      out.prepare_payload();
      return out;
   }
   static bool may_repeat(client_request const& wish) noexcept {
      return wish.repeatable || (wish.method != verb::post && wish.method != verb::patch);
   }
   error failure(std::string_view what, error_code_type const& ec) const {
      return fail(error_code::unavailable,
                  std::string(what) + " " + where_.host + ":" + std::to_string(where_.port) + ": " + ec.message());
   }

   // A kept connection that the server has not closed meanwhile, as far as one can know.
   std::unique_ptr<connection> take_idle() {
      while (!idle_.empty()) {
         auto kept = std::move(idle_.back());
         idle_.pop_back();
         auto& socket = kept->io.socket();
         error_code_type ec;
         char byte = 0;
         socket.non_blocking(true, ec);
         socket.read_some(boost::asio::buffer(&byte, 1), ec);
         if (ec == boost::asio::error::would_block) return kept; // neither closed nor anything unasked for
      }
      return nullptr;
   }
   result<client_response> finish(std::unique_ptr<connection> used, attempt tried) {
      if (tried.keep && idle_.size() < settings_.max_idle_connections) idle_.push_back(std::move(used));
      return *std::move(tried.answer);
   }

   boost::asio::awaitable<error_code_type> connect(connection& to) {
      auto const deadline = std::chrono::steady_clock::now() + settings_.connect_timeout;
      auto const search = std::make_shared<lookup>(executor_, deadline);
      search->start(where_.host, std::to_string(where_.port));
      error_code_type ended;
      co_await search->over.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ended));
      if (!search->done) co_return boost::asio::error::timed_out;
      if (search->unknown) co_return search->unknown;
      to.io.expires_at(deadline);
      auto const [ec, endpoint] = co_await to.io.async_connect(search->found, as_values);
      if (ec) co_return ec;
      error_code_type ignored;
      to.io.socket().set_option(boost::asio::ip::tcp::no_delay(true), ignored);
      co_return ec;
   }

   boost::asio::awaitable<void> exchange(connection& over, message const& outgoing, attempt& tried) {
      over.io.expires_after(settings_.request_timeout);
      auto const [unsent, sent] = co_await boost::beast::http::async_write(over.io, outgoing, as_values);
      if (unsent) {
         tried.ec = unsent;
         co_return;
      }
      parser incoming;
      incoming.body_limit(settings_.max_response_bytes);
      if (outgoing.method() == boost::beast::http::verb::head) incoming.skip(true);
      auto const [unread, got] = co_await boost::beast::http::async_read(over.io, over.input, incoming, as_values);
      over.io.expires_never();
      tried.answer_begun = incoming.got_some();
      if (unread) {
         tried.ec = unread;
         co_return;
      }
      tried.keep = incoming.keep_alive() && over.input.size() == 0;
      auto& answer = tried.answer.emplace();
      answer.status = incoming.get().result_int();
      for (auto const& field : incoming.get())
         answer.headers.add({field.name_string().data(), field.name_string().size()},
                            {field.value().data(), field.value().size()});
      answer.body = std::move(incoming.get().body());
   }

   boost::asio::any_io_executor executor_;
   base_url where_;
   client_settings settings_;
   std::vector<std::unique_ptr<connection>> idle_;
};

/// The same for code that may block: tests, small tools. Not thread-safe.
class blocking_client {
public:
   explicit blocking_client(base_url where, client_settings settings = {})
       : client_(io_.get_executor(), std::move(where), settings) {}

   result<client_response> send(client_request wish) {
      std::optional<result<client_response>> answer;
      std::exception_ptr failed;
      boost::asio::co_spawn(io_, keep_answer(std::move(wish), answer), [&](std::exception_ptr thrown) {
         failed = thrown;
         io_.stop(); // a look-up that came too late is not waited for
      });
      io_.restart();
      io_.run();
      if (failed) std::rethrow_exception(failed);
      return std::move(*answer);
   }
   result<client_response> get(std::string target) { return send({.target = std::move(target)}); }
   result<client_response> post(std::string target, std::string json) {
      return send({.method = verb::post,
                   .target = std::move(target),
                   .body = std::move(json),
                   .content_type = std::string(json_type)});
   }
   [[nodiscard]] std::size_t idle_connections() const noexcept { return client_.idle_connections(); }

private:
   boost::asio::awaitable<void> keep_answer(client_request wish, std::optional<result<client_response>>& answer) {
      auto got = co_await client_.send(std::move(wish));
      answer.emplace(std::move(got));
   }

   boost::asio::io_context io_{1};
   http_client client_;
};

} // namespace noetl::http
