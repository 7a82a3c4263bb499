// The table as the compiler sees it: what find answers, for the DSL as a user writes it.
#include <gtest/gtest.h>

#include <string>

#include <noetl/http/route.hpp>

namespace {

using namespace noetl;
using namespace noetl::http;

struct store {};
struct clock {};
struct view {
   std::int64_t id = 0;
};
using command_id = strong<"command_id">;

result<view> list(store&) {
   return view{};
}
result<view> show(execution_id id) {
   return view{id.value};
}
result<view> claim(store&, clock const&, execution_id, command_id) {
   return view{};
}
result<view> object(path_text<"key">) {
   return view{};
}
result<view> named(path_text<"name">) {
   return view{};
}
result<void> gate(clock const&) {
   return {};
}

inline constexpr auto execution_routes = routes<services<store, clock>>(
    under<"/api/executions">(         //
        get<"", list>,                //
        post<"/import", list>,        //
        get<"/{execution_id}", show>, //
        del<"/{execution_id}", show>, //
        post<"/{execution_id}/commands/{command_id}/claim", claim>.body_limit(10).summary("Claims"))
        .tag("executions"));

inline constexpr auto other_routes =
    routes<services<clock>>(get<"/", [](clock&) -> result<view> { return view{}; }>, //
                            guarded_by<gate>(under<"/objects">(get<"/{key...}", object>, put<"/{key...}", object>)),
                            get<"/objects/{name}/x", named>);

inline constexpr auto api = join(execution_routes, other_routes);

static_assert(std::is_same_v<decltype(api)::services, services<store, clock>>);
static_assert(api.size() == 9);
static_assert(api.find(verb::put, "/api/executions/42").allowed == only(verb::get, verb::del));
static_assert(api.find(verb::get, "/api/executions/42").route->pattern() == "/api/executions/{execution_id}");
static_assert(api.find(verb::get, "/api/executions/42").found[0] == "42");
static_assert(api.find(verb::get, "/api/executions").route->pattern() == "/api/executions");
static_assert(api.find(verb::get, "/api/executions/").allowed.empty());
static_assert(api.find(verb::get, "/api").allowed.empty());
static_assert(api.find(verb::get, "").allowed.empty());
static_assert(api.find(verb::get, "/"));
static_assert(api.find(verb::head, "/api/executions/42").route->method == verb::get);
static_assert(!api.find(verb::head, "/api/executions/1/commands/2/claim"));
static_assert(api.find(verb::post, "/api/executions/1/commands/2/claim").route->options.body_limit == 10);
static_assert(api.find(verb::post, "/api/executions/1/commands/2/claim").route->options.tag == "executions");
static_assert(api.find(verb::post, "/api/executions/1/commands/2/claim").found[1] == "2");
// the literal wins, and its verbs are all that this path has
static_assert(api.find(verb::post, "/api/executions/import"));
static_assert(api.find(verb::get, "/api/executions/import").allowed == only(verb::post));
// a placeholder wins over the rest of a path
static_assert(api.find(verb::get, "/objects/a/x").route->pattern() == "/objects/{name}/x");
static_assert(api.find(verb::get, "/objects/a/y").route->pattern() == "/objects/{key...}");
static_assert(api.find(verb::put, "/objects/a/y").found[0] == "a/y");

TEST(route, verbs_are_told_in_the_order_of_the_protocol) {
   EXPECT_EQ(allow_text(only(verb::post, verb::get)), "GET,HEAD,POST");
   EXPECT_EQ(allow_text(only(verb::del)), "DELETE");
}

TEST(route, every_route_is_found_by_its_own_pattern) {
   for (auto const& entry : api.entries) {
      std::string path;
      for (std::size_t i = 0; i < entry.shape->size; ++i) {
         auto const& part = entry.shape->segments[i];
         path += part.kind == segment_kind::literal ? "/" + std::string(part.text) : "/7";
      }
      EXPECT_EQ(api.find(entry.method, path.empty() ? "/" : path).route, &entry) << path;
   }
}

TEST(route, guards_stand_at_the_routes_they_guard) {
   EXPECT_NE(api.find(verb::put, "/objects/a/y").route->guards[0], nullptr);
   EXPECT_EQ(api.find(verb::get, "/objects/a/x").route->guards[0], nullptr);
}

TEST(route, header_names_ignore_case) {
   header_fields fields;
   fields.add("Content-Type", "a");
   fields.add("content-type", "b");
   EXPECT_EQ(fields.find("CONTENT-TYPE"), "a");
   EXPECT_EQ(fields.find("content"), "");
   EXPECT_FALSE(fields.contains("content"));
}

} // namespace
