#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include <noetl/http/metrics.hpp>

namespace {

using namespace noetl;
using namespace noetl::http;

bool has(std::string const& text, std::string const& line) {
   return text.find("\n" + line + "\n") != text.npos || text.starts_with(line + "\n");
}

TEST(metrics, text_has_help_type_and_value) {
   metrics all;
   all.counter("noetl_things_total", "Things seen").Increment(3);
   all.gauge("noetl_depth", "Depth of it").Set(2);
   auto const text = all.text();
   EXPECT_TRUE(has(text, "# HELP noetl_things_total Things seen")) << text;
   EXPECT_TRUE(has(text, "# TYPE noetl_things_total counter"));
   EXPECT_TRUE(has(text, "noetl_things_total 3"));
   EXPECT_TRUE(has(text, "noetl_depth 2"));
}

TEST(metrics, labels_beyond_the_limit_count_as_other) {
   metrics all;
   auto& events = all.counters("noetl_events_total", "Events", {"event_type"}, 2);
   for (auto const* type : {"a", "b", "c", "d", "a"}) events.with({type}).Increment();
   auto const text = all.text();
   EXPECT_TRUE(has(text, R"(noetl_events_total{event_type="a"} 2)")) << text;
   EXPECT_TRUE(has(text, R"(noetl_events_total{event_type="b"} 1)"));
   EXPECT_TRUE(has(text, R"(noetl_events_total{event_type="other"} 2)"));
   EXPECT_EQ(text.find(R"("c")"), text.npos);
}

TEST(metrics, the_same_family_is_given_twice) {
   metrics all;
   all.counters("noetl_x_total", "X", {"a"}).with({"1"}).Increment();
   all.counters("noetl_x_total", "X", {"a"}).with({"1"}).Increment();
   all.histograms("noetl_y_seconds", "Y", {"a"}).with({"1"}).Observe(0.02);
   EXPECT_TRUE(has(all.text(), R"(noetl_x_total{a="1"} 2)")) << all.text();
   EXPECT_TRUE(has(all.text(), R"(noetl_y_seconds_bucket{a="1",le="0.025"} 1)"));
}

TEST(metrics, a_name_means_one_thing) {
   metrics all;
   auto& first = all.counters("noetl_x_total", "X", {"a"});
   EXPECT_EQ(&all.counters("noetl_x_total", "X", {"a"}), &first);
   EXPECT_THROW(all.counters("noetl_x_total", "X", {"b"}), std::invalid_argument);
   EXPECT_THROW(all.counters("noetl_x_total", "X", {"a", "b"}), std::invalid_argument);
   EXPECT_THROW(all.counters("noetl_x_total", "another", {"a"}), std::invalid_argument);
   EXPECT_THROW(all.histograms("noetl_x_total", "X", {"a"}), std::invalid_argument);
   all.histograms("noetl_y_seconds", "Y", {"a"});
   EXPECT_THROW(all.histograms("noetl_y_seconds", "Y", {"b"}), std::invalid_argument);
   first.with({"1"}).Increment();
   EXPECT_TRUE(has(all.text(), R"(noetl_x_total{a="1"} 1)")) << all.text();
}

TEST(metrics, callbacks_are_read_at_every_scrape) {
   metrics all;
   int value = 0;
   all.on_collect([&](samples& out) {
      out.gauge("noetl_pool_size", "Connections", ++value, {{"shard", "0"}});
      out.gauge("noetl_pool_size", "Connections", 9, {{"shard", "1"}});
      out.counter("noetl_sent_total", "Sent", 7);
   });
   static_cast<void>(all.text());
   auto const text = all.text();
   EXPECT_TRUE(has(text, R"(noetl_pool_size{shard="0"} 2)")) << text;
   EXPECT_TRUE(has(text, R"(noetl_pool_size{shard="1"} 9)"));
   EXPECT_TRUE(has(text, "noetl_sent_total 7"));
   EXPECT_TRUE(has(text, "# TYPE noetl_sent_total counter"));
}

result<raw_json> nothing(path_text<"id">) {
   return raw_json("{}");
}
inline constexpr auto api = routes<services<>>(get<"/things/{id}", nothing>);

TEST(metrics, requests_are_counted_by_pattern_never_by_path) {
   metrics all;
   router const r(api);
   http_metrics counting(all, r.entries());
   using namespace std::chrono_literals;
   for (auto const* path : {"/things/1", "/things/2", "/who/knows", "/or/this"}) {
      request wish;
      wish.path = path;
      auto const match = r.find(verb::get, path);
      counting.answered(match, wish, {.status = match ? 200U : 404U}, 2ms);
   }
   auto const text = all.text();
   EXPECT_TRUE(has(text, R"(noetl_http_requests_total{method="GET",route="/things/{id}",status="2xx"} 2)")) << text;
   EXPECT_TRUE(has(text, R"(noetl_http_requests_total{method="OTHER",route="unmatched",status="4xx"} 2)"));
   EXPECT_TRUE(
       has(text, R"(noetl_http_request_duration_seconds_bucket{method="GET",route="/things/{id}",le="0.005"} 2)"));
   EXPECT_EQ(text.find("/who"), text.npos);
}

} // namespace
