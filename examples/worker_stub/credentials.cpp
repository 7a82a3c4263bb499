// credentials.cpp: aliases become what they stand for (spec worker-protocol.md 7), in a tool's `auth` and under
// `keychain` in templates. Nothing of it is reported or logged.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

#include <boost/asio/use_awaitable.hpp>

#include <noetl/http/percent.hpp>

#include "tools.hpp"

namespace stub {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

json first_of(json const& data, std::initializer_list<char const*> names) {
   for (auto const* name : names)
      if (auto const& found = at(data, name); !found.is_null()) return found;
   return tao::json::null;
}

/// What `auth` of a tool becomes for a credential of this type.
json auth_of(std::string const& alias, std::string const& type, json const& data) {
   json out = tao::json::empty_object;
   if (type == "postgres") {
      for (auto const* name : {"host", "port", "user", "password"})
         out[name] = first_of(data, {("db_" + std::string(name)).c_str(), name});
      out["database"] = first_of(data, {"db_name", "db_database", "dbname", "database"});
   } else if (type == "bearer" || type == "bearer_token") {
      out = {{"type", "bearer"}, {"token", first_of(data, {"token", "access_token", "bearer_token"})}};
   } else if (type == "api_key") {
      out = {{"type", "api_key"}, {"value", first_of(data, {"api_key", "key", "value"})}};
      if (auto const& header = at(data, "header"); !header.is_null()) out["header"] = header;
   } else if (type == "basic") {
      out = {{"type", "basic"},
             {"username", first_of(data, {"username", "user"})},
             {"password", first_of(data, {"password"})}};
   } else {
      throw tool_error{"credential '" + alias + "' has the type '" + type + "', which the stub does not know"};
   }
   return out;
}

/// Aliases that texts of `value` name as `keychain.ALIAS`.
void add_aliases(json const& value, std::set<std::string>& aliases) {
   if (value.is_array()) {
      for (auto const& one : value.get_array()) add_aliases(one, aliases);
   } else if (value.is_object()) {
      for (auto const& [key, one] : value.get_object()) add_aliases(one, aliases);
   } else if (value.is_string_type()) {
      constexpr std::string_view word = "keychain.";
      auto const text = value.get_string_type();
      if (text.find("{{") == text.npos && text.find("{%") == text.npos) return;
      for (auto found = text.find(word); found != text.npos; found = text.find(word, found + 1)) {
         auto end = found + word.size();
         auto const begin = end;
         while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_'))
            ++end;
         if (end > begin) aliases.insert(std::string(text.substr(begin, end - begin)));
      }
   }
}

} // namespace

/// The credential as the control plane tells it. Refusals that may pass are tried again three times.
/// \throws tool_error naming the alias
asio::awaitable<json> tools::credential(std::string alias, tool_input const& about) {
   auto const target = "/api/credentials/" + noetl::http::percent_encode(alias) +
                       "?include_data=true&execution_id=" + std::to_string(about.execution_id);
   auto const may_pass = [](reply const& refused) {
      std::array const passing{0U, 408U, 429U, 502U, 503U, 504U};
      return std::find(passing.begin(), passing.end(), refused.status) != passing.end();
   };
   auto const got = co_await http_.call_patiently(about.server, "GET", target, {}, {}, may_pass);
   if (got.status == 404) throw tool_error{"credential '" + alias + "' does not exist"};
   if (!got.ok())
      throw tool_error{"credential '" + alias + "' could not be fetched: " +
                       (got.status ? "status " + std::to_string(got.status) : std::string("no answer"))};
   auto found = parsed(got.body);
   bool const fits = found && at(*found, "id").is_string_type() && at(*found, "name").is_string_type() &&
                     at(*found, "type").is_string_type() &&
                     (found->find("tags") == nullptr || at(*found, "tags").is_array());
   if (!fits) throw tool_error{"credential '" + alias + "' was answered in a form that cannot be read"};
   if (!at(*found, "data").is_object()) (*found)["data"] = tao::json::empty_object;
   co_return *std::move(found);
}

/// The configuration with `auth` as an object. An environment variable that is named as a credential wins.
asio::awaitable<json> tools::with_credentials(json config, std::string const& kind, tool_input const& about) {
   auto const given = at(config, "auth", "credential");
   auto const& inner = given.is_object() ? at(given, "credential") : given;
   if (!inner.is_string_type() || text(inner).empty()) co_return config;
   auto const alias = text(inner);
   if (settings_.secret_variables.contains(alias)) {
      if (auto const* secret = std::getenv(alias.c_str())) {
         config["auth"] = {{"type", "bearer"}, {"token", secret}};
         co_return config;
      }
   }
   auto const found = co_await credential(alias, about);
   auto auth = auth_of(alias, text(at(found, "type")), at(found, "data"));
   if (kind == "postgres" && text(at(found, "type")) != "postgres")
      throw tool_error{"credential '" + alias + "' is no PostgreSQL credential"};
   config["auth"] = std::move(auth);
   co_return config;
}

/// `{alias: data}` for what the configuration names under `keychain`, null when it names nothing.
asio::awaitable<json> tools::keychain(json config, tool_input const& about) {
   std::set<std::string> aliases;
   add_aliases(config, aliases);
   json out = tao::json::null;
   for (auto const& alias : aliases) {
      auto const found = co_await credential(alias, about);
      if (!out.is_object()) out = tao::json::empty_object;
      out[alias] = at(found, "data");
   }
   co_return out;
}

} // namespace stub
