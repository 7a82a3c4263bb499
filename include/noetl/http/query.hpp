// http/query.hpp: a query string into a plain struct.
// Knows core, and from reflect the fields and rules of a struct.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <noetl/core/number_text.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/http/percent.hpp>
#include <noetl/reflect/fields.hpp>
#include <noetl/reflect/json_kinds.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::http {

namespace detail {

template <class T>
concept wraps_id = requires(T t) {
   t.value;
}
&&is_strong<std::remove_cvref_t<decltype(std::declval<T&>().value)>>;

template <class T>
struct text_reader_check {
   static_assert(!std::is_same_v<T, T>, "noetl: a query struct holds texts, numbers, booleans, ids, times, named enums "
                                        "and optionals of these only");
};

/// Reads one value; what it wanted instead is returned on a mismatch, nullptr when all is well.
template <class T>
char const* read_text(std::string&& text, T& out) {
   if constexpr (is_optional<T>) {
      return read_text(std::move(text), out.emplace());
   } else if constexpr (std::is_same_v<T, std::string>) {
      out = std::move(text);
      return nullptr;
   } else if constexpr (std::is_same_v<T, bool>) {
      if (text != "true" && text != "false") return "true or false";
      out = text == "true";
      return nullptr;
   } else if constexpr (std::is_arithmetic_v<T>) {
      if (auto const value = parse_number<T>(text)) return out = *value, nullptr;
      return std::is_integral_v<T> ? "an integer in range" : "a number";
   } else if constexpr (is_strong<T> || wraps_id<T>) {
      return read_text(std::move(text), out.value);
   } else if constexpr (std::is_same_v<T, timestamp>) {
      auto read = from_rfc3339(text);
      if (!read) return "an RFC 3339 time with offset";
      out = *read;
      return nullptr;
   } else if constexpr (text_enum<T>) {
      for (T value : all_values(T{})) {
         if (to_text(value) != text) continue;
         out = value;
         return nullptr;
      }
      return "one of the known names";
   } else {
      text_reader_check<T>{};
      return nullptr;
   }
}

inline error query_misfit(std::string_view key, std::string_view what) {
   return fail(error_code::bad_request, "query parameter '" + std::string(key) + "': " + std::string(what));
}

/// Calls `f(key, value)` for each pair, both still encoded; stops when f returns false.
template <class F>
void for_each_query_pair(std::string_view query, F&& f) {
   while (!query.empty()) {
      auto const end = query.find('&');
      auto const pair = query.substr(0, end);
      query.remove_prefix(end == query.npos ? query.size() : end + 1);
      if (pair.empty()) continue;
      auto const equals = pair.find('=');
      auto const value = equals == pair.npos ? std::string_view{} : pair.substr(equals + 1);
      if (!f(pair.substr(0, equals), value)) return;
   }
}

} // namespace detail

/// Reads a query string into T. Names, aliases and defaults are those of the struct's JSON. Unknown keys are ignored;
/// a name or value that is not UTF-8, a known key given twice, a missing one or a value of the wrong form is
/// error_code::bad_request.
template <class T>
result<T> read_query(std::string_view query) {
   using layout = noetl::detail::json_layout<T>;
   T out{};
   std::array<bool, field_count<T>> given{};
   std::optional<error> misfit;
   detail::for_each_query_pair(query, [&](std::string_view raw_key, std::string_view raw_value) {
      auto const key = decode_query(raw_key);
      if (!key)
         return misfit = fail(error_code::bad_request, "query string: the name of a parameter is not UTF-8"), false;
      auto value = decode_query(raw_value);
      if (!value) return misfit = detail::query_misfit(*key, "is not UTF-8"), false;
      for (auto const& known : layout::keys) {
         if (known.name != *key) continue;
         if (given[known.field]) return misfit = detail::query_misfit(*key, "given twice"), false;
         given[known.field] = true;
         char const* wanted = nullptr;
         for_each_field(out, [&](auto index, auto& target) {
            if (index == known.field) wanted = detail::read_text(std::move(*value), target);
         });
         if (wanted != nullptr) misfit = detail::query_misfit(*key, std::string("expected ") + wanted);
         return wanted == nullptr;
      }
      return true;
   });
   if (misfit) return std::move(*misfit);
   for_each_field_index<T>([&](auto index) {
      if (misfit || given[index] || is_optional<field_type<T, index>> || layout::marks.defaulted[index] ||
          layout::marks.omitted[index])
         return;
      misfit = detail::query_misfit(field_name<T, index>, "is missing");
   });
   if (misfit) return std::move(*misfit);
   return out;
}

} // namespace noetl::http
