// control_plane/credential_routes.hpp: /api/credentials. Mount with credential_service, credential_access, secret_gate
// and write_metrics.
#pragma once

#include <utility>

#include <noetl/control_plane/credential_access.hpp>
#include <noetl/control_plane/credentials.hpp>
#include <noetl/control_plane/secret_gate.hpp>
#include <noetl/control_plane/write_metrics.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

inline awaitable<result<credential_view>> put_credential(credential_service& credentials, write_metrics& metrics,
                                                         http::body<credential_request> request) {
   return metrics.measured("credentials_upsert", credentials.put(std::move(request.value)));
}

inline awaitable<result<credential_list>> list_credentials(credential_service& credentials,
                                                           http::query<credential_filter> filter) {
   return credentials.list(std::move(filter.value));
}

inline awaitable<result<credential_view>> show_credential(credential_access& access, http::path_text<"identifier"> name,
                                                          http::query<credential_query> how) {
   return access.get(std::move(name.value), how.value);
}

inline awaitable<result<sealed_envelope>>
show_sealed_credential(credential_access& access, http::path_text<"identifier"> name, http::query<sealed_query> how) {
   return access.get_sealed(std::move(name.value), std::move(how.value));
}

inline awaitable<result<credential_removal>> delete_credential(credential_service& credentials,
                                                               http::path_text<"identifier"> name) {
   return credentials.remove(std::move(name.value));
}

inline constexpr auto credential_routes =
    http::guarded_by<require_access<secret_gate>>(
        http::under<"/api/credentials">(
            http::post<"", put_credential>.summary("Store a credential under its name"),
            http::get<"", list_credentials>.summary("List credentials without their data"),
            http::get<"/{identifier}", show_credential>.summary("A credential by id or name"),
            http::get<"/{identifier}/sealed", show_sealed_credential>.summary("A credential that one worker can read"),
            http::del<"/{identifier}", delete_credential>.summary("Remove a credential")))
        .tag("credentials");

} // namespace noetl::control_plane
