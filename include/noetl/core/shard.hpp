// core/shard.hpp: which shard an execution lives on.
// Knows core/strong.hpp and libxxhash. Definition and vectors: spec http-execution.md section 4.1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <xxhash.h>

#include <noetl/core/strong.hpp>

namespace noetl {

/// XXH64 with seed 0 of the id as 8 little-endian bytes (two's complement when negative).
inline std::uint64_t shard_hash(execution_id id) noexcept {
   auto rest = static_cast<std::uint64_t>(id.value);
   std::array<unsigned char, 8> bytes;
   for (auto& byte : bytes) {
      byte = static_cast<unsigned char>(rest & 0xFFU);
      rest >>= 8;
   }
   return XXH64(bytes.data(), bytes.size(), 0);
}

/// Shard of an execution, 0..shard_count-1. With one shard or none it is 0.
inline std::uint32_t shard_for(execution_id id, std::uint32_t shard_count) noexcept {
   if (shard_count <= 1) return 0;
   return static_cast<std::uint32_t>(shard_hash(id) % shard_count);
}

} // namespace noetl
