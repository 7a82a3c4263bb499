#include <gtest/gtest.h>

#include <set>

#include <noetl/nats/stream.hpp>
#include <noetl/stream/by_reference.hpp>
#include <noetl/stream/event_subject.hpp>

using namespace noetl;
using stream::event_subject;

TEST(event_subject, items_46_47_puts_the_type_behind_the_prefix_and_keeps_its_dots) {
   EXPECT_EQ(event_subject("noetl.events", "playbook.completed"), "noetl.events.playbook.completed");
   EXPECT_EQ(event_subject("noetl.events", "playbook_started"), "noetl.events.playbook_started");
   EXPECT_EQ(nats::event_stream().name, "noetl_events");
   EXPECT_EQ(nats::event_stream().subjects, std::vector<std::string>{"noetl.events.>"});
}

TEST(event_subject, item_35_without_a_type_is_unknown) {
   EXPECT_EQ(event_subject("noetl.events", std::nullopt), "noetl.events.unknown");
}

TEST(event_subject, items_33_47_D23_encodes_what_a_subject_cannot_hold) {
   EXPECT_EQ(event_subject("e", "a b"), "e.a%20b");
   EXPECT_EQ(event_subject("e", "x.*"), "e.x.%2A");
   EXPECT_EQ(event_subject("e", ">"), "e.%3E");
   EXPECT_EQ(event_subject("e", ""), "e.%");
   EXPECT_EQ(event_subject("e", ".a"), "e.%.a");
   EXPECT_EQ(event_subject("e", "a."), "e.a.%");
   EXPECT_EQ(event_subject("e", "a..b"), "e.a.%.b");
   EXPECT_EQ(event_subject("e", "a\r\nPUB x 1"), "e.a%0D%0APUB%20x%201");
   EXPECT_EQ(event_subject("e", "100%"), "e.100%25");
   EXPECT_EQ(event_subject("e", "gr\xC3\xBC\xC3\x9F"), "e.gr\xC3\xBC\xC3\x9F");
}

TEST(event_subject, goal_6_cuts_long_types_without_confusing_them) {
   std::string const long_type(10'000, 'x');
   auto const one = event_subject("noetl.events", long_type);
   EXPECT_LT(one.size(), 520U);
   EXPECT_TRUE(nats::is_subject(one)) << one;
   EXPECT_NE(one, event_subject("noetl.events", long_type + "y"));
   EXPECT_EQ(one, event_subject("noetl.events", long_type));
   EXPECT_TRUE(nats::is_subject(event_subject("e", std::string(10'000, '.'))));
   EXPECT_TRUE(nats::is_subject(event_subject("e", std::string(10'000, ' '))));
   std::string euros;
   for (int i = 0; i < 1'000; ++i) euros += "\xE2\x82\xAC";
   EXPECT_TRUE(nats::is_subject(event_subject("e", euros)));
}

TEST(event_subject, items_33_47_every_short_text_of_awkward_characters_gives_a_subject_of_its_own) {
   std::string const awkward = ". *>%\r\n\ta";
   std::set<std::string> seen;
   std::size_t count = 0;
   auto const check = [&](std::string const& type) {
      auto const subject = event_subject("e", type);
      EXPECT_TRUE(nats::is_subject(subject)) << subject;
      EXPECT_TRUE(nats::covers("e.>", subject));
      seen.insert(subject);
      ++count;
   };
   check("");
   for (char a : awkward) {
      check({a});
      for (char b : awkward) {
         check({a, b});
         for (char c : awkward) check({a, b, c});
      }
   }
   EXPECT_EQ(seen.size(), count);
}

TEST(event_stub, item_32_D24_keeps_ids_type_and_mark_even_when_hardly_anything_fits) {
   stream::feed_item one;
   one.execution_id = 7;
   one.event_id = 9;
   one.event_type = "call.done";
   one.outline = R"("execution_id":7,"event_id":9,"event_type":"call.done","context":null,"left_out":["context"])";
   stream::stored_event const where{"noetl://x", "abc", 5};
   EXPECT_EQ(stream::event_stub(one, where, 1'000),
             R"({"execution_id":7,"event_id":9,"event_type":"call.done","context":null,"left_out":["context"],)"
             R"("by_reference":{"uri":"noetl://x","sha256":"abc","bytes":5}})");
   EXPECT_EQ(
       stream::event_stub(one, where, 100),
       R"({"execution_id":7,"event_id":9,"event_type":"call.done","by_reference":{"uri":"noetl://x","sha256":"abc","bytes":5}})");
   one.event_type.reset();
   EXPECT_EQ(
       stream::event_stub(one, where, 100, "no room"),
       R"({"execution_id":7,"event_id":9,"event_type":null,"by_reference":{"uri":"noetl://x","sha256":"abc","bytes":5,"problem":"no room"}})");
}
