// Templates from arbitrary bytes: rendered as text, as value and as condition over a small context, with small limits.
// The first byte picks the context's text; what is refused must be refused as a value, and what is rendered is bounded.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <noetl/workflow/template.hpp>

namespace {

using namespace noetl::workflow;

tao::json::value const& variables() {
   static auto const all = *detail::parse_json(
       R"({"n":3,"f":1.5,"s":"text","u":"äöü","yes":true,"no":false,"z":null,"e":"","l":[3,1,2],)"
       R"("o":{"a":null,"b":[1,"q"]},"rows":[{"k":"x","v":1},{"k":"y","v":2}],)"
       R"("tree":[{"n":"a","c":[{"n":"b","c":[]}]}],"big":18446744073709551615,"min":-9223372036854775808})");
   return all;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
   if (size == 0) return 0;
   std::string_view const text(reinterpret_cast<char const*>(data) + 1, size - 1);
   static template_engine engine({.max_steps = 20'000, .max_output_bytes = 1 << 16, .max_cached_templates = 64});
   auto const given = tao::json::value(std::string(text.substr(0, text.size() / 2)));
   context vars;
   vars.layer(variables());
   if (data[0] & 1) vars.borrow("t", given);

   auto const shown = engine.render_text(text, vars);
   if (shown && template_engine::is_template(text) && shown->size() > 1 << 16) std::abort();
   if (!shown && shown.error().message.find("Template render error: ") != 0) std::abort();
   // the second time comes from the cache and must say the same
   auto const again = engine.render_text(text, vars);
   if (shown.has_value() != again.has_value() || (shown && *shown != *again)) std::abort();
   auto const value = engine.render_value(tao::json::value(std::string(text)), vars, literals::coerced);
   if (value) detail::json_text(*value);
   (void)engine.evaluate_condition(text, vars).has_value();
   (void)engine.names(text).has_value();
   return 0;
}
