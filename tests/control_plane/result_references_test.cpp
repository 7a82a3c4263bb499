// Results by reference: http-execution.md section 16, orchestration.md section 3.9.
#include <gtest/gtest.h>

#include <noetl/control_plane/ingress_declaration.hpp>
#include <noetl/control_plane/keychain_resolver.hpp>
#include <noetl/control_plane/result_references.hpp>

using namespace noetl;
using namespace noetl::control_plane;

namespace {

std::string refusal(std::string_view uri) {
   auto const got = parse_result_uri(uri);
   return got ? "fine" : got.error().message;
}

/// What the worker sends for a large result, as the event keeps it.
std::string envelope(std::string const& extracted = {}) {
   return R"({"status":"COMPLETED","context":{"command_id":"7:s:9","call_index":0,"result":{"status":"success",)"
          R"("context":{"data":{"_ref":"noetl://execution/7/result/a/b/5"}},"reference":{"kind":"result_ref",)"
          R"("ref":"noetl://execution/7/result/a/b/5")" +
          (extracted.empty() ? std::string() : ",\"extracted\":" + extracted) + "}}}}";
}

} // namespace

TEST(result_uri, is_read_back_whatever_the_name) {
   for (auto const* name : {"fetch", "a/b/c", "event/12", "with blank", "ü"}) {
      result_uri const uri{execution_id{7}, name, 5};
      auto const got = parse_result_uri(uri.text());
      ASSERT_TRUE(got) << uri.text();
      EXPECT_EQ(got->execution_id.value, 7);
      EXPECT_EQ(got->name, name);
      EXPECT_EQ(got->result_id, 5);
   }
}

TEST(result_uri, names_what_is_wrong) {
   EXPECT_EQ(refusal("x"), "URI must start with 'noetl://', got: \"x\"");
   EXPECT_EQ(refusal(""), "URI must start with 'noetl://', got: \"\"");
   EXPECT_EQ(refusal("noetl://results/1"),
             "URI must name an execution: noetl://execution/<id>/result/<name>/<id>, got: \"noetl://results/1\"");
   for (auto const* id : {"noetl://execution/x/result/a/1", "noetl://execution//result/a/1", "noetl://execution/1",
                          "noetl://execution/99999999999999999999/result/a/1"})
      EXPECT_TRUE(refusal(id).starts_with("URI must have a decimal execution id")) << id;
   EXPECT_TRUE(refusal("noetl://execution/1/other/a/1").starts_with("URI must have '/result/'"));
   EXPECT_TRUE(refusal("noetl://execution/1/result/5").starts_with("URI must have a name"));
   EXPECT_TRUE(refusal("noetl://execution/1/result/a/x").starts_with("URI must end in a decimal result id"));
   EXPECT_LT(refusal(std::string(10'000, 'x')).size(), 300U);
}

TEST(referring_result, the_stored_result_takes_the_place_of_its_reference) {
   auto nested = referring_result::read(envelope());
   ASSERT_TRUE(nested);
   EXPECT_EQ(nested->uri().text(), "noetl://execution/7/result/a/b/5");
   EXPECT_EQ(
       nested->resolved(R"({"data":{"x":1},"status":"success"})"),
       R"({"context":{"call_index":0,"command_id":"7:s:9","result":{"context":{"data":{"x":1},"status":"success"},)"
       R"("status":"success"}},"status":"COMPLETED"})");
   auto top = referring_result::read(R"({"status":"DONE","reference":{"ref":"noetl://execution/7/result/s/5"}})");
   ASSERT_TRUE(top);
   EXPECT_EQ(top->resolved("[1]"), R"({"context":[1],"status":"DONE"})");
}

TEST(referring_result, is_none_when_we_cannot_have_the_result) {
   for (auto const* other : {"", "null", "{}", R"({"status":"x","context":{"data":1}})",
                             R"({"status":"x","reference":{"uri":"noetl://execution/7/result/s/5"}})",
                             R"({"status":"x","reference":{"ref":"gs://noetl://execution/7/result/s/5"}})",
                             R"({"status":"x","context":{"text":"noetl://execution/7/result/s/5"}})",
                             R"({"status":"x","reference":{"ref":"noetl://execution/7/result/s"}})"})
      EXPECT_FALSE(referring_result::read(other)) << other;
}

TEST(referring_result, a_summary_stands_for_the_data_unless_it_has_rows) {
   auto with = referring_result::read(envelope(R"({"count":3,"first":{"a":1}})"));
   ASSERT_TRUE(with);
   auto const kept = with->summarised();
   ASSERT_TRUE(kept);
   auto const value = *from_json<tao::json::value>(*kept);
   auto const& result = value.at("context").at("result");
   EXPECT_EQ(to_json(result.at("context")),
             R"({"data":{"_ref":"noetl://execution/7/result/a/b/5","count":3,"first":{"a":1}}})");
   EXPECT_EQ(result.at("reference").at("ref").get_string(), "noetl://execution/7/result/a/b/5");
   for (auto const* rows : {R"({"rows":[1]})", R"({"data":{"rows":[1]}})", R"({"result":{"rows":[]}})",
                            R"({"context":{"data":{"rows":[{"id":1}]}}})"})
      EXPECT_FALSE(referring_result::read(envelope(rows))->summarised()) << rows;
   EXPECT_FALSE(referring_result::read(envelope())->summarised());
   EXPECT_FALSE(referring_result::read(envelope("[1]"))->summarised());
}

TEST(ingress, documents_say_what_they_lack) {
   auto const of = [](std::string const& spec) {
      auto const got =
          read_ingress("apiVersion: noetl.io/v2\nkind: Subscription\nmetadata: {name: n, path: p}\nspec:\n" + spec);
      return got ? got->problem : "no ingress";
   };
   std::string const dispatch = "  dispatch: {playbook: a/b}\n";
   EXPECT_EQ(of("  source: nats\n"), "no ingress");
   EXPECT_EQ(of("  ingress: {gateway_path: /in/x}\n" + dispatch), "spec.ingress.verify: required");
   EXPECT_EQ(of("  ingress: {gateway_path: /in/x, verify: {header: A}}\n" + dispatch),
             "spec.ingress.verify.type: required");
   EXPECT_EQ(of("  ingress: {gateway_path: /in/x, verify: {type: magic}}\n" + dispatch),
             "spec.ingress.verify.type: expected hmac_sha256, bearer or pubsub_oidc");
   EXPECT_EQ(of("  ingress: {gateway_path: /in/x, verify: {type: bearer}}\n" + dispatch),
             "spec.ingress.verify.secret: required, the name of a credential");
   EXPECT_EQ(of("  ingress: {gateway_path: /in/x, verify: {type: pubsub_oidc}}\n"), "spec.dispatch: required");
   EXPECT_EQ(of("  ingress: {gateway_path: /in/x, verify: {type: pubsub_oidc}}\n  dispatch: {batch_max: 3}\n"),
             "spec.dispatch.playbook: required");
   auto const whole =
       read_ingress("spec:\n  ingress: {gateway_path: /in/hook//, verify: {type: bearer, secret: s, header: X-Sig}}\n" +
                    dispatch + "  headers: {directives: [{header: a, controls: b}]}\n");
   ASSERT_TRUE(whole);
   EXPECT_EQ(whole->problem, "");
   EXPECT_EQ(whole->listener(), "hook");
   EXPECT_EQ(*whole->verify.header, "x-sig");
   EXPECT_EQ(whole->source + " " + whole->dispatch.payload_from, "webhook message.json");
   EXPECT_EQ(whole->directives.text, R"({"directives":[{"controls":"b","header":"a"}]})");
   EXPECT_FALSE(read_ingress("{{nonsense"));
}

TEST(ingress, a_credential_holds_its_secret_under_one_of_the_usual_names) {
   EXPECT_EQ(secret_text(R"("plain")"), "plain");
   EXPECT_EQ(secret_text(R"({"token":"t","secret":"s"})"), "s");
   EXPECT_EQ(secret_text(R"({"secret":5,"password":"p"})"), "p");
   for (auto const* none : {"5", "null", "[]", "{}", R"({"user":"u"})"})
      EXPECT_EQ(secret_text(none), std::nullopt) << none;
}

TEST(residency, of_a_strict_entry_is_its_region_and_those_it_allows) {
   keychain_declaration entry;
   entry.name = "k";
   entry.region = "eu-1";
   EXPECT_FALSE(residency_refusal(entry, "us-1")) << "none";
   entry.residency = "advisory";
   EXPECT_FALSE(residency_refusal(entry, "us-1"));
   entry.residency = "strict";
   EXPECT_FALSE(residency_refusal(entry, "eu-1"));
   ASSERT_TRUE(residency_refusal(entry, "us-1"));
   EXPECT_EQ(residency_refusal(entry, "")->status(), 403);
   entry.allowed_regions = {"us-1"};
   EXPECT_FALSE(residency_refusal(entry, "us-1"));
   entry.region.clear();
   EXPECT_FALSE(residency_refusal(entry, "ap-1")) << "an entry of no region is of the server's";
}
