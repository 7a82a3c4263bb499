// stream/audit.hpp: compares a stretch of the event table with the stream and sends again what is missing.
// Knows committed_events, jetstream_sink and nats/. A net under the tailer: for messages that the broker lost after it
// had acknowledged them.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/time.hpp>
#include <noetl/nats/connection.hpp>
#include <noetl/nats/publisher.hpp>
#include <noetl/nats/stream_ids.hpp>
#include <noetl/stream/committed_events.hpp>
#include <noetl/stream/event_subject.hpp>
#include <noetl/stream/feed.hpp>
#include <noetl/stream/jetstream_sink.hpp>

namespace noetl::stream {

struct audit_settings {
   std::string stream = "noetl_events";
   std::string subject_prefix = "noetl.events";
   std::size_t page = 5'000; ///< keys compared at a time
};

struct audit_report {
   std::uint64_t compared = 0;   ///< rows of the table
   std::uint64_t missing = 0;    ///< of these, not in the stream
   std::uint64_t sent_again = 0; ///< of these, stored now
   std::uint64_t known = 0;      ///< of these, refused as copies: deleted from the stream within its dedup window
};

namespace detail {

/// Publishes a few items and waits for their outcomes.
class patient_publisher {
public:
   explicit patient_publisher(nats::connection& over) : bus_(over, {.window = 256}) {}

   result<void> publish(std::string_view prefix, std::span<feed_item const> items) {
      struct tally {
         std::mutex guard;
         std::condition_variable done;
         std::size_t left;
         result<void> outcome;
      };
      auto const all = std::make_shared<tally>();
      all->left = items.size();
      for (auto const& one : items)
         bus_.publish(event_subject(prefix, one.event_type), one.payload, std::to_string(one.event_id),
                      [all](result<void> outcome) {
                         std::lock_guard lock(all->guard);
                         if (!outcome) all->outcome = std::move(outcome);
                         if (--all->left == 0) all->done.notify_all();
                      });
      std::unique_lock lock(all->guard);
      all->done.wait(lock, [&] { return all->left == 0; });
      return all->outcome;
   }
   [[nodiscard]] std::uint64_t duplicates() const { return bus_.stats().duplicates; }

private:
   nats::publisher bus_;
};

} // namespace detail

/// Compares what was written within the memory of `table`, up to `through`, with the ids in the stream, and publishes
/// what the stream lacks, oldest first; such events come after younger ones of their execution. Blocks; memory: about
/// 100 bytes for each message of that time, which must be less than the retention of the stream, or aged messages count
/// as missing. \param go_on  asked between pages: false when the lease is gone or the program ends \return unavailable:
/// database or NATS were away, or `go_on` said no; what was sent by then stays sent
inline result<audit_report> audit(
    committed_events& table, jetstream_sink& sink, nats::connection& bus, feed_position const& through,
    audit_settings const& how, std::function<bool()> const& go_on = [] { return true; }) {
   audit_report report;
   auto const from = table.back(through);
   if (!from) return from.error();
   // A row is published after it was written; the margin is for clocks that differ.
   auto const since = now() - table.memory();
   auto const there = nats::message_ids_since(bus, how.stream, since - std::chrono::minutes(10));
   if (!there) return there.error();
   detail::patient_publisher publisher(bus);
   for (auto at = *from;;) {
      if (!go_on()) return fail(error_code::unavailable, "the audit was broken off");
      auto const keys = table.keys(at, through, since, how.page);
      if (!keys) return keys.error();
      std::vector<feed_position> missing;
      for (auto const& key : *keys)
         if (!there->contains(std::to_string(key.event_id))) missing.push_back(key);
      report.compared += keys->size();
      report.missing += missing.size();
      for (std::size_t i = 0; i < missing.size(); i += 100) {
         if (!go_on()) return fail(error_code::unavailable, "the audit was broken off");
         auto items = table.rows({missing.begin() + static_cast<std::ptrdiff_t>(i),
                                  missing.begin() + static_cast<std::ptrdiff_t>(std::min(i + 100, missing.size()))});
         if (!items) return items.error();
         if (auto prepared = sink.prepare(*items); !prepared) return std::move(prepared).error();
         if (auto sent = publisher.publish(how.subject_prefix, *items); !sent) return std::move(sent).error();
         report.sent_again += items->size();
      }
      if (keys->size() < how.page) break;
      at = keys->back();
   }
   report.known = std::min(publisher.duplicates(), report.sent_again);
   report.sent_again -= report.known;
   if (report.missing > 0)
      log::warn("stream.audit",
                {{"compared", report.compared}, {"missing", report.missing}, {"sent_again", report.sent_again}});
   return report;
}

} // namespace noetl::stream
