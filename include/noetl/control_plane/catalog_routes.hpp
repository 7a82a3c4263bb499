// control_plane/catalog_routes.hpp: /api/catalog. Mount with catalog_service and write_metrics.
#pragma once

#include <utility>

#include <noetl/control_plane/catalog.hpp>
#include <noetl/control_plane/write_metrics.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

inline awaitable<result<register_reply>> register_entry(catalog_service& catalog, write_metrics& metrics,
                                                        http::body<register_request> request) {
   return metrics.measured("catalog_register", catalog.add(std::move(request.value)));
}

inline awaitable<result<catalog_list>> list_entries(catalog_service& catalog, http::body<catalog_list_request> request) {
   return catalog.list(std::move(request.value.resource_type));
}

inline awaitable<result<catalog_entry>> show_entry(catalog_service& catalog, http::body<resource_request> request) {
   auto reference = to_reference(request.value);
   if (!reference) co_return std::move(reference).error();
   co_return co_await catalog.find(*std::move(reference));
}

inline constexpr auto catalog_routes =
   http::under<"/api/catalog">(
      http::post<"/register", register_entry>.summary("Register a new version of a document"),
      http::post<"/list",     list_entries>.summary("List documents, newest first"),
      http::post<"/resource", show_entry>.summary("Show one document"))
   .tag("catalog");

} // namespace noetl::control_plane
