// control_plane/wallet_routes.hpp: /api/internal/wallet and /api/internal/secret-audit. Mount with wallet_service,
// secret_audit and wallet_gate.
#pragma once

#include <utility>

#include <noetl/control_plane/secret_audit.hpp>
#include <noetl/control_plane/wallet.hpp>
#include <noetl/control_plane/wallet_gate.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

inline awaitable<result<rotation_report>> rotate_keys(wallet_service& wallet, http::body<rotation_request> request) {
   return wallet.rotate(std::move(request.value));
}

inline awaitable<result<key_status>> show_key_status(wallet_service& wallet) {
   return wallet.status();
}

inline awaitable<result<audit_page>> list_secret_audit(secret_audit& audit, http::query<audit_filter> filter) {
   return audit.list(std::move(filter.value));
}

inline constexpr auto wallet_routes =
    http::guarded_by<require_access<wallet_gate>>(
        http::under<"/api/internal">(
            http::post<"/wallet/rotate-kek", rotate_keys>.summary("Move stored secrets to the current master key"),
            http::get<"/wallet/key-status", show_key_status>.summary("Master keys that stored secrets need"),
            http::get<"/secret-audit", list_secret_audit>.summary("Who asked for which secret")))
        .tag("internal");

} // namespace noetl::control_plane
