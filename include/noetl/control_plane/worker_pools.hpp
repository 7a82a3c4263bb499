// control_plane/worker_pools.hpp: who is running (noetl.runtime): register, heartbeat, deregister, list; and who of
// them is gone, whose claims (noetl.command) get an owner without a heartbeat. Knows pools; knows nothing of HTTP.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/core/id_generator.hpp>
#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>
#include <noetl/reflect/sql.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;
using runtime_id = strong<"runtime_id">;

struct runtime_registration {
   std::string name;
   std::string kind = "worker_pool";
   std::optional<std::string> uri;
   std::string status = "active";
   raw_json labels, capabilities, runtime;
   std::optional<std::int32_t> capacity;
   std::optional<std::string> hostname; ///< accepted, not stored
   using json_rules =
       rules<alias<"kind", "component_type">, defaulted<"kind", "status", "labels", "capabilities", "runtime">>;
};

struct runtime_name {
   std::string name;
   std::string kind = "worker_pool";
   using json_rules = rules<alias<"kind", "component_type">, defaulted<"kind">>;
};

struct runtime_view {
   noetl::control_plane::runtime_id runtime_id;
   std::string name;
   std::string kind;
   std::optional<std::string> uri;
   std::string status;
   raw_json labels, capabilities;
   std::optional<std::int32_t> capacity;
   raw_json runtime;
   timestamp heartbeat{}, created_at{}, updated_at{};
};

struct runtime_filter {
   std::optional<std::string> kind;   ///< absent: worker_pool
   std::optional<std::string> status; ///< exact
   std::optional<std::string> name;   ///< substring
};

struct acknowledgement {
   std::string status;
   std::string message;
};

struct worker_pool_settings {
   bool leased_claims = false; ///< claim_leases runs beside: what a replaced process has claimed is left to it
};

/// The registry of running processes. Thread-safe; all statements but those on claims run on the cluster pool.
class worker_pool_service {
public:
   worker_pool_service(pg::shard_map& shards, id_generator ids, worker_pool_settings how = {})
       : shards_(shards), pool_(shards.cluster()), ids_(ids), how_(how) {}

   /// Creates or overwrites the row of (kind, name); fields that are absent become NULL. Safe to race. A worker whose
   /// `runtime.worker_public_key` is not the one of the row, or whose row has none, is another process: a worker makes
   /// a key for each process and registers before it claims (worker-protocol.md 3.1). With leased_claims, what is
   /// claimed under its name then belongs to nobody any more. Without a key nothing is known and all claims stay.
   /// Errors: validation (unknown kind).
   awaitable<result<runtime_view>> enroll(runtime_registration request) {
      if (auto known = check_kind(request.kind); !known) co_return known.error();
      if (how_.leased_claims) // first: should the row not be stored, a repeat still finds another key
         if (auto told = co_await disown_replaced(request); !told) co_return std::move(told).error();
      auto work = [request = std::move(request), id = ids_.next()](pg::connection& db) -> result<runtime_view> {
         auto const rows = db.exec(
             "INSERT INTO noetl.runtime (runtime_id, name, kind, uri, status, labels, capabilities, capacity, runtime,"
             " heartbeat, created_at, updated_at)"
             " VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7::jsonb, $8, $9::jsonb, now(), now(), now())"
             " ON CONFLICT (kind, name) DO UPDATE SET uri = excluded.uri, status = excluded.status,"
             " labels = excluded.labels, capabilities = excluded.capabilities, capacity = excluded.capacity,"
             " runtime = excluded.runtime, heartbeat = now(), updated_at = now() RETURNING " +
                 columns(),
             id, request.name, request.kind, request.uri, request.status, request.labels, request.capabilities,
             request.capacity, request.runtime);
         return decode_row<runtime_view>(rows[0]);
      };
      co_return co_await pool_.run(std::move(work));
   }

   /// Refreshes a heartbeat. An unknown worker is enrolled again (W28), so a purged row repairs itself.
   awaitable<result<acknowledgement>> heartbeat(runtime_name request) {
      if (auto known = check_kind(request.kind); !known) co_return known.error();
      auto work = [request = std::move(request), id = ids_.next()](pg::connection& db) -> result<acknowledgement> {
         db.exec("INSERT INTO noetl.runtime (runtime_id, name, kind, status) VALUES ($1, $2, $3, 'active')"
                 " ON CONFLICT (kind, name) DO UPDATE SET heartbeat = now(), updated_at = now()",
                 id, request.name, request.kind);
         return acknowledgement{"ok", "Heartbeat recorded"};
      };
      co_return co_await pool_.run(std::move(work));
   }

   /// Removes the row. Errors: validation (unknown kind), not_found.
   awaitable<result<acknowledgement>> remove(runtime_name request) {
      if (auto known = check_kind(request.kind); !known) co_return known.error();
      auto work = [request = std::move(request)](pg::connection& db) -> result<acknowledgement> {
         auto const rows = db.exec("DELETE FROM noetl.runtime WHERE kind = $1 AND name = $2 RETURNING runtime_id",
                                   request.kind, request.name);
         auto const who = request.kind + " " + request.name;
         if (rows.size() == 0) return fail(error_code::not_found, "Runtime not found: " + who);
         return acknowledgement{"ok", "Runtime " + who + " deregistered"};
      };
      co_return co_await pool_.run(std::move(work));
   }

   /// Rows that match every given part of the filter, ordered by kind and name.
   awaitable<result<std::vector<runtime_view>>> list(runtime_filter filter) {
      auto work = [filter = std::move(filter)](pg::connection& db) -> result<std::vector<runtime_view>> {
         auto const rows = db.exec("SELECT " + columns() +
                                       " FROM noetl.runtime WHERE kind = $1 AND ($2::text IS NULL OR status = $2::text)"
                                       " AND ($3::text IS NULL OR strpos(name, $3::text) > 0) ORDER BY kind, name",
                                   filter.kind.value_or("worker_pool"), filter.status, filter.name);
         std::vector<runtime_view> found;
         for (std::size_t i = 0; i < rows.size(); ++i) found.push_back(decode_row<runtime_view>(rows[i]));
         return found;
      };
      co_return co_await pool_.run(std::move(work));
   }

private:
   awaitable<result<bool>> another_process(runtime_registration const& request) {
      auto work = [kind = request.kind, name = request.name, runtime = request.runtime](pg::connection& db) {
         auto const rows = db.exec(
             "SELECT $1 = 'worker_pool' AND coalesce(jsonb_typeof($3::jsonb -> 'worker_public_key') = 'string', false)"
             " AND NOT EXISTS (SELECT FROM noetl.runtime WHERE kind = $1 AND name = $2"
             " AND runtime ->> 'worker_public_key' = $3::jsonb ->> 'worker_public_key')",
             kind, name, runtime);
         return result<bool>(rows[0].get<bool>(0));
      };
      co_return co_await pool_.run(std::move(work));
   }

   /// Takes the claims on each shard from the process that `request` replaces. It is asked anew for each: a request
   /// whose client lost patience must not go on behind the one that came after it.
   awaitable<result<void>> disown_replaced(runtime_registration const& request) {
      for (std::size_t shard = 0; shard < shards_.count(); ++shard) {
         auto another = co_await another_process(request);
         if (!another) co_return std::move(another).error();
         if (!*another) break;
         co_await disown(shard, request.name);
      }
      co_return result<void>{};
   }

   /// Gives the open claims of `name` an owner that has no heartbeat. Locks in the order of the appends, and briefly:
   /// what cannot be had in three tries stays with the name, as on a shard that is away.
   awaitable<void> disown(std::size_t shard, std::string name) {
      result<void> done;
      for (int tries = 0; tries < 3; ++tries) {
         auto work = [name](pg::connection& db) -> result<void> {
            return db.transaction([&]() -> result<void> {
               db.script("set local lock_timeout = '2s'");
               db.exec("WITH mine AS (SELECT c.execution_id, c.command_id FROM noetl.command c"
                       " JOIN noetl.stream_head h ON h.execution_id = c.execution_id AND h.status = 'RUNNING'"
                       " WHERE c.worker_id = $1 AND c.status IN ('CLAIMED', 'RUNNING')"
                       " ORDER BY c.execution_id, c.event_id FOR UPDATE OF c)"
                       " UPDATE noetl.command c SET worker_id = c.worker_id || ' (replaced)' FROM mine"
                       " WHERE c.execution_id = mine.execution_id AND c.command_id = mine.command_id",
                       name);
               return {};
            });
         };
         done = co_await shards_.shard(shard).run(std::move(work));
         if (done) co_return;
      }
      log::warn(
          "workers.claims_kept",
          {{"shard", shard}, {"worker", name}, {"reason", done.error().message}, {"detail", done.error().detail}});
   }

   static result<void> check_kind(std::string_view kind) {
      for (std::string_view known : {"worker_pool", "server_api", "broker"})
         if (kind == known) return {};
      return fail(error_code::validation, "Invalid runtime kind: " + std::string(kind));
   }

   static std::string columns() {
      return "runtime_id, name, kind, uri, status, labels::text, capabilities::text, capacity, runtime::text,"
             " heartbeat, created_at, updated_at";
   }

   pg::shard_map& shards_;
   pg::pool& pool_;
   id_generator ids_;
   worker_pool_settings how_;
};

} // namespace noetl::control_plane
