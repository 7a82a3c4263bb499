// control_plane/secret_provider.hpp: where keychain entries of playbooks get their values: HashiCorp Vault, key-value
// engine version 2, over plain HTTP (a local agent or proxy). Knows http/client.hpp and JSON.
#pragma once

#include <chrono>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>
#include <tao/json/value.hpp>

#include <noetl/core/result.hpp>
#include <noetl/core/secret.hpp>
#include <noetl/core/time.hpp>
#include <noetl/core/trimmed.hpp>
#include <noetl/http/client.hpp>
#include <noetl/http/percent.hpp>
#include <noetl/reflect/json_value.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

/// A value and its end, if its issuer named one.
struct provided_secret {
   secret value;
   std::optional<timestamp> expires_at{};
};

struct vault_settings {
   std::string addr = "http://127.0.0.1:8200"; ///< http only
   secret token;                               ///< else the content of `token_file`
   std::string token_file;
   std::string kv_mount = "secret"; ///< of references that name none
   std::string name_space;          ///< sent as X-Vault-Namespace when not empty
   std::chrono::milliseconds timeout{10'000};
};

/// The providers that playbooks may name. Thread-safe. What a provider answers never gets into errors or logs.
class secret_providers {
public:
   explicit secret_providers(vault_settings vault = {}) : vault_(std::move(vault)) {}

   /// \param reference  for vault `[mount/]path[#key]`; without key the only member, the member `value`, or all as JSON
   /// Errors: internal (a provider that we do not have, or one without its settings), upstream (it refused or cannot be
   /// reached).
   awaitable<result<provided_secret>> fetch(std::string provider, std::string reference) const {
      if (provider != "vault")
         co_return fail(error_code::internal, "keychain provider '" + provider + "' is not supported; there is vault");
      auto where = http::parse_base_url(vault_.addr);
      if (!where) co_return fail(error_code::internal, "VAULT_ADDR: expected http://host:port");
      auto const token = vault_token();
      if (token.empty()) co_return fail(error_code::internal, "neither VAULT_TOKEN nor NOETL_VAULT_TOKEN_FILE is set");
      auto const sharp = reference.find('#');
      auto const path = reference.substr(0, sharp);
      auto const within = "/" + path + "/";
      if (within.find("/../") != within.npos || within.find("/./") != within.npos)
         co_return fail(error_code::validation, "vault reference: '.' and '..' are no parts of a path");
      auto const slash = path.find('/');
      auto const mount = slash == path.npos ? vault_.kv_mount : path.substr(0, slash);
      http::client_request wish;
      wish.target = "/v1/" + http::percent_encode(mount, "/") + "/data/" +
                    http::percent_encode(slash == path.npos ? path : path.substr(slash + 1), "/");
      wish.headers.push_back({"X-Vault-Token", token});
      if (!vault_.name_space.empty()) wish.headers.push_back({"X-Vault-Namespace", vault_.name_space});
      auto executor = co_await boost::asio::this_coro::executor;
      http::http_client client(executor, *std::move(where),
                               {.connect_timeout = vault_.timeout, .request_timeout = vault_.timeout});
      auto answer = co_await client.send(std::move(wish));
      if (!answer) co_return fail(error_code::upstream, "vault cannot be reached", answer.error().message);
      if (answer->status != 200)
         co_return fail(error_code::upstream,
                        "vault answered " + std::to_string(answer->status) + " for a keychain entry");
      auto const key = sharp == reference.npos ? std::string() : reference.substr(sharp + 1);
      co_return read(answer->body, key);
   }

private:
   static result<provided_secret> read(std::string const& body, std::string const& key) {
      auto const odd = [](char const* what) {
         return fail(error_code::upstream, std::string("vault's answer ") + what);
      };
      auto const document = from_json<tao::json::value>(body);
      if (!document || !document->is_object()) return odd("is not JSON");
      auto const* outer = document->find("data");
      auto const* values = outer != nullptr && outer->is_object() ? outer->find("data") : nullptr;
      if (values == nullptr || !values->is_object()) return odd("has no data");
      auto const& members = values->get_object();
      tao::json::value const* chosen = nullptr;
      if (!key.empty()) {
         chosen = values->find(key);
         if (chosen == nullptr) return odd("lacks the key that the reference names");
      } else if (members.size() == 1) {
         chosen = &members.begin()->second;
      } else {
         chosen = values->find("value");
      }
      if (chosen == nullptr) chosen = values;
      return provided_secret{
          {chosen->is_string_type() ? std::string(chosen->as<std::string_view>()) : to_json(*chosen)}, {}};
   }

   // Read at each use: an agent renews the file.
   std::string vault_token() const {
      if (!vault_.token.empty()) return vault_.token.value;
      if (vault_.token_file.empty()) return {};
      std::ifstream in(vault_.token_file);
      std::string const text{std::istreambuf_iterator<char>(in), {}};
      return std::string(trimmed(text));
   }

   vault_settings vault_;
};

} // namespace noetl::control_plane
