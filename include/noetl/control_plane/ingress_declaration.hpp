// control_plane/ingress_declaration.hpp: what a subscription document says about push (orchestration.md section 1.15).
// Knows JSON values and the YAML reader. Pure.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tao/json/value.hpp>

#include <noetl/reflect/json_value.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>
#include <noetl/workflow/playbook_parser.hpp>

namespace noetl::control_plane {

struct ingress_verify {
   std::string type; ///< hmac_sha256, bearer, pubsub_oidc
   std::optional<std::string> header;
   std::optional<std::string> secret; ///< of the first two types
   std::optional<std::string> audience, service_account;
   using json_rules = rules<omit_empty<"header", "secret", "audience", "service_account">>;
};

struct ingress_dispatch {
   std::string playbook;
   std::string payload_from;
   std::optional<std::string> execution_pool;
   using json_rules = rules<omit_empty<"execution_pool">>;
};

/// A subscription's `spec`, as far as push needs it. `verify.secret` is the credential's name here.
struct ingress_declaration {
   std::string gateway_path;
   std::string source = "webhook";
   ingress_verify verify;
   ingress_dispatch dispatch;
   raw_json directives;
   std::string problem; ///< what the document lacks, empty when it can be used

   /// The last segment of the path that gateways listen on.
   [[nodiscard]] std::string_view listener() const noexcept {
      std::string_view path = gateway_path;
      while (path.ends_with('/')) path.remove_suffix(1);
      auto const slash = path.rfind('/');
      return slash == path.npos ? path : path.substr(slash + 1);
   }
};

namespace detail {

inline std::optional<std::string> ingress_text(tao::json::value const& object, std::string const& name) {
   auto const* member = object.find(name);
   if (member == nullptr || !member->is_string_type()) return std::nullopt;
   return std::string(member->as<std::string_view>());
}
inline std::optional<std::string> text_at(tao::json::value const* object, std::string const& name) {
   return object != nullptr && object->is_object() ? ingress_text(*object, name) : std::nullopt;
}
inline tao::json::value const* object_at(tao::json::value const* object, std::string const& name) {
   auto const* found = object != nullptr && object->is_object() ? object->find(name) : nullptr;
   return found != nullptr && found->is_object() ? found : nullptr;
}

} // namespace detail

/// Reads a subscription document. Pure. \return nothing when it is no YAML or has no gateway path: nobody can mean it
inline std::optional<ingress_declaration> read_ingress(std::string const& yaml) {
   auto const document = workflow::yaml_to_json(yaml);
   if (!document) return std::nullopt;
   auto const* spec = detail::object_at(&*document, "spec");
   auto const* ingress = detail::object_at(spec, "ingress");
   ingress_declaration out;
   auto path = detail::text_at(ingress, "gateway_path");
   if (!path) return std::nullopt;
   out.gateway_path = *std::move(path);
   out.source = detail::text_at(spec, "source").value_or("webhook");
   if (auto const* headers = spec->find("headers"); headers != nullptr && !headers->is_null())
      out.directives = raw_json(to_json(*headers));
   auto const* verify = detail::object_at(ingress, "verify");
   auto const* dispatch = detail::object_at(spec, "dispatch");
   auto const lacks = [&](std::string_view what) {
      if (out.problem.empty()) out.problem = "spec." + std::string(what);
   };
   if (verify == nullptr) lacks("ingress.verify: required");
   out.verify.type = detail::text_at(verify, "type").value_or("");
   bool const with_secret = out.verify.type == "hmac_sha256" || out.verify.type == "bearer";
   if (out.verify.type.empty())
      lacks("ingress.verify.type: required");
   else if (!with_secret && out.verify.type != "pubsub_oidc")
      lacks("ingress.verify.type: expected hmac_sha256, bearer or pubsub_oidc");
   out.verify.header = detail::text_at(verify, "header");
   if (out.verify.header)
      std::ranges::transform(*out.verify.header, out.verify.header->begin(),
                             [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
   if (with_secret) {
      out.verify.secret = detail::text_at(verify, "secret");
      if (!out.verify.secret || out.verify.secret->empty())
         lacks("ingress.verify.secret: required, the name of a credential");
   }
   out.verify.audience = detail::text_at(verify, "audience");
   out.verify.service_account = detail::text_at(verify, "service_account");
   if (dispatch == nullptr) lacks("dispatch: required");
   out.dispatch.playbook = detail::text_at(dispatch, "playbook").value_or("");
   if (out.dispatch.playbook.empty()) lacks("dispatch.playbook: required");
   out.dispatch.payload_from = detail::text_at(dispatch, "payload_from").value_or("message.json");
   out.dispatch.execution_pool = detail::text_at(dispatch, "execution_pool");
   return out;
}

/// The secret text in a credential's data: a string, or the first string among some usual members. Pure.
inline std::optional<std::string> secret_text(std::string_view data) {
   auto const parsed = from_json<tao::json::value>(data);
   if (!parsed) return std::nullopt;
   if (parsed->is_string_type()) return std::string(parsed->as<std::string_view>());
   if (!parsed->is_object()) return std::nullopt;
   for (auto const* name : {"secret", "token", "value", "key", "password"})
      if (auto text = detail::ingress_text(*parsed, name)) return text;
   return std::nullopt;
}

} // namespace noetl::control_plane
