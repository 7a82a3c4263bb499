// http/request_parser.hpp: bytes into a request, by Beast's parser; fields go straight where they belong.
// The only header besides the server and the client that knows Beast. Does no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string_type.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/version.hpp>

#include <noetl/http/framing.hpp>
#include <noetl/http/message.hpp>
#include <noetl/http/target.hpp>

namespace noetl::http {

/// Parses one request: its head in one piece, then a chunked body as it comes. For one request only.
/// \pre check_framing has found no fault in the head
class request_parser final : public boost::beast::http::basic_parser<true> {
   using error = boost::beast::http::error;
   using field = boost::beast::http::field;
   using text = boost::beast::string_view;
   using beast_error = boost::beast::error_code;

public:
   enum class step { more, done, too_large, broken };

   /// \param into filled while parsing; its old content except `peer` goes
   explicit request_parser(request& into) : into_(into) {
      into_.headers.clear();
      into_.body.clear();
      eager(false);
      body_limit(boost::none);
      header_limit(UINT32_MAX); // the server has its own, and the head is there already
   }

   /// \return false when it is not a request
   bool read_head(std::string_view head) {
      beast_error ec;
      put(boost::asio::const_buffer(head.data(), head.size()), ec);
      return !ec && is_header_done();
   }
   [[nodiscard]] bool is_http11() const noexcept { return http11_; }
   /// Takes what it can of a chunked body from the front of `input`, which shrinks accordingly.
   step read_chunks(std::string_view& input, std::uint64_t limit) {
      limit_ = limit;
      eager(true);
      while (!is_done()) {
         if (input.empty()) return step::more; // put() would not say so inside a chunk
         beast_error ec;
         auto const used = put(boost::asio::const_buffer(input.data(), input.size()), ec);
         input.remove_prefix(used);
         if (ec == error::need_more) return step::more;
         if (ec == error::body_limit) return step::too_large;
         if (ec) return step::broken;
      }
      return step::done;
   }

private:
   void on_request_impl(boost::beast::http::verb, text method, text target, int version, beast_error& ec) override {
      http11_ = version >= 11;
      into_.method = to_verb({method.data(), method.size()});
      auto const parts = split_target({target.data(), target.size()});
      if (!parts) {
         ec = error::bad_target;
         return;
      }
      into_.path = parts->path;
      into_.query = parts->query;
   }
   void on_field_impl(field, text name, text value, beast_error&) override {
      if (!in_trailer_) into_.headers.add({name.data(), name.size()}, {value.data(), value.size()});
   }
#if BOOST_VERSION >= 109000
   void on_trailer_field_impl(field, text, text, beast_error&) override {} // trailers are read and dropped
#endif
   void on_header_impl(beast_error&) override {
      in_trailer_ = true;
   }
   std::size_t on_chunk_body_impl(std::uint64_t, text piece, beast_error& ec) override {
      if (into_.body.size() + piece.size() > limit_) {
         ec = error::body_limit;
         return 0;
      }
      into_.body.append(piece.data(), piece.size());
      return piece.size();
   }
   void on_chunk_header_impl(std::uint64_t size, text, beast_error& ec) override {
      if (size > limit_ || into_.body.size() + size > limit_) ec = error::body_limit;
   }
   void on_response_impl(int, text, int, beast_error&) override {}
   void on_body_init_impl(boost::optional<std::uint64_t> const&, beast_error&) override {}
   std::size_t on_body_impl(text piece, beast_error&) override {
      return piece.size();
   }
   void on_finish_impl(beast_error&) override {}

   request& into_;
   std::uint64_t limit_ = 0;
   bool in_trailer_ = false;
   bool http11_ = true;
};

} // namespace noetl::http
