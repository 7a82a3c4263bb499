// Route tables that were compiled apart and joined as data.
#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <noetl/http/mounted.hpp>
#include <noetl/http/openapi.hpp>
#include <noetl/http/router.hpp>

namespace {

using namespace noetl;
using namespace noetl::http;

struct shelf {
   std::string name;
};
struct wall_clock {
   std::string now;
};

result<std::string> show_shelf(shelf& s) {
   return s.name;
}
result<std::string> show_time(wall_clock const& c, shelf& s) {
   return s.name + " at " + c.now;
}

inline constexpr auto plain_routes = under<"/shelf">(get<"", show_shelf>);
inline constexpr auto time_routes = under<"/shelf">(get<"/time", show_time>, put<"", show_shelf>);
inline constexpr auto same_again = under<"">(get<"/shelf", show_shelf>);

std::string body_of(router const& all, verb method, std::string path) {
   request wish;
   wish.method = method;
   wish.path = std::move(path);
   auto const answer = all.answer_now(all.find(wish.method, wish.path), wish);
   return answer ? answer->body : "nothing";
}

TEST(Mounted, parts_compiled_apart_answer_as_one_table) {
   shelf s{"left"};
   wall_clock const c{"noon"};
   router const all({mount<plain_routes>(s), mount<time_routes>(c, s)});
   EXPECT_EQ(body_of(all, verb::get, "/shelf"), "\"left\"");
   EXPECT_EQ(body_of(all, verb::get, "/shelf/time"), "\"left at noon\"");
   EXPECT_EQ(all.find(verb::del, "/shelf").allowed, only(verb::get, verb::put)) << "verbs of one path from two parts";
   EXPECT_TRUE(all.find(verb::get, "/other").allowed.empty());
}

TEST(Mounted, entries_stand_in_the_order_of_a_joined_table) {
   shelf s;
   wall_clock const c;
   static constexpr auto joined =
       join(routes<services<shelf>>(plain_routes), routes<services<shelf, wall_clock>>(time_routes));
   router const all({mount<time_routes>(c, s), mount<plain_routes>(s)});
   ASSERT_EQ(all.entries().size(), joined.size());
   for (std::size_t i = 0; i < joined.size(); ++i) {
      EXPECT_EQ(all.entries()[i].pattern(), joined.entries[i].pattern());
      EXPECT_EQ(all.entries()[i].method, joined.entries[i].method);
   }
   EXPECT_EQ(openapi_text(all.entries()), openapi_text(joined.entries));
}

TEST(Mounted, the_same_route_in_two_parts_is_refused_by_name) {
   shelf s;
   try {
      router const all({mount<plain_routes>(s), mount<same_again>(s)});
      FAIL() << "two parts have GET /shelf";
   } catch (std::logic_error const& wrong) {
      EXPECT_STREQ(wrong.what(),
                   "noetl: two of the mounted parts have a route with the same verb and pattern: GET /shelf");
   }
}

TEST(Mounted, two_objects_of_one_service_type_are_refused) {
   shelf left, right;
   wall_clock const c;
   EXPECT_THROW(router({mount<plain_routes>(left), mount<time_routes>(c, right)}), std::logic_error);
}

TEST(Mounted, a_copy_of_the_router_shares_its_entries) {
   shelf s{"left"};
   std::optional<router> first(std::in_place, std::vector{mount<plain_routes>(s)});
   router const copy = *first;
   auto const* const entry = copy.find(verb::get, "/shelf").route;
   EXPECT_EQ(entry, first->find(verb::get, "/shelf").route) << "observers count by the place of an entry";
   first.reset();
   EXPECT_EQ(body_of(copy, verb::get, "/shelf"), "\"left\"");
}

} // namespace
