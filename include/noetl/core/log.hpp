// core/log.hpp: structured logging: an event name and fields, to a sink that a program chooses.
// Knows core/ only; without a sink of the program's, lines go to stderr. core/log_spdlog.hpp installs spdlog.
#pragma once

#include <array>
#include <atomic>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <noetl/core/json_text.hpp>
#include <noetl/core/secret.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>

namespace noetl::log {

/// What a line is worth. Lines below the level set are not made.
enum class level : std::uint8_t { debug, info, warn, error, off };

constexpr std::string_view to_text(level l) noexcept {
   switch (l) {
   case level::debug: return "debug";
   case level::info: return "info";
   case level::warn: return "warn";
   case level::error: return "error";
   case level::off: return "off";
   }
   return "off";
}

constexpr auto all_values(level) noexcept {
   return std::array{level::debug, level::info, level::warn, level::error, level::off};
}

/// How a line looks: `key=value` pairs (logfmt), or one JSON object.
enum class format : std::uint8_t { text, json };

constexpr std::string_view to_text(format f) noexcept {
   return f == format::json ? "json" : "text";
}
constexpr auto all_values(format) noexcept {
   return std::array{format::text, format::json};
}

/// A name and a value. Texts are not copied: a field lives inside the call that it is made for. Secrets are masked.
class field {
public:
   using value_type = std::variant<std::nullptr_t, std::string_view, std::int64_t, std::uint64_t, double, bool>;

   field(std::string_view key, std::string_view text) : key_(key), value_(text) {}
   field(std::string_view key, char const* text) : key_(key), value_(std::string_view(text)) {}
   field(std::string_view key, std::string const& text) : key_(key), value_(std::string_view(text)) {}
   field(std::string_view key, secret const&) : key_(key), value_(secret::masked) {}
   field(std::string_view key, bool value) : key_(key), value_(value) {}
   field(std::string_view key, std::signed_integral auto value) : key_(key), value_(std::int64_t{value}) {}
   field(std::string_view key, std::unsigned_integral auto value) : key_(key), value_(std::uint64_t{value}) {}
   field(std::string_view key, std::floating_point auto value) : key_(key), value_(double{value}) {}
   template <fixed_string Name, class Rep>
   field(std::string_view key, strong<Name, Rep> id) : field(key, id.value) {}
   template <class T>
   field(std::string_view key, std::optional<T> const& value) : key_(key), value_(nullptr) {
      if (value) value_ = field(key, *value).value_;
   }

   [[nodiscard]] std::string_view key() const noexcept { return key_; }
   [[nodiscard]] value_type const& value() const noexcept { return value_; }

private:
   std::string_view key_;
   value_type value_;
};

/// One line before it has a form. Valid during the call of the sink only.
struct record {
   timestamp time;
   level severity;
   std::string_view event;
   std::span<field const> fields;
};

/// Receives every line at or above the level; called from any thread, also from several at once. Must not throw.
using sink = std::function<void(record const&)>;

namespace detail {

inline void append_value(std::string& out, field::value_type const& value, format how) {
   std::array<char, 64> buffer;
   auto const number = [&](auto n) {
      out.append(buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), n).ptr);
   };
   auto const text = [&](std::string_view s) {
      bool const bare = how == format::text && !s.empty() && s.find_first_of(" =\"\\") == std::string_view::npos &&
                        skip_plain_json(s.data(), s.data() + s.size()) == s.data() + s.size();
      if (bare)
         out.append(s);
      else
         append_json_string(out, s);
   };
   std::visit(
       [&]<class T>(T const& v) {
          if constexpr (std::same_as<T, std::nullptr_t>)
             out.append("null");
          else if constexpr (std::same_as<T, bool>)
             out.append(v ? "true" : "false");
          else if constexpr (std::same_as<T, std::string_view>)
             text(v);
          else if constexpr (std::same_as<T, double>) {
             if (v - v == 0)
                number(v);
             else
                text("not finite"); // JSON has no NaN
          } else
             number(v);
       },
       value);
}

} // namespace detail

/// Appends a record as one line without its end: time (RFC 3339), level, event, then the fields in their order.
inline void append_line(std::string& out, record const& line, format how) {
   bool const json = how == format::json;
   out.append(json ? R"({"time":")" : "time=");
   append_rfc3339(out, line.time);
   out.append(json ? R"(","level":")" : " level=").append(to_text(line.severity));
   out.append(json ? R"(","event":)" : " event=");
   detail::append_value(out, line.event, how);
   for (field const& f : line.fields) {
      if (json) {
         out.push_back(',');
         append_json_string(out, f.key());
         out.push_back(':');
      } else {
         out.append(" ").append(f.key()).append("=");
      }
      detail::append_value(out, f.value(), how);
   }
   if (json) out.push_back('}');
}

/// A sink that writes whole lines to stderr.
inline sink stderr_sink(format how) {
   return [how](record const& line) {
      std::string text;
      append_line(text, line, how);
      text.push_back('\n');
      std::fwrite(text.data(), 1, text.size(), stderr); // one call, so that lines of several threads do not mix
   };
}

namespace detail {

// One sink for the program. Held by shared_ptr, so that a line being written keeps the sink that it began with.
class outlet {
public:
   static outlet& instance() {
      static outlet only;
      return only;
   }
   void set(sink s) {
      auto fresh = std::make_shared<sink const>(std::move(s));
      std::scoped_lock const lock(mutex_);
      sink_.swap(fresh);
   }
   std::shared_ptr<sink const> get() {
      std::scoped_lock const lock(mutex_);
      return sink_;
   }
   std::atomic<level> threshold{level::info};

private:
   std::mutex mutex_;
   std::shared_ptr<sink const> sink_ = std::make_shared<sink const>(stderr_sink(format::text));
};

} // namespace detail

/// Replaces the sink. Thread-safe; lines under way still go to the old one.
inline void set_sink(sink s) {
   detail::outlet::instance().set(std::move(s));
}

/// Thread-safe, takes effect at once.
inline void set_level(level lowest) noexcept {
   detail::outlet::instance().threshold.store(lowest);
}
inline level current_level() noexcept {
   return detail::outlet::instance().threshold.load(std::memory_order_relaxed);
}
inline bool enabled(level l) noexcept {
   return l >= current_level() && l != level::off;
}

/// Writes one line when its level is enabled. `event` is a short dotted name that never holds values: what varies goes
/// into fields. `log::info("server.started", {{"port", port}, {"host", host}})`
inline void write(level severity, std::string_view event, std::initializer_list<field> fields = {}) {
   if (!enabled(severity)) return;
   auto const target = detail::outlet::instance().get();
   (*target)({now(), severity, event, {fields.begin(), fields.size()}});
}

inline void debug(std::string_view event, std::initializer_list<field> fields = {}) {
   write(level::debug, event, fields);
}
inline void info(std::string_view event, std::initializer_list<field> fields = {}) {
   write(level::info, event, fields);
}
inline void warn(std::string_view event, std::initializer_list<field> fields = {}) {
   write(level::warn, event, fields);
}
inline void error(std::string_view event, std::initializer_list<field> fields = {}) {
   write(level::error, event, fields);
}

} // namespace noetl::log
