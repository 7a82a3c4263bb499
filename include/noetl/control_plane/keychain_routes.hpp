// control_plane/keychain_routes.hpp: /api/keychain. Mount with keychain_service, secret_audit, secret_gate and
// write_metrics.
#pragma once

#include <utility>

#include <noetl/control_plane/keychain.hpp>
#include <noetl/control_plane/secret_audit.hpp>
#include <noetl/control_plane/secret_gate.hpp>
#include <noetl/control_plane/write_metrics.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

using keychain_name = http::path_text<"keychain_name">;

inline awaitable<result<keychain_view>> show_keychain(keychain_service& keychain, secret_audit& audit,
                                                      noetl::catalog_id catalog_id, keychain_name name,
                                                      http::query<keychain_query> where) {
   keychain_key key{catalog_id, name.value, where->scope_type, where->execution_id};
   auto found = co_await keychain.find(std::move(key));
   if (!found || found->status != "found") co_return found;
   audit_record record;
   record.credential = std::move(name.value);
   record.operation = "resolve_keychain";
   record.outcome = "ok";
   record.execution_id = where->execution_id;
   auto noted = co_await audit.write(std::move(record));
   if (!noted) co_return std::move(noted).error();
   co_return found;
}

inline awaitable<result<keychain_stored>> put_keychain(keychain_service& keychain, write_metrics& metrics,
                                                       noetl::catalog_id catalog_id, keychain_name name,
                                                       http::body<keychain_entry> entry) {
   keychain_key key{catalog_id, std::move(name.value), entry->scope_type, entry->execution_id};
   return metrics.measured("keychain_set", keychain.put(std::move(key), std::move(entry.value)));
}

inline awaitable<result<keychain_removal>> delete_keychain(keychain_service& keychain, noetl::catalog_id catalog_id,
                                                           keychain_name name, http::query<keychain_query> where) {
   keychain_key key{catalog_id, std::move(name.value), where->scope_type, where->execution_id};
   return keychain.remove(std::move(key));
}

inline awaitable<result<keychain_list>> list_keychain(keychain_service& keychain, noetl::catalog_id catalog_id) {
   return keychain.list(catalog_id);
}

inline constexpr auto keychain_routes =
    http::guarded_by<require_access<secret_gate>>(
        http::under<"/api/keychain">(
            http::get<"/catalog/{catalog_id}", list_keychain>.summary("Keychain entries of a catalog entry"),
            http::get<"/{catalog_id}/{keychain_name}", show_keychain>.summary("A keychain entry"),
            http::post<"/{catalog_id}/{keychain_name}", put_keychain>.summary("Store a keychain entry"),
            http::del<"/{catalog_id}/{keychain_name}", delete_keychain>.summary("Remove a keychain entry")))
        .tag("keychain");

} // namespace noetl::control_plane
