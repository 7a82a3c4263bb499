// examples/shipments/shipments.hpp: two aggregates. Nothing here knows of databases, HTTP or JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <noetl/events/aggregate.hpp>

namespace shop {

using namespace noetl::fsm;
using noetl::error_code, noetl::fail, noetl::result;

// ---- a depot: states and actions, nothing else ----
struct closed : state<"CLOSED"> {};
struct opened : state<"OPEN"> {};
struct open_up : action<"open", "depot.opened"> {};
struct close_down : action<"close", "depot.closed"> {};

struct depot {
   using lifecycle = noetl::fsm::lifecycle<starts<closed, "depot.founded">, row<closed, open_up, opened>,
                                           row<opened, close_down, closed>>;
   struct state {
      std::string city;
   };
   using create = state; // what a caller says is what is kept
   static void apply(state& s, create const& e) { s = e; }
};

// snippet: shipment
// ---- a shipment: actions with fields, rules, and events that say more than the caller did ----
struct registered : state<"REGISTERED"> {};
struct in_transit : state<"IN_TRANSIT"> {};
struct delivered : state<"DELIVERED"> {};

struct dispatch {
   using action = noetl::fsm::action<"dispatch", "shipment.dispatched">;
   std::string carrier;
};
struct scan {
   using action = noetl::fsm::action<"scan", "shipment.scanned">;
   std::string place;
};
struct deliver : action<"deliver", "shipment.delivered"> {};

struct dispatched { // what is recorded: the price is fixed when the carrier takes it
   std::string carrier;
   double price{};
};

struct shipment {
   // clang-format off
   using lifecycle = noetl::fsm::lifecycle<starts<registered, "shipment.registered">,
      //   from         action     to
      row< registered , dispatch , in_transit >,
      row< in_transit , scan     , in_transit >,
      row< in_transit , deliver  , delivered  >>;
   // clang-format on
   struct state {
      std::string destination;
      double weight_kg{};
      std::optional<std::string> carrier;
      double price{};
      std::vector<std::string> places;
   };
   struct create {
      std::string destination;
      double weight_kg{};
   };

   static void apply(state& s, create const& e) { s.destination = e.destination, s.weight_kg = e.weight_kg; }
   static void apply(state& s, dispatched const& e) { s.carrier = e.carrier, s.price = e.price; }
   static void apply(state& s, scan const& e) { s.places.push_back(e.place); }

   static result<void> decide(create const& wish) {
      if (wish.weight_kg > 0) return {};
      return fail(error_code::validation, "weight_kg: must be above 0");
   }
   static result<dispatched> decide(state const& s, dispatch const& wish) {
      if (s.weight_kg > 30 && wish.carrier != "freight")
         return fail(error_code::validation, "carrier: above 30 kg only freight");
      return dispatched{wish.carrier, 5 + s.weight_kg * 0.5};
   }
   static result<void> decide(state const& s, deliver const&) {
      if (!s.places.empty()) return {};
      return fail(error_code::validation, "cannot deliver what was never scanned");
   }
};
static_assert(noetl::aggregate<shipment> && noetl::aggregate<depot>);
// end snippet

} // namespace shop
