// http/openapi.hpp: the OpenAPI 3.1 document of a route table, and the route that shows it.
// Knows core, reflect and http/route.hpp.
#pragma once

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <noetl/core/json_text.hpp>
#include <noetl/core/result.hpp>
#include <noetl/http/message.hpp>
#include <noetl/http/pattern.hpp>
#include <noetl/http/route.hpp>
#include <noetl/http/services.hpp>

namespace noetl::http {

struct openapi_info {
   std::string title = "noetl";
   std::string version = "0.1.0";
   std::string description{};
};

namespace detail {

// `/x/{key...}` is `/x/{key}` there: OpenAPI has no form for the rest of a path.
inline std::string openapi_path(pattern const& shape) {
   std::string path;
   for (std::size_t i = 0; i < shape.size; ++i) {
      auto const& part = shape.segments[i];
      path += '/';
      if (part.kind == segment_kind::literal)
         path += part.text;
      else
         path.append("{").append(part.text).append("}");
   }
   return path.empty() ? "/" : path;
}

// get_api_executions_execution_id; a number follows when two routes would get the same.
inline std::string operation_id(route_entry const& route, std::set<std::string>& taken) {
   std::string id;
   for (char c : to_text(route.method)) id += static_cast<char>(c - 'A' + 'a');
   for (char c : openapi_path(*route.shape)) {
      bool const plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      if (plain)
         id += c;
      else if (id.back() != '_')
         id += '_';
   }
   while (id.ends_with('_')) id.pop_back();
   auto unique = id;
   for (int n = 2; !taken.insert(unique).second; ++n) unique = id + "_" + std::to_string(n);
   return unique;
}

inline void append_member(std::string& out, std::string_view key, std::string_view text) {
   if (out.back() != '{') out += ',';
   append_json_string(out, key);
   out += ':';
   append_json_string(out, text);
}

// Placeholders carry the names of the path under which the operation stands.
inline std::string_view name_in(pattern const& path, std::size_t placeholder) {
   for (std::size_t i = 0; i < path.size; ++i) {
      if (path.segments[i].kind == segment_kind::literal) continue;
      if (placeholder-- == 0) return path.segments[i].text;
   }
   return {};
}

inline void append_parameters(std::string& out, route_entry const& route, pattern const& path) {
   if (route.about->parameters.empty()) return;
   out += R"(,"parameters":[)";
   bool first = true;
   for (auto const& p : route.about->parameters) {
      if (!std::exchange(first, false)) out += ',';
      out += '{';
      bool const in_path = p.in == parameter_kind::path;
      append_member(out, "name", in_path ? name_in(path, route.shape->placeholder(p.name)) : p.name);
      append_member(out, "in", in_path ? "path" : p.in == parameter_kind::header ? "header" : "query");
      out += p.required ? R"(,"required":true,"schema":)" : R"(,"required":false,"schema":)";
      p.schema(out);
      out += '}';
   }
   out += ']';
}

inline void append_operation(std::string& out, route_entry const& route, pattern const& path,
                             std::set<std::string>& ids) {
   std::string method(to_text(route.method));
   for (char& c : method) c = static_cast<char>(c - 'A' + 'a');
   append_json_string(out, method);
   out += ":{";
   append_member(out, "operationId", operation_id(route, ids));
   if (!route.options.summary.empty()) append_member(out, "summary", route.options.summary);
   if (!route.options.tag.empty()) {
      out += R"(,"tags":[)";
      append_json_string(out, route.options.tag);
      out += ']';
   }
   append_parameters(out, route, path);
   if (auto const& body = route.about->body; body.schema != nullptr) {
      out += body.required ? R"(,"requestBody":{"required":true,"content":{"application/json":{"schema":)"
                           : R"(,"requestBody":{"required":false,"content":{"application/json":{"schema":)";
      body.schema(out);
      out += "}}}";
   }
   out += R"(,"responses":{)";
   if (route.about->answers_nothing)
      out += R"("204":{"description":"Done")";
   else
      out.append("\"").append(std::to_string(route.options.success)).append(R"(":{"description":"OK")");
   if (route.about->answer != nullptr) {
      out += R"(,"content":{"application/json":{"schema":)";
      route.about->answer(out);
      out += "}}";
   }
   out += R"(},"default":{"description":"Refused or failed","content":{"application/json":)"
          R"({"schema":{"$ref":"#/components/schemas/error"}}}}}})";
}

} // namespace detail

/// The document as JSON text. \param routes  in the order of a route table
inline std::string openapi_text(std::span<route_entry const> routes, openapi_info const& info = {}) {
   std::string out = R"({"openapi":"3.1.0","info":{)";
   detail::append_member(out, "title", info.title);
   detail::append_member(out, "version", info.version);
   if (!info.description.empty()) detail::append_member(out, "description", info.description);
   out += R"(},"paths":{)";
   std::set<std::string> ids;
   pattern const* path = nullptr;
   for (auto const& route : routes) {
      if (route.options.hidden) continue;
      if (path == nullptr || compare_shape(*path, *route.shape) != 0) {
         if (path != nullptr) out += "},";
         path = route.shape;
         append_json_string(out, detail::openapi_path(*path));
         out += ":{";
      } else {
         out += ',';
      }
      detail::append_operation(out, route, *path, ids);
   }
   if (path != nullptr) out += '}';
   out += R"(},"components":{"schemas":{"error":{"type":"object","properties":{"error":{"type":"string"},)"
          R"("status":{"type":"integer"}},"required":["error","status"]}}}})";
   return out;
}

/// The document of a program. A service of `openapi_routes`.
class openapi_document {
public:
   /// To be described before the first request.
   openapi_document() = default;
   template <class Services, std::size_t N>
   explicit openapi_document(route_table<Services, N> const& table, openapi_info const& info = {})
       : text_(openapi_text(table.entries, info)) {}

   /// For a router of mounted parts, one of which shows this document. \param routes  the router's entries
   void describe(std::span<route_entry const> routes, openapi_info const& info = {}) {
      text_ = openapi_text(routes, info);
   }

   [[nodiscard]] std::string const& text() const noexcept { return text_; }

private:
   std::string text_;
};

/// Handler of `GET /api/openapi.json`.
inline result<response> show_openapi(openapi_document const& document) {
   return response{.body = document.text()};
}

inline constexpr auto openapi_routes = routes<services<openapi_document const>>(
    get<"/api/openapi.json", show_openapi>.summary("This document").tag("operation"));

} // namespace noetl::http
