// http/parameter.hpp: what a handler may take, and how each kind is filled from a request.
// Knows core and reflect.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <noetl/core/fixed_string.hpp>
#include <noetl/core/number_text.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/http/message.hpp>
#include <noetl/http/pattern.hpp>
#include <noetl/http/percent.hpp>
#include <noetl/http/query.hpp>
#include <noetl/http/services.hpp>
#include <noetl/reflect/json.hpp>

namespace noetl::http {

/// Path parameter `{name}` or `{name...}` as decoded text.
template <fixed_string Name>
struct path_text {
   static constexpr std::string_view name = Name.view();
   std::string value;
};

/// Request header as text; nothing when the request has none of that name. Names compare without case.
template <fixed_string Name>
struct header_text {
   static constexpr std::string_view name = Name.view();
   std::optional<std::string> value{};
   [[nodiscard]] bool has_value() const noexcept { return value.has_value(); }
   [[nodiscard]] std::string const* operator->() const noexcept { return &*value; }
   [[nodiscard]] std::string const& operator*() const noexcept { return *value; }
};

/// The query string as a plain struct. See http/query.hpp for its rules.
template <class T>
struct query {
   T value{};
   [[nodiscard]] T const* operator->() const noexcept { return &value; }
   [[nodiscard]] T const& operator*() const noexcept { return value; }
};

/// The JSON body as a plain struct, a list, a map or raw_json. Needs a JSON content type.
template <class T>
struct body {
   T value{};
   [[nodiscard]] T* operator->() noexcept { return &value; }
   [[nodiscard]] T const* operator->() const noexcept { return &value; }
   [[nodiscard]] T& operator*() noexcept { return value; }
   [[nodiscard]] T const& operator*() const noexcept { return value; }
};

/// Like body<T>, but a request without content type has none, even when bytes are there.
template <class T>
struct optional_body {
   std::optional<T> value{};
   [[nodiscard]] bool has_value() const noexcept { return value.has_value(); }
   [[nodiscard]] explicit operator bool() const noexcept { return value.has_value(); }
   [[nodiscard]] T const* operator->() const noexcept { return &*value; }
   [[nodiscard]] T const& operator*() const noexcept { return *value; }
};

/// True for application/json and application/*+json, with or without parameters.
constexpr bool is_json_type(std::string_view content_type) noexcept {
   auto type = content_type.substr(0, content_type.find(';'));
   while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
   constexpr std::string_view family = "application/";
   if (type.size() <= family.size() || !equal_ignoring_case(type.substr(0, family.size()), family)) return false;
   auto const subtype = type.substr(family.size());
   if (equal_ignoring_case(subtype, "json")) return true;
   return subtype.size() > 5 && equal_ignoring_case(subtype.substr(subtype.size() - 5), "+json");
}

namespace detail {

/// One request on its way through a handler. Refers to objects that outlive it.
struct call {
   request const& received;
   pattern const& shape;
   captures const& found;
   service_refs services;
};

enum class parameter_kind : std::uint8_t { unknown, service, request, path, query, header, body };

// How a parameter of type P is filled: `slot` waits for its value, `fill` puts it there or says why not, `take` hands
// it to the handler.
template <class P>
struct parameter {
   static constexpr auto kind = parameter_kind::unknown;
};

template <class S>
requires std::is_class_v<S>
struct parameter<S&> {
   static constexpr auto kind = parameter_kind::service;
   using slot = S*;
   static std::optional<error> fill(slot& at, call const& c) {
      at = &find_service<S>(c.services);
      return std::nullopt;
   }
   static S& take(slot& at) { return *at; }
};

template <>
struct parameter<request const&> {
   static constexpr auto kind = parameter_kind::request;
   using slot = request const*;
   static std::optional<error> fill(slot& at, call const& c) {
      at = &c.received;
      return std::nullopt;
   }
   static request const& take(slot& at) { return *at; }
};

template <class P>
struct by_value {
   using slot = P;
   static P&& take(slot& at) { return std::move(at); }
};

template <fixed_string Name, class Rep>
struct parameter<strong<Name, Rep>> : by_value<strong<Name, Rep>> {
   static constexpr auto kind = parameter_kind::path;
   static constexpr std::string_view name = Name.view();
   static std::optional<error> fill(strong<Name, Rep>& at, call const& c) {
      std::string_view text = c.found[c.shape.placeholder(name)];
      std::optional<std::string> decoded;
      if (text.find('%') != text.npos && (decoded = decode_path(text))) text = *decoded;
      if (auto const value = parse_number<Rep>(text)) return at.value = *value, std::nullopt;
      return fail(error_code::bad_request, "path parameter '" + std::string(name) + "': expected an integer in range");
   }
};

template <fixed_string Name>
struct parameter<path_text<Name>> : by_value<path_text<Name>> {
   static constexpr auto kind = parameter_kind::path;
   static constexpr std::string_view name = Name.view();
   static std::optional<error> fill(path_text<Name>& at, call const& c) {
      auto decoded = decode_path(c.found[c.shape.placeholder(name)]);
      if (!decoded) return fail(error_code::bad_request, "path parameter '" + std::string(name) + "' is not UTF-8");
      at.value = std::move(*decoded);
      return std::nullopt;
   }
};

template <class T>
struct parameter<query<T>> : by_value<query<T>> {
   static constexpr auto kind = parameter_kind::query;
   using content = T;
   static std::optional<error> fill(query<T>& at, call const& c) {
      auto read = read_query<T>(c.received.query);
      if (!read) return std::move(read).error();
      at.value = *std::move(read);
      return std::nullopt;
   }
};

template <fixed_string Name>
struct parameter<header_text<Name>> : by_value<header_text<Name>> {
   static constexpr auto kind = parameter_kind::header;
   static constexpr std::string_view name = Name.view();
   static std::optional<error> fill(header_text<Name>& at, call const& c) {
      if (c.received.headers.contains(name)) at.value = std::string(c.received.header(name));
      return std::nullopt;
   }
};

inline std::optional<error> check_json_type(request const& received) {
   if (is_json_type(received.header("content-type"))) return std::nullopt;
   return fail(error_code::unsupported_media, "expected content type application/json");
}

template <class T>
struct parameter<body<T>> : by_value<body<T>> {
   static constexpr auto kind = parameter_kind::body;
   static constexpr bool required = true;
   using content = T;
   static std::optional<error> fill(body<T>& at, call const& c) {
      if (auto wrong = check_json_type(c.received)) return wrong;
      auto read = from_json<T>(c.received.body);
      if (!read) return std::move(read).error();
      at.value = *std::move(read);
      return std::nullopt;
   }
};

template <class T>
struct parameter<optional_body<T>> : by_value<optional_body<T>> {
   static constexpr auto kind = parameter_kind::body;
   static constexpr bool required = false;
   using content = T;
   static std::optional<error> fill(optional_body<T>& at, call const& c) {
      if (!c.received.headers.contains("content-type")) return std::nullopt;
      if (auto wrong = check_json_type(c.received)) return wrong;
      auto read = from_json<T>(c.received.body);
      if (!read) return std::move(read).error();
      at.value = *std::move(read);
      return std::nullopt;
   }
};

} // namespace detail
} // namespace noetl::http
