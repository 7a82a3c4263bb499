#include <gtest/gtest.h>

#include <noetl/nats/subject.hpp>
#include <noetl/nats/url.hpp>

using namespace noetl::nats;

static_assert(is_token("shared") && !is_token("") && !is_token("a.b") && !is_token("*") && !is_token("a b") &&
              !is_token("a\r"));
static_assert(is_subject("noetl.commands.shared.7"));
static_assert(!is_subject("") && !is_subject("a.") && !is_subject(".a") && !is_subject("a..b") && !is_subject("a.*") &&
              !is_subject("a.>") && !is_subject("a\r\nPUB b"));
static_assert(covers("noetl.>", "noetl.commands.>") && covers("a.*.c", "a.b.c") && covers("a", "a"));
static_assert(!covers("noetl.commands", "noetl.commands.>") && !covers("noetl.commands.>", "noetl.commands") &&
              !covers("a.*", "a.>") && !covers("a.b", "a.*"));
static_assert(overlap("noetl.commands.>", "noetl.*.shared.*") && overlap("a.*", "*.b") && !overlap("a.b", "a.c") &&
              !overlap("a", "a.>"));

TEST(url, user_and_password_are_taken_out_and_decoded) {
   auto const a = parse_url("nats://noetl:p%40ss%3A@nats.example:4222/");
   ASSERT_TRUE(a);
   EXPECT_EQ(a->servers, std::vector<std::string>{"nats://nats.example:4222"});
   EXPECT_EQ(a->user, "noetl");
   EXPECT_EQ(a->password, "p@ss:");
}

TEST(url, scheme_may_be_missing_and_servers_may_be_many) {
   auto const a = parse_url("one:4222, nats://u:p@two:4222, nats://[::1]:4223");
   ASSERT_TRUE(a);
   EXPECT_EQ(a->servers, (std::vector<std::string>{"nats://one:4222", "nats://two:4222", "nats://[::1]:4223"}));
   EXPECT_EQ(a->user, "u");
}

TEST(url, servers_are_all_with_tls_or_all_without) {
   auto const all = parse_url("tls://one:4222,tls://two:4222");
   ASSERT_TRUE(all);
   EXPECT_EQ(all->servers, (std::vector<std::string>{"tls://one:4222", "tls://two:4222"}));
   for (auto const* mixed : {"nats://one:4222,tls://two:4222", "tls://one:4222,nats://two:4222",
                             "one:4222,tls://two:4222", "tls://one:4222,two:4222"}) {
      auto const a = parse_url(mixed);
      ASSERT_FALSE(a) << mixed;
      EXPECT_EQ(a.error().code, noetl::error_code::validation);
      EXPECT_EQ(a.error().message, "NATS URL: servers must be all nats:// (or without scheme) or all tls://");
   }
}

TEST(url, a_user_without_password_is_a_token) {
   auto const a = parse_url("nats://s3cret@host:4222");
   ASSERT_TRUE(a);
   EXPECT_EQ(a->token, "s3cret");
   EXPECT_EQ(a->user, "");
}

TEST(url, errors_never_repeat_credentials) {
   for (auto const* bad :
        {"", "http://u:hidden@h:1", "nats://u:hid%zz@h", "nats://u:hidden@", "nats://:4222", "nats://h/x y"}) {
      auto const a = parse_url(bad);
      ASSERT_FALSE(a) << bad;
      EXPECT_EQ(a.error().message.find("hid"), std::string::npos) << a.error().message;
      EXPECT_EQ(a.error().message.substr(0, 9), "NATS URL:");
   }
}
