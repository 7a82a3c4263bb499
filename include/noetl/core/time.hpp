// core/time.hpp: UTC points in time, as text and back (RFC 3339, and PostgreSQL's zone-less form).
// Knows core/result.hpp only. Sources: RFC 3339 section 5.6; PostgreSQL manual 8.5.2.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <noetl/core/result.hpp>

namespace noetl {

/// A UTC instant. Nanoseconds, so that a worker's time survives the way in; PostgreSQL keeps microseconds.
using timestamp = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

/// The present, in whole microseconds, so that what is stored equals what was answered.
inline timestamp now() {
   return std::chrono::time_point_cast<std::chrono::nanoseconds>(
       std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()));
}

namespace detail {

struct civil_time {
   int year;
   unsigned month, day, hour, minute, second, nanosecond;
};

inline civil_time to_civil(timestamp t) {
   auto const day = std::chrono::floor<std::chrono::days>(t);
   std::chrono::year_month_day const date{day};
   auto const rest = static_cast<std::uint64_t>((t - day).count());
   auto const seconds = rest / 1'000'000'000U;
   return {static_cast<int>(date.year()),
           static_cast<unsigned>(date.month()),
           static_cast<unsigned>(date.day()),
           static_cast<unsigned>(seconds / 3600U),
           static_cast<unsigned>(seconds / 60U % 60U),
           static_cast<unsigned>(seconds % 60U),
           static_cast<unsigned>(rest % 1'000'000'000U)};
}

inline char* put_digits(char* at, unsigned value, int width) {
   for (int i = width - 1; i >= 0; --i, value /= 10) at[i] = static_cast<char>('0' + value % 10);
   return at + width;
}

// "YYYY-MM-DD?HH:MM:SS", 19 characters.
inline char* put_date_time(char* at, civil_time const& c, char between) {
   at = put_digits(at, static_cast<unsigned>(c.year), 4), *at++ = '-';
   at = put_digits(at, c.month, 2), *at++ = '-';
   at = put_digits(at, c.day, 2), *at++ = between;
   at = put_digits(at, c.hour, 2), *at++ = ':';
   at = put_digits(at, c.minute, 2), *at++ = ':';
   return put_digits(at, c.second, 2);
}

class time_reader {
public:
   explicit time_reader(std::string_view text) : rest_(text) {}

   bool digits(std::size_t count, int& value) {
      if (rest_.size() < count) return false;
      value = 0;
      for (std::size_t i = 0; i < count; ++i) {
         if (rest_[i] < '0' || rest_[i] > '9') return false;
         value = value * 10 + (rest_[i] - '0');
      }
      rest_.remove_prefix(count);
      return true;
   }
   bool one_of(std::string_view characters) {
      if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos) return false;
      rest_.remove_prefix(1);
      return true;
   }
   // Digits after the ninth are read and dropped.
   bool fraction(std::int64_t& nanoseconds) {
      std::int64_t unit = 100'000'000;
      if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') return false;
      for (nanoseconds = 0; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; unit /= 10) {
         nanoseconds += (rest_.front() - '0') * unit;
         rest_.remove_prefix(1);
      }
      return true;
   }
   [[nodiscard]] bool at_end() const { return rest_.empty(); }
   [[nodiscard]] char peek() const { return rest_.empty() ? '\0' : rest_.front(); }

private:
   std::string_view rest_;
};

enum class zone { rfc3339, sql };

// Both forms are date, separator, time, fraction, offset; they differ in the separator and in how an offset may look.
inline bool read_time(std::string_view text, zone form, timestamp& out) {
   time_reader in(text);
   int year{}, month{}, day{}, hour{}, minute{}, second{};
   std::int64_t nanoseconds = 0;
   if (!(in.digits(4, year) && in.one_of("-") && in.digits(2, month) && in.one_of("-") && in.digits(2, day) &&
         in.one_of("Tt ") && in.digits(2, hour) && in.one_of(":") && in.digits(2, minute) && in.one_of(":") &&
         in.digits(2, second)))
      return false;
   if (in.one_of(".") && !in.fraction(nanoseconds)) return false;

   int offset_minutes = 0;
   if (in.peek() == '+' || in.peek() == '-') {
      int const sign = in.peek() == '-' ? -1 : 1;
      int hours{}, minutes{};
      in.one_of("+-");
      if (!in.digits(2, hours)) return false;
      bool const colon = in.one_of(":");
      if (colon ? !in.digits(2, minutes) : form == zone::rfc3339) return false;
      if (hours > 23 || minutes > 59) return false;
      offset_minutes = sign * (hours * 60 + minutes);
   } else if (!in.one_of("Zz") && form == zone::rfc3339) {
      return false;
   }
   if (!in.at_end()) return false;

   std::chrono::year_month_day const date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                          std::chrono::day{static_cast<unsigned>(day)}};
   // 60 is a leap second; it becomes the first second of the next minute.
   if (!date.ok() || hour > 23 || minute > 59 || second > 60) return false;
   // The years that 64 bits of nanoseconds hold, with a day of margin for the offset.
   if (year < 1678 || year > 2261) return false;
   out = std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::sys_days{date}) +
         std::chrono::hours{hour} + std::chrono::minutes{minute - offset_minutes} + std::chrono::seconds{second} +
         std::chrono::nanoseconds{nanoseconds};
   return true;
}

} // namespace detail

/// Appends `t` as RFC 3339 in UTC with `Z`; the fraction has 0, 3, 6 or 9 digits, the fewest that lose nothing.
inline void append_rfc3339(std::string& out, timestamp t) {
   auto const c = detail::to_civil(t);
   std::array<char, 32> buffer;
   char* end = detail::put_date_time(buffer.data(), c, 'T');
   if (c.nanosecond != 0) {
      *end++ = '.';
      if (c.nanosecond % 1'000'000 == 0)
         end = detail::put_digits(end, c.nanosecond / 1'000'000, 3);
      else if (c.nanosecond % 1'000 == 0)
         end = detail::put_digits(end, c.nanosecond / 1'000, 6);
      else
         end = detail::put_digits(end, c.nanosecond, 9);
   }
   *end++ = 'Z';
   out.append(buffer.data(), end);
}

/// \copydoc append_rfc3339
inline std::string to_rfc3339(timestamp t) {
   std::string out;
   append_rfc3339(out, t);
   return out;
}

/// Reads RFC 3339: the offset is required (`Z` or `+hh:mm`), digits of the fraction beyond the ninth are dropped.
/// \return error_code::validation for any other text and for years outside 1678..2261 (64 bits of nanoseconds)
inline result<timestamp> from_rfc3339(std::string_view text) {
   timestamp out;
   if (!detail::read_time(text, detail::zone::rfc3339, out))
      return fail(error_code::validation, "expected an RFC 3339 time with an offset, such as 2026-01-31T12:00:00Z",
                  std::string(text));
   return out;
}

/// `t` as PostgreSQL's `timestamp`, in UTC: "YYYY-MM-DD HH:MM:SS.ffffff". Below a microsecond it is cut off.
inline std::string to_sql(timestamp t) {
   auto const c = detail::to_civil(t);
   std::array<char, 32> buffer;
   char* end = detail::put_date_time(buffer.data(), c, ' ');
   *end++ = '.';
   end = detail::put_digits(end, c.nanosecond / 1'000, 6);
   return {buffer.data(), end};
}

/// Reads what PostgreSQL prints for `timestamp` and `timestamptz` (DateStyle ISO): with or without a fraction, with or
/// without an offset (`+00`, `+05:30`); without one it is UTC.
/// \return error_code::validation for any other text, `infinity` among them
inline result<timestamp> from_sql(std::string_view text) {
   timestamp out;
   if (!detail::read_time(text, detail::zone::sql, out))
      return fail(error_code::validation, "expected a time such as 2026-01-31 12:00:00.000000", std::string(text));
   return out;
}

} // namespace noetl
