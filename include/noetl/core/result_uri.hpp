// core/result_uri.hpp: the name of a stored result, as text and back (spec http-execution.md section 16).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <noetl/core/number_text.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>

namespace noetl {

/// `noetl://execution/<execution_id>/result/<name>/<result_id>`; the name may hold slashes.
struct result_uri {
   noetl::execution_id execution_id;
   std::string name;
   std::int64_t result_id = 0;

   [[nodiscard]] std::string text() const {
      return "noetl://execution/" + std::to_string(execution_id.value) + "/result/" + name + "/" +
             std::to_string(result_id);
   }
};

/// Errors: bad_request, saying which part is wrong.
inline result<result_uri> parse_result_uri(std::string_view text) {
   auto const refuse = [&](std::string const& rule) {
      std::string shown(text.substr(0, 200));
      return fail(error_code::bad_request, "URI " + rule + ", got: \"" + shown + "\"");
   };
   constexpr std::string_view scheme = "noetl://", kind = "execution/", middle = "/result/";
   if (!text.starts_with(scheme)) return refuse("must start with 'noetl://'");
   auto rest = text.substr(scheme.size());
   if (!rest.starts_with(kind)) return refuse("must name an execution: noetl://execution/<id>/result/<name>/<id>");
   rest.remove_prefix(kind.size());
   auto const slash = rest.find('/');
   auto const execution = parse_number<std::int64_t>(rest.substr(0, slash));
   if (slash == rest.npos || !execution) return refuse("must have a decimal execution id");
   rest.remove_prefix(slash);
   if (!rest.starts_with(middle)) return refuse("must have '/result/' behind the execution id");
   rest.remove_prefix(middle.size());
   auto const last = rest.rfind('/');
   if (last == rest.npos || last == 0) return refuse("must have a name before the result id");
   auto const id = parse_number<std::int64_t>(rest.substr(last + 1));
   if (!id) return refuse("must end in a decimal result id");
   return result_uri{noetl::execution_id{*execution}, std::string(rest.substr(0, last)), *id};
}

} // namespace noetl
