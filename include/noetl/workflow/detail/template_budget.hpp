// workflow/detail/template_budget.hpp: what one rendering may still spend, and how it stops. Knows nothing of values.
#pragma once

#include <cstddef>
#include <exception>
#include <string>
#include <utility>

namespace noetl::workflow::detail {

/// Why a rendering stopped. Thrown inside the engine only; template_engine turns it into a result.
class template_failure : public std::exception {
public:
   explicit template_failure(std::string message) : message_(std::move(message)) {}
   char const* what() const noexcept override { return message_.c_str(); }

private:
   std::string message_;
};

/// A step is work of about a tenth of a microsecond: whatever costs more than that in one go says so here, so that the
/// number of steps bounds the time whatever the template does.
struct budget {
   std::size_t steps;
   std::size_t max_bytes;

   void spend(std::size_t n = 1) {
      if (n > steps) {
         steps = 0;
         throw template_failure("template takes too many steps");
      }
      steps -= n;
   }
   /// A text of that size is about to be copied.
   void bytes(std::size_t n) {
      if (n > max_bytes) throw template_failure("template output exceeds " + std::to_string(max_bytes) + " bytes");
      spend(n / 256);
   }
   /// That many bytes are about to be looked at one by one.
   void work(std::size_t n) { spend(n / 16); }
};

/// Counts a level of recursion for as long as it lives.
class level_guard {
public:
   level_guard(std::size_t& level, std::size_t most) : level_(level) {
      if (level_ >= most) throw template_failure("template nests too deeply");
      ++level_;
   }
   ~level_guard() { --level_; }
   level_guard(level_guard const&) = delete;
   level_guard& operator=(level_guard const&) = delete;

private:
   std::size_t& level_;
};

} // namespace noetl::workflow::detail
