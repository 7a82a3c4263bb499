// http_tool.cpp: the http tool: plain HTTP/1.1 to loopback addresses (spec worker-protocol.md 10.1, 18.3).
#include <algorithm>
#include <cctype>

#include <boost/asio/use_awaitable.hpp>
#include <noetl/core/base64.hpp>
#include <noetl/http/percent.hpp>

#include "tools.hpp"

namespace stub {

namespace asio = boost::asio;

namespace {

constexpr int max_redirects = 5;

bool is_loopback(std::string const& url) {
   auto const scheme = url.find("://");
   auto const host = scheme == url.npos ? url : url.substr(scheme + 3);
   auto const name = host.substr(0, host.starts_with("[") ? host.find(']') + 1 : host.find_first_of(":/?#"));
   bool const digits = name.find_first_not_of("0123456789.") == name.npos; // 127.example.org is a name like any other
   return name == "localhost" || name == "[::1]" || (name.starts_with("127.") && digits);
}

/// The header that an `auth` object asks for.
std::optional<std::pair<std::string, std::string>> authorization(json const& auth) {
   if (!auth.is_object()) return std::nullopt;
   auto const type = text(at(auth, "type"));
   if (type == "bearer") return std::pair{std::string("Authorization"), "Bearer " + text(at(auth, "token"))};
   if (type == "basic")
      return std::pair{std::string("Authorization"),
                       "Basic " +
                           noetl::encode_base64(text(at(auth, "username", "user")) + ":" + text(at(auth, "password")))};
   if (type == "api_key") return std::pair{text(at(auth, "header"), "X-API-Key"), text(at(auth, "value", "key"))};
   throw tool_error{"http: auth of type '" + type + "' is not known; there are bearer, basic and api_key"};
}

std::string form_encoded(json const& pairs) {
   std::string out;
   for (auto const& [name, value] : pairs.get_object())
      out +=
          (out.empty() ? "" : "&") + noetl::http::percent_encode(name) + '=' + noetl::http::percent_encode(text(value));
   return out;
}

http_request request_of(json const& config) {
   http_request out;
   out.url = text(at(config, "url", "endpoint"));
   out.method = text(at(config, "method"), "GET");
   std::transform(out.method.begin(), out.method.end(), out.method.begin(),
                  [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
   out.timeout = timeout_of(config, 30);
   if (out.url.empty()) throw tool_error{"http: url is missing"};
   if (auto const& params = at(config, "params"); params.is_object() && !params.get_object().empty())
      out.url += (out.url.find('?') == out.url.npos ? "?" : "&") + form_encoded(params);
   auto const& document = at(config, "json").is_null() ? at(config, "payload", "data") : at(config, "json");
   auto const& body = at(config, "body");
   if (!document.is_null() || body.is_object() || body.is_array()) {
      out.body = tao::json::to_string(document.is_null() ? body : document);
      out.headers.emplace_back("Content-Type", "application/json");
   } else if (auto const& form = at(config, "form"); form.is_object()) {
      out.body = form_encoded(form);
      out.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
   } else {
      out.body = text(body);
   }
   if (auto const& headers = at(config, "headers"); headers.is_object())
      for (auto const& [name, value] : headers.get_object()) {
         std::erase_if(out.headers, [&, wanted = name](auto const& one) {
            return std::equal(one.first.begin(), one.first.end(), wanted.begin(), wanted.end(),
                              [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
         });
         out.headers.emplace_back(name, text(value));
      }
   if (auto const extra = authorization(at(config, "auth"))) out.headers.push_back(*extra);
   return out;
}

std::string header(reply const& got, std::string_view name) {
   for (auto const& [key, value] : got.headers)
      if (std::equal(key.begin(), key.end(), name.begin(), name.end(),
                     [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); }))
         return value;
   return {};
}

/// Turns `request` to where the answer points. \return false when it points nowhere
bool follow(http_request& request, reply const& got) {
   bool const moved =
       got.status == 301 || got.status == 302 || got.status == 303 || got.status == 307 || got.status == 308;
   auto const where = moved ? header(got, "location") : std::string();
   if (where.empty()) return false;
   if (where.find("://") != where.npos) {
      auto const origin = [](std::string const& url) { return url.substr(0, url.find('/', url.find("://") + 3)); };
      if (origin(where) != origin(request.url)) request.headers.clear(); // they hold what was meant for the first host
      request.url = where;
   } else if (where.starts_with('/')) {
      auto const begin = request.url.find("://");
      request.url = request.url.substr(0, request.url.find('/', begin + 3)) + where;
   } else {
      return false;
   }
   if (got.status == 303 || (got.status < 303 && request.method == "POST")) {
      request.method = "GET";
      request.body.clear();
   }
   return true;
}

} // namespace

asio::awaitable<tool_result> tools::http(json config) {
   auto request = request_of(config);
   bool const may_follow = at(config, "follow_redirects").is_null() || yes(at(config, "follow_redirects"));
   reply got;
   for (int hop = 0;; ++hop) {
      if (!is_loopback(request.url))
         throw tool_error{"http: the stub speaks to loopback addresses only, not to " +
                          request.url.substr(0, request.url.find('?'))};
      got = co_await http_.fetch(request);
      if (got.status == 0) throw tool_error{"http: " + got.body};
      if (!may_follow || hop == max_redirects || !follow(request, got)) break;
   }
   json headers = tao::json::empty_object;
   for (auto const& [name, value] : got.headers) headers[name] = storable(value);
   auto const body = storable(got.body);
   json shown = body;
   if (text(at(config, "response_type")) != "text")
      if (auto document = parsed(body)) shown = *std::move(document);
   json data = {{"status_code", got.status}, {"headers", headers}, {"body", shown}};
   json context = {{"data", data}, {"stdout", body}};
   if (got.ok()) co_return finished("success", std::move(context));
   context["error"] = "HTTP status " + std::to_string(got.status);
   context["exit_code"] = 1;
   co_return finished("error", std::move(context));
}

} // namespace stub
