// /api/internal/outbox: http-platform.md section 4, requirements-checklist.md 62-79.
#include <set>
#include <thread>

#include <noetl/http/client.hpp>

#include "contract/internal.hpp"

using namespace noetl::test;

namespace {

struct internal_outbox : internal_contract {
   void SetUp() override {
      internal_contract::SetUp();
      if (!IsSkipped()) at().query("truncate noetl.outbox");
   }
   /// Inserts `count` rows that are due. \return the id of the first
   static std::int64_t add(int count = 1, std::string const& columns = "", std::string const& values = "") {
      return std::stoll(cell("with i as (insert into noetl.outbox (execution_id, event_id, subject, payload" + columns +
                             ") select 7, n + (select coalesce(max(event_id), 0) from noetl.outbox), 'noetl.x', "
                             "'{\"n\":1}'" +
                             values + " from generate_series(1, " + std::to_string(count) +
                             ") n returning outbox_id) select min(outbox_id) from i"));
   }
   static reply claim(std::string const& body = "{}") { return post("/outbox/claim", body); }
   static std::string claimed_ids(reply const& got) {
      std::string out;
      for (auto const& row : got.at("rows").get_array()) out += number(row.at("outbox_id")) + " ";
      return out;
   }
   static reply published(std::string const& ids, std::string const& more = "") {
      return post("/outbox/mark-published", R"({"outbox_ids":[)" + ids + "]" + more + "}");
   }
   static reply failed(std::int64_t id, std::string const& more = "") {
      return post("/outbox/mark-failed",
                  R"({"outbox_id":)" + std::to_string(id) + R"(,"error":"no route")" + more + "}");
   }
   static std::string of(std::int64_t id, std::string const& what) {
      return cell("select " + what + " from noetl.outbox where outbox_id = " + std::to_string(id));
   }
   static std::int64_t pending() { return get("/outbox/pending-count").at("pending").as<std::int64_t>(); }
   static void pass_lease(std::int64_t id) {
      at().query("update noetl.outbox set locked_at = locked_at - interval '61 s', available_at = available_at - "
                 "interval '61 s' where outbox_id = " +
                 std::to_string(id));
   }
};

} // namespace

TEST_F(internal_outbox, item_62_63_claim_takes_due_rows_and_leaves_the_others_alone) {
   auto const first = add(2);
   auto const failed_row = add(1, ", status", ", 'FAILED'");
   add(1, ", status, published_at", ", 'PUBLISHED', now()");
   add(1, ", status, locked_at", ", 'IN_FLIGHT', now()");
   add(1, ", available_at", ", now() + interval '1 hour'");
   auto const got = claim();
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(claimed_ids(got),
             std::to_string(first) + " " + std::to_string(first + 1) + " " + std::to_string(failed_row) + " ");
   EXPECT_EQ(number(got.at("claimed")), "3");
   EXPECT_EQ(cell("select count(*) from noetl.outbox where status = 'IN_FLIGHT' and attempts = 1"), "3");
   auto const nothing = claim();
   EXPECT_EQ(nothing.body, R"({"rows":[],"claimed":0})");
}

TEST_F(internal_outbox, item_64_the_limit_is_100_unless_said_and_clamped_to_1_and_1000) {
   add(1250);
   EXPECT_EQ(number(claim(R"({"limit":-5})").at("claimed")), "1");
   EXPECT_EQ(number(claim(R"({"limit":0})").at("claimed")), "1");
   EXPECT_EQ(number(claim().at("claimed")), "100");
   EXPECT_EQ(number(claim(R"({"limit":5000})").at("claimed")), "1000");
   EXPECT_EQ(number(claim(R"({"limit":2})").at("claimed")), "2");
}

TEST_F(internal_outbox, item_65_67_68_69_rows_come_oldest_first_with_attempts_and_all_their_fields) {
   auto const first = add(3);
   at().query("update noetl.outbox set available_at = now() - interval '1 day' * (outbox_id - " +
              std::to_string(first) + ")");
   at().query("insert into noetl.outbox (event_id, payload) values (99, '[1]')");
   auto const got = claim();
   EXPECT_EQ(claimed_ids(got), std::to_string(first) + " " + std::to_string(first + 1) + " " +
                                   std::to_string(first + 2) + " " + std::to_string(first + 3) + " ");
   EXPECT_EQ(shape(got.value), "{claimed:integer,rows:array}");
   EXPECT_EQ(shape(got.at("rows.0")), "{attempts:integer,epoch:integer,event_id:integer,execution_id:integer,"
                                      "outbox_id:integer,payload:object,payload_codec:string,subject:string}");
   EXPECT_EQ(got.at("rows.0.payload_codec").get_string(), "arrow-feather");
   EXPECT_EQ(number(got.at("rows.0.attempts")), "1") << "after the increment";
   EXPECT_EQ(shape(got.at("rows.3")),
             "{attempts:integer,epoch:integer,event_id:integer,outbox_id:integer,payload:array,payload_codec:string}")
       << "no execution, no subject: left out";
   EXPECT_EQ(of(first, "locked_at = updated_at and now() - locked_at < interval '1 min'"), "t");
}

TEST_F(internal_outbox, item_66_claimers_at_once_share_no_row_and_leave_none) {
   add(1000);
   std::vector<json_value> answers(8);
   {
      std::vector<std::jthread> claimers;
      for (auto& answer : answers)
         claimers.emplace_back([&answer] {
            noetl::http::blocking_client own({.host = "127.0.0.1", .port = static_cast<std::uint16_t>(at().port())},
                                             {});
            noetl::http::client_request wish{.method = noetl::http::verb::post,
                                             .target = "/api/internal/outbox/claim",
                                             .body = R"({"limit":125})",
                                             .headers = {{"Authorization", std::string("Bearer ") + internal_token}}};
            answer = parse(own.send(std::move(wish)).value().body);
         });
   }
   std::multiset<std::string> ids;
   for (auto const& answer : answers)
      for (auto const& row : answer.at("rows").get_array()) ids.insert(number(row.at("outbox_id")));
   EXPECT_EQ(ids.size(), 1000U);
   EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 1000U);
}

TEST_F(internal_outbox, item_70_71_D11_published_is_said_once_and_stays) {
   auto const first = add(3);
   claim(R"({"limit":2})");
   at().query("update noetl.outbox set last_error = 'old' where outbox_id = " + std::to_string(first));
   auto const ids = std::to_string(first) + "," + std::to_string(first + 1);
   EXPECT_EQ(published(ids + ",999999").body, R"({"marked":2})") << "unknown ids are no error";
   EXPECT_EQ(of(first, "status || (last_error is null) || (published_at is not null)"), "PUBLISHEDtruetrue");
   auto const at_first = of(first, "published_at");
   EXPECT_EQ(published(ids).body, R"({"marked":0})");
   EXPECT_EQ(of(first, "published_at"), at_first);
   EXPECT_EQ(published(std::to_string(first + 2)).body, R"({"marked":0})") << "nobody ever claimed it";
   EXPECT_EQ(of(first + 2, "status"), "PENDING");
}

TEST_F(internal_outbox, item_72_73_D10_the_row_of_a_claimer_that_died_is_counted_and_offered_again) {
   auto const id = add();
   claim();
   EXPECT_EQ(pending(), 0);
   EXPECT_EQ(number(claim().at("claimed")), "0");
   pass_lease(id);
   EXPECT_EQ(pending(), 1);
   auto const again = claim();
   ASSERT_EQ(number(again.at("claimed")), "1");
   EXPECT_EQ(number(again.at("rows.0.attempts")), "2");
   EXPECT_EQ(pending(), 0);
}

TEST_F(internal_outbox, D10_a_claim_of_a_server_without_leases_ends_a_minute_after_its_lock) {
   auto const id =
       add(1, ", status, locked_at, available_at", ", 'IN_FLIGHT', now() - interval '50 s', now() - interval '1 h'");
   EXPECT_EQ(number(claim().at("claimed")), "0");
   at().query("update noetl.outbox set locked_at = now() - interval '61 s'");
   EXPECT_EQ(claimed_ids(claim()), std::to_string(id) + " ");
}

TEST_F(internal_outbox, late_reports_of_an_earlier_claimer_are_refused_by_epoch) {
   auto const id = add();
   auto const first = number(claim().at("rows.0.epoch"));
   pass_lease(id);
   auto const second = number(claim().at("rows.0.epoch"));
   ASSERT_NE(first, second);
   EXPECT_EQ(published(std::to_string(id), R"(,"epochs":[)" + first + "]").body, R"({"marked":0})");
   EXPECT_FALSE(failed(id, R"(,"epoch":)" + first).at("marked").get_boolean());
   EXPECT_EQ(of(id, "status"), "IN_FLIGHT");
   EXPECT_EQ(published(std::to_string(id), R"(,"epochs":[)" + second + "]").body, R"({"marked":1})");
   EXPECT_TRUE(is_error(published("1,2", R"(,"epochs":[1])"), 422, "epochs"));
   EXPECT_NE(at().get("/metrics").body.find("noetl_outbox_leases_expired_total"), std::string::npos);
}

TEST_F(internal_outbox, item_74_76_78_the_pause_doubles_with_the_servers_count_and_is_what_is_answered) {
   struct sample {
      int stored, supplied, most, delay;
   };
   for (auto const& [stored, supplied, most, delay] : std::vector<sample>{{1, 0, 300, 1},
                                                                          {1, 1, 300, 1},
                                                                          {2, 1, 300, 2},
                                                                          {5, 1, 300, 16},
                                                                          {1, 5, 300, 16},
                                                                          {9, 1, 300, 256},
                                                                          {1, 20, 300, 256},
                                                                          {5, 5, 10, 10},
                                                                          {1, 5, -7, 0},
                                                                          {19, 1, 300, 256}}) {
      auto const id = add(1, ", status, locked_at, attempts", ", 'IN_FLIGHT', now(), " + std::to_string(stored));
      auto const got =
          failed(id, R"(,"attempts":)" + std::to_string(supplied) + R"(,"max_delay_seconds":)" + std::to_string(most));
      EXPECT_EQ(got.body, R"({"marked":true,"available_at_in":)" + std::to_string(delay) + "}") << stored << supplied;
      EXPECT_EQ(of(id, "status || ' ' || extract(epoch from available_at - updated_at)::int"),
                "FAILED " + std::to_string(delay));
   }
   auto const id = add(1, ", status, locked_at, attempts", ", 'IN_FLIGHT', now(), 4");
   EXPECT_EQ(number(failed(id).at("available_at_in")), "8") << "attempts left out";
}

TEST_F(internal_outbox, item_75_the_error_is_cut_to_2000_characters_and_none_is_split) {
   auto const id = add(1, ", status, locked_at", ", 'IN_FLIGHT', now()");
   std::string smiles;
   for (int i = 0; i < 3000; ++i) smiles += "\xF0\x9F\x98\x80";
   ASSERT_EQ(
       post("/outbox/mark-failed", R"({"outbox_id":)" + std::to_string(id) + R"(,"error":")" + smiles + "\"}").status,
       200U);
   EXPECT_EQ(of(id, "char_length(last_error) || ' ' || octet_length(last_error)"), "2000 8000");
   auto const zero = add(1, ", status, locked_at", ", 'IN_FLIGHT', now()");
   EXPECT_EQ(post("/outbox/mark-failed", R"({"outbox_id":)" + std::to_string(zero) + R"(,"error":"a\u0000b"})").status,
             200U);
   EXPECT_EQ(of(zero, "last_error"), "a b");
}

TEST_F(internal_outbox, item_77_D12_marked_tells_whether_a_claimed_row_was_put_off) {
   EXPECT_EQ(failed(999'999).body, R"({"marked":false,"available_at_in":1})");
   auto const id = add();
   EXPECT_FALSE(failed(id).at("marked").get_boolean()) << "nobody holds it";
   claim();
   published(std::to_string(id));
   EXPECT_FALSE(failed(id).at("marked").get_boolean());
   EXPECT_EQ(of(id, "status"), "PUBLISHED") << "not revived";
}

TEST_F(internal_outbox, item_79_the_pending_count_is_exactly_that_and_counts_what_a_claim_would_take) {
   EXPECT_EQ(get("/outbox/pending-count").body, R"({"pending":0})");
   add(3);
   add(1, ", status", ", 'FAILED'");
   add(1, ", available_at", ", now() + interval '1 hour'");
   add(1, ", status, locked_at", ", 'IN_FLIGHT', now()");
   add(1, ", status", ", 'PUBLISHED'");
   EXPECT_EQ(get("/outbox/pending-count").body, R"({"pending":4})");
}

TEST_F(internal_outbox, item_62_requests_outside_the_bounds_answer_400_and_422) {
   EXPECT_TRUE(is_error(published(""), 400, "outbox_ids"));
   EXPECT_TRUE(is_error(post("/outbox/mark-published", "{}"), 422, "outbox_ids"));
   EXPECT_TRUE(is_error(post("/outbox/mark-published", R"({"outbox_ids":["1"]})"), 422, "outbox_ids[0]"));
   EXPECT_TRUE(is_error(post("/outbox/mark-failed", R"({"outbox_id":1,"error":""})"), 400, "error"));
   EXPECT_TRUE(is_error(post("/outbox/mark-failed", R"({"outbox_id":1})"), 422, "error"));
   EXPECT_TRUE(is_error(post("/outbox/mark-failed", R"({"error":"x"})"), 422, "outbox_id"));
   EXPECT_TRUE(
       is_error(post("/outbox/mark-failed", R"({"outbox_id":1,"error":"x","attempts":2147483648})"), 422, "attempts"));
   EXPECT_TRUE(is_error(claim(R"({"limit":"5"})"), 422, "limit"));
   EXPECT_TRUE(is_error(claim(""), 400, ""));
   EXPECT_TRUE(is_error(post("/outbox/claim", "{}", "text/plain"), 415, ""));
   EXPECT_TRUE(is_error(post("/outbox/parked/replay", R"({"outbox_ids":[]})"), 400, "outbox_ids"));
   EXPECT_TRUE(is_error(post("/outbox/parked/skip", "{}"), 422, "outbox_ids"));
   EXPECT_TRUE(is_error(get("/outbox/parked?limit=0"), 400, "limit"));
   EXPECT_TRUE(is_error(get("/outbox/parked?after=x"), 400, "after"));
   EXPECT_EQ(at().send({"GET", "/api/internal/outbox/claim", {}, {}, bearer()}).status, 405U);
}

TEST_F(internal_outbox, D13_poison_rows_are_parked_listed_replayed_and_skipped) {
   auto const worn = add(1, ", status, locked_at, attempts", ", 'IN_FLIGHT', now(), 20");
   auto const hopeless = add(1, ", status, locked_at, attempts", ", 'IN_FLIGHT', now(), 1");
   auto const fatal = add(1, ", status, locked_at, available_at, attempts",
                          ", 'IN_FLIGHT', now() - interval '2 min', now() - interval '1 min', 20");
   EXPECT_EQ(failed(worn).body, R"({"marked":true,"available_at_in":256,"parked":true})");
   EXPECT_EQ(failed(hopeless, R"(,"hopeless":true)").body, R"({"marked":true,"available_at_in":1,"parked":true})");
   EXPECT_EQ(number(claim().at("claimed")), "0") << "the one that kills its claimers is not offered a 21st time";
   EXPECT_EQ(pending(), 0);

   auto const list = get("/outbox/parked");
   ASSERT_EQ(list.status, 200U) << list.body;
   EXPECT_EQ(claimed_ids(list),
             std::to_string(worn) + " " + std::to_string(hopeless) + " " + std::to_string(fatal) + " ");
   EXPECT_EQ(shape(list.value), "{rows:array}");
   EXPECT_EQ(shape(list.at("rows.0")),
             "{attempts:integer,created_at:string,event_id:integer,execution_id:integer,last_error:string,"
             "outbox_id:integer,payload:object,payload_codec:string,subject:string,updated_at:string}");
   EXPECT_EQ(list.at("rows.0.last_error").get_string(), "no route");
   EXPECT_NE(list.at("rows.2.last_error").get_string().find("never reported"), std::string::npos);
   auto const page = get("/outbox/parked?limit=2");
   EXPECT_EQ(number(page.at("next")), std::to_string(hopeless));
   EXPECT_EQ(claimed_ids(get("/outbox/parked?limit=2&after=" + number(page.at("next")))), std::to_string(fatal) + " ");

   auto const all = std::to_string(worn) + "," + std::to_string(hopeless) + ",999999";
   EXPECT_EQ(post("/outbox/parked/skip", R"({"outbox_ids":[)" + std::to_string(fatal) + "]}").body, R"({"marked":1})");
   EXPECT_EQ(of(fatal, "status || ' ' || left(last_error, 7)"), "PUBLISHED skipped");
   EXPECT_EQ(post("/outbox/parked/replay", R"({"outbox_ids":[)" + all + "]}").body, R"({"marked":2})");
   EXPECT_EQ(post("/outbox/parked/replay", R"({"outbox_ids":[)" + all + "]}").body, R"({"marked":0})");
   auto const again = claim();
   EXPECT_EQ(claimed_ids(again), std::to_string(worn) + " " + std::to_string(hopeless) + " ");
   EXPECT_EQ(number(again.at("rows.0.attempts")), "21") << "attempts only grow; the row has twenty more";
   EXPECT_EQ(get("/outbox/parked").body, R"({"rows":[]})");
}
