// tests/contract/subscribing.hpp: subscriptions made and moved over HTTP.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "contract/hand.hpp"
#include "contract/site.hpp"

namespace noetl::test {

struct subscriptions : contract {};

inline std::string subscription_yaml(std::string const& path) {
   return "apiVersion: noetl.io/v2\nkind: Subscription\nmetadata: {name: test, path: " + path +
          "}\nspec:\n  source: nats\n  mode: pull\n  dispatch: {playbook: linear/run}\n";
}

/// A path of its own with a catalog entry.
inline std::string listed(site& at) {
   auto path = fresh("subscriptions/of");
   enroll(at, subscription_yaml(path));
   return path;
}

inline std::string path_body(std::string const& path) {
   return R"({"path":")" + path + R"("})";
}
inline reply subscribe(site& at, std::string const& path) {
   return at.post("/api/subscriptions/register", path_body(path));
}
inline reply act(site& at, std::string const& id, std::string const& action) {
   return at.send({.method = "POST", .target = "/api/subscriptions/" + id + "/" + action});
}

/// Registers and brings into a state. \return the id
inline std::string subscribed(site& at, std::string const& path, std::string_view state = {}) {
   auto const got = subscribe(at, path);
   if (got.status != 200) throw std::runtime_error("register: " + got.body);
   auto id = got.at("subscription_id").get_string();
   auto const must = [&](char const* action) {
      auto const done = act(at, id, action);
      if (done.status != 200) throw std::runtime_error(std::string(action) + ": " + done.body);
   };
   if (state.empty() || state == "REGISTERED") return id;
   if (state != "DEACTIVATED") must("activate");
   if (state == "PAUSED") must("pause");
   if (state == "DRAINING") must("drain");
   if (state == "DEACTIVATED") must("deactivate");
   return id;
}

/// What the routes answer with.
inline std::string const view_shape =
    "{catalog_id:string,last_event_type:string,path:string,state:string,subscription_id:string,"
    "updated_at:string}";

inline std::string state_of(std::string const& id) {
   return site::shared().get("/api/subscriptions/" + id).at("state").get_string();
}
inline std::string events_of(std::string const& id) {
   return site::shared().cell("select count(*) from noetl.event where execution_id = " + id);
}

/// The life-cycle events of the history without their prefix: `registered activated`.
inline std::string transitions_of(site& at, std::string const& id) {
   std::string told;
   auto const got = at.get("/api/subscriptions/" + id + "/history");
   for (auto const& step : got.at("history").get_array()) {
      auto const type = step.at("event_type").get_string();
      told.append(told.empty() ? "" : " ").append(type.substr(type.find('.') + 1));
   }
   return told;
}

/// The object of a subscription in the list. \throws when it is not there
inline json_value in_list(site& at, std::string const& id) {
   auto const got = at.get("/api/subscriptions");
   for (auto const& one : got.at("subscriptions").get_array())
      if (one.at("subscription_id").get_string() == id) return one;
   throw std::runtime_error("not in the list: " + id);
}

} // namespace noetl::test
