// Readers of catalog documents: nothing escapes, and they agree with each other.
#include <noetl/workflow/document_report.hpp>
#include <noetl/workflow/playbook_parser.hpp>
#include <noetl/workflow/workload_form.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fuzz/demand.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
   using namespace noetl::workflow;
   using noetl::test::demand;
   std::string_view const text(reinterpret_cast<char const*>(data), size);

   auto const json = yaml_to_json(text);
   auto const parsed = parse_playbook(text);
   auto const report = check_playbook(text);
   demand(report.valid == report.errors.empty(), "a report is valid when it has no errors");
   demand(report.valid == parsed.has_value(), "checking and parsing agree on what is a playbook");
   demand(json || !parsed, "a playbook is YAML");
   demand(report.errors.size() <= max_findings + 1 && report.warnings.size() <= max_findings + 1,
          "reports are bounded");
   if (!parsed) {
      demand(parsed.error().message.starts_with(report.errors[0].message), "the first error is the one of parsing");
   } else {
      demand(parsed->find("start") == &parsed->workflow[parsed->start], "a playbook knows its start");
      for (auto const& step : parsed->workflow)
         for (auto const& arc : step.next.arcs)
            demand(parsed->workflow[arc.target].name == arc.step, "an arc knows its target");
   }
   auto const subscription = check_subscription(text);
   demand(subscription.valid == subscription.errors.empty(), "a report is valid when it has no errors");
   auto const form = read_workload_form(text);
   demand(json || form.fields.empty(), "what is no YAML has no form");
   return 0;
}
