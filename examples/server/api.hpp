// examples/server/api.hpp: the route groups of the server, each in a source file of its own that compiles its handlers
// (api_catalog.cpp, ...). Knows their services by name only: touching a handler compiles one of those files again.
#pragma once

#include <noetl/http/mounted.hpp>

namespace noetl::http {
class metrics;
class openapi_document;
} // namespace noetl::http

namespace noetl::control_plane {
class cancellation_service;
class catalog_service;
class cleanup_service;
class command_service;
class container_callbacks;
class container_metrics;
class credential_access;
class credential_service;
class dashboard;
class database_check;
class event_ingest;
class execution_batch;
class execution_list;
class execution_service;
class execution_views;
class health_service;
class ingest_metrics;
class ingress_service;
class internal_gate;
class keychain_service;
class outbox_service;
class projection_service;
class projector_service;
class replay_service;
class result_metrics;
class result_store;
class secret_audit;
class secret_gate;
struct shard_identity;
class sql_gate;
class sql_service;
class subscription_metrics;
class subscription_service;
class variable_service;
class wallet_gate;
class wallet_service;
class worker_pool_service;
class write_metrics;
} // namespace noetl::control_plane

namespace server {

namespace cp = noetl::control_plane;
namespace http = noetl::http;

// A group more: a file with its function, the function's line here, its call in api.cpp.
http::mounted cancellation_api(cp::cancellation_service&);
http::mounted catalog_api(cp::catalog_service&, cp::write_metrics&);
http::mounted cleanup_api(cp::cleanup_service&, cp::internal_gate&);
http::mounted command_api(cp::command_service&);
http::mounted container_callback_api(cp::container_callbacks&, cp::container_metrics&, cp::internal_gate&);
http::mounted credential_api(cp::credential_service&, cp::credential_access&, cp::secret_gate&, cp::write_metrics&);
http::mounted dashboard_api(cp::dashboard&);
http::mounted database_api(cp::database_check&);
http::mounted event_api(cp::event_ingest&, cp::ingest_metrics&);
http::mounted execution_api(cp::execution_service&, cp::execution_batch&, cp::execution_list&, cp::execution_views&,
                            cp::write_metrics&);
http::mounted health_api(cp::health_service&);
http::mounted ingress_api(cp::ingress_service&, cp::internal_gate&);
http::mounted keychain_api(cp::keychain_service&, cp::secret_audit&, cp::secret_gate&, cp::write_metrics&);
http::mounted metrics_api(http::metrics const&);
http::mounted openapi_api(http::openapi_document const&);
http::mounted outbox_api(cp::outbox_service&, cp::internal_gate&);
http::mounted projection_api(cp::projection_service&, cp::internal_gate&);
http::mounted projector_api(cp::projector_service&, cp::internal_gate&);
http::mounted replay_api(cp::replay_service&);
http::mounted result_api(cp::result_store&, cp::result_metrics&);
http::mounted shard_api(cp::shard_identity&);
http::mounted sql_api(cp::sql_service&, cp::sql_gate&);
http::mounted subscription_api(cp::subscription_service&, cp::subscription_metrics&);
http::mounted variable_api(cp::variable_service&);
http::mounted wallet_api(cp::wallet_service&, cp::secret_audit&, cp::wallet_gate&);
http::mounted worker_pool_api(cp::worker_pool_service&, cp::write_metrics&);

} // namespace server
