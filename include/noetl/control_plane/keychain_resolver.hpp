// control_plane/keychain_resolver.hpp: an alias that a playbook declares under `keychain:` becomes a value
// (http-platform.md section 10.6, orchestration.md 1.4). Knows catalog, keychain, providers and templates.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <tao/json/value.hpp>

#include <noetl/control_plane/catalog.hpp>
#include <noetl/control_plane/credentials.hpp>
#include <noetl/control_plane/detail/execution_sql.hpp>
#include <noetl/control_plane/keychain.hpp>
#include <noetl/control_plane/secret_provider.hpp>
#include <noetl/core/log.hpp>
#include <noetl/http/metrics.hpp>
#include <noetl/workflow/context.hpp>
#include <noetl/workflow/playbook_parser.hpp>
#include <noetl/workflow/template.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct keychain_resolver_settings {
   std::string region;                      ///< of this server; empty: none
   std::chrono::seconds lifetime{600};      ///< of a cached value, at most
   std::chrono::seconds safety_margin{60};  ///< a value is dropped so long before its issuer's end
   std::chrono::seconds refresh_window{60}; ///< a cached value this near its end is fetched again
};

/// One entry of `keychain:`, as far as resolving needs it.
struct keychain_declaration {
   std::string name, provider, region, residency = "none";
   std::vector<std::string> allowed_regions;
   std::vector<std::pair<std::string, std::string>> map; ///< member and its template; empty: the name is the reference
};

/// May a value of the entry's region be handed out here? Pure. \return nothing when it may
inline std::optional<error> residency_refusal(keychain_declaration const& entry, std::string_view server_region) {
   if (entry.residency != "strict" || entry.region.empty() || entry.region == server_region) return std::nullopt;
   if (std::ranges::find(entry.allowed_regions, server_region) != entry.allowed_regions.end()) return std::nullopt;
   return fail(error_code::forbidden, "Keychain entry '" + entry.name + "' must stay in region '" + entry.region + "'");
}

/// Resolves. Thread-safe.
class keychain_resolver {
public:
   keychain_resolver(pg::shard_map& shards, catalog_service& catalog, keychain_service& cache,
                     secret_providers providers, http::metrics& metrics, keychain_resolver_settings how)
       : shards_(shards), catalog_(catalog), cache_(cache), providers_(std::move(providers)), how_(std::move(how)),
         resolved_(metrics.counters("noetl_secret_resolve_total", "Values asked of secret providers",
                                    {"provider", "region", "status"})),
         took_(metrics.histograms("noetl_secret_resolve_duration_seconds", "Time that secret providers took",
                                  {"provider", "region"}, {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5})),
         residency_(metrics.counters("noetl_secret_residency_check_total", "Decisions about where secrets may go",
                                     {"policy", "decision"})),
         skipped_(metrics.counters("noetl_secret_cache_skip_total", "Values that were not kept", {"reason"})),
         refreshed_(metrics.counters("noetl_secret_refresh_total", "Kept values fetched again before their end",
                                     {"outcome"})) {}

   /// Errors: not_found (no such execution or alias), forbidden (residency), validation (a template), internal (no
   /// encryption key, no such provider), upstream (the provider refused).
   awaitable<result<credential_view>> resolve(noetl::execution_id execution, std::string alias) {
      auto run = co_await started(execution);
      if (!run) co_return std::move(run).error();
      keychain_key key{run->catalog, alias, "local", execution};
      auto kept = co_await cache_.find(key);
      if (!kept) co_return std::move(kept).error();
      bool const found = kept->status == "found";
      if (found && (!kept->expires_at || *kept->expires_at - now() > how_.refresh_window))
         co_return view(std::move(alias), std::move(kept->data));
      auto fresh = co_await fetch(std::move(key), *run, alias);
      if (found) refreshed_.with({fresh ? "ok" : "error"}).Increment();
      if (fresh) co_return view(std::move(alias), *std::move(fresh));
      if (!found || fresh.error().code == error_code::forbidden) co_return std::move(fresh).error();
      log::warn("keychain.not_refreshed", {{"execution_id", execution}, {"reason", fresh.error().message}});
      co_return view(std::move(alias), std::move(kept->data)); // still good until its end
   }

private:
   struct start {
      noetl::catalog_id catalog;
      tao::json::value workload;
   };

   awaitable<result<start>> started(noetl::execution_id id) {
      auto work = [id](pg::connection& db) {
         static auto const text =
             "select catalog_id, context -> 'workload' from noetl.event where execution_id = $1 and event_type in " +
             std::string(detail::start_types) + " order by event_id limit 1";
         return db.exec(text, id);
      };
      auto rows = co_await shards_.of(id).run(std::move(work));
      if (!rows) co_return std::move(rows).error();
      if (rows->empty()) co_return fail(error_code::not_found, "Execution not found: " + std::to_string(id.value));
      start out{rows->front().get<noetl::catalog_id>(0), tao::json::null};
      if (auto const text = rows->front()[1])
         if (auto workload = from_json<tao::json::value>(*text)) out.workload = *std::move(workload);
      co_return out;
   }

   awaitable<result<raw_json>> fetch(keychain_key key, start const& run, std::string alias) {
      catalog_reference wanted;
      wanted.id = run.catalog;
      auto entry = co_await catalog_.find(std::move(wanted));
      if (!entry) co_return std::move(entry).error();
      auto declared = declaration(entry->content.value_or(entry->payload.text), alias);
      if (!declared) co_return std::move(declared).error();
      auto refusal = residency_refusal(*declared, how_.region);
      bool const abroad = !declared->region.empty() && declared->region != how_.region;
      residency_.with({declared->residency, refusal ? "deny" : abroad ? "allow_other_region" : "allow"}).Increment();
      if (refusal) co_return *std::move(refusal);

      tao::json::value values = tao::json::empty_object;
      std::optional<timestamp> end;
      std::string single;
      auto references = declared->map;
      if (references.empty()) references.emplace_back("", declared->name);
      for (auto const& [member, source] : references) {
         auto reference = rendered(source, run.workload);
         if (!reference) co_return std::move(reference).error();
         auto got = co_await asked(*declared, *std::move(reference));
         if (!got) co_return std::move(got).error();
         if (got->expires_at) end = std::min(end.value_or(*got->expires_at), *got->expires_at);
         if (declared->map.empty())
            single = std::move(got->value.value);
         else
            values.get_object().insert_or_assign(member, std::move(got->value.value));
      }
      raw_json data(declared->map.empty() ? to_json(single) : to_json(values));
      co_await keep(std::move(key), data, end);
      co_return data;
   }

   awaitable<result<provided_secret>> asked(keychain_declaration const& from, std::string reference) {
      auto const begin = std::chrono::steady_clock::now();
      auto got = co_await providers_.fetch(from.provider, std::move(reference));
      std::chrono::duration<double> const took = std::chrono::steady_clock::now() - begin;
      resolved_.with({from.provider, from.region, got ? "ok" : "error"}).Increment();
      took_.with({from.provider, from.region}).Observe(took.count());
      co_return got;
   }

   // Best effort: a value that cannot be kept is fetched again next time.
   awaitable<void> keep(keychain_key key, raw_json data, std::optional<timestamp> end) {
      auto lifetime = how_.lifetime;
      if (end) {
         auto const left = std::chrono::duration_cast<std::chrono::seconds>(*end - now()) - how_.safety_margin;
         if (left <= std::chrono::seconds::zero()) {
            skipped_.with({"ends_too_soon"}).Increment();
            co_return;
         }
         lifetime = std::max(std::min(lifetime, left), std::chrono::seconds(5)); // D-92
      }
      keychain_entry entry;
      entry.data = std::move(data);
      entry.scope_type = "local";
      entry.execution_id = key.execution_id;
      entry.expires_at = now() + lifetime;
      auto stored = co_await cache_.put(std::move(key), std::move(entry));
      if (stored) co_return;
      skipped_.with({"not_stored"}).Increment();
      log::warn("keychain.not_kept", {{"reason", stored.error().message}, {"detail", stored.error().detail}});
   }

   result<std::string> rendered(std::string const& source, tao::json::value const& workload) {
      workflow::context variables;
      variables.layer(workload).borrow("workload", workload);
      return templates_.render_text(source, variables);
   }

   static result<keychain_declaration> declaration(std::string const& yaml, std::string const& alias) {
      auto const missing = [&] { return fail(error_code::not_found, "Credential not found: " + alias); };
      auto document = workflow::yaml_to_json(yaml);
      if (!document) return fail(error_code::internal, "the playbook of this execution cannot be read");
      auto const* list = document->is_object() ? document->find("keychain") : nullptr;
      if (list == nullptr || !list->is_array()) return missing();
      for (auto const& one : list->get_array()) {
         if (!one.is_object() || detail::text_member(one, "name") != alias) continue;
         keychain_declaration out;
         out.name = alias;
         out.provider = detail::text_member(one, "provider").value_or("");
         if (out.provider.empty()) continue;
         out.region = detail::text_member(one, "region").value_or("");
         out.residency = detail::text_member(one, "residency").value_or("none");
         if (out.residency != "none" && out.residency != "advisory" && out.residency != "strict")
            return fail(error_code::validation,
                        "keychain entry '" + alias + "': residency: expected none, advisory or strict");
         if (auto const* regions = one.find("allowed_regions"); regions != nullptr && regions->is_array())
            for (auto const& region : regions->get_array())
               if (region.is_string_type()) out.allowed_regions.emplace_back(region.as<std::string_view>());
         if (auto const* map = one.find("map"); map != nullptr && map->is_object())
            for (auto const& [member, source] : map->get_object()) {
               if (!source.is_string_type())
                  return fail(error_code::validation,
                              "keychain entry '" + alias + "': map." + member + ": expected text");
               out.map.emplace_back(member, std::string(source.as<std::string_view>()));
            }
         return out;
      }
      return missing();
   }

   static credential_view view(std::string alias, raw_json data) {
      credential_view out;
      out.id = credential_id{0};
      out.name = std::move(alias);
      out.type = "keychain";
      out.description = "Resolved from the playbook's keychain";
      out.data = std::move(data);
      out.created_at = out.updated_at = now();
      return out;
   }

   pg::shard_map& shards_;
   catalog_service& catalog_;
   keychain_service& cache_;
   secret_providers providers_;
   keychain_resolver_settings how_;
   workflow::template_engine templates_;
   http::labelled<prometheus::Counter>& resolved_;
   http::labelled<prometheus::Histogram>& took_;
   http::labelled<prometheus::Counter>& residency_;
   http::labelled<prometheus::Counter>& skipped_;
   http::labelled<prometheus::Counter>& refreshed_;
};

} // namespace noetl::control_plane
