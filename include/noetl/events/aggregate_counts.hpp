// events/aggregate_counts.hpp: what became of the calls that change aggregates of one kind. Knows the life cycle.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <noetl/core/result.hpp>
#include <noetl/events/aggregate.hpp>

namespace noetl {

/// Thread-safe.
template <class A>
class aggregate_counts {
   static constexpr auto& actions = A::lifecycle::actions;

public:
   static constexpr std::array<std::string_view, 6> outcomes{"done",     "refused",     "not_found",
                                                             "conflict", "unavailable", "error"};

   std::atomic<std::uint64_t> conflicts{0}; ///< appends that lost a race and were judged again
   std::atomic<std::uint64_t> repeats{0};   ///< calls whose key was known

   template <class T>
   void created(result<T> const& came) {
      ++calls_[actions.size()][index_of(came)];
   }
   template <class T>
   void acted(std::string_view action, result<T> const& came) {
      for (std::size_t i = 0; i < actions.size(); ++i)
         if (actions[i].name == action) ++calls_[i][index_of(came)];
   }

   /// Calls `f(action, outcome, calls)`; a creation's action is "create".
   template <class F>
   void each(F&& f) const {
      for (std::size_t i = 0; i <= actions.size(); ++i)
         for (std::size_t k = 0; k < outcomes.size(); ++k)
            f(i < actions.size() ? actions[i].name : std::string_view("create"), outcomes[k], calls_[i][k].load());
   }

private:
   template <class T>
   static std::size_t index_of(result<T> const& came) noexcept {
      if (came) return 0;
      switch (came.error().code) {
      case error_code::bad_request:
      case error_code::validation: return 1;
      case error_code::not_found: return 2;
      case error_code::conflict: return 3;
      case error_code::unavailable: return 4;
      default: return 5;
      }
   }
   std::array<std::array<std::atomic<std::uint64_t>, outcomes.size()>, actions.size() + 1> calls_{};
};

} // namespace noetl
