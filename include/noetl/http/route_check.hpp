// http/route_check.hpp: what can be wrong with a route, one sentence each. The culprit is a template argument of the
// failing struct, so that the compiler's first line names it. Knows handler.hpp.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>

#include <noetl/core/fixed_string.hpp>
#include <noetl/http/detail/pattern_check.hpp>
#include <noetl/http/handler.hpp>
#include <noetl/http/message.hpp>
#include <noetl/http/pattern.hpp>
#include <noetl/http/services.hpp>

namespace noetl::http::detail {

// One parameter of a handler.
template <auto Handler, class P, class Services>
struct parameter_check {
   static constexpr auto kind = parameter<P>::kind;
   static constexpr bool known = kind != parameter_kind::unknown;
   static_assert(
       known,
       "noetl: a handler takes service&, request const&, ids, path_text, header_text, query, body or optional_body");
   static constexpr bool provided = [] {
      if constexpr (kind == parameter_kind::service) return Services::template has<std::remove_reference_t<P>>;
      return true;
   }();
   static_assert(provided, "noetl: a handler takes a service that its routes<services<...>> do not list");
   static constexpr bool ok = known && provided;
};

template <parameter_kind Kind, class... P>
inline constexpr std::size_t count_of = ((parameter<P>::kind == Kind ? std::size_t{1} : 0) + ... + 0);

template <auto Handler, class Services>
struct parameters_check {
   template <class... P>
   struct of {
      static constexpr bool each = (parameter_check<Handler, P, Services>::ok && ... && true);
      static constexpr bool one_body = count_of<parameter_kind::body, P...> <= 1;
      static_assert(one_body, "noetl: a handler takes one body at most");
      static constexpr bool ok = each && one_body;
   };
};

template <auto Handler>
struct handler_shape_check {
   static constexpr bool callable = callable_once<Handler>;
   static_assert(callable, "noetl: a handler is a function or a lambda without captures and without auto parameters");
   static constexpr bool fits = [] {
      if constexpr (callable) return returned<typename signature_type<Handler>::result_type>::fits;
      return true;
   }();
   static_assert(fits, "noetl: a handler returns result<T> or awaitable<result<T>>");
   static constexpr bool ok = callable && fits;
};

template <auto Handler, class Services>
constexpr bool handler_ok() {
   if constexpr (!handler_shape_check<Handler>::ok) {
      return false;
   } else {
      using list = signature_type<Handler>;
      return list::template parameters<parameters_check<Handler, Services>::template of>::ok;
   }
}

// A path parameter of a handler in a pattern.
template <fixed_string Pattern, auto Handler, class P>
struct path_parameter_check {
   static constexpr bool ok = [] {
      if constexpr (parameter<P>::kind == parameter_kind::path)
         return parse_pattern(Pattern.view()).placeholder(parameter<P>::name) != max_segments;
      return true;
   }();
   static_assert(ok, "noetl: a handler takes a path parameter that its route pattern does not name");
};

template <class P>
constexpr bool is_called(std::string_view name) noexcept {
   if constexpr (parameter<P>::kind == parameter_kind::path) return parameter<P>::name == name;
   return false;
}

template <verb Verb, fixed_string Pattern, auto Handler>
struct pairing_check {
   template <class... P>
   struct of {
      static constexpr bool named = (path_parameter_check<Pattern, Handler, P>::ok && ... && true);
      static constexpr bool taken = [] {
         auto const parsed = parse_pattern(Pattern.view());
         for (std::size_t i = 0; i < parsed.size; ++i) {
            auto const& part = parsed.segments[i];
            if (part.kind != segment_kind::literal && !(is_called<P>(part.text) || ... || false)) return false;
         }
         return true;
      }();
      static_assert(!named || taken, "noetl: a route pattern has a placeholder that its handler does not take");
      static constexpr bool bodyless = Verb != verb::get || count_of<parameter_kind::body, P...> == 0;
      static_assert(bodyless, "noetl: a GET route has no body");
      static constexpr bool ok = named && taken && bodyless;
   };
};

// Everything about one route; a later stage is looked at when the earlier ones are in order.
template <verb Verb, fixed_string Pattern, auto Handler, class Services>
struct route_check {
   static constexpr bool ok = [] {
      if constexpr (!pattern_check<Pattern>::ok) {
         return false;
      } else if constexpr (!handler_ok<Handler, Services>()) {
         return false;
      } else {
         using list = signature_type<Handler>;
         return list::template parameters<pairing_check<Verb, Pattern, Handler>::template of>::ok;
      }
   }();
};

template <auto Guard>
struct guard_shape_check {
   static constexpr bool callable = callable_once<Guard>;
   static_assert(callable, "noetl: a guard is a function or a lambda without captures and without auto parameters");
   static constexpr bool fits = [] {
      if constexpr (callable) {
         using R = typename signature_type<Guard>::result_type;
         return std::is_same_v<R, result<void>> || std::is_same_v<R, std::optional<response>>;
      }
      return true;
   }();
   static_assert(fits, "noetl: a guard returns result<void> or std::optional<response>");
   static constexpr bool ok = callable && fits;
};

template <auto Guard, class Services>
struct guard_check {
   static constexpr bool ok = [] {
      if constexpr (!guard_shape_check<Guard>::ok)
         return false;
      else
         return signature_type<Guard>::template parameters<parameters_check<Guard, Services>::template of>::ok;
   }();
};

template <verb Verb, fixed_string Pattern>
struct duplicate_check {
   static constexpr bool ok = Pattern.size() == 0; // never: only made for a route that stands there twice
   static_assert(ok, "noetl: two routes have the same verb and pattern");
};

} // namespace noetl::http::detail
