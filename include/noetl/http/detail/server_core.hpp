// http/detail/server_core.hpp: what the connections of one server share.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <noetl/core/hex.hpp>
#include <noetl/core/log.hpp>
#include <noetl/http/message.hpp>
#include <noetl/http/router.hpp>
#include <noetl/http/server_settings.hpp>

namespace noetl::http::detail {

class connection;

// Thread-safe. Outlives every connection, because each holds a share of it.
struct server_core {
   server_core(http::router r, http_settings s) : router(std::move(r)), settings(std::move(s)) {
      router.set_body_limit(settings.max_body_bytes);
   }

   http::router router;
   http_settings const settings;
   request_observer* observer = nullptr;
   std::atomic<bool> stopping{false};
   std::atomic<std::uint64_t> accepted{0}, refused{0}, requests{0};

   // Tells whoever counts and logs.
   void finished(route_match const& match, request const& received, response const& answer) const {
      auto const took = std::chrono::steady_clock::now() - received.received;
      if (observer != nullptr) observer->answered(match, received, answer, took);
      if (!log::enabled(settings.access_log)) return;
      log::write(settings.access_log, "http.request",
                 {{"method", to_text(received.method)},
                  {"path", received.path},
                  {"route", match ? match.route->pattern() : std::string_view{}},
                  {"status", answer.status},
                  {"bytes", answer.body.size()},
                  {"ms", std::chrono::duration<double, std::milli>(took).count()},
                  {"request_id", received.request_id},
                  {"peer", received.peer}});
   }

   // Sixteen hex digits; unlike any other of this process, unlikely to be like one of another.
   void make_request_id(std::string& out) {
      std::uint64_t x = seed_ + next_id_.fetch_add(1, std::memory_order_relaxed) * 0x9E3779B97F4A7C15U;
      x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U; // splitmix64 (Steele, Lea, Flood 2014)
      x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
      x ^= x >> 31U;
      out.resize(16);
      for (auto& digit : out) {
         digit = hex_digits[x & 15U];
         x >>= 4U;
      }
   }

   // Open connections. Those listed are alive; a share is taken before anything is done with one.
   void enter(connection& c) {
      std::scoped_lock const lock(mutex_);
      open_.insert(&c);
   }
   void leave(connection& c) noexcept {
      std::scoped_lock const lock(mutex_);
      open_.erase(&c);
   }
   [[nodiscard]] std::size_t open() const {
      std::scoped_lock const lock(mutex_);
      return open_.size();
   }
   [[nodiscard]] std::vector<std::shared_ptr<connection>> all() const;

private:
   mutable std::mutex mutex_;
   std::unordered_set<connection*> open_;
   std::uint64_t const seed_ = std::random_device{}() * 0x100000001U + std::random_device{}();
   std::atomic<std::uint64_t> next_id_{1};
};

// Ids that a caller may choose: short, and harmless in a header and in a log line.
constexpr bool is_sane_request_id(std::string_view id) noexcept {
   if (id.empty() || id.size() > 128) return false;
   for (char c : id)
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
            c == '.' || c == ':'))
         return false;
   return true;
}

} // namespace noetl::http::detail
