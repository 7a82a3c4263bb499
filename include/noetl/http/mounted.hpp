// http/mounted.hpp: a checked route table together with the objects that its handlers take, without their types. So a
// program can compile each group of its routes in a source file of its own. Knows http/route.hpp.
#pragma once

#include <algorithm>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <noetl/http/message.hpp>
#include <noetl/http/route.hpp>
#include <noetl/http/services.hpp>

namespace noetl::http {

namespace detail {

template <class Wanted, class Given>
struct router_check;
template <class... W, class Given>
struct router_check<services<W...>, Given> {
   static constexpr bool ok = (Given::template has<W> && ... && true);
   static_assert(ok, "noetl: the router is not given all services that its routes want");
};

template <class S>
service_ref erased(S& object) noexcept {
   return {&service_key<std::remove_const_t<S>>, const_cast<std::remove_const_t<S>*>(&object)};
}

} // namespace detail

/// Routes and their services as data: what a source file that knows the handlers hands to one that does not. A handler
/// costs its compile time where `mount` is called and nowhere else:
///
///     // api.hpp                                        // only names: touching a handler compiles one file again
///     http::mounted order_api(order_service&);
///     http::mounted stock_api(stock_service&, stock_metrics&);
///
///     // api_orders.cpp
///     http::mounted order_api(order_service& orders) { return http::mount<order_routes>(orders); }
///
///     // api.cpp
///     http::router api(parts& all) { return http::router({order_api(all.orders), stock_api(all.stock, all.metrics)});
///     }
///
/// Patterns, handlers and services are checked by the compiler as in `routes`; that no two parts claim the same route
/// is checked when the router is made.
class mounted {
public:
   template <class Wanted, std::size_t N, class... S>
   mounted(route_table<Wanted, N> const& table, services<S...> const& given)
       : entries_(table.entries.begin(), table.entries.end()) {
      if constexpr (detail::router_check<Wanted, services<S...>>::ok)
         services_ = {detail::erased(given.template get<S>())...};
   }

   /// All parts as one.
   /// \throws std::logic_error naming the route when two parts have the same verb and pattern, and when two parts are
   ///         given different objects of one service type
   explicit mounted(std::vector<mounted> const& parts) {
      for (auto const& part : parts) {
         entries_.insert(entries_.end(), part.entries_.begin(), part.entries_.end());
         for (auto const& service : part.services_) add(service);
      }
      std::sort(entries_.begin(), entries_.end(), detail::comes_before);
      auto const second = detail::find_duplicate(entries_);
      if (second == entries_.size()) return;
      auto const& twice = entries_[second];
      throw std::logic_error("noetl: two of the mounted parts have a route with the same verb and pattern: " +
                             std::string(to_text(twice.method)) + " " + std::string(twice.pattern()));
   }

   /// The most specific patterns first.
   [[nodiscard]] std::span<route_entry const> entries() const noexcept { return entries_; }
   [[nodiscard]] detail::service_refs given() const noexcept { return services_; }

private:
   void add(detail::service_ref const& service) {
      auto const same = [&](detail::service_ref const& known) { return known.key == service.key; };
      auto const known = std::find_if(services_.begin(), services_.end(), same);
      if (known == services_.end())
         services_.push_back(service);
      else if (known->object != service.object)
         throw std::logic_error("noetl: two of the mounted parts are given different objects of one service type");
   }

   std::vector<route_entry> entries_;
   std::vector<detail::service_ref> services_;
};

/// Checks route groups (`inline constexpr auto order_routes = under<...>(...)`) and binds their services, which outlive
/// the router: `mount<order_routes, invoice_routes>(orders, metrics)`.
template <auto const&... Groups, class... S>
mounted mount(S&... given) {
   static constexpr auto table = routes<services<S...>>(Groups...);
   return {table, services<S...>(given...)};
}

} // namespace noetl::http
