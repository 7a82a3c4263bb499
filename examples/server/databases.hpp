// examples/server/databases.hpp: the databases of the deployment: where they are, and that they have their tables.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <noetl/control_plane/settings.hpp>
#include <noetl/core/result.hpp>
#include <noetl/pg/settings.hpp>

namespace server {

/// The shards, in order. \pre main checked the texts of the configuration
std::vector<noetl::pg::settings> shard_settings(noetl::control_plane::configuration const& config);

/// The database of the cluster's own tables, when it is not the first shard. \pre as above
std::optional<noetl::pg::settings> cluster_settings(noetl::control_plane::configuration const& config);

/// Brings the databases to the schema, then keeps their partitions and builds the indexes that take long. Works on a
/// thread of its own. Thread-safe but for start() and stop().
class database_keeper {
public:
   explicit database_keeper(noetl::control_plane::configuration const& config);
   ~database_keeper();

   /// Returns at once; a database that is away is waited for as long as that takes. One of the two is called, once, on
   /// the thread of this class; neither when stop() comes first.
   /// \param ready   all databases have their tables
   /// \param failed  an error that does not pass by itself: failure() tells it
   /// \pre called once
   void start(std::function<void()> ready, std::function<void()> failed);
   void stop();

   /// True once all databases have their tables.
   [[nodiscard]] bool ready() const;
   [[nodiscard]] std::optional<noetl::error> failure() const;

private:
   struct impl;
   std::unique_ptr<impl> impl_;
};

} // namespace server
