// control_plane/catalog_document.hpp: a document that somebody wants to register: what the catalog keeps of it, and
// what is wrong with it. May know the workflow's readers; knows nothing of databases and HTTP.
#pragma once

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tao/json/value.hpp>

#include <noetl/control_plane/base64.hpp>
#include <noetl/core/result.hpp>
#include <noetl/reflect/json_value.hpp>
#include <noetl/reflect/json_write.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>
#include <noetl/workflow/document_report.hpp>
#include <noetl/workflow/playbook_parser.hpp>

namespace noetl::control_plane {

struct register_request {
   std::string content; ///< YAML text, or standard padded base64 of it
   std::string resource_type = "Playbook";
   using json_rules = rules<defaulted<"resource_type">>;
};

/// What the catalog keeps beside the text.
struct document_head {
   std::string path;
   std::string kind; ///< lower case
   std::string content;
   raw_json payload, layout, meta;
};

namespace detail {

inline raw_json member_text(tao::json::value const& document, std::string const& name) {
   auto const* member = document.find(name);
   return member == nullptr || member->is_null() ? raw_json{} : raw_json{to_json(*member)};
}

inline std::optional<std::string> text_member(tao::json::value const& object, std::string const& name) {
   auto const* member = object.find(name);
   if (member == nullptr || !member->is_string_type()) return std::nullopt;
   return std::string(member->as<std::string_view>());
}

inline std::string decoded_content(register_request const& request) {
   return decode_base64_text(request.content).value_or(request.content);
}

inline result<document_head> read_head(register_request const& request) {
   document_head head;
   head.content = decoded_content(request);
   auto document = workflow::yaml_to_json(head.content); // its errors begin with "YAML: "
   if (!document) return fail(error_code::validation, "Invalid " + document.error().message);
   if (!document->is_object()) return fail(error_code::validation, "Invalid YAML: the document is not a mapping");
   auto const* metadata = document->find("metadata");
   if (metadata == nullptr || !metadata->is_object()) return fail(error_code::validation, "Missing 'metadata' section");
   auto path = text_member(*metadata, "path");
   if (!path) path = text_member(*metadata, "name");
   if (!path || path->empty()) return fail(error_code::validation, "Missing 'path' or 'name' in metadata");
   head.path = *std::move(path);
   head.kind = text_member(*document, "kind").value_or(request.resource_type);
   std::ranges::transform(head.kind, head.kind.begin(),
                          [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
   head.payload = member_text(*document, "workload");
   head.layout = member_text(*document, "workflow");
   head.meta = member_text(*metadata, "labels");
   return head;
}

/// First errors as one sentence.
inline std::string joined(std::vector<workflow::document_finding> const& errors) {
   constexpr std::size_t most = 5;
   std::string text;
   for (std::size_t i = 0; i < errors.size() && i < most; ++i) {
      if (i > 0) text += "; ";
      text += errors[i].message;
      if (errors[i].line) text += " (line " + std::to_string(*errors[i].line) + ")";
   }
   if (errors.size() > most) text += "; and " + std::to_string(errors.size() - most) + " more";
   return text;
}

} // namespace detail

/// Checks what registration needs of a document. Subscriptions are checked whole (orchestration.md 1.15), playbooks
/// when they are executed. Errors: validation.
inline result<document_head> read_document(register_request const& request) {
   auto head = detail::read_head(request);
   if (!head || head->kind != "subscription") return head;
   auto const report = workflow::check_subscription(head->content);
   if (!report.valid) return fail(error_code::validation, "Invalid subscription: " + detail::joined(report.errors));
   return head;
}

/// Everything that is wrong or doubtful: what registration refuses, and what execution would.
inline workflow::document_report validate_document(register_request const& request) {
   auto const head = detail::read_head(request);
   if (head && head->kind == "subscription") return workflow::check_subscription(head->content);
   for (std::string_view const other : {"credential", "mcp", "agent", "memory"})
      if (head && head->kind == other) return {};
   auto report = workflow::check_playbook(detail::decoded_content(request));
   if (head || !report.valid) return report;
   // Good enough to run, yet the catalog has no path for it, such as a name that is a number.
   workflow::document_finding refusal;
   refusal.message = head.error().message;
   refusal.key = "metadata";
   report.valid = false;
   report.errors.push_back(std::move(refusal));
   return report;
}

} // namespace noetl::control_plane
