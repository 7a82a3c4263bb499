// reflect/fields.hpp: the fields of a plain struct: how many, their types, their names, access by index.
// Access is Boost.PFR. Names come from PFR since Boost 1.84; below that a polyfill reads them from the compiler's own
// spelling of a pointer to the member. This is the only header that knows the difference.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include <boost/pfr/core.hpp>
#include <boost/pfr/tuple_size.hpp>
#include <boost/version.hpp>

#if BOOST_VERSION >= 108400
#include <boost/pfr/core_name.hpp>
#endif

namespace noetl {

/// A type whose fields can be listed: a struct without constructors, private members, bases or C arrays. Nested type
/// aliases, static members and member functions do no harm. At most 100 fields (Boost.PFR).
template <class T>
concept reflected = std::is_aggregate_v<T> && std::is_class_v<T>;

namespace detail {

#if BOOST_VERSION >= 108400

template <class T, std::size_t I>
constexpr std::string_view find_field_name() {
   return boost::pfr::get_name<I, T>();
}

#else

// An object that is only ever named, never defined: the address of a member of it is a constant expression whatever the
// member's type, and the compiler prints the member's name when it prints the address.
template <class T>
struct unmade {
   T const value;
};
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-var-template"
#pragma clang diagnostic ignored "-Wundefined-internal"
#endif
template <class T>
extern unmade<T> const nowhere;

template <class P>
struct address { // Clang 14 takes a pointer into an object as template argument only inside a class
   P of;
};
template <class P>
address(P) -> address<P>;

template <address A>
constexpr char const* spelled() {
   return __PRETTY_FUNCTION__;
}

// GCC 12 ends with "...holder::value.shipment::weight_kg)}]", Clang 14 with "...value.weight_kg}]".
constexpr std::string_view last_identifier(std::string_view text) {
   auto const in_name = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
   };
   while (!text.empty() && !in_name(text.back())) text.remove_suffix(1);
   std::size_t start = text.size();
   while (start > 0 && in_name(text[start - 1])) --start;
   return text.substr(start);
}

template <class T, std::size_t I>
constexpr std::string_view find_field_name() {
   return last_identifier(spelled<address{std::addressof(boost::pfr::get<I>(nowhere<T>.value))}>());
}
#ifdef __clang__
#pragma clang diagnostic pop
#endif

#endif

// The name alone, so that the compiler's long spelling does not end up in the program.
template <class T, std::size_t I>
struct field_name_storage {
   static constexpr auto text = [] {
      constexpr std::string_view found = find_field_name<T, I>();
      std::array<char, found.size()> copy{};
      for (std::size_t i = 0; i < found.size(); ++i) copy[i] = found[i];
      return copy;
   }();
};

template <class T>
struct reflected_check {
   static_assert(reflected<T>,
                 "noetl: only plain structs are reflected: no constructors, private members, base classes or unions");
};

} // namespace detail

/// Number of fields of T.
template <class T>
inline constexpr std::size_t field_count = [] {
   static_cast<void>(sizeof(detail::reflected_check<T>));
   if constexpr (reflected<T>)
      return boost::pfr::tuple_size_v<T>;
   else
      return std::size_t{0}; // the mistake is reported; say nothing more
}();

/// Type of field I of T.
template <class T, std::size_t I>
using field_type = std::remove_cvref_t<decltype(boost::pfr::get<I>(std::declval<T&>()))>;

/// Name of field I of T, as written in the struct.
template <class T, std::size_t I>
inline constexpr std::string_view field_name{detail::field_name_storage<T, I>::text.data(),
                                             detail::field_name_storage<T, I>::text.size()};

/// Names of all fields of T in declaration order.
template <class T>
inline constexpr auto field_names = []<std::size_t... I>(std::index_sequence<I...>) {
   return std::array<std::string_view, sizeof...(I)>{field_name<T, I>...};
}
(std::make_index_sequence<field_count<T>>{});

/// Index of the field called `name`, or field_count<T> when there is none.
template <class T>
constexpr std::size_t field_index(std::string_view name) noexcept {
   std::size_t i = 0;
   while (i < field_count<T> && field_names<T>[i] != name) ++i;
   return i;
}

template <class T>
constexpr bool has_field(std::string_view name) noexcept {
   return field_index<T>(name) < field_count<T>;
}

/// Field I of `object`, by reference.
template <std::size_t I, class T>
constexpr auto& field(T& object) noexcept {
   return boost::pfr::get<I>(object);
}

/// Calls `f(index, field)` for each field in declaration order; `index` is a std::integral_constant, so that
/// `field_name<T, index>` works inside.
template <class T, class F>
constexpr void for_each_field(T& object, F&& f) {
   [&]<std::size_t... I>(std::index_sequence<I...>) {
      (f(std::integral_constant<std::size_t, I>{}, field<I>(object)), ...);
   }
   (std::make_index_sequence<field_count<std::remove_const_t<T>>>{});
}

/// Calls `f(index)` for each field of T, without an object.
template <class T, class F>
constexpr void for_each_field_index(F&& f) {
   [&]<std::size_t... I>(std::index_sequence<I...>) {
      (f(std::integral_constant<std::size_t, I>{}), ...);
   }
   (std::make_index_sequence<field_count<T>>{});
}

} // namespace noetl
