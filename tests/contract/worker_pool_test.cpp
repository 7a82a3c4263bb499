// /api/worker: http-execution.md section 14, worker-protocol.md section 3.
#include <algorithm>

#include "contract/hand.hpp"

using namespace noetl::test;

namespace {

struct workers : contract {};

reply post(std::string const& route, std::string const& body) {
   return site::shared().post("/api/worker/pool/" + route, body);
}
std::string worker_named(std::string const& name) {
   return R"({"name":")" + name + "\"}";
}
std::string rows(std::string const& name) {
   return site::shared().cell("select count(*) from noetl.runtime where name = '" + name + "'");
}

} // namespace

TEST_F(workers, registration_answers_with_the_whole_runtime) {
   auto const name = fresh("w-reg");
   auto const got =
       post("register", R"({"name":")" + name +
                            R"(","component_type":"worker_pool","status":"ready","hostname":"host-a",)"
                            R"("labels":{"pool_name":"shared"},"runtime":{"kind":"rust","worker_public_key":"Zm9v"}})");
   EXPECT_EQ(got.status, 200U);
   EXPECT_EQ(
       shape(got.value),
       "{capabilities:null,capacity:null,created_at:string,heartbeat:string,kind:string,labels:object,name:string,"
       "runtime:object,runtime_id:integer,status:string,updated_at:string,uri:null}");
   EXPECT_EQ(got.at("name").get_string(), name);
   EXPECT_EQ(got.at("kind").get_string(), "worker_pool");
   EXPECT_EQ(got.at("status").get_string(), "ready");
   EXPECT_EQ(text(got.at("runtime")), R"({"kind":"rust","worker_public_key":"Zm9v"})");
   for (auto const* time : {"created_at", "heartbeat", "updated_at"})
      EXPECT_TRUE(is_time(got.at(time).get_string())) << time;
   EXPECT_GT(got.at("runtime_id").as<std::int64_t>(), std::int64_t{1} << 53);
}

TEST_F(workers, registering_again_overwrites_every_field_and_keeps_the_id) {
   auto const name = fresh("w-again");
   auto const first = post("register", R"({"name":")" + name +
                                           R"(","uri":"http://a","status":"ready","capacity":4,"labels":{"a":1},)"
                                           R"("capabilities":["x"],"runtime":{"worker_public_key":"old"}})");
   ASSERT_EQ(first.status, 200U) << first.body;
   EXPECT_EQ(first.at("capacity").as<int>(), 4);
   EXPECT_EQ(text(first.at("capabilities")), R"(["x"])");
   auto const second = post("register", R"({"name":")" + name + R"(","runtime":{"worker_public_key":"new"}})");
   EXPECT_EQ(number(second.at("runtime_id")), number(first.at("runtime_id")));
   EXPECT_EQ(second.at("status").get_string(), "active") << "the default";
   EXPECT_EQ(text(second.at("runtime")), R"({"worker_public_key":"new"})");
   for (auto const* gone : {"uri", "capacity", "labels", "capabilities"})
      EXPECT_TRUE(second.at(gone).is_null()) << gone;
   EXPECT_EQ(second.at("created_at").get_string(), first.at("created_at").get_string());
   EXPECT_EQ(rows(name), "1");
}

TEST_F(workers, first_registrations_of_one_name_may_race) {
   auto const name = fresh("w-race");
   for (auto const& got :
        server().post_together("/api/worker/pool/register", std::vector<std::string>(16, worker_named(name))))
      EXPECT_EQ(got.status, 200U) << got.body;
   EXPECT_EQ(rows(name), "1");
}

TEST_F(workers, a_heartbeat_is_recorded) {
   auto const name = fresh("w-beat");
   auto const before = post("register", worker_named(name)).at("heartbeat").get_string();
   auto const got = post("heartbeat", worker_named(name));
   EXPECT_EQ(got.status, 200U);
   EXPECT_EQ(got.body, R"({"status":"ok","message":"Heartbeat recorded"})");
   EXPECT_EQ(server().cell("select heartbeat > created_at from noetl.runtime where name = '" + name + "'"), "t")
       << before;
}

TEST_F(workers, W28_a_heartbeat_of_an_unknown_worker_makes_its_row_again) {
   auto const name = fresh("w-purged");
   EXPECT_EQ(post("heartbeat", worker_named(name)).status, 200U);
   EXPECT_EQ(rows(name), "1");
   server().query("delete from noetl.runtime where name = '" + name + "'");
   EXPECT_EQ(post("heartbeat", R"({"name":")" + name + R"(","component_type":"worker_pool"})").status, 200U);
   EXPECT_EQ(rows(name), "1");
}

TEST_F(workers, W22_deregistration_takes_POST_and_DELETE) {
   auto const name = fresh("w-gone");
   for (auto const* method : {"POST", "DELETE"}) {
      ASSERT_EQ(post("register", worker_named(name)).status, 200U);
      wish const goodbye{method, "/api/worker/pool/deregister",
                         R"({"name":")" + name + R"(","component_type":"worker_pool"})", "application/json"};
      auto const got = server().send(goodbye);
      EXPECT_EQ(got.status, 200U) << method;
      EXPECT_EQ(got.body, R"({"status":"ok","message":"Runtime worker_pool )" + name + R"( deregistered"})");
      EXPECT_EQ(rows(name), "0");
      EXPECT_TRUE(is_error(server().send(goodbye), 404, "Runtime not found: worker_pool " + name)) << method;
   }
}

TEST_F(workers, an_unknown_kind_answers_422) {
   for (auto const* route : {"register", "heartbeat", "deregister"})
      EXPECT_TRUE(is_error(post(route, R"({"name":"a","kind":"x"})"), 422, "Invalid runtime kind: x")) << route;
   for (auto const* kind : {"worker_pool", "server_api", "broker"}) {
      auto const name = fresh("w-kind");
      EXPECT_EQ(post("register", R"({"name":")" + name + R"(","kind":")" + kind + "\"}").at("kind").get_string(), kind);
   }
}

TEST_F(workers, names_are_unique_per_kind) {
   auto const name = fresh("w-both");
   auto const pool = post("register", worker_named(name));
   auto const broker = post("register", R"({"name":")" + name + R"(","kind":"broker"})");
   EXPECT_NE(number(pool.at("runtime_id")), number(broker.at("runtime_id")));
   EXPECT_EQ(rows(name), "2");
}

TEST_F(workers, the_pools_are_a_list_by_kind_status_and_part_of_the_name) {
   auto const mark = fresh("w-list");
   auto const enter = [&](std::string const& name, std::string const& more) {
      ASSERT_EQ(post("register", R"({"name":")" + mark + name + "\"" + more + "}").status, 200U);
   };
   enter("-b", R"(,"status":"ready")");
   enter("-a", "");
   enter("-c", R"(,"kind":"broker")");
   enter("%x", "");
   auto const names = [&](std::string const& query) {
      auto const got = server().get("/api/worker/pools" + query);
      EXPECT_EQ(got.status, 200U);
      std::vector<std::string> out;
      for (auto const& entry : got.value.get_array())
         if (entry.at("name").get_string().starts_with(mark))
            out.push_back(entry.at("name").get_string().substr(mark.size()));
      return out;
   };
   using list = std::vector<std::string>;
   auto all = names("");
   std::ranges::sort(all);
   EXPECT_EQ(all, (list{"%x", "-a", "-b"})) << "worker_pool by default";
   EXPECT_EQ(names("?name=" + mark + "-"), (list{"-a", "-b"})) << "in the order of their names";
   EXPECT_EQ(names("?name=" + mark + "%25"), (list{"%x"})) << "no wildcard";
   EXPECT_EQ(names("?status=ready&name=" + mark), (list{"-b"}));
   EXPECT_EQ(names("?kind=broker&name=" + mark), (list{"-c"}));
   EXPECT_EQ(names("?kind=nonsense"), list{});
   auto const one = server().get("/api/worker/pools?name=" + mark + "-a");
   EXPECT_EQ(shape(one.at("0")),
             "{capabilities:null,capacity:null,created_at:string,heartbeat:string,kind:string,labels:null,name:string,"
             "runtime:null,runtime_id:integer,status:string,updated_at:string,uri:null}");
}
