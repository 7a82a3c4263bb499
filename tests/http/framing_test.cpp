#include <gtest/gtest.h>

#include <string>

#include <noetl/http/framing.hpp>
#include <noetl/http/request_parser.hpp>
#include <noetl/http/response_head.hpp>

namespace {

using namespace noetl::http;

std::string fault(std::string const& fields, std::string const& line = "POST / HTTP/1.1") {
   auto const head = line + "\r\n" + fields + "\r\n";
   auto const found = check_framing(head);
   return found.fault == nullptr ? "" : found.fault;
}

TEST(framing, one_length_or_chunked_is_fine) {
   EXPECT_EQ(fault("Host: a\r\nContent-Length: 5\r\n"), "");
   EXPECT_EQ(fault("Host: a\r\nTransfer-Encoding: Chunked\r\n"), "");
   EXPECT_EQ(check_framing("GET / HTTP/1.1\r\nhost:a\r\ncontent-length: 7 \r\n\r\n").content_length, 7U);
}

TEST(framing, smuggling_forms_are_refused) {
   char const* const forms[] = {
       "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
       "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
       "Transfer-Encoding: gzip\r\nContent-Length: 5\r\n",
       "Transfer-Encoding: gzip, chunked\r\n",
       "Transfer-Encoding: chunked, chunked\r\n",
       "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
       "Transfer-Encoding: identity\r\n",
       "Transfer-Encoding:\r\n",
       ("Transfer-Encoding: \x0b"
        "chunked\r\n"),
       "Transfer-Encoding : chunked\r\n",
       " Transfer-Encoding: chunked\r\n",
       "X: y\r\n\tTransfer-Encoding: chunked\r\n",
       "Content-Length: 5\r\nContent-Length: 5\r\n",
       "Content-Length: 5\r\nContent-Length: 6\r\n",
       "Content-Length: 5, 5\r\n",
       "Content-Length: +5\r\n",
       "Content-Length: -5\r\n",
       "Content-Length: 0x5\r\n",
       "Content-Length: 5 5\r\n",
       "Content-Length:\r\n",
       "Content-Length: 18446744073709551616\r\n",
       "Content-Length 5\r\n",
       "Content-Length\t: 5\r\n",
       ": 5\r\n",
       "X\x01: 5\r\n",
       "X: a\rb\r\n",
       "Host: b\r\n",
   };
   for (auto const* form : forms) EXPECT_NE(fault(std::string("Host: a\r\n") + form), "") << form;
   EXPECT_NE(fault("Host: a\r\nX: a" + std::string(1, '\0') + "b\r\n"), "");
   EXPECT_EQ(fault(""), "no Host");
   EXPECT_NE(fault("Host: a\r\nTransfer-Encoding: chunked\r\n", "POST / HTTP/1.0"), "");
   EXPECT_NE(fault("Host: a\r\n", "GET / HTTP/2.0"), "");
   EXPECT_NE(fault("Host: a\r\n", "GET /"), "");
}

TEST(framing, head_ends_at_its_empty_line_however_it_arrives) {
   std::string const text = "GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
   head_scanner scanner;
   std::size_t size = 1;
   while (scanner.feed({text.data(), size}) == head_scanner::state::incomplete) ++size;
   EXPECT_EQ(scanner.size(), text.size() - 4);
   EXPECT_EQ(size, text.size() - 4);
}

TEST(framing, bare_line_feed_is_broken_at_once) {
   EXPECT_EQ(head_scanner().feed("GET / HTTP/1.1\n"), head_scanner::state::broken);
   EXPECT_EQ(head_scanner().feed("\n"), head_scanner::state::broken);
   EXPECT_EQ(head_scanner().feed("GET / HTTP/1.1\r\nHost: a\n\r\n"), head_scanner::state::broken);
}

request parse(std::string const& target, bool& ok) {
   request into;
   request_parser parser(into);
   ok = parser.read_head("GET " + target + " HTTP/1.1\r\nHost: a\r\nX-Y:  z \r\n\r\n");
   return into;
}

TEST(request_parser, splits_target_and_keeps_fields) {
   bool ok = false;
   auto const r = parse("/a/b?c=d&e", ok);
   EXPECT_TRUE(ok);
   EXPECT_EQ(r.path, "/a/b");
   EXPECT_EQ(r.query, "c=d&e");
   EXPECT_EQ(r.header("x-y"), "z");
}

TEST(request_parser, takes_the_absolute_form) {
   bool ok = false;
   EXPECT_EQ(parse("http://h:1/a?b", ok).path, "/a");
   EXPECT_TRUE(ok);
   EXPECT_EQ(parse("http://h", ok).path, "/");
   EXPECT_TRUE(ok);
   EXPECT_EQ(parse("http://h?b", ok).query, "b");
   static_cast<void>(parse("nonsense", ok));
   EXPECT_FALSE(ok);
}

TEST(request_parser, chunks_come_in_any_cut_and_trailers_are_dropped) {
   std::string const text = "5;x=y\r\nhello\r\n1\r\n \r\nA\r\n0123456789\r\n0\r\nX-Late: 1\r\n\r\nGET";
   for (std::size_t cut = 1; cut < 12; ++cut) {
      request into;
      request_parser parser(into);
      ASSERT_TRUE(parser.read_head("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
      std::string pending;
      auto step = request_parser::step::more;
      for (std::size_t at = 0; at < text.size() && step == request_parser::step::more; at += cut) {
         pending += text.substr(at, cut);
         std::string_view left = pending;
         step = parser.read_chunks(left, 100);
         pending.erase(0, pending.size() - left.size());
      }
      EXPECT_EQ(step, request_parser::step::done) << cut;
      EXPECT_EQ(into.body, "hello 0123456789");
      EXPECT_FALSE(into.headers.contains("x-late"));
   }
}

request_parser::step chunks(std::string_view text, std::uint64_t limit) {
   request into;
   request_parser parser(into);
   EXPECT_TRUE(parser.read_head("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
   return parser.read_chunks(text, limit);
}

TEST(request_parser, chunk_limits_and_faults_are_told_apart) {
   using step = request_parser::step;
   EXPECT_EQ(chunks("5\r\nhello\r\n0\r\n\r\n", 5), step::done);
   EXPECT_EQ(chunks("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", 5), step::too_large);
   EXPECT_EQ(chunks("6\r\n", 5), step::too_large);
   EXPECT_EQ(chunks("FFFFFFFFFFFFFFFF\r\n", 5), step::too_large);
   EXPECT_EQ(chunks("FFFFFFFFFFFFFFFFF\r\n", 5), step::broken);
   EXPECT_EQ(chunks("z\r\n", 5), step::broken);
   EXPECT_EQ(chunks("-1\r\n", 5), step::broken);
   EXPECT_EQ(chunks("5\r\nhelloX\r\n0\r\n\r\n", 9), step::broken);
}

TEST(response_head, leaves_out_fields_that_would_break_it) {
   std::string out;
   response const answer{
       .body = "{}",
       .headers = {{"x-ok", "1"}, {"Content-Length", "99"}, {"x-bad", "a\r\nset-cookie: b"}, {"x bad", "c"}}};
   append_response_head(out, answer, {.request_id = "r", .keep_alive = false});
   EXPECT_NE(out.find("\r\nx-ok: 1\r\n"), out.npos);
   EXPECT_EQ(out.find("bad"), out.npos);
   EXPECT_EQ(out.find("99"), out.npos);
   EXPECT_NE(out.find("\r\nconnection: close\r\n"), out.npos);
   EXPECT_NE(out.find("\r\naccess-control-allow-origin: *\r\nvary: origin, access-control-request-method, "
                      "access-control-request-headers\r\n"),
             out.npos);
}

TEST(response_head, date_has_the_form_of_the_protocol) {
   // Sat, 21 Nov 2026 07:43:56 GMT
   std::string const date(detail::date_text());
   ASSERT_EQ(date.size(), 29U);
   EXPECT_EQ(date.substr(3, 2), ", ");
   EXPECT_EQ(date.substr(25), " GMT");
   EXPECT_EQ(date.find('x'), date.npos);
   EXPECT_EQ(date.find("yyy"), date.npos);
}

} // namespace
