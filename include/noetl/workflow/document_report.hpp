// workflow/document_report.hpp: what is wrong or doubtful in a document of the catalog, all of it, with places.
// Declarations; workflow/definitions.hpp defines them. Knows nothing of YAML's reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace noetl::workflow {

/// One finding. Lines and columns count from 1 and in bytes; they are absent where there is no place.
struct document_finding {
   std::string message;             ///< a sentence that names step and key
   std::optional<std::string> step; ///< step of a playbook
   std::optional<std::string> key;  ///< path of the key, inside the step when there is one: `loop.spec.mode`
   std::optional<std::int64_t> line;
   std::optional<std::int64_t> column;
};

/// At most `max_findings` of each kind; one more says that there are others.
struct document_report {
   bool valid = true;                      ///< no errors
   std::vector<document_finding> errors;   ///< what execution would refuse, the first one first
   std::vector<document_finding> warnings; ///< accepted, but without effect or hardly what was meant
};

inline constexpr std::size_t max_findings = 100;

/// Everything that parse_playbook() refuses, and what it accepts but should not be written: unreachable steps, unknown
/// and ignored keys, traps of `next`, template syntax. Bounded in time: at most 5'000 templates are looked at.
document_report check_playbook(std::string_view yaml);

/// The rules of `kind: Subscription` (orchestration.md 1.15).
document_report check_subscription(std::string_view yaml);

} // namespace noetl::workflow
