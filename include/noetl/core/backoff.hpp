// core/backoff.hpp: how long to wait before trying again. Knows the standard library only.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace noetl {

/// Doubles from `least` to `most`, each shortened at random by up to a half, so that replicas do not march in step.
/// Not thread-safe.
class backoff {
public:
   /// \pre 0 <= least <= most
   backoff(std::chrono::milliseconds least, std::chrono::milliseconds most) : least_(least), most_(most), now_(least) {}

   std::chrono::milliseconds next() {
      auto const full = now_;
      now_ = std::min(most_, now_ * 2);
      return jittered(full);
   }
   void reset() { now_ = least_; }

   /// `full`, shortened at random by up to a half.
   std::chrono::milliseconds jittered(std::chrono::milliseconds full) {
      state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL; // Knuth's MMIX generator: spread, not secrecy
      auto const half = static_cast<std::uint64_t>(full.count() / 2 + 1);
      return full - std::chrono::milliseconds((state_ >> 33) % half);
   }

private:
   std::chrono::milliseconds least_, most_, now_;
   std::uint64_t state_ = reinterpret_cast<std::uintptr_t>(this) ^
                          static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
};

} // namespace noetl
