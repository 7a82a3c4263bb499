// Paging through executions and their logs: http-execution.md 13.1, 13.2, 21.2.
#include <algorithm>

#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct execution_pages : contract {
   using list = std::vector<std::string>;

   static list ids(reply const& got) {
      list out;
      for (auto const& entry : got.value.get_array()) out.push_back(number(entry.at("execution_id")));
      return out;
   }
   static list events(reply const& got) {
      list out;
      for (auto const& event : got.at("events").get_array()) out.push_back(number(event.at("event_id")));
      return out;
   }
   static std::string finished() {
      auto const execution = start_linear(server());
      work(server(), execution, "start");
      work(server(), execution, "end");
      EXPECT_EQ(ending(server(), execution), "COMPLETED");
      return execution;
   }
   static list log(std::string const& execution) {
      list out;
      for (auto const& one : server().query("select event_id from noetl.event where execution_id = " + execution +
                                            " order by stream_version"))
         out.push_back(*one[0]);
      return out;
   }
};

} // namespace

TEST_F(execution_pages, the_list_goes_on_behind_an_execution_as_its_head_says) {
   auto const path = fresh("pages/list");
   auto const catalog = enroll(server(), linear(path));
   list all;
   for (int i = 0; i < 7; ++i) all.insert(all.begin(), execute(server(), path));
   list seen;
   std::string target = "/api/executions?limit=3&catalog_id=" + catalog;
   int pages = 0;
   for (; pages < 5; ++pages) {
      auto const got = server().get(target);
      ASSERT_EQ(got.status, 200U) << got.body;
      ASSERT_TRUE(got.value.is_array()) << "the body stays a bare array";
      for (auto const& id : ids(got)) seen.push_back(id);
      auto const next = got.header("x-next-after");
      if (pages == 0) execute(server(), path); // what is newer shifts nothing
      if (next.empty()) {
         EXPECT_EQ(got.header("link"), "");
         break;
      }
      EXPECT_EQ(next, seen.back());
      EXPECT_EQ(got.header("link"),
                "</api/executions?limit=3&catalog_id=" + catalog + "&after=" + next + ">; rel=\"next\"");
      target = "/api/executions?limit=3&catalog_id=" + catalog + "&after=" + next;
   }
   EXPECT_EQ(seen, all);
   EXPECT_EQ(pages, 2);
   EXPECT_EQ(ids(server().get("/api/executions?limit=2&offset=1&catalog_id=" + catalog + "&after=" + all[1])),
             (list{all[3], all[4]}));
}

TEST_F(execution_pages, executions_of_the_same_instant_are_told_apart_by_id) {
   auto const path = fresh("pages/equal");
   auto const catalog = enroll(server(), linear(path));
   for (int i = 0; i < 5; ++i) execute(server(), path);
   server().query("update noetl.event set created_at = '2026-01-01' where event_type = 'playbook_started'"
                  " and catalog_id = " +
                  catalog);
   auto const all = ids(server().get("/api/executions?catalog_id=" + catalog));
   ASSERT_EQ(all.size(), 5U);
   list seen;
   std::string after;
   for (int i = 0; i < 5; ++i) {
      auto const got = server().get("/api/executions?limit=1&catalog_id=" + catalog + after);
      for (auto const& id : ids(got)) seen.push_back(id);
      after = "&after=" + got.header("x-next-after");
   }
   EXPECT_EQ(seen, all);
}

TEST_F(execution_pages, wrong_places_and_numbers_answer_400) {
   for (auto const* query : {"?limit=-1", "?offset=-1", "?limit=x", "?after=x", "?after=321", "?catalog_id=x"})
      EXPECT_EQ(server().get(std::string("/api/executions") + query).status, 400U) << query;
   EXPECT_EQ(server().get("/api/executions?offset=10000").status, 200U);
   EXPECT_TRUE(is_error(server().get("/api/executions?offset=10001"), 400, "'after'"));
   auto const execution = start_linear(server());
   for (auto const* query : {"?page=0", "?page=x", "?page_size=0", "?after_event=1", "?after_event=x",
                             "?after_event=0&limit=0", "?page=1&after_event=0"})
      for (auto const* of : {"", "/events"})
         EXPECT_EQ(server().get("/api/executions/" + execution + of + query).status, 400U) << of << query;
}

TEST_F(execution_pages, pages_of_a_detail_begin_with_the_newest_event_as_the_command_line_reads_them) {
   auto const execution = finished();
   auto wanted = log(execution);
   std::ranges::reverse(wanted);
   auto const first = server().get("/api/executions/" + execution + "?page=1&page_size=5");
   ASSERT_EQ(first.status, 200U) << first.body;
   EXPECT_EQ(events(first), list(wanted.begin(), wanted.begin() + 5));
   EXPECT_EQ(first.at("events.0.event_type").get_string(), "playbook.completed");
   auto const total = std::to_string(wanted.size());
   auto const pages = std::to_string((wanted.size() + 4) / 5);
   EXPECT_EQ(text(first.at("pagination")),
             R"({"has_next":true,"has_prev":false,"page":1,"page_size":5,"total_events":)" + total +
                 R"(,"total_pages":)" + pages + "}");
   auto const last = server().get("/api/executions/" + execution + "?page_size=5&page=" + pages);
   EXPECT_EQ(events(last).back(), wanted.back());
   EXPECT_EQ(text(last.at("pagination.has_next")), "false");
   EXPECT_EQ(text(server().get("/api/executions/" + execution + "?page=99").at("events")), "[]");
   EXPECT_EQ(server().get("/api/executions/" + execution).value.find("pagination"), nullptr);
}

TEST_F(execution_pages, a_log_is_read_on_from_an_event) {
   auto const execution = finished();
   auto const wanted = log(execution);
   auto const whole = server().get("/api/executions/" + execution + "/events");
   ASSERT_EQ(whole.status, 200U) << whole.body;
   EXPECT_EQ(shape(whole.value), "{events:array,execution_id:integer,next:null}");
   EXPECT_EQ(shape(whole.at("events.0")), "{created_at:string,error:null,event_id:integer,event_type:string,"
                                          "node_name:string,result:null,status:string}");
   EXPECT_EQ(events(whole), wanted);
   list seen;
   for (std::string after = "0"; after != "-";) {
      auto const got = server().get("/api/executions/" + execution + "/events?limit=4&after_event=" + after);
      for (auto const& id : events(got)) seen.push_back(id);
      after = number(got.at("next"));
   }
   EXPECT_EQ(seen, wanted);
   EXPECT_EQ(events(server().get("/api/executions/" + execution + "?after_event=" + wanted[2])),
             list(wanted.begin() + 3, wanted.end()));
   EXPECT_EQ(server().get("/api/executions/" + execution + "/events?page=1").at("pagination.page_size").as<int>(), 100);
   EXPECT_TRUE(is_error(server().get("/api/executions/321/events"), 404, "Execution not found: 321"));
   EXPECT_TRUE(is_error(server().get("/api/executions/x/events"), 400, "execution_id"));
}

TEST_F(execution_pages, rows_of_an_older_server_come_first_by_id) {
   auto const execution = finished();
   auto const wanted = log(execution);
   server().query("update noetl.event set stream_version = null where stream_version <= 3 and execution_id = " +
                  execution);
   list seen;
   for (std::string after = "0"; after != "-";) {
      auto const got = server().get("/api/executions/" + execution + "/events?limit=2&after_event=" + after);
      ASSERT_EQ(got.status, 200U) << got.body;
      for (auto const& id : events(got)) seen.push_back(id);
      after = number(got.at("next"));
   }
   auto first = list(wanted.begin(), wanted.begin() + 3);
   std::ranges::sort(first);
   auto expected = first;
   expected.insert(expected.end(), wanted.begin() + 3, wanted.end());
   EXPECT_EQ(seen, expected);
}
