// workflow/template.hpp: rendering of the Jinja dialect of playbooks (spec orchestration.md section 2): text, typed
// values, conditions. The language is in detail/template_grammar.hpp (PEGTL), template_eval.hpp and
// template_filters.hpp; docs/templates.md describes it for authors.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tao/json/value.hpp>

#include <noetl/core/result.hpp>
#include <noetl/workflow/context.hpp>

namespace noetl::workflow {

namespace detail {
struct compiled_template;
class template_cache;
} // namespace detail

/// What one rendering may cost. Beyond it the rendering is an error, never a partial text.
///
/// A step is work of a tenth of a microsecond or so: an evaluated expression, an item looked at, 256 bytes copied. A
/// template that uses up all its steps is refused within 50 ms.
struct template_limits {
   std::size_t max_steps = 400'000;
   std::size_t max_value_steps = 4'000'000;    ///< of all texts of one value together
   std::size_t max_depth = 400;                ///< nested expressions, blocks and macro calls together
   std::size_t max_output_bytes = 4 << 20;     ///< of the result and of every text on the way
   std::size_t max_template_bytes = 512 << 10; ///< of the source; it may have 20,000 parts
   std::size_t max_cached_templates = 4'096;
   std::size_t max_cached_bytes = 8 << 20;
};

/// What happens to a string without any template syntax in typed rendering.
///
/// The reference turns also those into numbers, bools and nulls (`"007"` becomes 7: L-28). We keep what the author
/// wrote: a quoted text stays a text. Strings with template syntax follow the reference in both.
enum class literals : unsigned char { as_written, coerced };

/// Renders templates. Thread-safe; compiled templates are kept in a bounded cache.
///
/// Errors are error_code::validation with a message that starts "Template render error: " and ends with line and column
/// inside the template. They name kinds of values, never values. Nothing else is thrown or returned.
class template_engine {
public:
   explicit template_engine(template_limits limits = {});
   ~template_engine();

   /// True when `text` is rendered at all: it holds both `{{` and `}}`, or both `{%` and `%}` (2.1).
   [[nodiscard]] static bool is_template(std::string_view text) noexcept {
      auto const has = [&](std::string_view a, std::string_view b) {
         return text.find(a) != std::string_view::npos && text.find(b) != std::string_view::npos;
      };
      return has("{{", "}}") || has("{%", "%}");
   }

   /// Plain rendering: the printed text (2.5). A text that is no template is returned unchanged.
   result<std::string> render_text(std::string_view text, context const& variables);

   /// Typed rendering (2.4), recursively; keys of objects are rendered as plain text.
   result<tao::json::value> render_value(tao::json::value const& value, context const& variables,
                                         literals rule = literals::as_written);

   /// Typed rendering of what can be rendered now: a string that needs one of the `deferred` names stays as written,
   /// for whoever knows the name later. \param deferred  sorted
   result<tao::json::value> render_available(tao::json::value const& value, context const& variables,
                                             std::vector<std::string> const& deferred);

   /// Condition (2.6): a text without template syntax is one expression.
   result<bool> evaluate_condition(std::string_view text, context const& variables);

   /// Checks the syntax without rendering.
   result<void> check(std::string_view text);

   /// Names that `text` takes from its context, sorted, each once: `{{ a.b + c }}` needs a and c. Empty for no
   /// template.
   result<std::vector<std::string>> names(std::string_view text);

   /// How many compiled templates are kept.
   [[nodiscard]] std::size_t cached() const;

private:
   using compiled = std::shared_ptr<detail::compiled_template const>;
   result<compiled> compile(std::string_view text, bool expression);
   result<tao::json::value> render(tao::json::value const& value, context const& variables, literals rule,
                                   std::vector<std::string> const& deferred, std::size_t& steps);
   result<std::string> render_text(std::string_view text, context const& variables, std::size_t& steps);

   template_limits limits_;
   std::unique_ptr<detail::template_cache> cache_;
};

} // namespace noetl::workflow

#include <noetl/workflow/detail/template_engine.hpp>
