#include <gtest/gtest.h>

#include <noetl/control_plane/internal_gate.hpp>

using noetl::control_plane::internal_gate;

namespace {
unsigned status(internal_gate const& gate, std::optional<std::string_view> header) {
   auto const refusal = gate.refusal_of(header);
   if (!refusal) return 200;
   EXPECT_EQ(refusal->content_type, "text/plain; charset=utf-8");
   EXPECT_TRUE(refusal->headers.empty()) << "no WWW-Authenticate";
   return refusal->status;
}
} // namespace

TEST(internal_gate, without_a_token_everybody_gets_503) {
   for (auto const* token : {"", " ", " \t\r\n"})
      for (auto const* header : {"Bearer x", "Bearer", "", "nonsense"})
         EXPECT_EQ(status(internal_gate(std::string(token)), header), 503U) << token << header;
   EXPECT_EQ(status(internal_gate(std::string()), std::nullopt), 503U);
}

TEST(internal_gate, only_the_bearer_of_the_token_passes) {
   internal_gate const gate(std::string("s3cret"));
   for (auto const* header :
        {"Bearer s3cret", "bearer s3cret", "BEARER s3cret", "Bearer   s3cret", "Bearer s3cret  ", "Bearer \ts3cret\t"})
      EXPECT_EQ(status(gate, header), 200U) << header;
   EXPECT_EQ(status(gate, std::nullopt), 403U);
   for (auto const* header : {"", "s3cret", "Bearer", "Bearer ", "Bearer  \t ", "Basic s3cret", "Bearers3cret",
                              "Bearer: s3cret", " Bearer s3cret", "Bearer s3cre", "Bearer s3crets", "Bearer S3cret",
                              "Bearer s3 cret", "Bearer s3cret\x01", "Bearer s3cr\xC3\xA9t"})
      EXPECT_EQ(status(gate, header), 403U) << header;
}

TEST(internal_gate, D08_blanks_around_the_configured_token_do_not_count) {
   for (auto const* token : {"s3cret\n", " s3cret", "\ts3cret\r\n"})
      EXPECT_EQ(status(internal_gate(std::string(token)), "Bearer s3cret"), 200U) << token;
}

TEST(internal_gate, the_token_is_asked_for_at_each_request_so_rotation_needs_no_restart) {
   std::string token = "old";
   internal_gate const gate([&] { return token; });
   EXPECT_EQ(status(gate, "Bearer old"), 200U);
   token = "new";
   EXPECT_EQ(status(gate, "Bearer old"), 403U);
   EXPECT_EQ(status(gate, "Bearer new"), 200U);
}
