// control_plane/catalog_forms.hpp: the form of a catalog entry's workload as the user interface reads it
// (http-execution.md 11.4). May know the catalog and workflow/workload_form.hpp; knows nothing of HTTP.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/control_plane/catalog.hpp>
#include <noetl/core/time.hpp>
#include <noetl/reflect/json_kinds.hpp>
#include <noetl/reflect/json_value.hpp>
#include <noetl/reflect/json_write.hpp>
#include <noetl/workflow/workload_form.hpp>

namespace noetl::control_plane {

/// A field on its way out. It nests, so it says itself how it is written.
struct form_field_view {
   workflow::form_field field;
};

struct form_view {
   std::string path;
   std::int32_t version = 0;
   std::string kind;
   std::optional<std::string> title;
   std::optional<std::string> description_markdown;
   bool exposed_in_ui = false;
   std::vector<form_field_view> fields;
   timestamp generated_at{};
};

/// What a client wants of `/api/catalog/{path}/ui_schema`.
struct form_query {
   std::optional<std::string> version; ///< "latest" or decimal; absent or empty is latest
};

/// Finds `<path>/ui_schema` in the rest of a request's path.
/// Errors: not_found (another tail), validation (no path, or a version that is none).
inline result<catalog_reference> to_form_reference(std::string const& tail, form_query const& query) {
   constexpr std::string_view name = "ui_schema";
   if (tail != name && !tail.ends_with("/ui_schema"))
      return fail(error_code::not_found, "no route matched GET /api/catalog/" + tail);
   resource_request request;
   request.path = tail == name ? std::string() : tail.substr(0, tail.size() - name.size() - 1);
   if (request.path->empty()) return fail(error_code::validation, "ui_schema path must not be empty");
   if (query.version && !query.version->empty()) request.version = query.version;
   return to_reference(request);
}

inline form_view to_form(catalog_entry const& entry) {
   auto form = workflow::read_workload_form(entry.content.value_or(""));
   form_view view;
   view.path = entry.path;
   view.version = entry.version;
   view.kind = entry.kind;
   view.title = std::move(form.title);
   view.description_markdown = std::move(form.description);
   view.exposed_in_ui = form.exposed_in_ui;
   view.generated_at = now();
   for (auto& field : form.fields) view.fields.push_back({std::move(field)});
   return view;
}

} // namespace noetl::control_plane

namespace noetl {

template <>
struct json_form<control_plane::form_field_view> {
   static bool read(json_reader& in, control_plane::form_field_view&) { return in.wrong("forms are only written"); }

   static void write(std::string& out, control_plane::form_field_view const& view) { write(out, view.field); }

   static void schema(std::string& out) {
      out += R"({"type":"object","properties":{"name":{"type":"string"},"kind":{"enum":["boolean","integer","number",)"
             R"("null","object","array","string","enum"]},"default":{},"description":{"type":["string","null"]},)"
             R"("secret":{"type":"boolean"},"credential_glob":{"type":["string","null"]},)"
             R"("options":{"type":["array","null"],"items":{"type":"string"}},)"
             R"("children":{"type":["array","null"],"items":{"type":"object"}}},)"
             R"("required":["name","kind","default","description","secret","credential_glob","options","children"]})";
   }

private:
   static void write(std::string& out, workflow::form_field const& field) {
      out += R"({"name":)";
      append_json(out, field.name);
      out += R"(,"kind":)";
      append_json(out, field.kind);
      out += R"(,"default":)";
      append_json(out, field.initial);
      out += R"(,"description":)";
      append_json(out, field.description);
      out += R"(,"secret":)";
      append_json(out, field.secret);
      out += R"(,"credential_glob":)";
      append_json(out, field.credential_glob);
      out += R"(,"options":)";
      append_json(out, field.options);
      out += R"(,"children":)";
      if (field.children) {
         char before = '[';
         for (auto const& child : *field.children) {
            out += std::exchange(before, ',');
            write(out, child);
         }
         out += before == '[' ? "[]" : "]";
      } else {
         out += "null";
      }
      out += '}';
   }
};

} // namespace noetl
