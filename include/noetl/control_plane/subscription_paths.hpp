// control_plane/subscription_paths.hpp: which id a path's subscription bears, decided once for all servers.
// Knows the cluster pool.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/subscription_lifecycle.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/shards.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

/// What the cluster database knows about a path: its newest catalog entry, and the id given to its subscription.
struct subscription_path {
   noetl::catalog_id catalog_id{};
   std::optional<control_plane::subscription_id> holder{}; ///< its log may not be written yet
};

/// The rows of noetl.subscription_path. A row is a promise, not a state: it says which id is to be used, and whoever
/// finds no log under that id writes the first event, so that a server that died in between blocks nobody. Thread-safe.
class subscription_paths {
public:
   explicit subscription_paths(pg::shard_map& shards) : pool_(shards.cluster()) {}

   /// Errors: not_found (no such catalog entry), validation (its newest version is of another kind).
   awaitable<result<subscription_path>> look(std::string path) {
      auto work = [path = std::move(path)](pg::connection& db) -> result<subscription_path> {
         auto const rows =
             db.exec("select c.catalog_id, c.kind, lower(c.kind) = 'subscription', p.subscription_id from (select "
                     "catalog_id, kind from noetl.catalog where path = $1 order by version desc limit 1) c left join "
                     "noetl.subscription_path p on p.path = $1",
                     path);
         if (rows.empty()) return fail(error_code::not_found, "Catalog entry '" + path + "' not found");
         auto const row = rows[0];
         if (!row.get<bool>(2))
            return fail(error_code::validation, "Catalog entry '" + path + "' is of kind '" + row.get<std::string>(1) +
                                                    "', not 'subscription'");
         return subscription_path{row.get<noetl::catalog_id>(0),
                                  row.get<std::optional<control_plane::subscription_id>>(3)};
      };
      co_return co_await pool_.run(std::move(work));
   }

   /// Gives the path to `mine` if it still belongs to `before` (nothing: to nobody).
   /// \return whether that was so
   awaitable<result<bool>> claim(std::string path, std::optional<control_plane::subscription_id> before,
                                 control_plane::subscription_id mine) {
      auto work = [path = std::move(path), before, mine](pg::connection& db) {
         auto const rows = before
                               ? db.exec("update noetl.subscription_path set subscription_id = $3, updated_at = now() "
                                         "where path = $1 and subscription_id = $2",
                                         path, *before, mine)
                               : db.exec("insert into noetl.subscription_path (path, subscription_id) values ($1, "
                                         "$2) on conflict (path) do nothing",
                                         path, mine);
         return rows.affected() == 1;
      };
      co_return co_await pool_.run(std::move(work));
   }

private:
   pg::pool& pool_;
};

} // namespace noetl::control_plane
