// workflow/playbook_parser.hpp: YAML to JSON and to playbooks. Declarations; workflow/definitions.hpp defines them.
#pragma once

#include <string_view>

#include <tao/json/value.hpp>

#include <noetl/core/result.hpp>
#include <noetl/workflow/playbook.hpp>

namespace noetl::workflow {

/// Reads one YAML document (1.2 core scalars, orchestration.md 1.1) as JSON.
///
/// Aliases are expanded up to 200'000 nodes; a duplicate key, a second document, an unknown alias and nesting deeper
/// than 128 are errors. An empty document is null. \return error_code::bad_request with line and column
result<tao::json::value> yaml_to_json(std::string_view yaml);

/// Reads and validates a playbook (orchestration.md 1.14, in that order).
/// \return error_code::bad_request for YAML and shape, error_code::validation for meaning; messages name step, key and
/// line
result<playbook> parse_playbook(std::string_view yaml);

} // namespace noetl::workflow
