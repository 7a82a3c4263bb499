// core/result.hpp: expected failures as values, and the HTTP status each of them maps to.
// Knows the standard library only.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace noetl {

/// Classes of expected failure. A caller branches on these, never on texts.
enum class error_code : std::uint8_t {
   validation,         ///< well-formed input that breaks a rule
   bad_request,        ///< input that cannot be understood
   unauthorized,       ///< caller is unknown
   forbidden,          ///< caller is known and may not
   not_found,          ///< the named thing does not exist
   method_not_allowed, ///< the thing exists and cannot do this
   conflict,           ///< another writer was first
   too_large,          ///< input above a stated limit
   unsupported_media,  ///< wrong content type
   internal,           ///< a fault of ours
   database,           ///< the database refused for a reason that is not the caller's
   upstream,           ///< a service we call refused
   unavailable,        ///< temporarily not possible; repeating later is right
};

/// HTTP status of a failure class (spec http-execution.md section 2).
constexpr int http_status(error_code code) noexcept {
   switch (code) {
   case error_code::validation: return 422;
   case error_code::bad_request: return 400;
   case error_code::unauthorized: return 401;
   case error_code::forbidden: return 403;
   case error_code::not_found: return 404;
   case error_code::method_not_allowed: return 405;
   case error_code::conflict: return 409;
   case error_code::too_large: return 413;
   case error_code::unsupported_media: return 415;
   case error_code::internal: return 500;
   case error_code::database: return 500;
   case error_code::upstream: return 502;
   case error_code::unavailable: return 503;
   }
   return 500;
}

/// One expected failure. `message` is ours and safe to show to a caller; `detail` may hold what a driver or a user said
/// and goes to logs only.
struct error {
   error_code code = error_code::internal;
   std::string message;
   std::string detail{};

   [[nodiscard]] int status() const noexcept { return http_status(code); }
   friend bool operator==(error const&, error const&) = default;
};

/// Thrown when a result without a value is asked for its value: a broken invariant, not an expected failure.
class bad_result : public std::logic_error {
public:
   explicit bad_result(error const& e) : std::logic_error("result holds no value: " + e.message) {}
};

/// Either a T or an error. Value semantics, not thread-safe. (std::expected is C++23.)
template <class T>
class [[nodiscard]] result {
   static_assert(!std::is_reference_v<T>, "noetl: result<T&> is not possible; use a pointer");

public:
   using value_type = T;

   result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
   result(noetl::error e) : state_(std::in_place_index<1>, std::move(e)) {}

   [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
   explicit operator bool() const noexcept { return has_value(); }

   [[nodiscard]] T& value() & { return check(), std::get<0>(state_); }
   [[nodiscard]] T const& value() const& { return check(), std::get<0>(state_); }
   [[nodiscard]] T&& value() && { return check(), std::get<0>(std::move(state_)); }

   T& operator*() & { return value(); }
   T const& operator*() const& { return value(); }
   T&& operator*() && { return std::move(*this).value(); }
   T* operator->() { return &value(); }
   T const* operator->() const { return &value(); }

   /// \pre !has_value()
   [[nodiscard]] noetl::error const& error() const& { return std::get<1>(state_); }
   [[nodiscard]] noetl::error&& error() && { return std::get<1>(std::move(state_)); }

   template <class U>
   [[nodiscard]] T value_or(U&& fallback) const& {
      return has_value() ? std::get<0>(state_) : static_cast<T>(std::forward<U>(fallback));
   }

private:
   void check() const {
      if (!has_value()) throw bad_result(std::get<1>(state_));
   }
   std::variant<T, noetl::error> state_;
};

/// Success without a value, or an error.
template <>
class [[nodiscard]] result<void> {
public:
   using value_type = void;

   result() = default;
   result(noetl::error e) : error_(std::move(e)), failed_(true) {}

   [[nodiscard]] bool has_value() const noexcept { return !failed_; }
   explicit operator bool() const noexcept { return has_value(); }
   void value() const {
      if (failed_) throw bad_result(error_);
   }
   /// \pre !has_value()
   [[nodiscard]] noetl::error const& error() const& { return error_; }
   [[nodiscard]] noetl::error&& error() && { return std::move(error_); }

private:
   noetl::error error_{};
   bool failed_ = false;
};

template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<result<T>> = true;

/// `return fail(error_code::not_found, "Playbook not found: " + path);`
inline error fail(error_code code, std::string message, std::string detail = {}) {
   return {code, std::move(message), std::move(detail)};
}

} // namespace noetl
