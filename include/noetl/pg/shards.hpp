// pg/shards.hpp: which pool holds which table (one routing table, requirement W20).
// Knows core/shard.hpp and pg/pool.hpp.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/core/shard.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/pg/pool.hpp>

namespace noetl::pg {

/// Where the rows of a table live in a sharded deployment (schema.md section 1).
enum class scope : std::uint8_t {
   cluster,   ///< one database for all
   execution, ///< the shard of the row's execution_id
};

struct table_scope {
   std::string_view table;
   scope where;
};

/// The routing table. Every statement of ours that touches a table takes its pool from here.
inline constexpr table_scope table_scopes[] = {
    {"resource", scope::cluster},          {"catalog", scope::cluster},
    {"credential", scope::cluster},        {"keychain", scope::cluster},
    {"runtime", scope::cluster},           {"schedule", scope::cluster},
    {"object_store", scope::cluster},      {"plugin_module", scope::cluster},
    {"secret_audit", scope::cluster},      {"subscription_dedup", scope::cluster},
    {"subscription_path", scope::cluster}, {"event", scope::execution},
    {"command", scope::execution},         {"stream_head", scope::execution},
    {"outbox", scope::execution},          {"projection_snapshot", scope::execution},
    {"result_store", scope::execution},    {"transient", scope::execution},
    {"stream_cursor", scope::execution},   {"idempotency_key", scope::cluster},
};

/// Scope of a table, or nothing for a table that is not ours.
constexpr std::optional<scope> scope_of(std::string_view table) {
   for (auto const& entry : table_scopes)
      if (entry.table == table) return entry.where;
   return std::nullopt;
}

/// The pools of a deployment. Immutable after construction; thread-safe.
class shard_map {
public:
   /// \param shards   position = shard index; at least one
   /// \param cluster  database of the cluster tables; none: shard 0 (http-execution.md 4.2)
   /// \throws std::invalid_argument without a shard: a default might be a database that nobody meant
   explicit shard_map(std::vector<settings> shards, std::optional<settings> cluster = {}) {
      if (shards.empty()) throw std::invalid_argument("a shard map needs at least one shard");
      for (auto& one : shards) shards_.push_back(std::make_unique<pool>(std::move(one)));
      if (cluster) cluster_ = std::make_unique<pool>(std::move(*cluster));
   }
   explicit shard_map(settings one) : shard_map(std::vector<settings>{std::move(one)}) {}

   /// Stops every pool, one after the other (pool::stop); `patience` is for all of them together.
   void stop(std::chrono::milliseconds patience) {
      auto const until = std::chrono::steady_clock::now() + patience;
      auto const end = [until](pool& one) {
         auto const left =
             std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
         one.stop(std::max(left, std::chrono::milliseconds(0)));
      };
      for (auto& one : shards_) end(*one);
      if (cluster_) end(*cluster_);
   }

   [[nodiscard]] std::size_t count() const noexcept { return shards_.size(); }
   [[nodiscard]] std::size_t index_of(execution_id id) const {
      return shard_for(id, static_cast<std::uint32_t>(shards_.size()));
   }
   [[nodiscard]] pool& shard(std::size_t index) { return *shards_.at(index); }
   [[nodiscard]] pool& of(execution_id id) { return shard(index_of(id)); }
   [[nodiscard]] pool& cluster() noexcept { return cluster_ ? *cluster_ : *shards_.front(); }

private:
   std::vector<std::unique_ptr<pool>> shards_;
   std::unique_ptr<pool> cluster_;
};

} // namespace noetl::pg
