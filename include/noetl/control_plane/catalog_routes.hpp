// control_plane/catalog_routes.hpp: /api/catalog. Mount with catalog_service and write_metrics.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <noetl/control_plane/catalog.hpp>
#include <noetl/control_plane/catalog_document.hpp>
#include <noetl/control_plane/catalog_forms.hpp>
#include <noetl/control_plane/write_metrics.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

struct register_options {
   std::optional<bool> validate; ///< refuse a document that execution would refuse
};

/// A refusal with all of its reasons.
struct register_refusal {
   std::string error;
   unsigned status = 422;
   std::vector<workflow::document_finding> errors, warnings;
};

/// Either of the two, by the status of the answer.
struct register_answer {
   std::optional<register_reply> done;
   register_refusal refused;
};

} // namespace noetl::control_plane

template <>
struct noetl::json_form<noetl::control_plane::register_answer> {
   using answer = noetl::control_plane::register_answer;
   static bool read(json_reader& in, answer&) { return in.wrong("answers are only written"); }
   static void write(std::string& out, answer const& a) {
      a.done ? append_json(out, *a.done) : append_json(out, a.refused);
   }
   static void schema(std::string& out) {
      append_schema(out, std::type_identity<noetl::control_plane::register_reply>{});
   }
};

namespace noetl::control_plane {

inline awaitable<result<http::reply<register_answer>>> register_entry(catalog_service& catalog, write_metrics& metrics,
                                                                      http::query<register_options> options,
                                                                      http::body<register_request> request) {
   http::reply<register_answer> answer;
   std::optional<std::vector<workflow::document_finding>> warnings;
   if (options->validate.value_or(false)) {
      auto report = validate_document(request.value);
      if (!report.valid) {
         auto& refused = answer.body.refused;
         refused.error = "Invalid document: " + detail::joined(report.errors);
         refused.errors = std::move(report.errors);
         refused.warnings = std::move(report.warnings);
         answer.status = refused.status;
         co_return answer;
      }
      warnings = std::move(report.warnings);
   }
   auto work = metrics.measured("catalog_register", catalog.add(std::move(request.value)));
   auto added = co_await std::move(work);
   if (!added) co_return std::move(added).error();
   answer.body.done = *std::move(added);
   answer.body.done->warnings = std::move(warnings);
   co_return answer;
}

inline result<workflow::document_report> validate_entry(http::body<register_request> request) {
   return validate_document(request.value);
}

inline awaitable<result<catalog_list>> list_entries(catalog_service& catalog,
                                                    http::body<catalog_list_request> request) {
   return catalog.list(std::move(request.value.resource_type));
}

inline awaitable<result<catalog_list>> list_entries_of_kind(catalog_service& catalog, http::path_text<"kind"> kind) {
   return catalog.list(std::move(kind.value));
}

inline awaitable<result<catalog_entry>> show_entry(catalog_service& catalog, http::body<resource_request> request) {
   auto reference = to_reference(request.value);
   if (!reference) co_return std::move(reference).error();
   co_return co_await catalog.find(*std::move(reference));
}

inline awaitable<result<form_view>> form_at(catalog_service& catalog, std::string tail, form_query query) {
   auto reference = to_form_reference(tail, query);
   if (!reference) co_return std::move(reference).error();
   auto entry = co_await catalog.find(*std::move(reference));
   if (!entry) co_return std::move(entry).error();
   co_return to_form(*entry);
}

inline awaitable<result<form_view>> show_form(catalog_service& catalog, http::path_text<"tail"> tail,
                                              http::query<form_query> query) {
   return form_at(catalog, std::move(tail.value), std::move(query.value));
}

/// The entry whose path is `list`.
inline awaitable<result<form_view>> show_form_of_list(catalog_service& catalog, http::query<form_query> query) {
   return form_at(catalog, "list/ui_schema", std::move(query.value));
}

inline constexpr auto catalog_routes =
    http::under<"/api/catalog">(
        http::post<"/register", register_entry>.summary("Register a new version of a document"),
        http::post<"/validate", validate_entry>.summary("List what is wrong with a document; store nothing"),
        http::post<"/list", list_entries>.summary("List documents, newest first"),
        http::get<"/list/{kind}", list_entries_of_kind>.summary("List documents of one kind, newest first"),
        http::get<"/list/ui_schema", show_form_of_list>.summary("Show the inputs of the document 'list'"),
        http::post<"/resource", show_entry>.summary("Show one document"),
        http::get<"/{tail...}", show_form>.summary("Show the inputs of a document: <path>/ui_schema"))
        .tag("catalog");

} // namespace noetl::control_plane
