// stream/detail/tailer_report.hpp: the figures of a tailer and its words in the log.
// Private to stream/tailer.hpp.
#pragma once

#include <mutex>
#include <string_view>
#include <utility>

#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/stream/tailer_settings.hpp>

namespace noetl::stream::detail {

/// Thread-safe.
class tailer_report {
public:
   template <class F>
   void note(F change) {
      std::lock_guard lock(guard_);
      change(stats_);
   }
   template <class F>
   void look(F at) const {
      std::lock_guard lock(guard_);
      at(stats_);
   }
   [[nodiscard]] tailer_stats stats() const {
      std::lock_guard lock(guard_);
      return stats_;
   }

   void enter(tailer_state state, std::uint64_t epoch) {
      bool changed = false;
      note([&](tailer_stats& s) {
         s.state = state, s.epoch = epoch;
         changed = std::exchange(announced_, state) != state;
      });
      if (changed) log::info("stream.tailer", {{"state", to_text(state)}, {"epoch", epoch}});
   }

   /// Logged once until it passes or another takes its place. \param part  a literal
   void trouble(std::string_view part, error const& why) {
      bool fresh = false;
      note([&](tailer_stats& s) {
         fresh = s.trouble != why.message;
         s.trouble = why.message;
         troubled_ = part;
      });
      if (fresh) log::warn("stream.put_off", {{"part", part}, {"reason", why.message}, {"detail", why.detail}});
   }
   void put_off(std::string_view part, error const& why) {
      trouble(part, why);
      note([](tailer_stats& s) { ++s.put_off, s.state = tailer_state::waiting; });
   }
   /// The trouble of this part has passed.
   void well(std::string_view part) {
      note([&](tailer_stats& s) {
         if (troubled_ == part) s.trouble.clear();
      });
   }

private:
   mutable std::mutex guard_;
   tailer_stats stats_;
   std::string_view troubled_{}; ///< the part that stats_.trouble is about
   tailer_state announced_ = tailer_state::stopped;
};

} // namespace noetl::stream::detail
