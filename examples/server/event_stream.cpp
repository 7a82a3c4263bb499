// examples/server/event_stream.cpp: the parts of the event stream, put together.
#include "event_stream.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include <noetl/core/log.hpp>
#include <noetl/nats/connection.hpp>
#include <noetl/nats/consumer_state.hpp>
#include <noetl/pg/pool.hpp>
#include <noetl/stream/audit.hpp>
#include <noetl/stream/committed_events.hpp>
#include <noetl/stream/fenced_cursor.hpp>
#include <noetl/stream/jetstream_sink.hpp>
#include <noetl/stream/tailer.hpp>

namespace server {
namespace {

namespace cp = noetl::control_plane;
namespace log = noetl::log;
namespace pg = noetl::pg;
namespace stream = noetl::stream;
using namespace std::chrono_literals;

noetl::nats::connection_settings bus_settings(cp::server_settings const& how) {
   noetl::nats::connection_settings settings;
   settings.url = how.nats_url.value;
   settings.name = "noetl-server events";
   settings.resume = false;
   settings.send_at_once = false;
   return settings;
}

stream::sink_settings sink_settings(cp::event_stream_settings const& how) {
   stream::sink_settings settings;
   settings.stream.dedup_window = std::chrono::seconds(how.dedup_secs);
   settings.stream.max_age = std::chrono::seconds(how.retention_secs);
   settings.window = static_cast<std::size_t>(how.window.value());
   return settings;
}

stream::cursor_settings cursor_settings(cp::event_stream_settings const& how) {
   stream::cursor_settings settings;
   settings.start = how.backfill ? stream::first_start::backfill : stream::first_start::now;
   settings.lease = std::chrono::milliseconds(how.lease_ms);
   return settings;
}

stream::tailer_settings tailer_settings(cp::event_stream_settings const& how) {
   stream::tailer_settings settings;
   settings.batch = static_cast<std::size_t>(how.batch.value());
   settings.window = static_cast<std::size_t>(how.window.value());
   settings.poll = std::chrono::milliseconds(how.poll_ms);
   return settings;
}

void warn_of_odd(char const* name, noetl::flag const& given) {
   if (!given.odd.empty()) log::warn("config.taken_as_off", {{"variable", name}, {"value", given.odd}});
}

/// The stream of one database.
struct lane {
   lane(cp::event_stream_settings const& how, pg::settings database, noetl::nats::connection& bus)
       : pool(stream::feed_sessions(std::move(database))), events(pool, std::chrono::seconds(how.audit_stretch_secs)),
         sink(bus, stream::large_event_keeper(pool), sink_settings(how)), cursor(pool, cursor_settings(how)),
         tail(events, sink, cursor, tailer_settings(how)), thread([this](std::stop_token stop) { tail.run(stop); }) {}

   pg::pool pool;
   stream::committed_events events;
   stream::jetstream_sink sink;
   stream::fenced_cursor cursor;
   stream::tailer<stream::committed_events, stream::jetstream_sink, stream::fenced_cursor> tail;
   std::mutex guard; // of the next three
   stream::feed_lag lag{};
   stream::audit_report audited{};
   std::uint64_t audits = 0;
   std::uint64_t audit_epoch = 0, audit_connects = 0; // seen by the keeper
   std::chrono::steady_clock::time_point next_audit = std::chrono::steady_clock::time_point::max();
   std::jthread thread; // last: ends first
};

} // namespace

struct event_stream::impl {
   impl(cp::server_settings const& given, std::vector<pg::settings> all) : how(given), databases(std::move(all)) {}

   void look_after(std::stop_token const& stop) {
      std::mutex own;
      std::condition_variable_any wake;
      while (!stop.stop_requested()) {
         bool leads = false;
         for (auto& one : lanes) {
            if (one->tail.stats().state != stream::tailer_state::leading) continue;
            leads = true;
            auto lag = one->events.lag(one->tail.delivered_through());
            {
               std::lock_guard const lock(one->guard);
               if (lag) one->lag = *lag; // else the tailer says what is away
            }
            audit(*one, stop);
         }
         if (leads) look_at_consumers();
         std::unique_lock lock(own);
         wake.wait_for(lock, stop, 5s, [] { return false; });
      }
   }

   /// Soon after taking over and after each connect, since a broker may come back with less than it had; then
   /// regularly.
   void audit(lane& one, std::stop_token const& stop) {
      using clock = std::chrono::steady_clock;
      auto const epoch = one.tail.stats().epoch;
      auto const connects = bus->stats().connects;
      auto const now = clock::now();
      if (std::exchange(one.audit_epoch, epoch) != epoch || std::exchange(one.audit_connects, connects) != connects)
         one.next_audit = std::min(one.next_audit, now + 5s);
      if (now < one.next_audit) return;
      stream::audit_settings wish;
      wish.stream = one.sink.stats().stream;
      auto const goes_on = [&] {
         auto const stats = one.tail.stats();
         return !stop.stop_requested() && stats.state == stream::tailer_state::leading && stats.epoch == epoch;
      };
      auto const report = stream::audit(one.events, one.sink, *bus, one.tail.delivered_through(), wish, goes_on);
      if (!report) {
         one.next_audit = clock::now() + 10s;
         if (goes_on()) log::warn("event_stream.audit_put_off", {{"reason", report.error().message}});
         return;
      }
      int const every = how.event_stream.audit_secs;
      one.next_audit = every == 0 ? clock::time_point::max() : clock::now() + std::chrono::seconds(every);
      std::lock_guard const lock(one.guard);
      ++one.audits;
      one.audited.compared += report->compared;
      one.audited.missing += report->missing;
      one.audited.sent_again += report->sent_again;
   }

   void look_at_consumers() {
      auto const& sink = lanes.front()->sink;
      for (auto const& name : stream::sink_settings().consumers) {
         auto const state = noetl::nats::look_at_consumer(*bus, sink.stats().stream, name);
         if (!state) continue; // the tailer says what is away
         if (state->nearly_lost())
            log::warn("event_stream.consumer_late", {{"consumer", name},
                                                     {"oldest_seconds", state->oldest_seconds},
                                                     {"retention_seconds", state->retention_seconds}});
         std::lock_guard const lock(consumers_guard);
         consumers[name] = *state;
      }
   }

   cp::server_settings const how;
   std::vector<pg::settings> const databases;
   mutable std::mutex consumers_guard;
   std::map<std::string, noetl::nats::consumer_state> consumers;
   mutable std::mutex guard; // of what start and stop change
   std::unique_ptr<noetl::nats::connection> bus;
   std::vector<std::unique_ptr<lane>> lanes;
   std::jthread keeper;
};

event_stream::event_stream(cp::server_settings const& how, std::vector<pg::settings> shards)
    : impl_(std::make_unique<impl>(how, std::move(shards))) {}

event_stream::~event_stream() {
   stop();
}

void event_stream::start() {
   auto const& how = impl_->how.event_stream;
   warn_of_odd("NOETL_EVENT_STREAM_ENABLED", how.enabled);
   warn_of_odd("NOETL_EVENT_STREAM_BACKFILL", how.backfill);
   if (!how.enabled) return log::info("event_stream.off");
   if (impl_->how.nats_url.value.empty())
      return log::warn("event_stream.not_started", {{"reason", "NOETL_NATS_URL is not set"}});
   std::lock_guard const lock(impl_->guard);
   impl_->bus = std::make_unique<noetl::nats::connection>(bus_settings(impl_->how));
   for (auto const& database : impl_->databases)
      impl_->lanes.push_back(std::make_unique<lane>(how, database, *impl_->bus));
   impl_->keeper = std::jthread([all = impl_.get()](std::stop_token stop) { all->look_after(stop); });
   log::info("event_stream.on", {{"shards", impl_->lanes.size()}});
}

void event_stream::stop() {
   std::jthread keeper;
   {
      std::lock_guard const lock(impl_->guard);
      for (auto& one : impl_->lanes) one->thread.request_stop(); // all at once, then each is awaited
      keeper = std::move(impl_->keeper);
   }
   keeper.request_stop();
   if (keeper.joinable()) keeper.join();     // it walks through the lanes
   std::vector<std::unique_ptr<lane>> lanes; // they end without the lock
   std::lock_guard const lock(impl_->guard);
   lanes = std::move(impl_->lanes);
}

void event_stream::committed(std::size_t shard) {
   std::lock_guard const lock(impl_->guard);
   if (shard < impl_->lanes.size()) impl_->lanes[shard]->tail.wake();
}

std::optional<std::string> event_stream::state() const {
   std::lock_guard const lock(impl_->guard);
   if (impl_->lanes.empty()) return std::nullopt;
   std::string least(to_text(stream::tailer_state::leading));
   for (auto const& one : impl_->lanes) {
      auto const stats = one->tail.stats();
      if (!stats.trouble.empty()) return standing_text(stats);
      if (stats.state != stream::tailer_state::leading) least = standing_text(stats);
   }
   return least;
}

void event_stream::report(noetl::http::samples& out) const {
   std::lock_guard const lock(impl_->guard);
   auto const number = [](auto n) { return static_cast<double>(n); };
   for (std::size_t i = 0; i < impl_->lanes.size(); ++i) {
      auto& one = *impl_->lanes[i];
      auto const shard = std::to_string(i);
      auto const tail = one.tail.stats();
      auto const sent = one.sink.stats();
      auto const gauge = [&](char const* name, char const* help, double value) {
         out.gauge(name, help, value, {{"shard", shard}});
      };
      auto const counter = [&](char const* name, char const* help, double value) {
         out.counter(name, help, value, {{"shard", shard}});
      };
      for (auto const& [type, count] : sent.delivered)
         out.counter("noetl_event_stream_published_total", "Events acknowledged by the stream", number(count),
                     {{"shard", shard}, {"event_type", type}});
      counter("noetl_event_stream_skipped_total", "Events left out of the stream: none is, large ones go by reference",
              0);
      counter("noetl_event_stream_by_reference_total", "Events whose text went to the result store",
              number(sent.by_reference));
      gauge("noetl_event_stream_cursor", "Id of the event that was acknowledged last", number(sent.last_event_id));
      bool const leading = tail.state == stream::tailer_state::leading;
      gauge("noetl_event_stream_leading", "1 while this process publishes the events of the shard", leading ? 1 : 0);
      gauge("noetl_event_stream_lease_epoch", "Epoch of the lease held now or last", number(tail.epoch));
      out.gauge("noetl_event_stream_lease_owner", "1 for the lease held by this process", leading ? 1 : 0,
                {{"shard", shard}, {"owner", one.cursor.owner()}});
      gauge("noetl_event_stream_window", "Messages sent and not yet part of the acknowledged prefix",
            number(tail.held));
      gauge("noetl_event_stream_in_flight", "Messages without outcome", number(tail.under_way));
      counter("noetl_event_stream_acked_total", "Messages acknowledged", number(tail.delivered));
      counter("noetl_event_stream_sent_total", "Messages sent, repeats included", number(tail.sent));
      counter("noetl_event_stream_failed_total", "Messages without acknowledgement, sent again later",
              number(tail.failed));
      counter("noetl_event_stream_stale_writes_refused_total",
              "Writes of the cursor refused because another has the lease", number(tail.stale_refused));
      counter("noetl_event_stream_put_off_total", "Times that database or stream were away", number(tail.put_off));
      counter("noetl_event_stream_streams_created_total", "Times that the stream had to be made",
              number(sent.streams_created));
      std::lock_guard const lane_lock(one.guard);
      counter("noetl_event_stream_audits_total", "Comparisons of the stream with the table", number(one.audits));
      counter("noetl_event_stream_audit_missing_total", "Events that an audit missed in the stream",
              number(one.audited.missing));
      counter("noetl_event_stream_audit_sent_again_total", "Events that an audit brought to the stream",
              number(one.audited.sent_again));
      if (!leading) continue; // others know nothing of the lag
      gauge("noetl_event_stream_lag_events", "Committed events not yet acknowledged, counted up to 100000",
            number(one.lag.events));
      gauge("noetl_event_stream_lag_seconds", "Age of the oldest of them", one.lag.seconds);
      gauge("noetl_event_stream_horizon_transactions", "Transactions at or above the horizon",
            number(one.lag.transactions));
      gauge("noetl_event_stream_horizon_age_seconds",
            "Age of the oldest transaction that may still write: events behind it wait", one.lag.horizon_seconds);
      gauge("noetl_event_stream_horizon_pid", "Backend that holds the horizon; 0: none, or a prepared transaction",
            number(one.lag.holder));
   }
   std::lock_guard const consumers_lock(impl_->consumers_guard);
   for (auto const& [name, state] : impl_->consumers) {
      out.gauge("noetl_event_stream_consumer_pending", "Messages not yet delivered to a consumer",
                number(state.pending), {{"consumer", name}});
      out.gauge("noetl_event_stream_consumer_unacked", "Messages delivered and not acknowledged", number(state.unacked),
                {{"consumer", name}});
      out.gauge("noetl_event_stream_consumer_oldest_seconds",
                "Age of the oldest message that a consumer has not acknowledged", state.oldest_seconds,
                {{"consumer", name}});
   }
}

} // namespace server
