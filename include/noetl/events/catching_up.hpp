// events/catching_up.hpp: how a state gets up to date with its log, page by page, without doing the reading itself.
// Pure: says what to read next and takes what was read. events/log_reader.hpp reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <noetl/events/envelope.hpp>
#include <noetl/events/snapshotted.hpp>

namespace noetl {

/// What to read: rows without a number whose event_id is above `after`, in that order; or numbered rows above `after`.
struct log_request {
   bool unversioned = false;
   std::int64_t after = 0;
   std::size_t limit = 1'000;
   std::span<std::string_view const> without_context{}; ///< event types whose `context` is left empty; static

   /// Whether both read the same rows.
   friend bool operator==(log_request const& a, log_request const& b) noexcept {
      return a.unversioned == b.unversioned && a.after == b.after && a.limit == b.limit;
   }
};

/// What was read. Rows and counts come from one statement, so they belong together.
struct log_page {
   std::vector<event> events{};                ///< stream_version 0: the row has none
   std::uint64_t unversioned = 0;              ///< rows of the execution without a number, now
   std::optional<std::int64_t> head_version{}; ///< of noetl.stream_head; none before an older server's log is adopted
};

/// Brings one state up to date. The state must outlive it. Not thread-safe.
///
/// A row of an older server that appears after younger ones were folded cannot be folded in its place any more; the
/// counts tell, and the answer is `restart`: with an empty state and another catching_up.
template <snapshotted A>
class catching_up {
public:
   enum class step : std::uint8_t { more, done, restart };

   /// \param page  rows asked for at a time, 1 or more
   catching_up(typename A::state& state, std::size_t page) : state_(state), page_(page) {}

   [[nodiscard]] log_request next() const {
      auto const at = A::position(state_);
      if (unversioned_) return request(true, at.last_unversioned.value);
      return request(false, only_unversioned(at) ? 0 : at.version);
   }

   /// What next() will most likely ask for once `page` is taken, so that it can be read while `page` is folded: nothing
   /// unless this is a full page of numbered rows. Ask next() after take(); another answer means to read again.
   [[nodiscard]] std::optional<log_request> read_ahead(log_page const& page) const {
      if (unversioned_ || page.events.empty() || page.events.size() < page_) return std::nullopt;
      return request(false, page.events.back().stream_version);
   }

   step take(log_page const& page) {
      auto const at = A::position(state_);
      bool const full = page.events.size() >= page_;
      if (unversioned_) {
         fold(page);
         if (!full) unversioned_ = false, counted_ = true;
         return step::more;
      }
      if (page.unversioned != at.unversioned) {
         // Read once in event_id order; whatever came since may belong before what is folded.
         if (!only_unversioned(at) || counted_ || page.unversioned < at.unversioned) return step::restart;
         unversioned_ = true;
         return step::more;
      }
      if (only_unversioned(at) && at.unversioned > 0) {
         if (!page.events.empty())
            A::start_after(state_, page.events.front().stream_version - 1);
         else if (page.head_version)
            A::start_after(state_, *page.head_version);
      }
      fold(page);
      return full ? step::more : step::done;
   }

   /// Rows that were folded so far.
   [[nodiscard]] std::uint64_t folded() const noexcept { return folded_; }
   /// Text of their JSON columns.
   [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

private:
   [[nodiscard]] log_request request(bool unversioned, std::int64_t after) const {
      return {unversioned, after, page_, contexts_unread<A>()};
   }
   static bool only_unversioned(fold_position const& at) { return at.applied == at.unversioned; }
   void fold(log_page const& page) {
      for (auto const& e : page.events) {
         A::apply(state_, e);
         bytes_ += e.context.text.size() + e.result.text.size() + e.meta.text.size();
      }
      folded_ += page.events.size();
   }

   typename A::state& state_;
   std::size_t const page_;
   bool unversioned_ = false; ///< reading those now
   bool counted_ = false;     ///< they were read to the end
   std::uint64_t folded_ = 0;
   std::uint64_t bytes_ = 0;
};

} // namespace noetl
