// http/router.hpp: the route table at work: finds the route, asks the guards, calls the handler.
// Knows core, reflect, asio's awaitable; no sockets.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/http/errors.hpp>
#include <noetl/http/message.hpp>
#include <noetl/http/mounted.hpp>
#include <noetl/http/route.hpp>
#include <noetl/http/services.hpp>

namespace noetl::http {

/// Is told about every answer of a server. Called on any thread, also on several at once.
class request_observer {
public:
   /// \param match  without route when none was found
   virtual void answered(route_match const& match, request const& received, response const& answer,
                         std::chrono::steady_clock::duration took) noexcept = 0;

protected:
   ~request_observer() = default;
};

/// Answers requests from a route table, or from several parts made by `mount`. The services outlive the router. Copies
/// share their entries. All members are const: any number of threads may use one router.
class router {
public:
   /// \throws std::logic_error when two parts have the same route; see `mounted`
   explicit router(std::vector<mounted> const& parts) : all_(std::make_shared<mounted const>(parts)) {}
   template <class Wanted, std::size_t N, class... S>
   router(route_table<Wanted, N> const& table, services<S...> const& given)
       : all_(std::make_shared<mounted const>(table, given)) {}
   /// For routes without services.
   template <std::size_t N>
   explicit router(route_table<services<>, N> const& table) : router(table, services<>()) {}

   /// Body limit of routes that set none, in bytes. Call before the first request.
   void set_body_limit(std::size_t bytes) noexcept { body_limit_ = bytes; }

   /// Bytes that a body may have, also where no route matches.
   [[nodiscard]] std::size_t body_limit(route_match const& match) const noexcept {
      return match && match.route->options.body_limit != 0 ? match.route->options.body_limit : body_limit_;
   }

   [[nodiscard]] std::span<route_entry const> entries() const noexcept { return all_->entries(); }

   [[nodiscard]] route_match find(verb method, std::string_view path) const noexcept {
      return find_route(entries(), method, path);
   }

   /// Asks the route's guards alone; they look at the head only, so a server need not read a body that nobody wants.
   [[nodiscard]] std::optional<response> refusal_of(route_match const& match, request const& received) const {
      if (!match) return std::nullopt;
      detail::call const c{received, *match.route->shape, match.found, all_->given()};
      for (auto const guard : match.route->guards)
         if (guard != nullptr)
            if (auto refusal = guard(c)) return refusal;
      return std::nullopt;
   }

   /// Answers at once what needs no waiting: unknown paths, wrong methods, OPTIONS, refusals of guards and all handlers
   /// that are no coroutines. \return nothing when `answer_later` must be awaited
   [[nodiscard]] std::optional<response> answer_now(route_match const& match, request const& received) const {
      if (received.method == verb::options && !match) return preflight();
      if (match.allowed.empty()) return response{.status = 404};
      if (!match) return wrong_method(match.allowed);
      auto const& route = *match.route;
      if (auto refusal = refusal_of(match, received)) return refusal;
      detail::call const c{received, *route.shape, match.found, all_->given()};
      if (received.body.size() > body_limit(match)) return body_too_large(body_limit(match));
      if (route.now != nullptr) return route.now(c);
      return std::nullopt;
   }
   /// \pre answer_now(match, received) returned nothing; both arguments live until the answer is there
   [[nodiscard]] boost::asio::awaitable<response> answer_later(route_match const& match,
                                                               request const& received) const {
      return match.route->later({received, *match.route->shape, match.found, all_->given()});
   }

   /// Finds and answers in one step, for tests and for embedding. The CORS fields are the server's business.
   [[nodiscard]] boost::asio::awaitable<response> handle(request const& received) const {
      auto const match = find(received.method, received.path);
      if (auto done = answer_now(match, received)) co_return std::move(*done);
      co_return co_await answer_later(match, received);
   }

   static response body_too_large(std::size_t limit) {
      return error_response(413, "Request body is larger than " + std::to_string(limit) + " bytes");
   }

private:
   static response preflight() {
      return {.headers = {{"access-control-allow-methods", "*"}, {"access-control-allow-headers", "*"}}};
   }
   static response wrong_method(verb_set allowed) {
      return {.status = 405, .headers = {{"allow", allow_text(allowed)}}};
   }

   std::shared_ptr<mounted const> all_;
   std::size_t body_limit_ = std::size_t{2} << 20U;
};

} // namespace noetl::http
