// http/handler.hpp: calls a handler with what it takes and turns what it returns into a response.
// Knows core, reflect and asio's awaitable.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <boost/asio/awaitable.hpp>

#include <noetl/core/result.hpp>
#include <noetl/http/errors.hpp>
#include <noetl/http/message.hpp>
#include <noetl/http/parameter.hpp>
#include <noetl/reflect/json.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/schema.hpp>

namespace noetl::http::detail {

template <class R>
struct returned {
   static constexpr bool fits = false;
};
template <class T>
struct returned<result<T>> {
   static constexpr bool fits = true;
   static constexpr bool later = false;
   using type = T;
};
template <class T, class Executor>
struct returned<boost::asio::awaitable<result<T>, Executor>> {
   static constexpr bool fits = true;
   static constexpr bool later = true;
   using type = T;
};

template <class F>
struct signature; // undefined: not something with one call operator
template <class R, class... P>
struct signature<R (*)(P...)> {
   using result_type = R;
   template <template <class...> class List>
   using parameters = List<P...>;
};
template <class R, class... P>
struct signature<R (*)(P...) noexcept> : signature<R (*)(P...)> {};
template <class C, class R, class... P>
struct signature<R (C::*)(P...) const> : signature<R (*)(P...)> {};
template <class C, class R, class... P>
struct signature<R (C::*)(P...) const noexcept> : signature<R (*)(P...)> {};
template <class F>
requires requires {
   &F::operator();
}
struct signature<F> : signature<decltype(&F::operator())> {};

template <auto Handler>
using signature_type = signature<std::remove_cv_t<decltype(Handler)>>;

template <auto Handler>
concept callable_once = requires {
   typename signature_type<Handler>::result_type;
};

// Holds the arguments of one call while they are collected.
template <class... P>
struct arguments {
   std::tuple<typename parameter<P>::slot...> slots{};

   // Fills from left to right; stops at the first that does not fit.
   std::optional<error> fill(call const& c) {
      return [&]<std::size_t... I>(std::index_sequence<I...>) {
         std::optional<error> wrong;
         static_cast<void>(((wrong = parameter<P>::fill(std::get<I>(slots), c), !wrong) && ...));
         return wrong;
      }
      (std::index_sequence_for<P...>{});
   }
   template <auto Handler>
   auto run() {
      return [&]<std::size_t... I>(std::index_sequence<I...>) {
         return Handler(parameter<P>::take(std::get<I>(slots))...);
      }
      (std::index_sequence_for<P...>{});
   }
};

template <auto Handler>
using arguments_of = typename signature_type<Handler>::template parameters<arguments>;

// What a handler's value becomes.
inline response to_response(response&& value) {
   return std::move(value);
}
inline response to_response(raw_json&& value) {
   return {.body = value.empty() ? std::string("null") : std::move(value.text)};
}
template <class T>
response to_response(T&& value) {
   response out;
   append_json(out.body, value);
   return out;
}
template <class T>
response to_response(reply<T>&& value) {
   auto out = to_response(std::move(value.body));
   out.status = value.status;
   for (auto& field : value.headers) out.headers.push_back(std::move(field));
   return out;
}

template <class T>
response to_response(result<T>&& outcome, call const& c) {
   if (!outcome) return refused(outcome.error(), c.received);
   if constexpr (std::is_void_v<T>) {
      return {.status = 204};
   } else {
      return to_response(*std::move(outcome));
   }
}

// \pre called while an exception is being handled
inline response escaped(call const& c) {
   std::string what = "not a std::exception";
   try {
      throw;
   } catch (std::exception const& thrown) {
      what = thrown.what();
   } catch (...) { // whatever it was, the caller gets an answer and the log a line
   }
   return refused(fail(error_code::internal, "Internal error", std::move(what)), c.received);
}

// ---- what OpenAPI wants to know ----

using schema_function = void (*)(std::string&);

template <class T>
void write_schema(std::string& out) {
   if constexpr (is_optional<T>)
      append_schema(out, std::type_identity<typename T::value_type>{});
   else
      append_schema(out, std::type_identity<T>{});
}

struct parameter_description {
   std::string_view name;
   parameter_kind in = parameter_kind::query; // path, query or header
   bool required = true;
   schema_function schema = nullptr;
};

template <class P>
inline constexpr std::size_t described_count = 0;
template <class P>
requires(parameter<P>::kind == parameter_kind::path) inline constexpr std::size_t described_count<P> = 1;
template <fixed_string Name>
inline constexpr std::size_t described_count<header_text<Name>> = 1;
template <class T>
inline constexpr std::size_t described_count<query<T>> = field_count<T>;

template <class P>
constexpr void describe(parameter_description*& at) {
   if constexpr (parameter<P>::kind == parameter_kind::path) {
      if constexpr (is_strong<P>)
         *at++ = {P::name, parameter_kind::path, true, &write_schema<P>};
      else
         *at++ = {P::name, parameter_kind::path, true, &write_schema<std::string>};
   } else if constexpr (parameter<P>::kind == parameter_kind::header) {
      *at++ = {P::name, parameter_kind::header, false, &write_schema<std::string>};
   } else if constexpr (parameter<P>::kind == parameter_kind::query) {
      using T = typename parameter<P>::content;
      using layout = noetl::detail::json_layout<T>;
      for_each_field_index<T>([&](auto i) {
         bool const may_miss = is_optional<field_type<T, i>> || layout::marks.defaulted[i] || layout::marks.omitted[i];
         *at++ = {field_name<T, i>, parameter_kind::query, !may_miss, &write_schema<field_type<T, i>>};
      });
   }
}

struct body_description {
   schema_function schema = nullptr; // nullptr: no JSON body
   bool required = false;
};

template <class P>
constexpr void describe_body(body_description& out) {
   if constexpr (parameter<P>::kind == parameter_kind::body)
      out = {&write_schema<typename parameter<P>::content>, parameter<P>::required};
}

template <class T>
constexpr schema_function answer_schema() {
   if constexpr (is_reply<T>)
      return answer_schema<decltype(T::body)>();
   else if constexpr (std::is_void_v<T> || std::is_same_v<T, response>)
      return nullptr;
   else
      return &write_schema<T>;
}

struct handler_description {
   std::span<parameter_description const> parameters{};
   body_description body{};
   schema_function answer = nullptr; // nullptr: not JSON, or nothing
   bool answers_nothing = false;
};

template <class... P>
struct described_parameters {
   static constexpr auto list = [] {
      std::array<parameter_description, (described_count<P> + ... + 0)> all{};
      [[maybe_unused]] auto* at = all.data();
      (describe<P>(at), ...);
      return all;
   }();
   static constexpr auto body = [] {
      body_description found;
      (describe_body<P>(found), ...);
      return found;
   }();
};

template <auto Handler>
inline constexpr handler_description described = [] {
   using given = typename signature_type<Handler>::template parameters<described_parameters>;
   using value = typename returned<typename signature_type<Handler>::result_type>::type;
   return handler_description{given::list, given::body, answer_schema<value>(), std::is_void_v<value>};
}();

using now_function = response (*)(call const&);
using later_function = boost::asio::awaitable<response> (*)(call);
using guard_function = std::optional<response> (*)(call const&);

template <auto Handler>
response answer_now(call const& c) {
   try {
      arguments_of<Handler> given;
      if (auto wrong = given.fill(c)) return refused(*wrong, c.received);
      return to_response(given.template run<Handler>(), c);
   } catch (...) {
      return escaped(c);
   }
}

template <auto Handler>
boost::asio::awaitable<response> answer_later(call c) {
   try {
      arguments_of<Handler> given;
      if (auto wrong = given.fill(c)) co_return refused(*wrong, c.received);
      auto pending = given.template run<Handler>();
      auto outcome = co_await std::move(pending);
      co_return to_response(std::move(outcome), c);
   } catch (...) {
      co_return escaped(c);
   }
}

template <auto Guard>
std::optional<response> ask_guard(call const& c) {
   try {
      arguments_of<Guard> given;
      if (auto wrong = given.fill(c)) return refused(*wrong, c.received);
      auto answer = given.template run<Guard>();
      if constexpr (std::is_same_v<decltype(answer), std::optional<response>>) {
         return answer;
      } else {
         if (answer) return std::nullopt;
         return refused(answer.error(), c.received);
      }
   } catch (...) {
      return escaped(c);
   }
}

} // namespace noetl::http::detail
