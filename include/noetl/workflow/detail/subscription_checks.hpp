// workflow/detail/subscription_checks.hpp: the rules of `kind: Subscription` (orchestration.md 1.15) and the body of
// check_subscription(). Knows the YAML tree and findings.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <noetl/workflow/detail/findings.hpp>
#include <noetl/workflow/detail/known_words.hpp>
#include <noetl/workflow/detail/playbook_reader.hpp>
#include <noetl/workflow/detail/shapes.hpp>

namespace noetl::workflow {

namespace detail {

/// Checks one document. Each rule is a finding of its own.
class subscription_checker {
public:
   explicit subscription_checker(findings& out) : out_(out) {}

   void check(yaml_node const& root) {
      auto const* spec = mapping(root, "", "spec", true);
      if (spec == nullptr) return;
      spec_ = spec;
      word(*spec, "spec", "source", std::array<std::string_view, 4>{"pubsub", "nats", "kafka", "webhook"}, true);
      auto const mode = word(*spec, "spec", "mode", std::array<std::string_view, 2>{"pull", "push"}, true);
      check_dispatch();
      if (mode == "pull")
         word(*spec, "spec", "activation", std::array<std::string_view, 2>{"continuous", "scheduled"}, false);
      if (mode == "push") check_ingress();
      if (auto const* dedup = mapping(*spec, "spec", "dedup", false)) {
         boolean(*dedup, "spec.dedup", "enabled");
         positive(*dedup, "spec.dedup", "window_secs", true);
      }
      if (auto const* limits = mapping(*spec, "spec", "limits", false)) {
         positive(*limits, "spec.limits", "max_in_flight", true);
         positive(*limits, "spec.limits", "max_dispatch_per_sec", false);
      }
      check_headers();
      check_spool();
   }

private:
   void check_dispatch() {
      auto const* dispatch = mapping(*spec_, "spec", "dispatch", true);
      if (dispatch == nullptr) return;
      text(*dispatch, "spec.dispatch", "playbook");
      boolean(*dispatch, "spec.dispatch", "batch_dispatch");
      auto const* most = shapes::present(*dispatch, "batch_max");
      if (most == nullptr) return;
      auto const value = to_json(*most);
      auto const n = value.is_integer() ? as_integer(&value) : std::nullopt;
      if (!n || *n < 1 || *n > 1'000) out_.error(*most, "spec.dispatch.batch_max", "must be an integer of 1 to 1000");
   }

   void check_ingress() {
      auto const* ingress = mapping(*spec_, "spec", "ingress", true);
      if (ingress == nullptr) return;
      auto const path = text(*ingress, "spec.ingress", "gateway_path");
      if (path && !path->starts_with('/'))
         out_.error(*ingress->find("gateway_path"), "spec.ingress.gateway_path", "must begin with '/'");
      auto const* verify = mapping(*ingress, "spec.ingress", "verify", true);
      if (verify == nullptr) return;
      std::string const at = "spec.ingress.verify";
      auto const type =
          word(*verify, at, "type", std::array<std::string_view, 3>{"hmac_sha256", "bearer", "pubsub_oidc"}, true);
      if (type == "hmac_sha256") text(*verify, at, "header");
      if (type == "hmac_sha256" || type == "bearer") text(*verify, at, "secret");
      if (type == "pubsub_oidc") {
         text(*verify, at, "audience");
         text(*verify, at, "service_account");
      }
   }

   void check_headers() {
      auto const* headers = mapping(*spec_, "spec", "headers", false);
      auto const* directives = headers ? shapes::present(*headers, "directives") : nullptr;
      if (directives == nullptr) return;
      if (!directives->is_sequence()) return out_.error(*directives, "spec.headers.directives", "must be a list");
      for (std::size_t i = 0; i < directives->items.size(); ++i) {
         auto const& one = *directives->items[i];
         auto const at = routers::at("spec.headers.directives", i);
         if (!one.is_mapping()) {
            out_.error(one, at, "must be a mapping");
            continue;
         }
         text(one, at, "header");
         if (shapes::present(one, "controls") == nullptr) out_.error(one, at + ".controls", "is missing");
      }
   }

   void check_spool() {
      auto const* spool = mapping(*spec_, "spec", "spool", false);
      if (spool == nullptr) return;
      std::string const at = "spec.spool";
      auto const mode =
          word(*spool, at, "mode", std::array<std::string_view, 3>{"off", "buffer_and_ack", "hybrid"}, false);
      if (!mode || mode == "off") return;
      auto const backend =
          word(*spool, at, "backend", std::array<std::string_view, 4>{"nats_object", "local_disk", "gcs", "s3"}, false);
      if (backend || shapes::present(*spool, "backend") == nullptr)
         text(*spool, at, backend == "local_disk" ? "path" : "bucket");
      auto const ordering =
          word(*spool, at, "ordering", std::array<std::string_view, 3>{"global", "per_key", "none"}, false);
      auto const* drain = mapping(*spool, at, "drain", false);
      auto const* recovery = drain ? drain->find("on_recovery") : nullptr;
      if (ordering == "global" && recovery != nullptr && recovery->text == "interleave")
         out_.error(*recovery, at + ".drain.on_recovery", "interleave breaks spec.spool.ordering global");
   }

   // ---- values; null counts as absent

   yaml_node const* mapping(yaml_node const& n, std::string const& path, std::string const& key, bool needed) {
      auto const* found = shapes::present(n, key);
      if (found == nullptr && needed) out_.error(n, shapes::below(path, key), "is missing");
      if (found == nullptr || found->is_mapping()) return found;
      out_.error(*found, shapes::below(path, key), "must be a mapping");
      return nullptr;
   }
   /// Text that is not blank. \return nothing after an error
   std::optional<std::string_view> text(yaml_node const& n, std::string const& path, std::string const& key) {
      auto const* found = shapes::present(n, key);
      if (found != nullptr && is_real_string(*found) && !is_blank(found->text)) return found->text;
      out_.error(found ? *found : n, shapes::below(path, key),
                 found ? "must be a text that is not blank" : "is missing");
      return std::nullopt;
   }
   /// One of some words. \return nothing when absent or after an error
   template <class Words>
   std::optional<std::string_view> word(yaml_node const& n, std::string const& path, std::string const& key,
                                        Words const& words, bool needed) {
      auto const* found = shapes::present(n, key);
      if (found == nullptr) {
         if (needed) out_.error(n, shapes::below(path, key), "is missing; it is one of " + listed(words));
         return std::nullopt;
      }
      if (is_real_string(*found) && one_of(words, found->text)) return found->text;
      out_.error(*found, shapes::below(path, key),
                 "must be one of " + listed(words) +
                     (found->is_scalar() ? ", not " + shown(found->text) + suggestion(words, found->text) : ""));
      return std::nullopt;
   }
   void boolean(yaml_node const& n, std::string const& path, std::string const& key) {
      auto const* found = shapes::present(n, key);
      if (found != nullptr && !to_json(*found).is_boolean())
         out_.error(*found, shapes::below(path, key), "must be true or false");
   }
   void positive(yaml_node const& n, std::string const& path, std::string const& key, bool integer) {
      auto const* found = shapes::present(n, key);
      if (found == nullptr) return;
      auto const value = to_json(*found);
      if ((integer ? value.is_integer() : value.is_number()) && value.as<double>() > 0) return;
      out_.error(*found, shapes::below(path, key), integer ? "must be an integer above 0" : "must be a number above 0");
   }

   findings& out_;
   yaml_node const* spec_ = nullptr;
};

} // namespace detail

document_report check_subscription(std::string_view yaml) {
   detail::findings out(detail::findings::wanted::all);
   auto const root = detail::read_mapping(yaml, "a subscription", out);
   if (root && root->is_mapping()) detail::subscription_checker(out).check(*root);
   return std::move(out.report);
}

} // namespace noetl::workflow
