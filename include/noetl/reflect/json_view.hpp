// reflect/json_view.hpp: a JSON value that is not copied out of the text it was read from. For large values.
// Knows the JSON reader.
#pragma once

#include <string>
#include <string_view>

#include <noetl/reflect/json_kinds.hpp>
#include <noetl/reflect/json_reader.hpp>

namespace noetl {

/// The text of one checked JSON value as the sender wrote it, spaces included. Lives as long as the text that was read:
/// in a handler, `http::body` with such a member may be used until the answer is complete.
struct json_view {
   std::string_view text;
};

template <>
struct json_form<json_view> {
   static bool read(json_reader& in, json_view& out) { return in.view(out.text); }
   static void write(std::string& out, json_view const& value) {
      out.append(value.text.empty() ? std::string_view{"null"} : value.text);
   }
   static void schema(std::string& out) { out.append("{}"); }
};

} // namespace noetl
