// http/services.hpp: the objects that handlers ask for by type.
// Knows the standard library only.
#pragma once

#include <span>
#include <tuple>
#include <type_traits>

namespace noetl::http {

namespace detail {

// One object per type; its address is the type's name at run time.
template <class T>
inline constexpr char service_key{};

struct service_ref {
   void const* key = nullptr;
   void* object = nullptr;
};

using service_refs = std::span<service_ref const>;

// A handful of entries: walking them costs less than hashing.
template <class S>
S& find_service(service_refs refs) noexcept {
   void const* const key = &service_key<std::remove_const_t<S>>;
   for (auto const& ref : refs)
      if (ref.key == key) return *static_cast<std::remove_const_t<S>*>(ref.object);
   __builtin_unreachable(); // checked where routes and router are made
}

} // namespace detail

/// References to the objects that handlers may take as `S&`, one of each type. The objects outlive the router.
template <class... S>
class services {
public:
   constexpr explicit(sizeof...(S) == 1) services(S&... objects) noexcept : objects_(objects...) {}

   template <class T>
   static constexpr bool has = (std::is_same_v<T, S> || ...) || (std::is_same_v<T, S const> || ...);

   template <class T>
   [[nodiscard]] constexpr T& get() const noexcept {
      return std::get<T&>(objects_);
   }

private:
   std::tuple<S&...> objects_;
};

template <class... S>
services(S&...) -> services<S...>;

namespace detail {

// services<A, B> and services<B, C> give services<A, B, C>.
template <class Left, class Right>
struct unite;
template <class... L>
struct unite<services<L...>, services<>> {
   using type = services<L...>;
};
template <class... L, class First, class... R>
struct unite<services<L...>, services<First, R...>>
    : unite<std::conditional_t<(std::is_same_v<L, First> || ...), services<L...>, services<L..., First>>,
            services<R...>> {};

template <class Left, class... More>
struct unite_all {
   using type = Left;
};
template <class Left, class Right, class... More>
struct unite_all<Left, Right, More...> : unite_all<typename unite<Left, Right>::type, More...> {};

} // namespace detail
} // namespace noetl::http
