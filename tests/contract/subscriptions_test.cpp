// /api/subscriptions: http-platform.md section 8.1, requirements-checklist.md D (items 96-118). States, actions and
// transitions come from the table of the life cycle.
#include <algorithm>
#include <set>

#include <noetl/control_plane/subscription_lifecycle.hpp>

#include "contract/hand.hpp"
#include "contract/subscribing.hpp"

using namespace noetl::test;
using life = noetl::control_plane::subscription_lifecycle;

TEST_F(subscriptions, a_full_cycle_writes_one_event_for_each_step_in_order_item_96) {
   auto const id = subscribed(server(), listed(server()));
   for (auto const* action : {"activate", "pause", "resume", "drain", "deactivate"}) {
      auto const got = act(server(), id, action);
      ASSERT_EQ(got.status, 200U) << action << got.body;
      EXPECT_EQ(shape(got.value), view_shape);
      EXPECT_EQ(got.at("last_event_type").get_string(), life::find_action(action)->event_type);
      EXPECT_EQ(server().get("/api/subscriptions/" + id).body, got.body);
   }
   EXPECT_EQ(transitions_of(server(), id), "registered activated paused resumed draining deactivated");
   EXPECT_EQ(server().cell(
                 "select string_agg(status, ' ' order by stream_version) from noetl.event where execution_id = " + id),
             "REGISTERED ACTIVE PAUSED ACTIVE DRAINING DEACTIVATED");
   EXPECT_EQ(server().cell("select string_agg(stream_version::text, ' ' order by stream_version) from noetl.event "
                           "where execution_id = " +
                           id),
             "1 2 3 4 5 6");
}

TEST_F(subscriptions, the_stored_row_is_the_reference_s_field_by_field_item_114) {
   auto const path = listed(server());
   auto const made = subscribe(server(), path);
   auto const id = made.at("subscription_id").get_string();
   auto const entry = made.at("catalog_id").get_string();
   act(server(), id, "activate");
   auto const rows = server().query(
       "select event_type, status, node_id, node_name, node_type, catalog_id, context, meta, result, error, worker_id, "
       "parent_event_id, parent_execution_id, abs(extract(epoch from created_at - now() at time zone 'utc')) < 60, "
       "meta ->> 'emitted_at' from noetl.event where execution_id = " +
       id + " order by event_id");
   ASSERT_EQ(rows.size(), 2U);
   std::vector<std::pair<std::string, std::string>> const kinds{{"subscription.registered", "REGISTERED"},
                                                                {"subscription.activated", "ACTIVE"}};
   for (std::size_t i = 0; i < rows.size(); ++i) {
      auto const& row = rows[i];
      EXPECT_EQ(row[0], kinds[i].first);
      EXPECT_EQ(row[1], kinds[i].second);
      EXPECT_EQ(row[2], "subscription");
      EXPECT_EQ(row[3], path);
      EXPECT_EQ(row[4], "subscription");
      EXPECT_EQ(row[5], entry);
      EXPECT_EQ(parse(*row[6]), parse(R"({"subscription_id":")" + id + R"(","path":")" + path + R"(","catalog_id":")" +
                                      entry + R"("})"));
      EXPECT_EQ(shape(parse(*row[7])), "{emitted_at:string,emitter:string,subscription_lifecycle:boolean}");
      EXPECT_EQ(parse(*row[7]).at("emitter").get_string(), "control_plane");
      EXPECT_TRUE(parse(*row[7]).at("subscription_lifecycle").get_boolean());
      for (std::size_t k = 8; k <= 12; ++k) EXPECT_FALSE(row[k]) << k;
      EXPECT_EQ(row[13], "t");
      EXPECT_TRUE(is_time(*row[14])) << *row[14];
   }
}

// All 25 cells, over HTTP; a refused one appends nothing and says from where the action is allowed.
TEST_F(subscriptions, every_state_and_action_over_http_items_104_107_108) {
   std::size_t cells = 0;
   for (auto from : life::states)
      for (auto const& [action, event_type] : life::actions) {
         auto const id = subscribed(server(), listed(server()), from);
         ASSERT_EQ(state_of(id), from);
         auto const before = events_of(id);
         auto const got = act(server(), id, std::string(action));
         if (auto const* const row = life::find(from, action)) {
            EXPECT_EQ(got.status, 200U) << from << " " << action << got.body;
            EXPECT_EQ(got.at("state").get_string(), row->to);
            EXPECT_EQ(got.at("last_event_type").get_string(), event_type);
            EXPECT_EQ(state_of(id), row->to);
            EXPECT_EQ(std::stoi(events_of(id)), std::stoi(before) + 1);
         } else {
            EXPECT_TRUE(is_error(got, 422, life::refusal(from, action)));
            EXPECT_EQ(state_of(id), from);
            EXPECT_EQ(events_of(id), before);
         }
         ++cells;
      }
   EXPECT_EQ(cells, 25U);
}

TEST_F(subscriptions, an_allowed_repeat_is_recorded_again_item_107) {
   auto const id = subscribed(server(), listed(server()), "ACTIVE");
   EXPECT_EQ(act(server(), id, "pause").status, 200U);
   EXPECT_EQ(act(server(), id, "pause").status, 200U);
   EXPECT_EQ(act(server(), id, "resume").status, 200U);
   EXPECT_EQ(act(server(), id, "resume").status, 200U);
   EXPECT_EQ(transitions_of(server(), id), "registered activated paused paused resumed resumed");
}

TEST_F(subscriptions, unknown_actions_ids_and_texts_are_told_apart_item_110) {
   auto const id = subscribed(server(), listed(server()));
   EXPECT_TRUE(is_error(act(server(), id, "explode"), 422, "Unknown action 'explode'"));
   EXPECT_TRUE(is_error(act(server(), id, "Activate"), 422, "Unknown action"));
   EXPECT_TRUE(is_error(act(server(), id, "history"), 422, "Unknown action 'history'"));
   EXPECT_TRUE(is_error(act(server(), id, "register"), 422, "Unknown action 'register'"));
   EXPECT_TRUE(is_error(act(server(), "12345", "explode"), 422, "Unknown action"));
   EXPECT_TRUE(is_error(act(server(), "12345", "activate"), 404, "Subscription not found: 12345"));
   EXPECT_TRUE(is_error(act(server(), "abc", "activate"), 400, "subscription_id"));
   EXPECT_TRUE(is_error(act(server(), "9223372036854775808", "activate"), 400, "subscription_id"));
   EXPECT_TRUE(is_error(server().get("/api/subscriptions/12345"), 404, "12345"));
   EXPECT_TRUE(is_error(server().get("/api/subscriptions/abc"), 400, "subscription_id"));
   EXPECT_EQ(server().get("/api/subscriptions/" + id + "/pause").status, 405U);
   EXPECT_EQ(events_of(id), "1");
   // An execution is no subscription.
   EXPECT_TRUE(is_error(act(server(), start_linear(server()), "activate"), 404, "Subscription not found"));
}

TEST_F(subscriptions, state_history_and_audit_events_item_116) {
   auto const id = subscribed(server(), listed(server()), "PAUSED");
   // The audit of a duplicate message, as a dispatch writes it; then a progress report of the runtime.
   server().query("insert into noetl.event (execution_id, event_id, catalog_id, event_type, status, node_id, "
                  "node_name, node_type) "
                  "select execution_id, " +
                  minted_id() +
                  ", catalog_id, 'subscription.message.deduplicated', 'ACTIVE', "
                  "'subscription', 'ingress', "
                  "'subscription' from noetl.event where execution_id = " +
                  id + " order by event_id desc limit 1");
   auto const audit = server().post(
       "/api/events",
       R"({"execution_id":)" + id +
           R"(,"event_type":"subscription.rate_limited","step":"ingress","status":"ACTIVE","context":{}})");
   EXPECT_EQ(audit.status, 200U) << audit.body;
   EXPECT_EQ(state_of(id), "PAUSED");
   EXPECT_EQ(server().get("/api/subscriptions/" + id).at("last_event_type").get_string(), "subscription.paused");
   EXPECT_EQ(act(server(), id, "pause").status, 200U);
   EXPECT_EQ(act(server(), id, "resume").status, 200U);
   auto const got = server().get("/api/subscriptions/" + id + "/history");
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(shape(got.value), "{history:array,subscription_id:string}");
   EXPECT_EQ(got.at("subscription_id").get_string(), id);
   std::string told;
   for (auto const& step : got.at("history").get_array())
      told += (step.find("from") ? step.at("from").get_string() : std::string("*")) + ">" +
              step.at("state").get_string() + " ";
   EXPECT_EQ(told, "*>REGISTERED REGISTERED>ACTIVE ACTIVE>PAUSED PAUSED>PAUSED PAUSED>ACTIVE ");
   EXPECT_EQ(shape(got.at("history.1")),
             "{at:string,event_id:string,event_type:string,from:string,sequence:integer,state:string}");
   EXPECT_EQ(server().get("/api/subscriptions/" + id + "/history?limit=2").at("next").as<int>(), 2);
   auto const rest = server().get("/api/subscriptions/" + id + "/history?limit=3&after=2");
   EXPECT_EQ(rest.at("history").get_array().size(), 3U);
   EXPECT_EQ(rest.value.find("next"), nullptr);
   EXPECT_EQ(server().get("/api/subscriptions/" + id + "/history?after=5").at("history").get_array().size(), 0U);
   EXPECT_TRUE(is_error(server().get("/api/subscriptions/12345/history"), 404, "12345"));
   EXPECT_TRUE(is_error(server().get("/api/subscriptions/" + id + "/history?limit=0"), 400, "limit"));
}

TEST_F(subscriptions, the_state_at_any_event_is_replayed_item_97) {
   auto const id = subscribed(server(), listed(server()));
   std::vector<std::string> const wanted{"REGISTERED", "ACTIVE", "PAUSED", "DRAINING", "DEACTIVATED"};
   for (auto const* action : {"activate", "pause", "drain", "deactivate"})
      ASSERT_EQ(act(server(), id, action).status, 200U);
   auto const rows =
       server().query("select event_id, to_char(created_at, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') from noetl.event "
                      "where execution_id = " +
                      id + " order by stream_version");
   ASSERT_EQ(rows.size(), wanted.size());
   auto const at = [&](std::string const& query) { return server().get("/api/subscriptions/" + id + query); };
   for (std::size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(at("?event_id=" + *rows[i][0]).at("state").get_string(), wanted[i]);
      // An id of nobody's; two steps of one millisecond have ids that follow each other.
      auto const between = std::to_string(std::stoll(*rows[i][0]) + 1);
      if (i + 1 == rows.size() || between != *rows[i + 1][0]) {
         EXPECT_EQ(at("?event_id=" + between).at("state").get_string(), wanted[i]);
      }
      EXPECT_EQ(at("?at=" + *rows[i][1]).at("state").get_string(), wanted[i]);
   }
   EXPECT_EQ(at("?event_id=9223372036854775807").body, at("").body);
   EXPECT_TRUE(is_error(at("?event_id=1"), 404, id));
   EXPECT_TRUE(is_error(at("?at=2020-01-01T00:00:00Z"), 404, id));
   EXPECT_TRUE(is_error(at("?event_id=1&at=2020-01-01T00:00:00Z"), 400, "not both"));
   EXPECT_TRUE(is_error(at("?event_id=x"), 400, "event_id"));
   EXPECT_TRUE(is_error(at("?at=yesterday"), 400, "at"));
}

TEST_F(subscriptions, a_status_that_is_no_state_is_500_alone_and_UNKNOWN_in_the_list_item_113) {
   auto const path = listed(server());
   auto const id = subscribed(server(), path);
   server().query("update noetl.event set status = 'BROKEN' where execution_id = " + id);
   EXPECT_TRUE(is_error(server().get("/api/subscriptions/" + id), 500, "a state that is none"));
   EXPECT_TRUE(is_error(subscribe(server(), path), 500, "a state that is none"));
   auto const row = in_list(server(), id);
   EXPECT_EQ(row.at("state").get_string(), "UNKNOWN");
   auto const filtered = server().get("/api/subscriptions?state=UNKNOWN");
   EXPECT_NE(filtered.body.find(id), std::string::npos);
   EXPECT_EQ(server().get("/api/subscriptions?state=ACTIVE").body.find(id), std::string::npos);
   EXPECT_EQ(act(server(), subscribed(server(), listed(server()), "ACTIVE"), "pause").status, 200U)
       << "others are fine";
   server().query("update noetl.event set status = 'REGISTERED' where execution_id = " + id);
   server().query("delete from noetl.stream_head where execution_id = " + id); // nothing but the rows is believed
   EXPECT_EQ(act(server(), id, "activate").status, 200U);
}

TEST_F(subscriptions, the_list_shows_all_states_and_takes_filter_and_pages_items_112_113) {
   std::vector<std::string> ids;
   for (int i = 0; i < 7; ++i)
      ids.push_back(subscribed(server(), listed(server()), i % 2 == 0 ? "ACTIVE" : "DEACTIVATED"));
   auto const all = server().get("/api/subscriptions");
   ASSERT_EQ(all.status, 200U);
   EXPECT_EQ(shape(all.value), "{subscriptions:array}");
   std::vector<std::string> seen;
   for (auto const& one : all.at("subscriptions").get_array()) {
      EXPECT_EQ(shape(one), view_shape);
      seen.push_back(one.at("subscription_id").get_string());
   }
   for (auto const& id : ids) EXPECT_EQ(std::ranges::count(seen, id), 1);
   EXPECT_TRUE(std::ranges::is_sorted(seen, {}, [](auto const& id) { return std::stoll(id); })) << "one shard";
   EXPECT_EQ(in_list(server(), ids[0]), server().get("/api/subscriptions/" + ids[0]).value);

   auto const active = server().get("/api/subscriptions?state=ACTIVE");
   for (auto const& one : active.at("subscriptions").get_array()) EXPECT_EQ(one.at("state").get_string(), "ACTIVE");
   std::vector<std::string> paged;
   for (std::string after; paged.size() <= seen.size();) {
      auto const page = server().get("/api/subscriptions?limit=3" + after);
      ASSERT_EQ(page.status, 200U) << page.body;
      for (auto const& one : page.at("subscriptions").get_array())
         paged.push_back(one.at("subscription_id").get_string());
      auto const* const next = page.value.find("next");
      if (next == nullptr) break;
      EXPECT_EQ(page.at("subscriptions").get_array().size(), 3U);
      EXPECT_EQ(next->get_string(), paged.back());
      after = "&after=" + next->get_string();
   }
   EXPECT_EQ(paged, seen);
   for (auto const* wrong : {"state=active", "state=", "limit=0", "limit=1001", "limit=-1", "limit=x", "after=x"})
      EXPECT_TRUE(is_error(server().get(std::string("/api/subscriptions?") + wrong), 400, "query parameter")) << wrong;
   server().query(
       "delete from noetl.catalog where catalog_id = (select catalog_id from noetl.event where execution_id = " +
       ids[1] + " limit 1)");
   EXPECT_EQ(in_list(server(), ids[1]).at("path").get_string(), "") << "the entry is gone";
}

TEST_F(subscriptions, the_table_and_its_diagram_are_published) {
   auto const got = server().get("/api/subscriptions/transitions");
   ASSERT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(shape(got.value),
             "{actions:array,created_by:string,initial:string,mermaid:string,states:array,transitions:array}");
   EXPECT_EQ(got.at("initial").get_string(), "REGISTERED");
   EXPECT_EQ(got.at("states").get_array().size(), life::states.size());
   ASSERT_EQ(got.at("transitions").get_array().size(), life::arrows.size());
   for (std::size_t i = 0; i < life::arrows.size(); ++i) {
      auto const& row = got.at("transitions").get_array()[i];
      EXPECT_EQ(shape(row), "{action:string,event_type:string,from:string,to:string}");
      EXPECT_EQ(row.at("from").get_string(), life::arrows[i].from);
      EXPECT_EQ(row.at("to").get_string(), life::arrows[i].to);
   }
   EXPECT_EQ(got.at("actions.1.name").get_string(), "pause");
   EXPECT_EQ(text(got.at("actions.1.allowed_from")), R"(["ACTIVE","PAUSED"])");
   EXPECT_EQ(got.at("mermaid").get_string().substr(0, 16), "stateDiagram-v2\n");
   EXPECT_NE(got.at("mermaid").get_string().find("    DRAINING --> DEACTIVATED : deactivate\n"), std::string::npos);
}

TEST_F(subscriptions, rows_of_an_older_server_are_read_and_continued) {
   auto const path = listed(server());
   auto const entry = server().cell("select catalog_id from noetl.catalog where path = '" + path + "'");
   auto const id = minted_id();
   auto const insert = [&](std::string const& event_id, std::string const& type, std::string const& status) {
      server().query("insert into noetl.event (execution_id, event_id, catalog_id, event_type, status, node_id, "
                     "node_name, node_type, created_at) "
                     "values (" +
                     id + ", " + event_id + ", " + entry + ", 'subscription." + type + "', '" + status +
                     "', 'subscription', '" + path + "', 'subscription', now() at time zone 'utc')");
   };
   insert(minted_id(), "registered", "REGISTERED");
   insert(minted_id(), "activated", "ACTIVE");
   insert(minted_id(), "message.deduplicated", "DEDUPLICATED");
   EXPECT_EQ(state_of(id), "ACTIVE");
   EXPECT_EQ(subscribed(server(), path), id) << "the live one of the older server";
   EXPECT_EQ(in_list(server(), id).at("state").get_string(), "ACTIVE");
   EXPECT_EQ(act(server(), id, "pause").at("state").get_string(), "PAUSED");
   EXPECT_TRUE(is_error(act(server(), id, "explode"), 422, "Unknown action"));
   EXPECT_EQ(act(server(), id, "drain").at("state").get_string(), "DRAINING");
   EXPECT_EQ(transitions_of(server(), id), "registered activated paused draining");
   EXPECT_EQ(
       server().cell("select stream_version from noetl.event where execution_id = " + id + " and status = 'PAUSED'"),
       "4");
   EXPECT_EQ(act(server(), id, "deactivate").status, 200U);
   EXPECT_NE(subscribed(server(), path), id);
}

TEST_F(subscriptions, the_order_of_the_log_decides_and_not_the_ids_item_106_D72) {
   auto const id = subscribed(server(), listed(server()), "ACTIVE");
   ASSERT_EQ(act(server(), id, "deactivate").status, 200U);
   // As a replica whose clock is 5 s behind would have numbered its event.
   server().query("update noetl.event set event_id = event_id - (5000::bigint << 22) where execution_id = " + id +
                  " and event_type = 'subscription.deactivated'");
   EXPECT_EQ(
       server().cell("select status from noetl.event where execution_id = " + id + " order by event_id desc limit 1"),
       "ACTIVE")
       << "the control: by ids the deactivation is invisible";
   EXPECT_EQ(state_of(id), "DEACTIVATED");
   EXPECT_EQ(in_list(server(), id).at("state").get_string(), "DEACTIVATED");
   EXPECT_EQ(transitions_of(server(), id), "registered activated deactivated");
   EXPECT_TRUE(is_error(act(server(), id, "pause"), 422, "cannot pause from DEACTIVATED"));
}

TEST_F(subscriptions, a_drain_that_was_cut_short_is_ended_by_deactivate_items_100_109_D73) {
   auto const path = listed(server());
   auto const id = subscribed(server(), path, "DRAINING");
   EXPECT_EQ(subscribed(server(), path), id) << "as the reference answers while it drains";
   EXPECT_TRUE(is_error(act(server(), id, "activate"), 422, "cannot activate from DRAINING"));
   EXPECT_EQ(act(server(), id, "deactivate").status, 200U);
   EXPECT_EQ(act(server(), id, "activate").at("state").get_string(), "ACTIVE")
       << "without manual SQL, under the same id";
   // Nobody comes: once the drain is older than NOETL_SUBSCRIPTION_DRAIN_LIMIT, the next registration ends it.
   EXPECT_EQ(act(server(), id, "drain").status, 200U);
   server().query("update noetl.event set created_at = created_at - interval '1 hour' where execution_id = " + id);
   auto const next = subscribed(server(), path);
   EXPECT_NE(next, id);
   EXPECT_EQ(state_of(id), "DEACTIVATED");
   EXPECT_EQ(state_of(next), "REGISTERED");
   EXPECT_EQ(server().cell("select meta ->> 'reason' from noetl.event where execution_id = " + id +
                           " order by stream_version desc limit 1"),
             "drain outlived its limit");
}

TEST_F(subscriptions, outcomes_are_counted) {
   auto const path = listed(server());
   auto const id = subscribed(server(), path);
   act(server(), id, "activate");
   act(server(), id, "explode");
   subscribe(server(), path);
   auto const got = server().get("/metrics").body;
   for (auto const* line :
        {"# HELP noetl_subscription_transitions_total ", "# HELP noetl_subscription_registrations_total ",
         "# HELP noetl_subscription_conflicts_total ",
         "noetl_subscription_transitions_total{action=\"activate\",outcome=\"moved\"} ",
         "noetl_subscription_transitions_total{action=\"unknown\",outcome=\"refused\"} ",
         "noetl_subscription_registrations_total{outcome=\"created\"} ",
         "noetl_subscription_registrations_total{outcome=\"reused\"} "})
      EXPECT_NE(got.find(line), std::string::npos) << line;
}
