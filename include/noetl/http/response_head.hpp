// http/response_head.hpp: a response as the bytes of HTTP/1.1.
// Knows core only; does no I/O.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <ctime>
#include <string>
#include <string_view>

#include <noetl/http/framing.hpp>
#include <noetl/http/message.hpp>

namespace noetl::http {

/// Reason phrase of a status; empty for one that is not registered.
constexpr std::string_view reason(unsigned status) noexcept {
   switch (status) {
   case 100: return "Continue";
   case 200: return "OK";
   case 201: return "Created";
   case 202: return "Accepted";
   case 204: return "No Content";
   case 206: return "Partial Content";
   case 301: return "Moved Permanently";
   case 302: return "Found";
   case 303: return "See Other";
   case 304: return "Not Modified";
   case 307: return "Temporary Redirect";
   case 308: return "Permanent Redirect";
   case 400: return "Bad Request";
   case 401: return "Unauthorized";
   case 403: return "Forbidden";
   case 404: return "Not Found";
   case 405: return "Method Not Allowed";
   case 406: return "Not Acceptable";
   case 408: return "Request Timeout";
   case 409: return "Conflict";
   case 410: return "Gone";
   case 412: return "Precondition Failed";
   case 413: return "Content Too Large";
   case 415: return "Unsupported Media Type";
   case 422: return "Unprocessable Content";
   case 425: return "Too Early";
   case 429: return "Too Many Requests";
   case 431: return "Request Header Fields Too Large";
   case 500: return "Internal Server Error";
   case 501: return "Not Implemented";
   case 502: return "Bad Gateway";
   case 503: return "Service Unavailable";
   case 504: return "Gateway Timeout";
   case 505: return "HTTP Version Not Supported";
   default: return {};
   }
}

/// What the connection adds to a response.
struct response_frame {
   std::string_view request_id{};
   bool keep_alive = true;
   bool http10 = false;                 ///< the caller speaks HTTP/1.0 and must be told that the connection stays
   bool without_body = false;           ///< answer to HEAD: the fields of the body, not the body
   std::string_view allow_origin = "*"; ///< of the CORS fields; empty: none
};

namespace detail {

inline void append_number(std::string& out, std::size_t number) {
   std::array<char, 20> digits;
   out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

// Text of a Date field (RFC 9110 section 5.6.7), made once a second and thread.
inline std::string_view date_text() {
   thread_local std::time_t made_at = 0;
   thread_local std::array<char, 40> text{};
   thread_local std::size_t size = 0;
   if (auto const now = std::time(nullptr); now != made_at) {
      std::tm parts{};
      gmtime_r(&now, &parts);
      static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
      static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
      std::array<char, 40> form{}; // names by hand: strftime's depend on the locale
      std::strftime(form.data(), form.size(), "xxx, %d yyy %Y %H:%M:%S GMT", &parts);
      size = std::string_view(form.data()).size();
      std::copy_n(days[static_cast<std::size_t>(parts.tm_wday)], 3, form.data());
      std::copy_n(months[static_cast<std::size_t>(parts.tm_mon)], 3, form.data() + 8);
      text = form;
      made_at = now;
   }
   return {text.data(), size};
}

// Fields that say where a message ends are the server's business alone.
constexpr bool is_ours(std::string_view name) noexcept {
   return equal_ignoring_case(name, "content-length") || equal_ignoring_case(name, "transfer-encoding") ||
          equal_ignoring_case(name, "connection") || equal_ignoring_case(name, "date");
}

// Neither name nor value could break the framing, and the field is the handler's to set.
inline bool may_be_sent(header const& field) noexcept {
   return is_token(field.name) && is_field_text(field.value) && !is_ours(field.name);
}

// Answers without body, length and type (RFC 9110 section 8.6).
constexpr bool is_bodiless(unsigned status) noexcept {
   return status == 204 || status == 304 || status < 200;
}

// What stands in the field content-type; empty: there is none.
inline std::string_view content_type_of(response const& answer) noexcept {
   if (!answer.content_type.empty() && is_field_text(answer.content_type)) return answer.content_type;
   return answer.body.empty() ? std::string_view{} : json_type;
}

} // namespace detail

/// Appends the head of a response. The CORS fields are the contract's (http-platform.md section 1.5), on
/// every response. Fields whose name or value could break the framing are left out.
inline void append_response_head(std::string& out, response const& answer, response_frame const& frame) {
   out += "HTTP/1.1 ";
   detail::append_number(out, answer.status);
   out += ' ';
   out += reason(answer.status);
   if (!detail::is_bodiless(answer.status)) {
      if (auto const type = detail::content_type_of(answer); !type.empty()) {
         out += "\r\ncontent-type: ";
         out += type;
      }
      out += "\r\ncontent-length: ";
      detail::append_number(out, answer.body.size());
   }
   out += "\r\ndate: ";
   out += detail::date_text();
   if (!frame.allow_origin.empty() && detail::is_field_text(frame.allow_origin)) {
      out += "\r\naccess-control-allow-origin: ";
      out += frame.allow_origin;
   }
   out += "\r\nvary: origin, access-control-request-method, access-control-request-headers";
   if (!frame.request_id.empty()) {
      out += "\r\nx-request-id: ";
      out += frame.request_id;
   }
   for (auto const& field : answer.headers) {
      if (!detail::may_be_sent(field)) continue;
      out += "\r\n";
      out += field.name;
      out += ": ";
      out += field.value;
   }
   if (!frame.keep_alive)
      out += "\r\nconnection: close";
   else if (frame.http10)
      out += "\r\nconnection: keep-alive";
   out += "\r\n\r\n";
}

/// True when the body follows the head.
constexpr bool sends_body(response const& answer, response_frame const& frame) noexcept {
   return !frame.without_body && !answer.body.empty() && !detail::is_bodiless(answer.status);
}

} // namespace noetl::http
