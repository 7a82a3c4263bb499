// workflow/workload_form.hpp: what a user interface needs to ask for the workload of a playbook: its fields with kinds,
// defaults and hints (http-execution.md 11.4). Declarations; workflow/definitions.hpp defines them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tao/json/value.hpp>

namespace noetl::workflow {

/// One input.
struct form_field {
   std::string name;
   std::string kind; ///< boolean, integer, number, null, object, array, string, enum
   tao::json::value initial;
   std::optional<std::string> description;
   bool secret = false;
   std::optional<std::string> credential_glob;
   std::optional<std::vector<std::string>> options;
   std::optional<std::vector<form_field>> children; ///< of kind object
};

/// Title, text and inputs of a document.
struct workload_form {
   std::optional<std::string> title;
   std::optional<std::string> description;
   bool exposed_in_ui = false;
   std::vector<form_field> fields; ///< in the document's order
};

/// Reads the form of a document. Never fails: what cannot be read has no fields.
///
/// Hints stand as comments behind direct children of `workload:`: `# ui:secret`, `# ui:enum=[a, b]`,
/// `# ui:credential=pg_*`, `# ui:description=text`; several on a line, each ends at the next `#`.
workload_form read_workload_form(std::string_view yaml);

} // namespace noetl::workflow
