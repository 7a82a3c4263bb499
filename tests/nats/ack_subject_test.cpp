// What the reply subjects of old and new servers say, with and without a domain.
#include <gtest/gtest.h>

#include <string>

#include <noetl/nats/detail/ack_subject.hpp>

using noetl::nats::detail::read_ack_subject;

TEST(ack_subject, every_form_that_servers_use_says_deliveries_and_what_is_pending) {
   for (auto const* text : {"$JS.ACK.events.projector.3.17.18.1700000000000000000.42",
                            "$JS.ACK.hub.ACC.events.projector.3.17.18.1700000000000000000.42",
                            "$JS.ACK._.ACC.events.projector.3.17.18.1700000000000000000.42.Rnd0m",
                            "$JS.ACK._.ACC.events.projector.3.17.18.1700000000000000000.42.7.more.to.come"}) {
      auto const told = read_ack_subject(text);
      ASSERT_TRUE(told) << text;
      EXPECT_EQ(told->delivered, 3U) << text;
      EXPECT_EQ(told->pending, 42U) << text;
   }
}

TEST(ack_subject, another_subject_says_nothing) {
   for (auto const* text :
        {"", "_INBOX.a.b", "$JS.ACK.", "$JS.ACK.events.projector.3.17.18.1700000000000000000",
         "$JS.ACK.events.projector.3.17.18.1700000000000000000.42.a", "$JS.ACK.events.projector.x.17.18.17.42",
         "$JS.ACK.events.projector.3.17.18.17.4x", "$JS.ACK.events.projector.3.17.18.17.",
         "$JS.ACK.events.projector.3.17.18.17.99999999999999999999999"})
      EXPECT_FALSE(read_ack_subject(text)) << text;
}
