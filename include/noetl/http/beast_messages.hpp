// http/beast_messages.hpp: messages of Boost.Beast as ours and back, for routes inside somebody else's Beast server.
// Knows http/message.hpp and Beast's messages; reads and writes nothing.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include <boost/beast/http/field.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <noetl/http/message.hpp>

namespace noetl::http {

/// Takes a request that was read whole; its body is moved. The peer's address and the request id are the caller's to
/// fill in: guards that ask for the loopback find none. Any number of threads at once.
inline request from_beast(boost::beast::http::request<boost::beast::http::string_body>&& got) {
   auto const text = [](auto const& view) { return std::string_view(view.data(), view.size()); };
   auto const target = text(got.target());
   auto const mark = target.find('?');
   request out;
   out.method = to_verb(text(got.method_string()));
   out.path = target.substr(0, mark);
   if (mark != std::string_view::npos) out.query = target.substr(mark + 1);
   for (auto const& field : got) out.headers.add(text(field.name_string()), text(field.value()));
   out.body = std::move(got.body());
   out.received = std::chrono::steady_clock::now();
   return out;
}

/// An answer as it is written to the connection; that to HEAD has a length and no body.
/// \param version, keep_alive  those of the request
inline boost::beast::http::response<boost::beast::http::string_body> to_beast(response answer, verb method,
                                                                              unsigned version, bool keep_alive) {
   namespace beast_http = boost::beast::http;
   beast_http::response<beast_http::string_body> out;
   out.version(version);
   out.result(answer.status);
   for (auto const& [name, value] : answer.headers) out.insert(name, value);
   if (!answer.body.empty())
      out.set(beast_http::field::content_type,
              answer.content_type.empty() ? std::string(json_type) : answer.content_type);
   out.keep_alive(keep_alive);
   out.body() = std::move(answer.body);
   out.prepare_payload();
   if (method == verb::head) {
      out.content_length(out.body().size());
      out.body().clear();
   }
   return out;
}

} // namespace noetl::http
