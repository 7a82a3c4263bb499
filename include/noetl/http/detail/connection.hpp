// http/detail/connection.hpp: one connection of a server: reads requests, has them answered, writes the answers.
// A single coroutine on a strand; a timer on the same strand cuts the connection when its current step takes too long.
#pragma once

#include <algorithm>
#include <array>
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

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <noetl/core/log.hpp>
#include <noetl/http/detail/input_buffer.hpp>
#include <noetl/http/detail/output_buffer.hpp>
#include <noetl/http/detail/server_core.hpp>
#include <noetl/http/errors.hpp>
#include <noetl/http/framing.hpp>
#include <noetl/http/request_parser.hpp>
#include <noetl/http/response_head.hpp>
#include <noetl/http/router.hpp>

namespace noetl::http::detail {

using strand = boost::asio::strand<boost::asio::io_context::executor_type>;
using server_socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, strand>;

class connection final : public std::enable_shared_from_this<connection> {
   using clock = std::chrono::steady_clock;
   using error_code = boost::system::error_code;
   static constexpr auto as_values = boost::asio::as_tuple(boost::asio::deferred);
   static constexpr std::size_t gather_from = std::size_t{16} << 10U; // larger bodies are written without a copy
   static constexpr std::size_t flush_from = std::size_t{64} << 10U;  // pipelined answers are kept back up to this
   static constexpr std::size_t keep_below = std::size_t{64} << 10U;  // memory of a larger body is given back

public:
   connection(std::shared_ptr<server_core> core, server_socket socket)
       : core_(std::move(core)), socket_(std::move(socket)), timer_(socket_.get_executor()) {
      core_->enter(*this);
   }
   connection(connection const&) = delete;
   connection& operator=(connection const&) = delete;
   ~connection() { core_->leave(*this); }

   [[nodiscard]] strand executor() { return socket_.get_executor(); }

   // Serves until the connection ends. On the strand; whoever starts it holds a share until it is done.
   boost::asio::awaitable<void> run() {
      prepare();
      while (true) {
         forget_request();
         if (scan() == head_scanner::state::incomplete) {
            bool const complete = co_await read_head();
            if (!complete) break;
         }
         if (auto refusal = begin_request()) {
            co_await refuse(*refusal);
            break;
         }
         if (auto const taken = take_body(); taken != step::done) {
            bool const complete = co_await read_body(taken);
            if (!complete) break;
         }
         auto answer = core_->router.answer_now(match_, request_);
         if (!answer) {
            bool const written = co_await flush();
            if (!written) break;
            deadline_ = clock::time_point::max();
            auto later = core_->router.answer_later(match_, request_);
            answer.emplace(co_await std::move(later));
         }
         give(*answer);
         if (!keep_alive_ || !output_.tail.empty() || unread().empty() || output_.text.size() >= flush_from) {
            bool const written = co_await flush();
            if (!written || !keep_alive_) break;
         }
      }
      end();
   }

   // Tells a caller that there is no room.
   boost::asio::awaitable<void> run_refused() {
      prepare();
      auto const answer = error_response(fail(noetl::error_code::unavailable, "Too many connections"));
      co_await refuse(answer);
      end();
   }

   // Ends the connection if it waits for a request; one under way ends by itself after it. On the strand.
   void drain() {
      error_code ignored;
      if (idle_) socket_.cancel(ignored);
   }
   // Ends the connection now. On the strand.
   void cut() {
      error_code ignored;
      keep_alive_ = false;
      socket_.close(ignored);
   }

private:
   using step = request_parser::step;

   void prepare() {
      error_code ec;
      request_.received = clock::now();
      socket_.set_option(boost::asio::ip::tcp::no_delay(true), ec);
      socket_.non_blocking(true, ec);
      if (auto const peer = socket_.remote_endpoint(ec); !ec) {
         request_.peer = peer.address().to_string() + ":" + std::to_string(peer.port());
         auto const& from = peer.address();
         request_.peer_is_loopback =
             from.is_loopback() ||
             (from.is_v6() && from.to_v6().is_v4_mapped() &&
              boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, from.to_v6()).is_loopback());
      }
      auto const& s = core_->settings;
      auto const shortest = std::min({s.header_timeout, s.body_timeout, s.idle_timeout, s.write_timeout});
      tick_ = std::clamp(shortest / 4, std::chrono::milliseconds(5), std::chrono::milliseconds(1000));
      watch();
   }
   void end() {
      error_code ignored;
      timer_.cancel();
      socket_.shutdown(boost::asio::socket_base::shutdown_both, ignored);
      socket_.close(ignored);
   }

   // Looks at the deadline every tick rather than setting a timer for every step: a step costs one store.
   void watch() {
      timer_.expires_after(tick_);
      timer_.async_wait([self = shared_from_this()](error_code ec) {
         if (ec || !self->socket_.is_open()) return;
         if (clock::now() >= self->deadline_) {
            self->timed_out_ = true;
            self->deadline_ = clock::time_point::max();
            self->socket_.cancel(ec);
         }
         self->watch();
      });
   }
   void allow(clock::duration time) {
      timed_out_ = false;
      deadline_ = clock::now() + time;
   }
   // More time for what has moved already.
   [[nodiscard]] clock::duration earned(std::size_t bytes) const {
      return std::chrono::milliseconds(bytes * 1000 /
                                       std::max<std::size_t>(core_->settings.slowest_bytes_per_second, 1));
   }

   // ---- bytes in ----
   [[nodiscard]] std::string_view unread() const noexcept { return input_.unread(); }
   [[nodiscard]] boost::asio::mutable_buffer room() {
      auto const where = input_.room();
      return {where.data(), where.size()};
   }
   boost::asio::awaitable<bool> read_more() {
      auto const where = room();
      auto const [ec, size] = co_await socket_.async_read_some(boost::asio::buffer(where), as_values);
      input_.arrived(size);
      co_return !ec;
   }
   // What has arrived already, without waiting.
   bool read_now() {
      error_code ec;
      input_.arrived(socket_.read_some(boost::asio::buffer(room()), ec));
      return !ec;
   }

   // ---- the head ----
   void forget_request() {
      request_.method = verb::other;
      request_.path.clear();
      request_.query.clear();
      request_.headers.clear();
      request_.body.clear();
      if (request_.body.capacity() > keep_below) std::string().swap(request_.body); // assignment would keep the memory
      request_.request_id.clear();
      match_ = {};
      scanner_ = {};
   }
   head_scanner::state scan() {
      while (true) {
         scanned_ = scanner_.feed(unread());
         if (scanned_ != head_scanner::state::complete || scanner_.size() != 2) return scanned_;
         input_.consume(2); // an empty line before a request (RFC 9112 section 2.2)
         scanner_ = {};
      }
   }
   // Reads until the head has ended or is broken. False when there is no request to serve.
   boost::asio::awaitable<bool> read_head() {
      bool const written = co_await flush();
      if (!written) co_return false;
      bool begun = !unread().empty();
      request_.received = clock::now();
      allow(begun ? core_->settings.header_timeout : core_->settings.idle_timeout);
      while (true) {
         if (unread().size() >= core_->settings.max_header_bytes) co_return true; // begin_request refuses it
         if (core_->stopping && !begun) {
            if (!read_now()) co_return false;
         } else {
            idle_ = !begun;
            bool const more = co_await read_more();
            idle_ = false;
            if (!more) {
               if (core_->stopping && !begun && socket_.is_open()) continue; // a last look
               if (timed_out_ && begun) {
                  auto const answer = error_response(408, "Request header came too slowly");
                  co_await refuse(answer);
               }
               co_return false;
            }
         }
         if (!std::exchange(begun, true)) {
            request_.received = clock::now();
            allow(core_->settings.header_timeout);
         }
         if (scan() != head_scanner::state::incomplete) co_return true;
      }
   }
   // \return the refusal when this is no request to go on with
   std::optional<response> begin_request() {
      request_.received = clock::now();
      if (scanned_ == head_scanner::state::broken) return error_response(400, "Malformed request: bare line feed");
      if (scanned_ == head_scanner::state::incomplete || scanner_.size() > core_->settings.max_header_bytes)
         return error_response(431, "Request header is too large");
      auto const head = unread().substr(0, scanner_.size());
      if (framing_ = check_framing(head); framing_.fault != nullptr)
         return error_response(400, std::string("Malformed request: ") + framing_.fault);
      if (!parser_.emplace(request_).read_head(head)) return error_response(400, "Malformed request");
      input_.consume(head.size());
      keep_alive_ = parser_->keep_alive() && !core_->stopping;
      http10_ = !parser_->is_http11();
      if (auto const given = request_.header("x-request-id"); is_sane_request_id(given))
         request_.request_id = given;
      else
         core_->make_request_id(request_.request_id);
      ++core_->requests;
      if (auto const why = core_->settings.allowed_origins.refusal_of(request_); !why.empty())
         return error_response(403, std::string(why));
      match_ = core_->router.find(request_.method, request_.path);
      limit_ = core_->router.body_limit(match_);
      if (framing_.chunked || framing_.content_length > unread().size())
         if (auto refusal = core_->router.refusal_of(match_, request_)) return refusal;
      if (framing_.content_length > limit_) return router::body_too_large(limit_);
      return std::nullopt;
   }

   // ---- the body ----
   // Takes what has been read of the body.
   step take_body() {
      if (framing_.chunked) {
         auto left = unread();
         auto const found = parser_->read_chunks(left, limit_);
         input_.consume(unread().size() - left.size());
         return found;
      }
      auto const wanted = static_cast<std::size_t>(framing_.content_length) - request_.body.size();
      auto const piece = unread().substr(0, wanted);
      request_.body.append(piece);
      input_.consume(piece.size());
      return piece.size() == wanted ? step::done : step::more;
   }
   boost::asio::awaitable<bool> read_body(step now) {
      auto const started = clock::now();
      if (!http10_ && unread().empty() && request_.body.empty() &&
          equal_ignoring_case(request_.header("expect"), "100-continue"))
         output_.text += "HTTP/1.1 100 Continue\r\n\r\n";
      bool const written = co_await flush();
      if (!written) co_return false;
      std::size_t arrived = request_.body.size();
      for (; now != step::done; now = take_body()) {
         std::optional<response> refusal;
         if (now == step::too_large) refusal = router::body_too_large(limit_);
         if (now == step::broken || unread().size() > chunk_overhead) refusal = error_response(400, "Malformed chunk");
         if (!refusal) {
            timed_out_ = false;
            deadline_ = started + core_->settings.body_timeout + earned(arrived);
            auto const before = request_.body.size() + unread().size();
            auto reading = framing_.chunked ? read_more() : read_straight();
            bool const more = co_await std::move(reading);
            arrived += request_.body.size() + unread().size() - before;
            if (!more && !timed_out_) co_return false;
            if (!more) refusal = error_response(408, "Request body came too slowly");
         }
         if (refusal) {
            co_await refuse(*refusal);
            co_return false;
         }
      }
      co_return true;
   }
   // A body of known length goes where it belongs without a stop. Memory grows with what came, not with what was
   // announced.
   boost::asio::awaitable<bool> read_straight() {
      auto& body = request_.body;
      auto const have = body.size();
      auto const left = static_cast<std::size_t>(framing_.content_length) - have;
      body.resize(have + std::min(left, std::max(have, flush_from)));
      auto const [ec, size] =
          co_await socket_.async_read_some(boost::asio::buffer(body.data() + have, body.size() - have), as_values);
      body.resize(have + size);
      co_return !ec;
   }

   // ---- bytes out ----
   void give(response const& answer) {
      if (core_->stopping) keep_alive_ = false;
      core_->finished(match_, request_, answer);
      response_frame const frame{.request_id = request_.request_id,
                                 .keep_alive = keep_alive_,
                                 .http10 = http10_,
                                 .without_body = request_.method == verb::head,
                                 .allow_origin = core_->settings.allowed_origins.answer_to(request_)};
      append_response_head(output_.text, answer, frame);
      if (!sends_body(answer, frame)) return;
      if (answer.body.size() < gather_from)
         output_.text += answer.body;
      else
         output_.tail = answer.body;
   }
   boost::asio::awaitable<bool> flush() {
      std::size_t done = 0;
      auto started = clock::time_point{};
      while (output_.unwritten() > 0) {
         error_code ec;
         // Mostly there is room, and then this is all.
         auto const now = output_.pieces();
         auto bytes = output_.tail.empty() ? socket_.write_some(now[0], ec) : socket_.write_some(now, ec);
         if (ec == boost::asio::error::would_block) {
            if (started == clock::time_point{}) started = clock::now();
            timed_out_ = false;
            deadline_ = started + core_->settings.write_timeout + earned(done);
            auto const [failed, size] = co_await socket_.async_write_some(now, as_values);
            ec = failed;
            bytes = size;
         }
         if (ec) co_return false;
         output_.took(bytes);
         done += bytes;
      }
      co_return true;
   }
   // Answers and ends. What the caller still sends is read for a while, else the answer could be lost on its way.
   // \param answer  a named object of the caller's: GCC 12 ends temporaries of a co_await expression twice
   boost::asio::awaitable<void> refuse(response const& answer) {
      keep_alive_ = false;
      give(answer);
      bool const written = co_await flush();
      if (!written) co_return;
      error_code ec;
      socket_.shutdown(boost::asio::socket_base::shutdown_send, ec);
      allow(core_->settings.linger_timeout);
      while (!core_->stopping) {
         input_.clear();
         bool const more = co_await read_more();
         if (!more) break;
      }
   }

   static constexpr std::size_t chunk_overhead = std::size_t{32} << 10U; // of framing in one piece, at most

   std::shared_ptr<server_core> core_;
   server_socket socket_;
   boost::asio::steady_timer timer_;
   clock::duration tick_{};
   clock::time_point deadline_ = clock::time_point::max();
   bool timed_out_ = false;
   bool idle_ = false;

   input_buffer input_;
   output_buffer output_;

   head_scanner scanner_;
   head_scanner::state scanned_ = head_scanner::state::incomplete;
   framing framing_;
   request request_;
   std::optional<request_parser> parser_;
   route_match match_;
   std::size_t limit_ = 0;
   bool keep_alive_ = true;
   bool http10_ = false;
};

inline std::vector<std::shared_ptr<connection>> server_core::all() const {
   std::scoped_lock const lock(mutex_);
   std::vector<std::shared_ptr<connection>> alive;
   for (auto* const c : open_)
      if (auto share = c->weak_from_this().lock()) alive.push_back(std::move(share));
   return alive;
}

} // namespace noetl::http::detail
