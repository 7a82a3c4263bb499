// app/aggregate_server.hpp: a server of aggregates, whole: storage, stream, routes, metrics, OpenAPI, probes, drain.
// Knows all layers but workflow; of control_plane what readiness looks like. What main() adds is app/run_server.hpp.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>

#include <noetl/app/server_settings.hpp>
#include <noetl/app/stored_events.hpp>
#include <noetl/control_plane/health_routes.hpp>
#include <noetl/core/fixed_string.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/snowflake.hpp>
#include <noetl/events/aggregate_metrics.hpp>
#include <noetl/events/aggregate_routes.hpp>
#include <noetl/events/aggregate_snapshots.hpp>
#include <noetl/events/aggregates.hpp>
#include <noetl/events/event_log.hpp>
#include <noetl/events/memory_event_store.hpp>
#include <noetl/http/metrics.hpp>
#include <noetl/http/mounted.hpp>
#include <noetl/http/openapi.hpp>
#include <noetl/http/router.hpp>
#include <noetl/http/server.hpp>

namespace noetl::app {

/// How a server stands, asked by `GET /readyz`.
struct readiness_probe {
   std::function<control_plane::readiness()> ask;
};

inline result<http::reply<control_plane::readiness>> show_readiness(readiness_probe const& probe) {
   return control_plane::readiness_reply(probe.ask());
}

inline constexpr auto probe_routes =
    http::under<"">(http::get<"/livez", control_plane::live>.summary("The process runs"),
                    http::get<"/readyz", show_readiness>.summary("The server can take work"))
        .tag("health");

/// What a program adds to: `keep`, `serve` and `mount` before `run`, all of it from one thread. SIGINT and SIGTERM are
/// its from the construction on.
class aggregate_server {
public:
   /// \param program  title of the OpenAPI document
   /// \param start    a database has the schema noetl (`pg::migrate`); without one events stay in memory and there is
   /// no
   ///                 stream. `how.dsn` is not looked at
   aggregate_server(std::string program, start_wish start)
       : program_(std::move(program)), how_(std::move(start.how)), ids_(static_cast<unsigned>(how_.machine_id.value())),
         memory_(ids_) {
      if (start.database) stored_.emplace(*start.database, how_.nats_url.value, ids_);
      if (!stored_) return;
      health_.emplace(
          stored_->shards(), [this] { return bus(); }, [] { return true; });
      health_->watch_event_stream([this] { return std::optional(standing_text(stored_->stream_stats())); });
   }
   ~aggregate_server() {
      while (!kept_.empty()) kept_.pop_back(); // who was made last may know those before
   }
   aggregate_server(aggregate_server const&) = delete;
   aggregate_server& operator=(aggregate_server const&) = delete;

   /// Makes a T that lives as long as this: what a program's own routes are mounted with.
   template <class T, class... Arguments>
   T& keep(Arguments&&... arguments) {
      auto made = std::make_shared<T>(std::forward<Arguments>(arguments)...);
      T& out = *made;
      kept_.push_back(std::move(made));
      return out;
   }

   /// The routes of A below Prefix, its metrics and, in PostgreSQL, its snapshots. What comes back is for calls of the
   /// program's own and lives as long as this.
   /// \throws std::logic_error  an aggregate of that name is served already
   template <aggregate A, fixed_string Prefix>
   aggregates<A>& serve(aggregate_settings how = {}) {
      if (!names_.insert(aggregate_name<A>).second)
         throw std::logic_error("noetl: two of the aggregates served are called " + std::string(aggregate_name<A>));
      auto& kind = keep<aggregates<A>>(log(), ids_, std::move(how));
      if (stored_) keep_snapshots(kind, stored_->shards());
      report_aggregates(metrics_, kind);
      mount(http::mount<aggregate_routes<A, Prefix>>(kind));
      return kind;
   }

   /// Routes of the program's own: `server.mount(http::mount<price_routes>(prices))`, where `prices` was made by keep()
   /// or outlives this in another way.
   void mount(http::mounted routes) { parts_.push_back(std::move(routes)); }

   [[nodiscard]] event_log_ref log() { return stored_ ? event_log_ref(stored_->store()) : event_log_ref(memory_); }
   [[nodiscard]] snowflake& ids() noexcept { return ids_; }
   [[nodiscard]] http::metrics& metrics() noexcept { return metrics_; }
   [[nodiscard]] boost::asio::io_context& io() noexcept { return io_; }
   [[nodiscard]] stored_events* stored() noexcept { return stored_ ? &*stored_ : nullptr; } ///< none in memory

   /// Listens, serves until SIGINT, SIGTERM or stop(), drains, and writes what was accepted. Once.
   /// Errors: the listener's, such as a port in use.
   /// \throws std::logic_error  two of the mounted parts have one route, or different objects for one service
   result<void> run() {
      mount({http::metrics_routes, http::services<http::metrics const>(metrics_)});
      mount({http::openapi_routes, http::services<http::openapi_document const>(document_)});
      mount(http::mount<probe_routes>(std::as_const(probe_)));
      http::router const routes(parts_);
      document_.describe(routes.entries(), {.title = program_});
      http::http_metrics observed(metrics_, routes.entries());
      http::http_server server(io_, routes, {.host = how_.host, .port = how_.port});
      server.observe(observed);
      if (auto started = server.start(); !started) return started;
      say_where(server.port());
      boost::asio::co_spawn(io_, drain_when_told(server), boost::asio::detached);
      io_.run();
      if (stored_) stored_->stop(std::chrono::seconds(1));
      return {};
   }

   /// Ends run(), as the signals do. From any thread.
   void stop() {
      boost::asio::post(io_, [this] {
         told_ = true;
         signals_.cancel();
      });
   }

private:
   awaitable<void> drain_when_told(http::http_server& server) {
      boost::system::error_code cancelled; // by stop()
      if (!told_) co_await signals_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
      co_await server.stop(how_.drain);
      io_.stop();
   }

   void say_where(std::uint16_t port) const {
      bool const v6 = how_.host.find(':') != std::string::npos;
      std::string const host = v6 ? "[" + how_.host + "]" : how_.host;
      std::printf("%s: http://%s:%u/api/openapi.json\n", program_.c_str(), host.c_str(), unsigned{port});
      std::fflush(stdout);
   }

   control_plane::bus_state bus() {
      bool const there = stored_->bus().state() == nats::connection_state::connected;
      return there ? control_plane::bus_state::connected : control_plane::bus_state::disconnected;
   }
   control_plane::readiness standing() const {
      if (health_) return health_->ready();
      return {"ready", "memory", std::string(to_text(control_plane::bus_state::not_configured)), {}};
   }

   std::string program_;
   server_settings how_;
   boost::asio::io_context io_{1}; // outlives the writers, which answer on it
   boost::asio::signal_set signals_{io_, SIGINT, SIGTERM};
   bool told_ = false; // to stop; on io_
   snowflake ids_;
   memory_event_store memory_;
   std::optional<stored_events> stored_;
   std::optional<control_plane::health_service> health_;
   readiness_probe probe_{[this] { return standing(); }};
   http::metrics metrics_;
   http::openapi_document document_;
   std::set<std::string_view> names_; // of the aggregates
   std::vector<std::shared_ptr<void>> kept_;
   std::vector<http::mounted> parts_;
};

} // namespace noetl::app
