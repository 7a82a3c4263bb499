// tests/events/parcel.hpp: aggregates that have nothing to do with the server, for the tests of the aggregate layer.
#pragma once

#include <string>
#include <vector>

#include <noetl/events/aggregate.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::test {

namespace parcel_words {
struct registered : fsm::state<"REGISTERED"> {};
struct packed : fsm::state<"PACKED"> {};
struct moving : fsm::state<"IN_TRANSIT"> {};
struct arrived : fsm::state<"DELIVERED"> {};

struct weigh {
   using action = fsm::action<"weigh", "parcel.weighed">;
   double weight_kg{};
};
struct pack : fsm::action<"pack", "parcel.packed"> {};
struct dispatch {
   using action = fsm::action<"dispatch", "parcel.dispatched">;
   std::string carrier;
   raw_json label;
   using json_rules = rules<defaulted<"label">>;
};
struct scan {
   using action = fsm::action<"scan", "parcel.scanned">;
   std::string place;
};
struct deliver : fsm::action<"deliver", "parcel.delivered"> {};
struct dispatched {
   std::string carrier;
   double weight_kg{}; ///< as weighed
   raw_json label;
};

// clang-format off
struct table : fsm::lifecycle<fsm::starts<registered, "parcel.registered">,
   fsm::row< registered, weigh,    registered >,
   fsm::row< registered, pack,     packed     >,
   fsm::row< packed,     dispatch, moving     >,
   fsm::row< moving,     scan,     moving     >,
   fsm::row< moving,     deliver,  arrived    >> {};
// clang-format on
} // namespace parcel_words

struct parcel {
   using lifecycle = parcel_words::table;
   struct state {
      std::string destination;
      double weight_kg{};
      std::string carrier;
      raw_json label;
      std::vector<std::string> places;
      bool done{};
   };
   struct create {
      std::string destination;
   };

   static void apply(state& s, create const& e) { s.destination = e.destination; }
   static void apply(state& s, parcel_words::weigh const& e) { s.weight_kg = e.weight_kg; }
   static void apply(state& s, parcel_words::dispatched const& e) { s.carrier = e.carrier, s.label = e.label; }
   static void apply(state& s, parcel_words::scan const& e) { s.places.push_back(e.place); }
   static void apply(state& s, parcel_words::deliver const&) { s.done = true; } // wanted by nobody, but folded

   static result<void> decide(create const& wish) {
      if (wish.destination.empty()) return fail(error_code::validation, "destination: must not be empty");
      return {};
   }
   static result<void> decide(state const&, parcel_words::weigh const& wish) {
      if (wish.weight_kg > 0 && wish.weight_kg <= 1000) return {};
      return fail(error_code::validation, "weight_kg: must be above 0 and at most 1000");
   }
   static result<void> decide(state const& s, parcel_words::pack const&) {
      if (s.weight_kg == 0) return fail(error_code::validation, "cannot pack what was not weighed");
      return {};
   }
   static result<parcel_words::dispatched> decide(state const& s, parcel_words::dispatch const& wish) {
      if (s.weight_kg > 30 && wish.carrier != "freight")
         return fail(error_code::validation, "carrier: above 30 kg only freight");
      return parcel_words::dispatched{wish.carrier, s.weight_kg, wish.label};
   }
};
static_assert(aggregate<parcel>);

/// The smallest one: nothing to say, nothing to keep.
namespace lamp_words {
struct dark : fsm::state<"OFF"> {};
struct lit : fsm::state<"ON"> {};
struct toggle_on : fsm::action<"switch-on", "lamp.lit"> {};
struct toggle_off : fsm::action<"switch-off", "lamp.darkened"> {};
struct table : fsm::lifecycle<fsm::starts<dark, "lamp.mounted">, fsm::row<dark, toggle_on, lit>,
                              fsm::row<lit, toggle_off, dark>> {};
} // namespace lamp_words
struct lamp {
   using lifecycle = lamp_words::table;
   struct state {};
};
static_assert(aggregate<lamp>);

/// One that says in the envelope which room it hangs in.
struct lantern {
   struct light : fsm::action<"light", "lantern.lit"> {};
   struct lifecycle : fsm::lifecycle<fsm::starts<lamp_words::dark, "lantern.hung">,
                                     fsm::row<fsm::any_of<lamp_words::dark, lamp_words::lit>, light, lamp_words::lit>> {
   };
   struct state {
      std::string room;
   };
   struct create {
      std::string room;
   };
   static void apply(state& s, create const& e) { s.room = e.room; }
   static void describe(event& fact, aggregate_id, state const& s) {
      fact.node_name = s.room;
      fact.meta.text = R"({"lit_by":"match"})";
   }
};

// What is no aggregate says so without an error.
static_assert(!aggregate<int>);
static_assert(!aggregate<parcel_words::table>);

/// A struct whose number may be none in JSON.
struct account {
   struct open : fsm::state<"OPEN"> {};
   struct deposit {
      using action = fsm::action<"deposit", "account.deposited">;
      double amount{};
   };
   struct deposited {
      double balance{};
   };
   struct lifecycle : fsm::lifecycle<fsm::starts<open, "account.opened">, fsm::row<open, deposit, open>> {};
   struct state {
      double balance{};
   };
   static void apply(state& s, deposited const& e) { s.balance = e.balance; }
   static result<deposited> decide(state const& s, deposit const& wish) { return deposited{s.balance + wish.amount}; }
};

} // namespace noetl::test
