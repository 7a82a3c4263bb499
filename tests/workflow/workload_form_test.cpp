// read_workload_form(): http-execution.md 11.4.
#include <noetl/workflow/detail/json_text.hpp>
#include <noetl/workflow/workload_form.hpp>

#include <string>

#include <gtest/gtest.h>

using namespace noetl::workflow;

namespace {

/// `name:kind=default` with hints, children in brackets.
std::string text(form_field const& f) {
   auto out = f.name + ":" + f.kind + "=" + detail::json_text(f.initial);
   if (f.secret) out += " secret";
   if (f.credential_glob) out += " credential(" + *f.credential_glob + ")";
   if (f.description) out += " \"" + *f.description + "\"";
   if (f.options) {
      out += " options";
      for (auto const& option : *f.options) out += "(" + option + ")";
   }
   if (f.children) {
      out += " [";
      for (auto const& child : *f.children) out += text(child) + ";";
      out += "]";
   }
   return out;
}
std::string form(std::string const& yaml) {
   std::string out;
   for (auto const& field : read_workload_form(yaml).fields) out += text(field) + "\n";
   return out;
}

} // namespace

TEST(workload_form, fields_keep_the_order_of_the_document_and_take_their_kind_from_the_value) {
   EXPECT_EQ(
       form("workload:\n  z: true\n  a: 5\n  f: 1.5\n  n: ~\n  l: [1]\n  s: text\n  o:\n    y: 1\n    x: {k: a}\n"),
       "z:boolean=true\na:integer=5\nf:number=1.5\nn:null=null\nl:array=[1]\ns:string=\"text\"\n"
       "o:object={\"x\":{\"k\":\"a\"},\"y\":1} [y:integer=1;x:object={\"k\":\"a\"} [k:string=\"a\";];]\n");
}

TEST(workload_form, hints_are_read_from_comments_of_the_same_line) {
   EXPECT_EQ(form("workload:\n"
                  "  token: ''   # ui:secret # ui:description='The key' # ui:other=1\n"
                  "  env: dev # ui:enum=[dev, \"prod\",'test' ]\n"
                  "  one: 1 # ui:enum=1\n"
                  "  pg: main # ui:credential=pg_*   #ui:description=Which database\n"
                  "  plain: x # a remark\n"),
             "token:string=\"\" secret \"The key\"\n"
             "env:enum=\"dev\" options(dev)(prod)(test)\n"
             "one:enum=1 options(1)\n"
             "pg:string=\"main\" credential(pg_*) \"Which database\"\n"
             "plain:string=\"x\"\n");
}

TEST(workload_form, a_hash_inside_a_text_or_a_word_is_no_comment) {
   EXPECT_EQ(form("workload:\n"
                  "  a: \"x # ui:secret\"\n"
                  "  b: 'it''s # ui:secret' # ui:description=b\n"
                  "  c: it's # ui:secret\n"
                  "  d: x#ui:secret\n"
                  "  e: \"two\n    lines\" # ui:secret\n"
                  "  f: [\"#\", 'a # b'] # ui:secret\n"
                  "  g: | # ui:secret\n    # ui:description=no\n"),
             "a:string=\"x # ui:secret\"\n"
             "b:string=\"it's # ui:secret\" \"b\"\n"
             "c:string=\"it's\" secret\n"
             "d:string=\"x#ui:secret\"\n"
             "e:string=\"two lines\"\n"
             "f:array=[\"#\",\"a # b\"] secret\n"
             "g:string=\"# ui:description=no\\n\" secret\n");
}

TEST(workload_form, hints_count_for_direct_children_that_begin_their_line_only) {
   EXPECT_EQ(form("workload:\n  o: # ui:description=all\n    a: 1 # ui:secret\n  # ui:secret\n  b: 2\n"),
             "o:object={\"a\":1} \"all\" [a:integer=1;]\nb:integer=2\n");
   EXPECT_EQ(form("workload: {a: 1, b: 2} # ui:secret\n"), "a:integer=1\nb:integer=2\n");
}

TEST(workload_form, what_cannot_be_read_has_no_fields) {
   for (auto const* yaml : {"", "a: [", "- 1", "workload: 5", "workload: [1]", "workload: ~", "metadata: 5"}) {
      auto const got = read_workload_form(yaml);
      EXPECT_TRUE(got.fields.empty()) << yaml;
      EXPECT_FALSE(got.title) << yaml;
      EXPECT_FALSE(got.exposed_in_ui) << yaml;
   }
   auto const got = read_workload_form("metadata: {name: n, description: '**d**', exposed_in_ui: true}\nworkload: 5\n");
   EXPECT_EQ(got.title, "n");
   EXPECT_EQ(got.description, "**d**");
   EXPECT_TRUE(got.exposed_in_ui);
}
