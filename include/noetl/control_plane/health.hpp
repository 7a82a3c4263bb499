// control_plane/health.hpp: is the server alive, is it ready, how full are its pools (http-execution.md section 18).
// Knows pools; learns the bus state through a function.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include <noetl/core/result.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

/// Wire-compatible with this release of the reference.
inline constexpr std::string_view compatible_version = "3.15.4";

/// How the command bus stands.
enum class bus_state : std::uint8_t { not_configured, disconnected, connected };

constexpr std::string_view to_text(bus_state state) noexcept {
   switch (state) {
   case bus_state::not_configured: return "not_configured";
   case bus_state::disconnected: return "disconnected";
   case bus_state::connected: return "connected";
   }
   return "disconnected";
}

struct liveness {
   std::string status = "ok";
};

struct health_report {
   std::string status; ///< ok or unhealthy
   std::string database;
   std::string nats;
   std::int64_t uptime_seconds = 0;
   std::string version;
};

struct readiness {
   std::string status; ///< ready, degraded (commands or events are kept but not published) or not_ready
   std::string database;
   std::string nats;
   std::optional<std::string> event_stream; ///< leading, following, or waiting and why; absent when it is off

   using json_rules = noetl::rules<omit_empty<"event_stream">>;
};

struct pool_report {
   std::int64_t pool_min = 0;
   std::int64_t pool_max = 0;
   std::int64_t pool_size = 0;
   std::int64_t pool_available = 0;
   std::int64_t requests_waiting = 0;
   double utilization = 0; ///< 0..1
   std::int64_t slots_available = 0;
   std::string status = "ok";
};

/// Answers from live state; only health() asks the database. Thread-safe.
class health_service {
public:
   /// \param prepared  whether the databases have the schema and take writes; until then requests are refused
   health_service(pg::shard_map& shards, std::function<bus_state()> bus, std::function<bool()> prepared)
       : shards_(shards), bus_(std::move(bus)), prepared_(std::move(prepared)) {}

   /// How the event stream stands, nothing when it is off. Before the first request.
   void watch_event_stream(std::function<std::optional<std::string>()> state) { event_stream_ = std::move(state); }

   /// A trivial statement on the cluster pool. The report says unhealthy; it never fails.
   awaitable<health_report> health() {
      auto work = [](pg::connection& db) -> result<bool> { return db.exec("SELECT 1").size() == 1; };
      auto const probe = co_await shards_.cluster().run(std::move(work));
      health_report report;
      report.status = probe ? "ok" : "unhealthy";
      report.database = probe ? "connected" : "disconnected";
      report.nats = to_text(bus_());
      report.uptime_seconds =
          std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started_).count();
      report.version = compatible_version;
      co_return report;
   }

   /// Ready while every database is reachable and has the schema. A bus that is away makes it `degraded`: commands wait
   /// in the outbox, and taking the server out of service would also cut off the workers' reports.
   [[nodiscard]] readiness ready() const {
      bool reachable = shards_.cluster().stats().connected > 0;
      for (std::size_t i = 0; i < shards_.count(); ++i) reachable = reachable && shards_.shard(i).stats().connected > 0;
      auto const bus = bus_();
      readiness report;
      if (event_stream_) report.event_stream = event_stream_();
      bool const kept =
          bus == bus_state::disconnected || (report.event_stream && report.event_stream->starts_with("waiting"));
      report.status = !reachable || !prepared_() ? "not_ready" : kept ? "degraded" : "ready";
      report.database = reachable ? "connected" : "disconnected";
      report.nats = to_text(bus);
      return report;
   }

   [[nodiscard]] pool_report pool() const {
      auto const stats = shards_.cluster().stats();
      auto const size = static_cast<std::int64_t>(stats.size);
      auto const idle = static_cast<std::int64_t>(stats.idle);
      pool_report report;
      report.pool_max = size;
      report.pool_size = static_cast<std::int64_t>(stats.connected);
      report.pool_available = idle;
      report.requests_waiting = static_cast<std::int64_t>(stats.waiting);
      report.utilization = size == 0 ? 0.0 : static_cast<double>(size - idle) / static_cast<double>(size);
      report.slots_available = idle;
      return report;
   }

private:
   pg::shard_map& shards_;
   std::function<bus_state()> bus_;
   std::function<bool()> prepared_;
   std::function<std::optional<std::string>()> event_stream_;
   std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

} // namespace noetl::control_plane
