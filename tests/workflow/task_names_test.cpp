// Which names only the worker knows while a pipeline runs (orchestration.md 1.9, 1.13).
#include <noetl/workflow/playbook_parser.hpp>
#include <noetl/workflow/task_names.hpp>

#include <string>

#include <gtest/gtest.h>
#include <tao/json/from_string.hpp>

#include "workflow/books.hpp"

namespace noetl::workflow {
namespace {

/// Without those of every pipeline.
std::string names_of(std::string const& items) {
   std::string out;
   for (auto const& one : task_names(tao::json::from_string(items)))
      if (!task_names(tao::json::null).contains(one)) out += one + " ";
   return out;
}

TEST(task_names, are_labels_inputs_and_written_variables_with_their_scopes) {
   EXPECT_EQ(names_of(R"([{"a":{"kind":"noop","input":{"n":1}}},{"":{"kind":"noop","args":{"m":1}}}])"), "a m n ");
   EXPECT_EQ(names_of(R"([{"a":{"set":{"x.y":1}}}])"), "a ctx x ");
   for (std::string const scope : {"ctx", "iter", "step"})
      EXPECT_EQ(names_of(R"([{"a":{"set":{")" + scope + R"(.x.y":1}}}])"),
                scope == "ctx" ? "a ctx x " : "a ctx " + scope + " x ");
   EXPECT_EQ(names_of(R"([{"a":{"spec":{"policy":{"rules":[{"then":{"set":{"b":1}}},{"else":{"then":{"set":{"c":1}}}},)"
                      R"({"else":{"set":{"d":1}}}]}}}}])"),
             "a b c ctx d ");
}

TEST(task_names, of_flat_and_nested_items_are_the_same) {
   EXPECT_EQ(names_of(R"([{"kind":"noop","name":"a","input":{"n":1}}])"), "a n ");
   EXPECT_EQ(names_of(R"([{"kind":"noop","input":{"n":1}},{"kind":{"kind":"noop"}}])"), "kind n ");
   EXPECT_EQ(names_of(R"([5,{},{"a":7},{"b":{"set":[1],"input":"x","spec":{"policy":{"rules":{}}}}}])"), "a b ");
}

TEST(task_names, the_parser_leaves_those_of_a_step_s_pipeline_to_the_worker) {
   auto const read = parse_playbook(test::book(
       "- step: start\n  tool:\n  - {name: pull, kind: http, args: {q: 1}, set: {step.x: 1}}\n  - {kind: noop}\n"));
   ASSERT_TRUE(read) << read.error().message;
   EXPECT_EQ(
       read->workflow[0].tool.task_names,
       (std::vector<std::string>{"_attempt", "_prev", "ctx", "input", "keychain", "output", "pull", "q", "step", "x"}));
}

} // namespace
} // namespace noetl::workflow
