// http/beast_messages.hpp: messages of Boost.Beast as ours and back, for routes inside somebody else's Beast server.
// Knows messages, targets, the rules for response heads and Beast's messages; reads and writes nothing.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include <boost/beast/http/field.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <noetl/core/result.hpp>
#include <noetl/http/message.hpp>
#include <noetl/http/response_head.hpp>
#include <noetl/http/target.hpp>

namespace noetl::http {

/// Takes a request that was read whole; its body is moved. The request id and the peer are the caller's to fill in:
/// who asks whether the peer is this machine is told no. Any number of threads at once.
/// \return bad_request: the target is neither a path nor a URL
inline result<request> from_beast(boost::beast::http::request<boost::beast::http::string_body>&& got) {
   auto const text = [](auto const& view) { return std::string_view(view.data(), view.size()); };
   auto const target = split_target(text(got.target()));
   if (!target) return fail(error_code::bad_request, "the request target is neither a path nor a URL");
   request out;
   out.method = to_verb(text(got.method_string()));
   out.path = target->path;
   out.query = target->query;
   for (auto const& field : got) out.headers.add(text(field.name_string()), text(field.value()));
   out.body = std::move(got.body());
   out.received = std::chrono::steady_clock::now();
   return out;
}

/// An answer as it is written to the connection. That to HEAD has the length of its body and no body; 204 and 304 have
/// neither. Fields that could break the framing are left out, as in our server; `date` is set.
/// \param version, keep_alive  those of the request
inline boost::beast::http::response<boost::beast::http::string_body> to_beast(response answer, verb method,
                                                                              unsigned version, bool keep_alive) {
   namespace beast_http = boost::beast::http;
   beast_http::response<beast_http::string_body> out;
   out.version(version);
   out.result(answer.status);
   out.set(beast_http::field::date, std::string(detail::date_text()));
   for (auto const& field : answer.headers)
      if (detail::may_be_sent(field)) out.insert(field.name, field.value);
   out.keep_alive(keep_alive);
   if (detail::is_bodiless(answer.status)) return out;
   if (auto const type = detail::content_type_of(answer); !type.empty())
      out.set(beast_http::field::content_type, std::string(type));
   out.content_length(answer.body.size());
   if (method != verb::head) out.body() = std::move(answer.body);
   return out;
}

} // namespace noetl::http
