// http/route.hpp: the route table as a constant: `routes<services>(get<"/x/{id}", show>, under<"/y">(...))`.
// The types only say it; what remains is an array that ordinary functions walk. Knows core, reflect, asio's awaitable.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>

#include <noetl/core/fixed_string.hpp>
#include <noetl/http/handler.hpp>
#include <noetl/http/message.hpp>
#include <noetl/http/pattern.hpp>
#include <noetl/http/route_check.hpp>
#include <noetl/http/services.hpp>

namespace noetl::http {

/// What a route may say beside verb, pattern and handler.
struct route_options {
   std::size_t body_limit = 0; ///< bytes; longer bodies are answered 413. 0 means the router's own limit
   std::string_view summary{}; ///< one line for OpenAPI; a literal
   std::string_view tag{};     ///< section in OpenAPI; a literal. A group's tag is taken when empty
   unsigned success = 200;     ///< status for OpenAPI when a handler's reply<T> sets another one
   bool hidden = false;        ///< not in OpenAPI: a route that only refuses
};

/// One route as data. Everything it points to lives as long as the program.
struct route_entry {
   verb method = verb::get;
   http::pattern const* shape = nullptr;
   detail::now_function now = nullptr;     ///< exactly one of `now`
   detail::later_function later = nullptr; ///< and `later` is set
   std::array<detail::guard_function, 3> guards{};
   route_options options{};
   detail::handler_description const* about = nullptr; ///< for OpenAPI

   [[nodiscard]] constexpr std::string_view pattern() const noexcept { return shape->text; }
};

/// Where a request goes.
struct route_match {
   route_entry const* route = nullptr; ///< nullptr when there is none
   verb_set allowed{};                 ///< verbs of the path's routes; empty when the path is unknown
   captures found{};
   bool served = false; ///< there is a route: GCC compares no address in constant expressions under UBSan

   [[nodiscard]] constexpr explicit operator bool() const noexcept { return served; }
};

/// Looks a path up. HEAD goes to the GET route. \param entries in the order of `routes` and `join`
constexpr route_match find_route(std::span<route_entry const> entries, verb method, std::string_view path) noexcept {
   auto const cut = split(path);
   route_match match;
   for (std::size_t i = 0; i < entries.size(); ++i) {
      if (!matches(*entries[i].shape, cut, match.found)) continue;
      for (std::size_t k = i; k < entries.size() && compare_shape(*entries[k].shape, *entries[i].shape) == 0; ++k) {
         match.allowed.insert(entries[k].method);
         bool const serves = entries[k].method == method || (method == verb::head && entries[k].method == verb::get);
         if (serves && (!match.served || entries[k].method == method)) match.route = &entries[k];
         match.served = match.served || serves;
      }
      return match;
   }
   return match;
}

/// A finished table: the most specific patterns first, the routes of one pattern side by side.
template <class Services, std::size_t N>
struct route_table {
   using services = Services;
   std::array<route_entry, N> entries{};

   [[nodiscard]] static constexpr std::size_t size() noexcept { return N; }
   [[nodiscard]] constexpr route_match find(verb method, std::string_view path) const noexcept {
      return find_route(entries, method, path);
   }
};

/// One route as it is written; unchecked until it stands in `routes`.
template <verb Verb, fixed_string Pattern, auto Handler>
struct route {
   route_options options{};

   [[nodiscard]] constexpr route body_limit(std::size_t bytes) const {
      auto changed = *this;
      return changed.options.body_limit = bytes, changed;
   }
   [[nodiscard]] constexpr route summary(std::string_view literal) const {
      auto changed = *this;
      return changed.options.summary = literal, changed;
   }
   [[nodiscard]] constexpr route tag(std::string_view literal) const {
      auto changed = *this;
      return changed.options.tag = literal, changed;
   }
   [[nodiscard]] constexpr route answers(unsigned status) const {
      auto changed = *this;
      return changed.options.success = status, changed;
   }
   [[nodiscard]] constexpr route hidden() const {
      auto changed = *this;
      return changed.options.hidden = true, changed;
   }
};

template <fixed_string Pattern, auto Handler>
inline constexpr route<verb::get, Pattern, Handler> get{};
template <fixed_string Pattern, auto Handler>
inline constexpr route<verb::post, Pattern, Handler> post{};
template <fixed_string Pattern, auto Handler>
inline constexpr route<verb::put, Pattern, Handler> put{};
template <fixed_string Pattern, auto Handler>
inline constexpr route<verb::del, Pattern, Handler> del{};
template <fixed_string Pattern, auto Handler>
inline constexpr route<verb::patch, Pattern, Handler> patch{};

/// Routes and groups with something in common. Made by `under` and `guarded_by`.
template <fixed_string Prefix, class Guard, class... Items>
struct group {
   std::tuple<Items...> items{};
   std::string_view group_tag{};

   /// OpenAPI section of the routes that name none.
   [[nodiscard]] constexpr group tag(std::string_view literal) const {
      auto changed = *this;
      return changed.group_tag = literal, changed;
   }
};

namespace detail {

struct no_guard {};
template <auto Guard>
struct guard {};

} // namespace detail

/// Puts a prefix before the patterns of all items: `under<"/api">(get<"/health", health>)`.
template <fixed_string Prefix, class... Items>
constexpr auto under(Items... items) {
   return group<Prefix, detail::no_guard, Items...>{{items...}, {}};
}

/// Asks `Guard` before any of the items' handlers, and before the body is looked at. A guard is a function that takes
/// services and `request const&` and returns result<void>, or std::optional<response> when its refusals are not the
/// usual error body. It may be asked twice about one request: a server asks before it reads a body.
template <auto Guard, class... Items>
constexpr auto guarded_by(Items... items) {
   return group<"", detail::guard<Guard>, Items...>{{items...}, {}};
}

namespace detail {

template <fixed_string Text>
inline constexpr http::pattern parsed = parse_pattern(Text.view());

template <class Item>
inline constexpr std::size_t route_count = 1;
template <fixed_string Prefix, class Guard, class... Items>
inline constexpr std::size_t route_count<group<Prefix, Guard, Items...>> = (route_count<Items> + ... + 0);

// Walks the items with the prefix and the guards that apply so far. Checks and entries come from the same walk.
template <class Services, fixed_string Prefix, auto... Guards>
struct walk {
   template <verb Verb, fixed_string Pattern, auto Handler>
   static constexpr bool check(std::type_identity<route<Verb, Pattern, Handler>>) {
      return route_check<Verb, (Prefix + Pattern), Handler, Services>::ok;
   }
   template <fixed_string Next, class... Items>
   static constexpr bool check(std::type_identity<group<Next, no_guard, Items...>>) {
      return (walk<Services, (Prefix + Next), Guards...>::check(std::type_identity<Items>{}) && ... && true);
   }
   template <fixed_string Next, auto Guard, class... Items>
   static constexpr bool check(std::type_identity<group<Next, guard<Guard>, Items...>>) {
      return guard_check<Guard, Services>::ok &&
             (walk<Services, Prefix, Guards..., Guard>::check(std::type_identity<Items>{}) && ... && true);
   }

   template <verb Verb, fixed_string Pattern, auto Handler>
   static constexpr void add(route<Verb, Pattern, Handler> const& item, std::string_view tag, route_entry*& at) {
      static_assert(sizeof...(Guards) <= std::tuple_size_v<decltype(route_entry::guards)>,
                    "noetl: a route has three guards at most");
      auto& entry = *at++;
      entry.method = Verb;
      entry.shape = &parsed<(Prefix + Pattern)>;
      if constexpr (returned<typename signature_type<Handler>::result_type>::later)
         entry.later = &answer_later<Handler>;
      else
         entry.now = &answer_now<Handler>;
      entry.guards = {&ask_guard<Guards>...};
      entry.about = &described<Handler>;
      entry.options = item.options;
      if (entry.options.tag.empty()) entry.options.tag = tag;
   }
   template <fixed_string Next, class... Items>
   static constexpr void add(group<Next, no_guard, Items...> const& g, std::string_view tag, route_entry*& at) {
      add_all<walk<Services, (Prefix + Next), Guards...>>(g, tag, at);
   }
   template <fixed_string Next, auto Guard, class... Items>
   static constexpr void add(group<Next, guard<Guard>, Items...> const& g, std::string_view tag, route_entry*& at) {
      add_all<walk<Services, Prefix, Guards..., Guard>>(g, tag, at);
   }
   template <class Inner, class Group>
   static constexpr void add_all(Group const& g, std::string_view tag, route_entry*& at) {
      auto const inner_tag = g.group_tag.empty() ? tag : g.group_tag;
      std::apply([&](auto const&... item) { (Inner::add(item, inner_tag, at), ...); }, g.items);
   }
};

constexpr bool comes_before(route_entry const& a, route_entry const& b) noexcept {
   int const order = compare_shape(*a.shape, *b.shape);
   return order != 0 ? order < 0 : a.method < b.method;
}

// Two equal routes stand side by side once sorted. \return index of the second one, or size
constexpr std::size_t find_duplicate(std::span<route_entry const> sorted) noexcept {
   for (std::size_t i = 1; i < sorted.size(); ++i)
      if (!comes_before(sorted[i - 1], sorted[i])) return i;
   return sorted.size();
}

template <class Services, class... Items>
constexpr auto make_table(Items const&... items) {
   route_table<Services, (route_count<Items> + ... + 0)> table;
   [[maybe_unused]] route_entry* at = table.entries.data();
   (walk<Services, "">::add(items, {}, at), ...);
   std::sort(table.entries.begin(), table.entries.end(), comes_before);
   return table;
}

// The route that stands there twice; looks at the types alone, so that the compiler's message can name it.
struct doubled_route {
   verb method = verb::other;
   std::string_view pattern{};
};
template <class Services, class... Items>
constexpr doubled_route find_doubled() {
   auto const table = make_table<Services>(Items{}...);
   auto const second = find_duplicate(table.entries);
   if (second == table.size()) return {};
   return {table.entries[second].method, table.entries[second].pattern()};
}
template <std::size_t Size>
constexpr fixed_string<Size + 1> to_fixed(std::string_view text) {
   char copy[Size + 1]{};
   std::copy_n(text.data(), Size, copy);
   return copy;
}
template <class Services, class... Items>
constexpr bool all_different() {
   constexpr auto twice = find_doubled<Services, Items...>();
   if constexpr (twice.method != verb::other)
      return duplicate_check<twice.method, to_fixed<twice.pattern.size()>(twice.pattern)>::ok;
   return true;
}

} // namespace detail

/// Checks the routes and makes their table. `Services` is `services<S...>`: what the handlers may take as `S&`.
template <class Services, class... Items>
constexpr auto routes(Items... items) {
   if constexpr (!(detail::walk<Services, "">::check(std::type_identity<Items>{}) && ... && true)) {
      return route_table<Services, 0>{}; // the error is told; say no more
   } else if constexpr (!detail::all_different<Services, Items...>()) {
      return route_table<Services, 0>{};
   } else {
      return detail::make_table<Services>(items...);
   }
}

/// One table of several. Its services are those of all of them.
template <class... Services, std::size_t... N>
constexpr auto join(route_table<Services, N> const&... tables) {
   route_table<typename detail::unite_all<Services...>::type, (N + ... + 0)> all;
   [[maybe_unused]] auto at = all.entries.begin();
   ((at = std::copy(tables.entries.begin(), tables.entries.end(), at)), ...);
   std::sort(all.entries.begin(), all.entries.end(), detail::comes_before);
   if (detail::find_duplicate(all.entries) != all.size())
      throw "noetl: two of the joined tables have a route with the same verb and pattern";
   return all;
}

} // namespace noetl::http
