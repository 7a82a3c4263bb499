// stream/tailer.hpp: brings every item of a source to a sink, in order and at least once, whatever stops in between.
// Knows concepts and the window; nothing of databases or buses.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <noetl/core/backoff.hpp>
#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/stream/concepts.hpp>
#include <noetl/stream/detail/check_parts.hpp>
#include <noetl/stream/detail/leadership.hpp>
#include <noetl/stream/detail/side_thread.hpp>
#include <noetl/stream/detail/tailer_report.hpp>
#include <noetl/stream/tailer_settings.hpp>
#include <noetl/stream/window.hpp>

namespace noetl::stream {

/// Reads pages, publishes them in a window, and moves the cursor to the end of the acknowledged prefix. The next page
/// is read, and the cursor written, while messages are under way.
///
/// Of several tailers with one cursor the holder of the lease publishes. It stops sending when its lease may have
/// ended by its own clock, and each write of the cursor is refused when another took over. After any trouble with
/// source or cursor it begins again at the stored position: what is repeated has the same message id. Goes on for ever.
///
/// Source, sink and cursor must outlive it. wake() and stats() are thread-safe; run() is for one thread.
template <class Source, class Sink, class Cursor>
class tailer {
   static_assert(detail::check_source<Source>());
   static_assert(detail::check_sink<Sink, typename Source::item>());
   static_assert(detail::check_cursor<Cursor, typename Source::position>());
   using clock = std::chrono::steady_clock;

public:
   using item = typename Source::item;
   using position = typename Source::position;

   tailer(Source& from, Sink& to, Cursor& at, tailer_settings how = {})
       : source_(from), sink_(to), cursor_(at), how_(how) {}
   tailer(tailer const&) = delete;
   tailer& operator=(tailer const&) = delete;

   /// Works until `stop`; then waits a little for acknowledgements, stores the cursor and gives the lease back.
   void run(std::stop_token stop) {
      box_->stopping(false);
      std::stop_callback const at_stop(stop, [this] { box_->stopping(true); });
      backoff pause(how_.least_pause, how_.most_pause);
      while (!stop.stop_requested()) {
         auto const outcome = attend(stop, pause);
         if (outcome == turn::worked) pause.reset();
         if (outcome == turn::following) {
            pause.reset();
            box_->rest(pause.jittered(cursor_.lease() / 3));
         } else if (!stop.stop_requested()) {
            box_->rest(pause.next());
         }
      }
      told_.note([](tailer_stats& s) { s.state = tailer_state::stopped; });
   }

   /// There may be something to read. Cheap; never blocks for long.
   void wake() {
      std::lock_guard lock(box_->guard);
      box_->woken = true;
      if (box_->listening) box_->wake.notify_all();
   }

   [[nodiscard]] tailer_stats stats() const { return told_.stats(); }
   /// Everything up to here is delivered, so far as this tailer knows.
   [[nodiscard]] position delivered_through() const {
      position out;
      told_.look([&](tailer_stats const&) { out = through_; });
      return out;
   }

private:
   enum class turn : std::uint8_t { worked, following, failed };

   using letter_box = detail::letter_box<item>;
   using leadership = detail::leadership<item>;

   turn attend(std::stop_token const& stop, backoff& pause) {
      if (auto ready = sink_.ready(); !ready) return put_off("sink", ready.error());
      auto const asked = clock::now();
      auto granted = cursor_.acquire();
      if (!granted) return put_off("cursor", granted.error());
      if (!*granted) {
         // Nobody else would say so: a follower neither sends nor reads nor saves.
         for (auto const* part : {"sink", "cursor", "source"}) told_.well(part);
         // It is for the leader, who sees the same, unless it ends soon.
         if (std::exchange(again_, false) || sink_.lost()) lost_while_following_ = clock::now();
         told_.enter(tailer_state::following, stats().epoch);
         return turn::following;
      }
      auto const stored = (*granted)->from;
      auto const from = begin_at(stored);
      if (!from) return put_off("source", from.error());
      leadership t{.epoch = (*granted)->epoch,
                   .read = *from,
                   .acked = *from,
                   .saved = stored,
                   .lease_until = asked + cursor_.lease(),
                   .renew_at = asked + cursor_.lease() / 3,
                   .in_flight = window<item>(how_.window, next_number_),
                   .sink_pause = pause};
      t.sink_pause.reset();
      told_.enter(tailer_state::leading, t.epoch);
      lead(stop, t);
      return t.saved_once ? turn::worked : turn::failed;
   }

   /// The stored place, or an earlier one while the sink lacks what was delivered before. The cursor stays where it is.
   result<position> begin_at(position const& stored) {
      auto const earlier = std::exchange(lost_while_following_, std::nullopt);
      if (sink_.lost() || (earlier && clock::now() - *earlier < 2 * cursor_.lease())) again_ = true;
      if (!again_) return stored;
      auto from = source_.back(stored);
      if (from && *from < stored)
         log::warn("stream.published_again", {{"reason", "the stream lost what was delivered"}});
      return from;
   }

   void lead(std::stop_token const& stop, leadership& t) {
      {
         std::lock_guard lock(box_->guard);
         box_->acked.clear(), box_->failed.clear(), box_->read.reset(), box_->saved.reset();
         box_->woken = false;
      }
      while (!stop.stop_requested()) {
         take_letters(t);
         settle(t);
         if (t.lost || t.give_up || t.hand_over) break;
         read_ahead(t);
         send(t);
         save(t);
         show(t);
         listen(t);
      }
      finish(t, stop);
   }

   void take_letters(leadership& t) {
      acked_.clear(), failed_.clear();
      std::optional<result<page<item>>> read;
      std::optional<result<void>> saved;
      {
         std::lock_guard lock(box_->guard);
         acked_.swap(box_->acked), failed_.swap(box_->failed);
         read.swap(box_->read), saved.swap(box_->saved);
      }
      for (auto const number : acked_) t.in_flight.acked(number);
      for (auto& [number, why] : failed_) {
         t.in_flight.failed(number);
         told_.trouble("sink", why);
      }
      if (!failed_.empty()) told_.note([&](tailer_stats& s) { s.failed += failed_.size(); });
      if (saved) take_saved(t, *saved);
      if (read) take_page(t, std::move(*read));
   }

   void take_saved(leadership& t, result<void> const& outcome) {
      auto const reached = *std::exchange(t.saving, std::nullopt);
      if (!outcome) {
         (outcome.error().code == error_code::conflict ? t.lost : t.give_up) = true;
         if (t.lost) told_.note([](tailer_stats& s) { ++s.stale_refused; });
         (void)put_off("cursor", outcome.error());
         return;
      }
      t.saved = reached;
      t.saved_once = true;
      t.lease_until = t.save_started + cursor_.lease();
      t.renew_at = t.save_started + cursor_.lease() / 3;
      t.next_save = t.save_started + how_.save_every;
      told_.note([](tailer_stats& s) { ++s.saves; });
      told_.well("cursor");
   }

   void take_page(leadership& t, result<page<item>> got) {
      t.reading = false;
      if (!got) {
         t.give_up = true;
         (void)put_off("source", got.error());
         return;
      }
      told_.note([&](tailer_stats& s) { ++s.reads, s.read += got->items.size(); });
      told_.well("source");
      // Commits that another writer's transaction still hides are seen a moment later, so the poll slows down by steps.
      t.poll = got->items.empty() ? std::min(how_.poll, t.poll * 2) : std::chrono::milliseconds(1);
      t.more = got->more;
      t.next_read = clock::now() + t.poll;
      t.read = std::move(got->through);
      for (auto& one : got->items) t.ready.push_back(std::move(one));
   }

   /// Follows what the window says.
   void settle(leadership& t) {
      auto const again = advance(t);
      if (again && !std::exchange(t.repeating, true)) {
         t.sink_away_since = clock::now();
         t.repeat_at = t.sink_away_since + t.sink_pause.next();
      }
      if (again && clock::now() >= t.repeat_at) repeat(t, *again);
      if (t.in_flight.empty() && t.ready.empty()) t.acked = t.read; // a stretch without items counts as delivered
   }
   /// Books what is delivered. \return what must be sent again
   std::optional<send_again> advance(leadership& t) {
      for (;;) {
         auto action = t.in_flight.next();
         if (auto* again = std::get_if<send_again>(&action)) return std::move(*again);
         auto* done = std::get_if<advance_to<item>>(&action);
         if (done == nullptr) return std::nullopt;
         t.acked = std::move(done->position);
         t.repeating = false;
         t.sink_pause.reset();
         for (auto const& one : done->items) sink_.delivered(one);
         told_.note([&](tailer_stats& s) { s.delivered += done->items.size(); });
         told_.well("sink");
      }
   }

   void repeat(leadership& t, send_again const& what) {
      auto const refused = [&](error const& why) {
         told_.trouble("sink", why);
         t.repeat_at = clock::now() + t.sink_pause.next();
         // Perhaps it is only this process that cannot reach the sink.
         t.hand_over = clock::now() - t.sink_away_since > 2 * cursor_.lease();
      };
      if (auto ready = sink_.ready(); !ready) return refused(ready.error());
      if (sink_.lost()) {
         again_ = t.give_up = true; // begin with the lost stretch, so that order is kept
         return;
      }
      for (auto const number : what.numbers)
         if (auto prepared = sink_.prepare(std::span(&t.in_flight.item(number), 1)); !prepared)
            return refused(prepared.error());
      for (auto const number : what.numbers) {
         if (!may_send(t)) return;
         t.in_flight.sent_again(number);
         transmit(t, number);
      }
      t.repeat_at = clock::now() + t.sink_pause.next();
   }

   [[nodiscard]] bool may_send(leadership const& t) const {
      return clock::now() < t.lease_until - cursor_.lease() / 10;
   }

   void transmit(leadership& t, sequence number) {
      t.unflushed = true;
      ++sent_;
      sink_.send(t.in_flight.item(number), [box = box_, number](result<void> outcome) {
         std::lock_guard lock(box->guard);
         bool const ok = outcome.has_value();
         if (ok)
            box->acked.push_back(number);
         else
            box->failed.emplace_back(number, std::move(outcome).error());
         if (!ok || box->acked.size() == box->enough) box->wake.notify_all();
      });
   }

   void read_ahead(leadership& t) {
      if (!can_read(t)) return;
      {
         std::lock_guard lock(box_->guard);
         if (box_->woken) t.poll = std::chrono::milliseconds(1);
         if (!t.more && !box_->woken && clock::now() < t.next_read) return;
         box_->woken = false;
      }
      t.reading = true;
      reader_.start([this, after = t.read] {
         auto got = source_.read(after, how_.batch);
         if (got && !got->items.empty())
            if (auto prepared = sink_.prepare(std::span(got->items)); !prepared) got = std::move(prepared).error();
         std::lock_guard lock(box_->guard);
         box_->read = std::move(got);
         box_->wake.notify_all();
      });
   }
   [[nodiscard]] bool can_read(leadership const& t) const { return !t.reading && t.ready.size() < how_.batch; }

   void send(leadership& t) {
      while (!t.ready.empty() && t.in_flight.room() > 0 && may_send(t)) {
         auto const number = t.in_flight.add(std::move(t.ready.front()));
         t.ready.pop_front();
         transmit(t, number);
      }
      next_number_ = t.in_flight.next_number();
      if (std::exchange(t.unflushed, false)) sink_.flush();
   }

   void save(leadership& t) {
      if (t.saving) return;
      auto const now = clock::now();
      if (t.acked >= t.saved) again_ = false;
      if (now >= t.renew_at && t.in_flight.empty() && t.ready.empty() && !look_at_sink(t)) return;
      if (!(t.acked > t.saved && now >= t.next_save) && now < t.renew_at) return;
      t.saving = std::max(t.acked, t.saved);
      t.save_started = now;
      saver_.start([this, epoch = t.epoch, stored = t.saved, to = *t.saving] {
         auto outcome = cursor_.advance(epoch, stored, to);
         std::lock_guard lock(box_->guard);
         box_->saved = std::move(outcome);
         box_->wake.notify_all();
      });
   }

   /// A quiet stream may be wiped, too. \return whether to go on
   bool look_at_sink(leadership& t) {
      if (auto ready = sink_.ready(); !ready)
         told_.trouble("sink", ready.error());
      else
         told_.well("sink");
      if (sink_.lost()) again_ = t.give_up = true;
      return !t.give_up;
   }

   /// Waits for the next thing to do.
   void listen(leadership& t) {
      auto until = clock::now() + std::chrono::seconds(1);
      auto const by = [&](clock::time_point time) { until = std::min(until, time); };
      bool const readable = can_read(t);
      if (readable) by(t.more ? clock::now() : t.next_read);
      if (!t.saving) by(t.renew_at);
      if (!t.saving && t.acked > t.saved) by(t.next_save);
      if (t.in_flight.failures() > 0 && t.in_flight.under_way() == 0) by(t.repeat_at);
      auto const under_way = t.in_flight.under_way();
      if (under_way > 0) by(clock::now() + std::chrono::milliseconds(20));

      std::unique_lock lock(box_->guard);
      auto& b = *box_;
      // While more waits to be sent, a quarter of the window is worth a turn.
      b.enough = std::max<std::size_t>(1, t.ready.empty() ? under_way : std::min(under_way, how_.window / 4));
      b.listening = readable;
      b.wake.wait_until(lock, until, [&] {
         return b.stop || b.read || b.saved || !b.failed.empty() || b.acked.size() >= b.enough || (readable && b.woken);
      });
      b.listening = false;
   }

   void finish(leadership& t, std::stop_token const& stop) {
      // Outcomes of this time must not fall into the next one; only the end of the program does not wait for all.
      auto const until = clock::now() + how_.farewell;
      while (t.in_flight.under_way() > 0 && !(stop.stop_requested() && clock::now() > until)) {
         box_->await_outcome(std::chrono::milliseconds(20));
         take_letters(t);
         (void)advance(t);
      }
      reader_.wait();
      saver_.wait();
      take_letters(t);
      (void)advance(t);
      if (!t.lost && !t.give_up && t.acked > t.saved) {
         t.saving = t.acked;
         t.save_started = clock::now();
         take_saved(t, cursor_.advance(t.epoch, t.saved, t.acked));
      }
      if (!t.lost && !t.give_up)
         if (auto released = cursor_.release(t.epoch); !released) told_.trouble("cursor", released.error());
      show(t);
   }

   void show(leadership const& t) {
      told_.note([&](tailer_stats& s) {
         s.sent = sent_, s.under_way = t.in_flight.under_way(), s.held = t.in_flight.size(), s.ready = t.ready.size();
         through_ = t.acked;
      });
   }
   turn put_off(std::string_view part, error const& why) {
      told_.put_off(part, why);
      return turn::failed;
   }

   Source& source_;
   Sink& sink_;
   Cursor& cursor_;
   tailer_settings const how_;
   std::shared_ptr<letter_box> box_ = std::make_shared<letter_box>();
   std::vector<sequence> acked_;                    // of the last turn; kept for its memory
   std::vector<std::pair<sequence, error>> failed_; // likewise
   sequence next_number_ = 0; // numbers are never used twice, so late outcomes of an earlier leadership mean nothing
   std::uint64_t sent_ = 0;
   bool again_ = false; // what the sink lost is not yet delivered again
   std::optional<clock::time_point> lost_while_following_;
   detail::tailer_report told_;
   position through_{}; // changed inside note() only
   detail::side_thread reader_;
   detail::side_thread saver_;
};

} // namespace noetl::stream
