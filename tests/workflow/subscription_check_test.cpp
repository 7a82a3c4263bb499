// check_subscription(): the rules of orchestration.md 1.15, one by one.
#include <noetl/workflow/document_report.hpp>

#include <string>

#include <gtest/gtest.h>

using namespace noetl::workflow;

namespace {

/// Keys and texts of all errors.
std::string spec_errors(std::string const& spec) {
   std::string out;
   for (auto const& f : check_subscription("kind: Subscription\nmetadata: {path: a}\nspec: " + spec + "\n").errors) {
      EXPECT_TRUE(f.line) << f.message;
      out += f.message + "\n";
   }
   return out;
}
std::string with(std::string const& more) {
   return spec_errors("{source: nats, mode: pull, dispatch: {playbook: a}, " + more + "}");
}
std::string dispatch(std::string const& more) {
   return spec_errors("{source: nats, mode: pull, dispatch: {playbook: a, " + more + "}}");
}
std::string ingress(std::string const& content) {
   return spec_errors("{source: webhook, mode: push, dispatch: {playbook: a}, ingress: " + content + "}");
}

} // namespace

TEST(subscription_check, complete_ones_pass) {
   EXPECT_EQ(spec_errors("{source: nats, mode: pull, dispatch: {playbook: a}}"), "");
   EXPECT_EQ(spec_errors(
                 "{source: kafka, mode: pull, activation: scheduled, dispatch: {playbook: a, batch_dispatch: true, "
                 "batch_max: 1000}, dedup: {enabled: true, window_secs: 1}, limits: {max_in_flight: 1, "
                 "max_dispatch_per_sec: 0.5}, headers: {directives: [{header: x, controls: priority}]}, spool: {mode: "
                 "hybrid, bucket: b, ordering: global, drain: {on_recovery: replay_first}}, stream: other}"),
             "");
   EXPECT_EQ(ingress("{gateway_path: /in/a, verify: {type: hmac_sha256, header: x-sig, secret: s}}"), "");
   EXPECT_EQ(ingress("{gateway_path: /in/a, verify: {type: bearer, secret: s}}"), "");
   EXPECT_EQ(ingress("{gateway_path: /in/a, verify: {type: pubsub_oidc, audience: a, service_account: b}}"), "");
}

TEST(subscription_check, source_mode_and_dispatch_are_required) {
   EXPECT_EQ(spec_errors("{}"), "spec.source: is missing; it is one of pubsub, nats, kafka, webhook\n"
                                "spec.mode: is missing; it is one of pull, push\n"
                                "spec.dispatch: is missing\n");
   EXPECT_EQ(spec_errors("~"), "spec: is missing\n");
   EXPECT_EQ(spec_errors("[1]"), "spec: must be a mapping\n");
   EXPECT_EQ(spec_errors("{source: natz, mode: 5, dispatch: {playbook: ' '}}"),
             "spec.source: must be one of pubsub, nats, kafka, webhook, not 'natz' (did you mean 'nats'?)\n"
             "spec.mode: must be one of pull, push, not '5'\n"
             "spec.dispatch.playbook: must be a text that is not blank\n");
   EXPECT_EQ(check_subscription("[1]").errors.size(), 1U);
   EXPECT_EQ(check_subscription("a: [").errors.size(), 1U);
}

TEST(subscription_check, batches_have_a_flag_and_a_size) {
   EXPECT_EQ(dispatch("batch_dispatch: yes"), "spec.dispatch.batch_dispatch: must be true or false\n");
   for (auto const* size : {"0", "1001", "-1", "1.5", "'5'", "[1]"})
      EXPECT_EQ(dispatch(std::string("batch_max: ") + size),
                "spec.dispatch.batch_max: must be an integer of 1 to 1000\n")
          << size;
   EXPECT_EQ(dispatch("batch_max: 1"), "");
}

TEST(subscription_check, a_pull_may_say_how_it_is_activated) {
   EXPECT_EQ(with("activation: continuous"), "");
   EXPECT_EQ(with("activation: never"), "spec.activation: must be one of continuous, scheduled, not 'never'\n");
}

TEST(subscription_check, a_push_needs_a_path_and_a_way_to_verify) {
   EXPECT_EQ(spec_errors("{source: webhook, mode: push, dispatch: {playbook: a}}"), "spec.ingress: is missing\n");
   EXPECT_EQ(ingress("{}"), "spec.ingress.gateway_path: is missing\nspec.ingress.verify: is missing\n");
   EXPECT_EQ(ingress("{gateway_path: in/a, verify: {type: none}}"),
             "spec.ingress.gateway_path: must begin with '/'\n"
             "spec.ingress.verify.type: must be one of hmac_sha256, bearer, pubsub_oidc, not 'none'\n");
   EXPECT_EQ(ingress("{gateway_path: /a, verify: {type: hmac_sha256}}"),
             "spec.ingress.verify.header: is missing\nspec.ingress.verify.secret: is missing\n");
   EXPECT_EQ(ingress("{gateway_path: /a, verify: {type: bearer}}"), "spec.ingress.verify.secret: is missing\n");
   EXPECT_EQ(ingress("{gateway_path: /a, verify: {type: pubsub_oidc}}"),
             "spec.ingress.verify.audience: is missing\nspec.ingress.verify.service_account: is missing\n");
}

TEST(subscription_check, dedup_limits_and_header_directives_have_shapes) {
   EXPECT_EQ(with("dedup: 5"), "spec.dedup: must be a mapping\n");
   EXPECT_EQ(with("dedup: {enabled: on, window_secs: 0}"), "spec.dedup.enabled: must be true or false\n"
                                                           "spec.dedup.window_secs: must be an integer above 0\n");
   EXPECT_EQ(with("limits: {max_in_flight: 0, max_dispatch_per_sec: -1}"),
             "spec.limits.max_in_flight: must be an integer above 0\n"
             "spec.limits.max_dispatch_per_sec: must be a number above 0\n");
   EXPECT_EQ(with("headers: {directives: [{header: x}, {controls: y}, 5]}"),
             "spec.headers.directives[0].controls: is missing\n"
             "spec.headers.directives[1].header: is missing\n"
             "spec.headers.directives[2]: must be a mapping\n");
   EXPECT_EQ(with("headers: {directives: 5}"), "spec.headers.directives: must be a list\n");
}

TEST(subscription_check, a_spool_needs_its_place_and_a_possible_order) {
   EXPECT_EQ(with("spool: {mode: off, backend: whatever}"), "");
   EXPECT_EQ(with("spool: {mode: sometimes}"), "spec.spool.mode: must be one of off, buffer_and_ack, hybrid, not "
                                               "'sometimes'\n");
   EXPECT_EQ(with("spool: {mode: hybrid}"), "spec.spool.bucket: is missing\n");
   EXPECT_EQ(with("spool: {mode: hybrid, backend: local_disk, bucket: b}"), "spec.spool.path: is missing\n");
   EXPECT_EQ(with("spool: {mode: hybrid, backend: tape}"),
             "spec.spool.backend: must be one of nats_object, local_disk, gcs, s3, not 'tape'\n");
   EXPECT_EQ(with("spool: {mode: hybrid, bucket: b, ordering: some}"),
             "spec.spool.ordering: must be one of global, per_key, none, not 'some' (did you mean 'none'?)\n");
   EXPECT_EQ(with("spool: {mode: buffer_and_ack, bucket: b, ordering: global, drain: {on_recovery: interleave}}"),
             "spec.spool.drain.on_recovery: interleave breaks spec.spool.ordering global\n");
   EXPECT_EQ(with("spool: {mode: buffer_and_ack, bucket: b, ordering: per_key, drain: {on_recovery: interleave}}"), "");
}
