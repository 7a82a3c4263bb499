// examples/shipments/shipments_test.cpp: the rules of the example, given what happened, when an action is wanted.
#include <gtest/gtest.h>

#include <noetl/events/aggregate_scenario.hpp>

#include "shipments.hpp"

namespace shop {
namespace {

using noetl::given, noetl::then, noetl::when;
using create = shipment::create;

TEST(shipment_rules, a_price_is_fixed_when_the_carrier_takes_it) {
   auto const light = given<shipment>(create{"Oslo", 12});
   EXPECT_EQ(*when(light, dispatch{"posten"}), then<shipment>(dispatched{"posten", 11}));
}

TEST(shipment_rules, what_is_heavy_goes_by_freight) {
   // snippet: scenario
   auto const heavy = given<shipment>(create{"Oslo", 31});
   EXPECT_EQ(when(heavy, dispatch{"posten"}).error().message, "carrier: above 30 kg only freight");
   EXPECT_EQ(*when(heavy, dispatch{"freight"}), then<shipment>(dispatched{"freight", 20.5}));
   // end snippet
}

TEST(shipment_rules, only_what_was_scanned_can_be_delivered) {
   auto const sent = given<shipment>(create{"Oslo", 1}, dispatched{"posten", 5.5});
   EXPECT_EQ(when(sent, deliver{}).error().message, "cannot deliver what was never scanned");
   auto const seen = given<shipment>(create{"Oslo", 1}, dispatched{"posten", 5.5}, scan{"Bergen"});
   EXPECT_EQ(*when(seen, deliver{}), then<shipment>(deliver{}));
}

TEST(shipment_rules, a_shipment_is_dispatched_once) {
   auto const sent = given<shipment>(create{"Oslo", 1}, dispatched{"posten", 5.5});
   EXPECT_EQ(when(sent, dispatch{"posten"}).error().message,
             "cannot dispatch from IN_TRANSIT; dispatch is allowed from REGISTERED");
}

TEST(shipment_rules, weightless_shipments_are_refused) {
   EXPECT_EQ(when<shipment>(create{"Oslo", 0}).error().message, "weight_kg: must be above 0");
}

TEST(depot_rules, a_depot_opens_and_closes) {
   auto const open = given<depot>(depot::create{"Oslo"}, open_up{});
   EXPECT_EQ(open.status, "OPEN");
   EXPECT_EQ(*when(open, close_down{}), then<depot>(close_down{}));
   EXPECT_FALSE(when(open, open_up{}));
}

} // namespace
} // namespace shop
