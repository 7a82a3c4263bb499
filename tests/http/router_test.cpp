#include <gtest/gtest.h>

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <noetl/http/openapi.hpp>
#include <noetl/http/router.hpp>

#include "http/asking.hpp"

namespace {

using namespace noetl;
using namespace noetl::http;
using boost::asio::awaitable;
using http_test::ask;
using http_test::make_request;

struct store {
   int calls = 0;
};
struct limits {
   int most = 3;
};
struct item {
   std::int64_t id = 0;
   std::string name;
};
struct paging {
   std::int64_t limit = 5;
   using json_rules = rules<defaulted<"limit">>;
};
using item_id = strong<"item_id">;

awaitable<result<item>> show(store& s, item_id id) {
   ++s.calls;
   if (id.value == 404) co_return fail(error_code::not_found, "No such item");
   if (id.value == 500) throw std::runtime_error("the secret is 1234");
   co_return item{id.value, "thing"};
}
result<std::vector<item>> list(query<paging> page, limits const& l) {
   return std::vector<item>(static_cast<std::size_t>(std::min<std::int64_t>(page->limit, l.most)));
}
result<reply<item>> create(body<item> given) {
   return reply<item>{201, *std::move(given), {{"location", "/items/1"}}};
}
result<std::string> purge(optional_body<item> given) {
   return given ? given->name : std::string("nothing");
}
result<void> remove(item_id) {
   return {};
}
result<response> object(path_text<"key"> key, request const& r) {
   return text_response(key.value + "=" + r.body);
}
result<raw_json> raw() {
   return raw_json(R"({"a":1})");
}
result<raw_json> failing(path_text<"how"> how) {
   if (how.value == "busy") return fail(error_code::unavailable, "Too much to do", "pool 3 of 3");
   if (how.value == "db") return fail(error_code::database, "Database error", "duplicate key in constraint x");
   if (how.value == "odd") throw 42; // somebody's library may
   if (how.value == "throw") throw std::runtime_error("the secret is 1234");
   return fail(error_code::conflict, "Taken \"already\"");
}
result<void> token_only(request const& r) {
   if (r.header("authorization") == "bearer good") return {};
   return fail(error_code::forbidden, "Forbidden");
}

std::optional<response> plain_refusal(request const& r) {
   if (r.header("authorization") == "bearer good") return std::nullopt;
   return text_response("not for you", 403);
}

inline constexpr auto api = routes<services<store, limits>>( //
    under<"/items">(get<"", list>, post<"", create>, get<"/{item_id}", show>, del<"/{item_id}", remove>),
    post<"/purge", purge>, put<"/objects/{key...}", object>, get<"/raw", raw>, get<"/fail/{how}", failing>,
    guarded_by<token_only>(under<"/internal">(post<"/items", create>)),
    guarded_by<plain_refusal>(post<"/plain", create>), post<"/small", create>.body_limit(20));

class router_test : public testing::Test {
protected:
   store store_;
   limits limits_;
   services<store, limits> services_{store_, limits_};
   router router_{api, services_};

   response get_(std::string path) { return ask(router_, make_request(verb::get, std::move(path))); }
   response post_(std::string path, std::string body, std::string_view type = "application/json") {
      return ask(router_, make_request(verb::post, std::move(path), std::move(body), type));
   }
};

TEST_F(router_test, unknown_path_is_404_with_empty_body) {
   auto const r = get_("/nope");
   EXPECT_EQ(r.status, 404U);
   EXPECT_EQ(r.body, "");
   EXPECT_EQ(get_("/items/").status, 404U);
}

TEST_F(router_test, wrong_method_is_405_with_allow) {
   auto const r = ask(router_, make_request(verb::patch, "/items"));
   EXPECT_EQ(r.status, 405U);
   EXPECT_EQ(r.body, "");
   ASSERT_EQ(r.headers.size(), 1U);
   EXPECT_EQ(r.headers[0].name, "allow");
   EXPECT_EQ(r.headers[0].value, "GET,HEAD,POST");
   EXPECT_EQ(ask(router_, make_request(verb::other, "/items")).status, 405U);
}

TEST_F(router_test, options_is_200_on_any_path) {
   for (auto const* path : {"/items", "/nope", "*"}) {
      auto const r = ask(router_, make_request(verb::options, path));
      EXPECT_EQ(r.status, 200U);
      EXPECT_EQ(r.headers.size(), 2U);
   }
}

TEST_F(router_test, head_goes_to_the_get_route) {
   EXPECT_EQ(ask(router_, make_request(verb::head, "/items/7")).body, R"({"id":7,"name":"thing"})");
}

TEST_F(router_test, services_and_path_parameters_are_injected) {
   EXPECT_EQ(get_("/items/9223372036854775807").body, R"({"id":9223372036854775807,"name":"thing"})");
   EXPECT_EQ(get_("/items/%34%32").body, R"({"id":42,"name":"thing"})");
   EXPECT_EQ(store_.calls, 2);
}

TEST_F(router_test, path_parameter_that_is_no_integer_is_400) {
   for (auto const* path : {"/items/x", "/items/1.0", "/items/9223372036854775808", "/items/1%20", "/items/%FF"}) {
      auto const r = get_(path);
      EXPECT_EQ(r.status, 400U) << path;
      EXPECT_EQ(r.body, R"({"error":"path parameter 'item_id': expected an integer in range","status":400})");
   }
   EXPECT_EQ(store_.calls, 0);
}

TEST_F(router_test, rest_of_the_path_is_decoded_and_must_be_utf8) {
   auto const wish = make_request(verb::put, "/objects/a%2Fb/c%20d", "bytes");
   EXPECT_EQ(ask(router_, wish).body, "a/b/c d=bytes");
   EXPECT_EQ(ask(router_, make_request(verb::put, "/objects/%FF")).status, 400U);
}

TEST_F(router_test, query_misfit_is_400) {
   EXPECT_EQ(get_("/items?limit=2").body, R"([{"id":0,"name":""},{"id":0,"name":""}])");
   EXPECT_EQ(get_("/items?limit=2&limit=2").status, 400U);
   EXPECT_EQ(get_("/items?limit=x").status, 400U);
   EXPECT_EQ(get_("/items?other=x").status, 200U);
}

TEST_F(router_test, body_rules_follow_the_contract) {
   std::string const good = R"({"id":1,"name":"a"})";
   EXPECT_EQ(post_("/items", good).status, 201U);
   EXPECT_EQ(post_("/items", good, "application/vnd.x+json; charset=utf-8").status, 201U);
   EXPECT_EQ(post_("/items", good, "Application/JSON").status, 201U);
   EXPECT_EQ(post_("/items", good, "").status, 415U);
   EXPECT_EQ(post_("/items", good, "text/plain").status, 415U);
   EXPECT_EQ(post_("/items", good, "application/jsonx").status, 415U);
   EXPECT_EQ(post_("/items", good, "application/+json").status, 415U);
   EXPECT_EQ(post_("/items", "{").status, 400U);
   EXPECT_EQ(post_("/items", "").status, 400U);
   EXPECT_EQ(post_("/items", R"({"id":1})").status, 422U);
   EXPECT_EQ(post_("/items", R"({"id":1,"id":1,"name":"a"})").status, 422U);
   EXPECT_EQ(post_("/items", R"({"id":1.0,"name":"a"})").status, 422U);
   EXPECT_EQ(post_("/items", R"({"id":1,"name":"a","x":[]})").status, 201U);
}

TEST_F(router_test, body_limit_of_a_route_is_exact) {
   std::string const good = R"({"id":1,"name":"a"})";
   ASSERT_EQ(good.size(), 19U);
   EXPECT_EQ(post_("/small", good + " ").status, 201U);
   EXPECT_EQ(post_("/small", good + "  ").status, 413U);
}

TEST_F(router_test, optional_body_needs_a_content_type_to_be_one) {
   EXPECT_EQ(post_("/purge", "ignored", "").body, R"("nothing")");
   EXPECT_EQ(post_("/purge", R"({"id":1,"name":"a"})").body, R"("a")");
   EXPECT_EQ(post_("/purge", "", "application/json").status, 400U);
   EXPECT_EQ(post_("/purge", "{}", "text/plain").status, 415U);
}

TEST_F(router_test, values_become_json_and_nothing_becomes_204) {
   EXPECT_EQ(get_("/raw").body, R"({"a":1})");
   EXPECT_EQ(ask(router_, make_request(verb::del, "/items/1")).status, 204U);
   auto const created = post_("/items", R"({"id":1,"name":"a"})");
   EXPECT_EQ(created.body, R"({"id":1,"name":"a"})");
   ASSERT_EQ(created.headers.size(), 1U);
   EXPECT_EQ(created.headers[0].name, "location");
}

TEST_F(router_test, errors_have_one_shape) {
   EXPECT_EQ(get_("/items/404").body, R"({"error":"No such item","status":404})");
   auto const r = get_("/fail/x");
   EXPECT_EQ(r.status, 409U);
   EXPECT_EQ(r.body, R"({"error":"Taken \"already\"","status":409})");
   EXPECT_TRUE(r.content_type.empty());
}

TEST_F(router_test, unavailable_says_when_to_come_again) {
   auto const r = get_("/fail/busy");
   EXPECT_EQ(r.status, 503U);
   ASSERT_EQ(r.headers.size(), 1U);
   EXPECT_EQ(r.headers[0].name, "retry-after");
   EXPECT_EQ(r.headers[0].value, "1");
}

TEST_F(router_test, details_of_faults_stay_inside) {
   EXPECT_EQ(get_("/fail/db").body, R"({"error":"Database error","status":500})");
   EXPECT_EQ(get_("/fail/throw").body, R"({"error":"Internal error","status":500})");
   EXPECT_EQ(get_("/fail/odd").body, R"({"error":"Internal error","status":500})");
   EXPECT_EQ(get_("/items/500").body, R"({"error":"Internal error","status":500})");
}

TEST_F(router_test, a_fault_of_ours_is_logged_with_its_detail) {
   std::string seen;
   log::set_level(log::level::warn);
   log::set_sink([&](log::record const& line) { log::append_line(seen, line, log::format::text); });
   get_("/fail/db");
   get_("/items/404");
   log::set_sink([](log::record const&) {});
   log::set_level(log::level::off);
   EXPECT_NE(seen.find("duplicate key in constraint x"), seen.npos);
   EXPECT_EQ(seen.find("No such item"), seen.npos);
}

TEST_F(router_test, guard_wins_over_a_malformed_body) {
   auto wish = make_request(verb::post, "/internal/items", "{", "text/plain");
   EXPECT_EQ(ask(router_, wish).status, 403U);
   wish.headers.add("Authorization", "bearer good");
   EXPECT_EQ(ask(router_, wish).status, 415U);
}

TEST_F(router_test, a_guard_may_give_the_refusal_as_it_shall_be_sent) {
   auto wish = make_request(verb::post, "/plain", "{", "text/plain");
   auto const refusal = ask(router_, wish);
   EXPECT_EQ(refusal.status, 403U);
   EXPECT_EQ(refusal.body, "not for you");
   EXPECT_EQ(refusal.content_type, "text/plain; charset=utf-8");
   wish.headers.add("Authorization", "bearer good");
   EXPECT_EQ(ask(router_, wish).status, 415U);
}

TEST_F(router_test, only_coroutines_are_answered_later) {
   auto const now = make_request(verb::get, "/raw");
   auto const later = make_request(verb::get, "/items/1");
   EXPECT_TRUE(router_.answer_now(router_.find(now.method, now.path), now));
   EXPECT_FALSE(router_.answer_now(router_.find(later.method, later.path), later));
}

TEST(openapi, document_tells_parameters_bodies_and_answers) {
   auto const text = openapi_text(api.entries, {.title = "t", .version = "1"});
   auto const parsed = from_json<raw_json>(text);
   ASSERT_TRUE(parsed) << parsed.error().message;
   for (auto const* part :
        {R"("openapi":"3.1.0","info":{"title":"t","version":"1"})",
         R"("/items/{item_id}":{"get":{"operationId":"get_items_item_id")",
         R"("delete":{"operationId":"delete_items_item_id")", R"("/objects/{key}":{"put":)",
         R"({"name":"limit","in":"query","required":false,"schema":{"type":"integer","format":"int64"}})",
         R"("requestBody":{"required":true,"content":{"application/json":{"schema":{"type":"object")",
         R"("requestBody":{"required":false)", R"("204":{"description":"Done"})",
         R"("$ref":"#/components/schemas/error")"})
      EXPECT_NE(text.find(part), text.npos) << part;
}

inline constexpr auto alike = routes<services<>>(get<"/a/b", raw>, get<"/a_b", raw>,
                                                 post<"/a/{x}", [](path_text<"x">) -> result<void> { return {}; }>,
                                                 put<"/a/{y}", [](path_text<"y">) -> result<void> { return {}; }>);

TEST(openapi, operation_ids_are_unique_and_one_path_has_one_set_of_names) {
   auto const text = openapi_text(alike.entries);
   EXPECT_NE(text.find(R"("operationId":"get_a_b")"), text.npos);
   EXPECT_NE(text.find(R"("operationId":"get_a_b_2")"), text.npos);
   EXPECT_NE(text.find(R"("/a/{x}")"), text.npos);
   EXPECT_EQ(text.find(R"("/a/{y}")"), text.npos);
   EXPECT_EQ(text.find(R"("name":"y")"), text.npos);
}

inline constexpr auto with_header = routes<services<>>(
    post<"/once", [](header_text<"X-Once"> once) -> result<std::string> { return once.value.value_or("never"); }>,
    post<"/{x}", [](path_text<"x">) -> result<void> { return {}; }>.hidden());

TEST(openapi, headers_are_parameters_and_hidden_routes_are_served_and_not_told) {
   EXPECT_EQ(openapi_text(with_header.entries).find(R"("/{x}")"), std::string::npos);
   auto const text = openapi_text(with_header.entries);
   EXPECT_TRUE(from_json<raw_json>(text)) << text;
   EXPECT_NE(text.find(R"({"name":"X-Once","in":"header","required":false,"schema":{"type":"string"}})"), text.npos);
   services<> const none;
   router const r(with_header, none);
   auto wish = make_request(verb::post, "/once");
   EXPECT_EQ(ask(r, wish).body, "\"never\"");
   wish.headers.add("x-once", "1");
   EXPECT_EQ(ask(r, wish).body, "\"1\"");
   EXPECT_EQ(ask(r, make_request(verb::post, "/twice")).status, 204U);
}

TEST(openapi, document_is_a_route) {
   static constexpr auto with_document = join(alike, openapi_routes);
   openapi_document const document(with_document);
   services<openapi_document const> const given{document};
   router const r(with_document, given);
   EXPECT_EQ(ask(r, make_request(verb::get, "/api/openapi.json")).body, document.text());
}

} // namespace
