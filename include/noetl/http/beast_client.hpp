// http/beast_client.hpp: definitions of http_client and blocking_client (Boost.Beast). Heavy: include it in exactly one
// source file of a program (twice fails to link).
#pragma once

#include <chrono>
#include <cstddef>
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
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <noetl/core/result.hpp>
#include <noetl/http/client.hpp>
#include <noetl/http/framing.hpp>
#include <noetl/http/message.hpp>

namespace noetl::http {

struct http_client::impl {
   using stream = boost::beast::tcp_stream;
   using error_code_type = boost::system::error_code;
   static constexpr auto as_values = boost::asio::as_tuple(boost::asio::use_awaitable);

   explicit impl(boost::asio::any_io_executor executor, base_url where, client_settings settings = {})
       : executor_(std::move(executor)), where_(std::move(where)), settings_(settings) {}

   boost::asio::awaitable<result<client_response>> send(client_request wish) {
      auto const target = where_.prefix + wish.target;
      if (auto const problem = problem_of(wish, target); !problem.empty())
         co_return fail(error_code::bad_request, problem);
      auto const outgoing = make_message(wish, target);
      if (auto kept = take_idle()) {
         attempt tried;
         co_await exchange(*kept, outgoing, tried);
         if (tried.answer) co_return finish(std::move(kept), std::move(tried));
         // A server that was too slow is not dead: it has the request, and the caller's time is over.
         bool const too_slow = tried.ec == boost::beast::error::timeout;
         if (too_slow) idle_.clear(); // or something between here and there forgot them all
         if (too_slow || tried.answer_begun || !may_repeat(wish)) co_return failure("no answer from", tried.ec);
      }
      auto fresh = std::make_unique<connection>(executor_);
      auto const ec = co_await connect(*fresh);
      if (ec) co_return failure("cannot connect to", ec);
      attempt tried;
      co_await exchange(*fresh, outgoing, tried);
      if (tried.answer) co_return finish(std::move(fresh), std::move(tried));
      co_return failure("no answer from", tried.ec);
   }

   using message = boost::beast::http::request<boost::beast::http::string_body>;
   using parser = boost::beast::http::response_parser<boost::beast::http::string_body>;

   struct connection {
      explicit connection(boost::asio::any_io_executor const& executor) : io(executor) {}
      stream io;
      boost::beast::flat_buffer input;
      std::chrono::steady_clock::time_point used{};
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

   // Beast writes what it is given: a line end in a text would begin another field, or another request.
   // \return what is wrong, without the values, which may be secret; empty when all can be sent
   static std::string problem_of(client_request const& wish, std::string const& target) {
      bool const one_word = !target.empty() && target.find_first_of(" \t") == target.npos;
      if (!one_word || !detail::is_field_text(target)) return "a request target has no blanks or control characters";
      if (!detail::is_field_text(wish.content_type)) return "header content-type: control character in its value";
      for (auto const& [name, value] : wish.headers) {
         if (!detail::is_token(name)) return "'" + name + "' is no header name";
         if (!detail::is_field_text(value)) return "header " + name + ": control character in its value";
      }
      return {};
   }
   message make_message(client_request const& wish, std::string const& target) const {
      message out;
      out.method_string(to_text(wish.method));
      out.target(target);
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
         // What stands between may forget a silent connection without a word.
         if (std::chrono::steady_clock::now() - kept->used > settings_.max_idle) continue;
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
      used->used = std::chrono::steady_clock::now();
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

http_client::http_client(boost::asio::any_io_executor executor, base_url where, client_settings settings)
    : impl_(std::make_unique<impl>(std::move(executor), std::move(where), settings)) {}
http_client::http_client(http_client&&) noexcept = default;
http_client& http_client::operator=(http_client&&) noexcept = default;
http_client::~http_client() = default;

boost::asio::awaitable<result<client_response>> http_client::send(client_request wish) {
   return impl_->send(std::move(wish));
}

std::size_t http_client::idle_connections() const noexcept {
   return impl_->idle_.size();
}

struct blocking_client::impl {
   impl(base_url where, client_settings settings) : client(io.get_executor(), std::move(where), settings) {}

   boost::asio::awaitable<void> keep_answer(client_request wish, std::optional<result<client_response>>& answer) {
      auto got = co_await client.send(std::move(wish));
      answer.emplace(std::move(got));
   }

   boost::asio::io_context io{1};
   http_client client;
};

blocking_client::blocking_client(base_url where, client_settings settings)
    : impl_(std::make_unique<impl>(std::move(where), settings)) {}
blocking_client::~blocking_client() = default;

result<client_response> blocking_client::send(client_request wish) {
   std::optional<result<client_response>> answer;
   std::exception_ptr failed;
   boost::asio::co_spawn(impl_->io, impl_->keep_answer(std::move(wish), answer), [&](std::exception_ptr thrown) {
      failed = thrown;
      impl_->io.stop(); // a look-up that came too late is not waited for
   });
   impl_->io.restart();
   impl_->io.run();
   if (failed) std::rethrow_exception(failed);
   return std::move(*answer);
}

std::size_t blocking_client::idle_connections() const noexcept {
   return impl_->client.idle_connections();
}

} // namespace noetl::http
