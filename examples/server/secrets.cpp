// examples/server/secrets.cpp: makes the services of secrets and results and connects them.
#include "secrets.hpp"

#include <chrono>
#include <cstdlib>

#include <noetl/control_plane/credential_access.hpp>
#include <noetl/control_plane/credentials.hpp>
#include <noetl/control_plane/envelope_encryption.hpp>
#include <noetl/control_plane/ingress.hpp>
#include <noetl/control_plane/keychain.hpp>
#include <noetl/control_plane/keychain_resolver.hpp>
#include <noetl/control_plane/result_metrics.hpp>
#include <noetl/control_plane/result_references.hpp>
#include <noetl/control_plane/result_store.hpp>
#include <noetl/control_plane/secret_audit.hpp>
#include <noetl/control_plane/secret_gate.hpp>
#include <noetl/control_plane/settings.hpp>
#include <noetl/control_plane/wallet.hpp>
#include <noetl/control_plane/wallet_gate.hpp>
#include <noetl/core/log.hpp>

#include "api.hpp"

namespace server {
namespace {

cp::vault_settings vault_settings(cp::configuration const& config) {
   cp::vault_settings settings;
   settings.addr = config.vault.addr;
   settings.token = config.vault.token;
   settings.token_file = config.noetl.vault_token_file;
   settings.kv_mount = config.noetl.vault_kv_mount;
   // `namespace` can be no member of a settings struct.
   if (auto const* name = std::getenv("VAULT_NAMESPACE")) settings.name_space = name;
   return settings;
}

cp::keychain_resolver_settings resolver_settings(cp::configuration const& config) {
   cp::keychain_resolver_settings settings;
   settings.region = config.noetl.server_region;
   settings.safety_margin = std::chrono::seconds{config.keychain_cache.dynamic_safety_margin_secs};
   settings.refresh_window = std::chrono::seconds{config.keychain_cache.refresh_window_secs};
   return settings;
}

cp::key_settings key_settings(cp::configuration const& config) {
   cp::key_settings settings;
   settings.provider = config.noetl.kms_provider;
   settings.key = config.noetl.encryption_key;
   settings.version = config.noetl.encryption_key_version;
   settings.previous = config.noetl.encryption_key_previous;
   settings.allow_insecure_default = config.noetl.allow_insecure_default_key;
   settings.format = config.noetl.secret_format;
   return settings;
}

} // namespace

std::string key_problem(cp::configuration const& config) {
   auto const keys = cp::read_keys(key_settings(config));
   return keys ? std::string() : keys.error().message;
}

struct secret_parts::impl {
   impl(cp::configuration const& given, noetl::pg::shard_map& shards, noetl::id_generator ids,
        noetl::http::metrics& metrics, cp::catalog_service& catalog, cp::subscription_service& subscriptions,
        cp::write_metrics& counted, cp::internal_gate& internal)
       : written(counted), gate(internal), access_gate(internal, given.noetl.open_secret_routes),
         operator_gate(internal), audit(shards, ids, metrics, given.noetl.secret_audit_required),
         encryption(cp::read_keys(key_settings(given)).value(), given.noetl.secret_format),
         credentials(shards, ids, encryption), keychain(shards, encryption),
         resolver(shards, catalog, keychain, cp::secret_providers(vault_settings(given)), metrics,
                  resolver_settings(given)),
         access(shards, credentials, resolver, audit, metrics, given.noetl.server_region),
         wallet(shards, encryption, metrics), ingress(shards, subscriptions, credentials, audit), results(shards),
         resulted(metrics), references(results, given.noetl.refs_in_state) {
      if (!encryption.ready())
         noetl::log::warn("secrets.off", {{"reason", "NOETL_ENCRYPTION_KEY is not set: no secret is stored or read"}});
      else if (given.noetl.encryption_key.empty())
         noetl::log::warn("secrets.for_now",
                          {{"reason", "NOETL_ALLOW_INSECURE_DEFAULT_KEY: stored secrets end with this process"}});
   }

   cp::write_metrics& written;
   cp::internal_gate& gate;
   cp::secret_gate access_gate;
   cp::wallet_gate operator_gate;
   cp::secret_audit audit;
   cp::envelope_encryption encryption;
   cp::credential_service credentials;
   cp::keychain_service keychain;
   cp::keychain_resolver resolver;
   cp::credential_access access;
   cp::wallet_service wallet;
   cp::ingress_service ingress;
   cp::result_store results;
   cp::result_metrics resulted;
   cp::result_references references;
};

secret_parts::secret_parts(cp::configuration const& config, noetl::pg::shard_map& shards, noetl::id_generator ids,
                           noetl::http::metrics& metrics, cp::catalog_service& catalog,
                           cp::subscription_service& subscriptions, cp::write_metrics& written, cp::internal_gate& gate)
    : impl_(std::make_unique<impl>(config, shards, ids, metrics, catalog, subscriptions, written, gate)) {}

secret_parts::~secret_parts() = default;

std::vector<noetl::http::mounted> secret_parts::routes() {
   auto& all = *impl_;
   return {credential_api(all.credentials, all.access, all.access_gate, all.written),
           keychain_api(all.keychain, all.audit, all.access_gate, all.written),
           wallet_api(all.wallet, all.audit, all.operator_gate), ingress_api(all.ingress, all.gate),
           result_api(all.results, all.resulted)};
}

boost::asio::awaitable<noetl::result<void>> secret_parts::resolve(std::vector<noetl::event>& facts) {
   return impl_->references.resolve(facts);
}

} // namespace server
