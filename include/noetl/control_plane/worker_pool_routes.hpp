// control_plane/worker_pool_routes.hpp: /api/worker. Mount with worker_pool_service and write_metrics.
#pragma once

#include <utility>
#include <vector>

#include <noetl/control_plane/worker_pools.hpp>
#include <noetl/control_plane/write_metrics.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

inline awaitable<result<runtime_view>> register_worker(worker_pool_service& pools, write_metrics& metrics,
                                                       http::body<runtime_registration> request) {
   return metrics.measured("runtime_register", pools.enroll(std::move(request.value)));
}

inline awaitable<result<acknowledgement>> record_heartbeat(worker_pool_service& pools, write_metrics& metrics,
                                                           http::body<runtime_name> request) {
   return metrics.measured("runtime_heartbeat", pools.heartbeat(std::move(request.value)));
}

inline awaitable<result<acknowledgement>> deregister_worker(worker_pool_service& pools,
                                                            http::body<runtime_name> request) {
   return pools.remove(std::move(request.value));
}

inline awaitable<result<std::vector<runtime_view>>> list_workers(worker_pool_service& pools,
                                                                 http::query<runtime_filter> filter) {
   return pools.list(std::move(filter.value));
}

// The worker deregisters with POST, other clients with DELETE (W22).
inline constexpr auto worker_pool_routes =
    http::under<"/api/worker">(http::post<"/pool/register", register_worker>.summary("Register or overwrite a worker"),
                               http::post<"/pool/heartbeat", record_heartbeat>.summary("Record a heartbeat"),
                               http::post<"/pool/deregister", deregister_worker>.summary("Remove a worker"),
                               http::del<"/pool/deregister", deregister_worker>.summary("Remove a worker"),
                               http::get<"/pools", list_workers>.summary("List workers"))
        .tag("workers");

} // namespace noetl::control_plane
