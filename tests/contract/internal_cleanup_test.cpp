// POST /api/internal/cleanup/purge: http-platform.md section 6, requirements-checklist.md 88-95 and 118.
#include "contract/internal.hpp"

using namespace noetl::test;

namespace {

// An execution id of early 2025.
constexpr char const* q1_2025 = "132741398077440000";

struct internal_cleanup : internal_contract {
   static reply purge(std::string const& body = "{}") { return post("/cleanup/purge", body); }
   static std::string count(std::string const& table, std::string const& where = "true") {
      return cell("select count(*) from noetl." + table + " where " + where);
   }
   static void add_command(std::string const& execution, std::string const& completed) {
      at().query(
          "insert into noetl.command (command_id, event_id, execution_id, catalog_id, step_name, status, completed_at) "
          "values (1, 1, " +
          execution + ", 1, 's', 'COMPLETED', " + completed + ")");
   }
   static void add_runtime(std::string const& name, std::string const& kind, std::string const& heartbeat) {
      at().query("insert into noetl.runtime (runtime_id, name, kind, status, heartbeat) values (" + minted_id() +
                 ", '" + name + "', '" + kind + "', 'active', " + heartbeat + ")");
   }
   /// A partition of event ids [from, from + 1000), the n-th from `base`.
   static void add_partition(std::string const& name, std::int64_t n, std::string const& base = q1_2025) {
      auto const from = std::to_string(std::stoll(base) + n * 1000);
      at().query("create table noetl." + name + " partition of noetl.event for values from (" + from + ") to (" +
                 std::to_string(std::stoll(from) + 1000) + ")");
   }
   static std::string id_in(std::int64_t n, int offset = 0) {
      return std::to_string(std::stoll(q1_2025) + n * 1000 + offset);
   }
   static void add_event(std::string const& execution, std::string const& id, std::string const& type) {
      at().query("insert into noetl.event (execution_id, event_id, catalog_id, event_type) values (" + execution +
                 ", " + id + ", 1, '" + type + "')");
   }
   static bool exists(std::string const& partition) {
      return cell("select to_regclass('noetl." + partition + "') is not null") == "t";
   }
   static void drop(std::vector<std::string> const& partitions) {
      for (auto const& one : partitions) at().query("drop table if exists noetl." + one);
   }
};

} // namespace

TEST_F(internal_cleanup, item_88_89_without_a_policy_old_commands_and_silent_workers_go) {
   for (auto const& [body, type] :
        std::vector<std::pair<std::string, std::string>>{{"", ""}, {"{}", "application/json"}}) {
      add_command("71", "now() - interval '8 days'");
      add_command("72", "now() - interval '6 days'");
      add_command("73", "null");
      add_runtime("silent", "worker_pool", "now() - interval '61 min'");
      add_runtime("alive", "worker_pool", "now() - interval '59 min'");
      add_runtime("server", "server_api", "now() - interval '9 days'");
      auto const got = post("/cleanup/purge", body, type);
      EXPECT_EQ(got.status, 200U) << got.body;
      EXPECT_EQ(got.body, R"({"commands_purged":1,"runtime_purged":1,"events_purged":0})");
      EXPECT_EQ(count("command", "execution_id in (71, 72, 73)"), "2");
      EXPECT_EQ(count("runtime", "name in ('alive', 'server')"), "2");
      at().query("delete from noetl.command");
      at().query("delete from noetl.runtime");
   }
}

TEST_F(internal_cleanup, item_88_90_zero_and_less_skip_a_table) {
   add_command("71", "now() - interval '800 days'");
   add_runtime("silent", "worker_pool", "now() - interval '61 days'");
   add_partition("event_skipped", 900);
   for (auto const* none : {"0", "-1", "-4294967297"}) {
      auto const got = purge(std::string(R"({"command_retention_days":)") + none + R"(,"runtime_stale_minutes":)" +
                             none + R"(,"event_retention_days":)" + none + "}");
      EXPECT_EQ(got.body, R"({"commands_purged":0,"runtime_purged":0,"events_purged":0})");
   }
   EXPECT_TRUE(exists("event_skipped"));
   drop({"event_skipped"});
   EXPECT_EQ(purge().body, R"({"commands_purged":1,"runtime_purged":1,"events_purged":0})");
}

TEST_F(internal_cleanup, many_rows_go_in_batches_and_published_outbox_rows_after_a_day) {
   at().query("insert into noetl.command (command_id, event_id, execution_id, catalog_id, step_name, completed_at) "
              "select n, n, n, 1, 's', now() - interval '9 days' from generate_series(1, 12000) n");
   at().query("insert into noetl.outbox (event_id, payload, status, published_at) select n, '{}', 'PUBLISHED', now() - "
              "interval '25 hours' from generate_series(1, 6000) n");
   at().query(
       "insert into noetl.outbox (event_id, payload, status, published_at, created_at) values (7001, '{}', "
       "'PUBLISHED', now(), now() - interval '9 days'), (7002, '{}', 'PENDING', null, now() - interval '9 days')");
   EXPECT_EQ(purge().body, R"({"commands_purged":12000,"runtime_purged":0,"events_purged":0,"outbox_purged":6000})");
   EXPECT_EQ(count("outbox", "event_id in (7001, 7002)"), "2");
   at().query("truncate noetl.outbox");
}

TEST_F(internal_cleanup, item_91_D75_partitions_go_when_everything_in_them_has_ended) {
   add_partition("event_old_ended", 0);
   add_event(id_in(0), "1", "playbook_started");
   add_event(id_in(0), "2", "playbook.completed");
   add_event(id_in(0, 1), "3", "subscription.registered");
   add_event(id_in(0, 1), "4", "subscription.deactivated");
   at().query("insert into noetl.stream_head (execution_id, version, guarded_version, catalog_id, status) values (" +
              id_in(0) + ", 2, 0, 1, 'COMPLETED'), (" + id_in(0, 1) + ", 2, 0, 1, 'RUNNING')");
   add_partition("event_old_empty", 1);
   add_partition("event_old_running", 2);
   add_event(id_in(2), "5", "playbook_started");
   add_partition("event_old_headed", 3);
   at().query("insert into noetl.stream_head (execution_id, version, guarded_version, catalog_id, status) values (" +
              id_in(3) + ", 1, 0, 1, 'RUNNING')");
   auto const got = purge(R"({"event_retention_days":30})");
   EXPECT_EQ(number(got.at("events_purged")), "2") << got.body;
   EXPECT_EQ(text(got.at("event_partitions_dropped")), R"(["event_old_empty","event_old_ended"])");
   EXPECT_FALSE(exists("event_old_ended"));
   EXPECT_TRUE(exists("event_old_running"));
   EXPECT_TRUE(exists("event_old_headed"));
   EXPECT_EQ(shape(got.at("event_partitions_kept.0")), "{partition:string,reason:string}");
   EXPECT_EQ(count("stream_head", "execution_id in (" + id_in(0) + "," + id_in(0, 1) + ")"), "0");
   at().query("delete from noetl.stream_head where execution_id = " + id_in(3));
   drop({"event_old_running", "event_old_headed"});
}

TEST_F(internal_cleanup, item_91_118_D75_an_active_subscription_outlives_retention) {
   add_partition("event_old_subscription", 4);
   int id = 10;
   for (auto const* type : {"subscription.registered", "subscription.activated", "subscription.deactivated",
                            "subscription.activated", "subscription.message.deduplicated"})
      add_event(id_in(4), std::to_string(++id), type);
   at().query("insert into noetl.stream_head (execution_id, version, guarded_version, catalog_id, status) values (" +
              id_in(4) + ", 5, 5, 1, 'subscription:ACTIVE')");
   EXPECT_EQ(number(purge(R"({"event_retention_days":1})").at("events_purged")), "0");
   ASSERT_TRUE(exists("event_old_subscription"));
   EXPECT_EQ(cell("select count(*) from noetl.event where execution_id = " + id_in(4)), "5");
   add_event(id_in(4), "20", "subscription.deactivated");
   at().query("update noetl.stream_head set status = 'subscription:DEACTIVATED' where execution_id = " + id_in(4));
   EXPECT_EQ(number(purge(R"({"event_retention_days":1})").at("events_purged")), "1");
}

TEST_F(internal_cleanup, rows_that_the_stream_has_not_passed_keep_their_partition) {
   add_partition("event_old_unstreamed", 5);
   add_event(id_in(5), "1", "playbook.completed");
   at().query(
       "insert into noetl.stream_cursor (name, position, xid, execution_id, event_id) values ('test', 0, '1', 0, 0)");
   EXPECT_EQ(number(purge(R"({"event_retention_days":1})").at("events_purged")), "0");
   at().query("update noetl.stream_cursor set xid = pg_current_xact_id() where name = 'test'");
   EXPECT_EQ(number(purge(R"({"event_retention_days":1})").at("events_purged")), "1");
   at().query("delete from noetl.stream_cursor where name = 'test'");
}

TEST_F(internal_cleanup, rows_of_older_servers_that_a_backfill_has_not_passed_keep_their_partition) {
   add_partition("event_old_history", 8);
   at().query("insert into noetl.event (execution_id, event_id, catalog_id, event_type, ingest_xid) values (" +
              id_in(8) + ", 1, 1, 'playbook.completed', null)");
   at().query("insert into noetl.stream_cursor (name, position, xid, execution_id, event_id) values ('test', 0, '0', " +
              id_in(8) + ", 0)");
   EXPECT_EQ(number(purge(R"({"event_retention_days":1})").at("events_purged")), "0");
   at().query("update noetl.stream_cursor set event_id = 1 where name = 'test'");
   EXPECT_EQ(number(purge(R"({"event_retention_days":1})").at("events_purged")), "1");
   at().query("delete from noetl.stream_cursor where name = 'test'");
}

TEST_F(internal_cleanup, item_92_the_default_partition_and_recent_ones_stay) {
   EXPECT_EQ(purge(R"({"event_retention_days":1})").body,
             R"({"commands_purged":0,"runtime_purged":0,"events_purged":0})");
   EXPECT_TRUE(exists("event_default"));
   EXPECT_EQ(cell("select count(*) from pg_inherits where inhparent = 'noetl.event'::regclass"), "4");
}

TEST_F(internal_cleanup, item_93_a_partition_that_cannot_be_dropped_is_skipped) {
   add_partition("event_old_needed", 6);
   at().query("create view noetl.needs_it as select * from noetl.event_old_needed"); // DROP without CASCADE is refused
   add_partition("event_old_free", 7);
   auto const got = purge(R"({"event_retention_days":1})");
   EXPECT_EQ(got.status, 200U);
   EXPECT_EQ(text(got.at("event_partitions_dropped")), R"(["event_old_free"])");
   EXPECT_EQ(got.at("event_partitions_kept.0.partition").get_string(), "event_old_needed");
   at().query("drop view noetl.needs_it");
   drop({"event_old_needed"});
}

TEST_F(internal_cleanup, item_94_what_was_deleted_is_counted) {
   auto const metrics = at().get("/metrics").body;
   for (auto const* table : {"command", "runtime", "event_partition", "outbox"})
      EXPECT_NE(metrics.find(std::string(R"(noetl_cleanup_rows_purged_total{table=")") + table + "\"}"),
                std::string::npos)
          << table;
}

TEST_F(internal_cleanup, item_95_D62_values_that_make_no_sense_are_422_and_never_wrap) {
   for (auto const* field :
        {"command_retention_days", "runtime_stale_minutes", "event_retention_days", "outbox_retention_days"}) {
      for (auto const* value : {"4294967297000", "9223372036854775807", "\"7\"", "1.5", "null", "9223372036854775808"})
         EXPECT_TRUE(is_error(purge(std::string("{\"") + field + "\":" + value + "}"), 422, field)) << field << value;
   }
   EXPECT_TRUE(is_error(purge(R"({"command_retention_days":4294967297})"), 422, "command_retention_days"));
}

TEST_F(internal_cleanup, D62_a_body_without_type_is_415_and_an_empty_JSON_body_400) {
   auto const raw =
       at().exchange(std::string("POST /api/internal/cleanup/purge HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ") +
                     internal_token + "\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
   EXPECT_TRUE(raw.starts_with("HTTP/1.1 415 ")) << raw;
   EXPECT_TRUE(is_error(post("/cleanup/purge", "{}", "text/plain"), 415, ""));
   EXPECT_TRUE(is_error(post("/cleanup/purge", "", "application/json"), 400, ""));
   EXPECT_TRUE(is_error(purge("[]"), 422, "expected object"));
}
