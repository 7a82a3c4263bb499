// examples/server/secrets.hpp: credentials, keychain, master keys, push ingress and large results, without their
// headers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/core/id_generator.hpp>
#include <noetl/core/result.hpp>
#include <noetl/http/mounted.hpp>

namespace noetl {
struct event;
} // namespace noetl
namespace noetl::http {
class metrics;
} // namespace noetl::http
namespace noetl::pg {
class shard_map;
} // namespace noetl::pg
namespace noetl::control_plane {
struct configuration;
class catalog_service;
class internal_gate;
class subscription_service;
class write_metrics;
} // namespace noetl::control_plane

namespace server {

namespace cp = noetl::control_plane;

/// What is wrong with the master keys of a configuration; empty when nothing is.
std::string key_problem(cp::configuration const& config);

/// The services that hold or hand out secrets, and the result store. Lives no longer than what it is made of.
class secret_parts {
public:
   /// \pre key_problem(config) is empty
   secret_parts(cp::configuration const& config, noetl::pg::shard_map& shards, noetl::id_generator ids,
                noetl::http::metrics& metrics, cp::catalog_service& catalog, cp::subscription_service& subscriptions,
                cp::write_metrics& written, cp::internal_gate& gate);
   ~secret_parts();
   secret_parts(secret_parts const&) = delete;
   secret_parts& operator=(secret_parts const&) = delete;

   [[nodiscard]] std::vector<noetl::http::mounted> routes();
   /// Puts stored results where events only refer to them (orchestration.md 3.9).
   boost::asio::awaitable<noetl::result<void>> resolve(std::vector<noetl::event>& facts);

private:
   struct impl;
   std::unique_ptr<impl> impl_;
};

} // namespace server
