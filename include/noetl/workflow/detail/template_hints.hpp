// workflow/detail/template_hints.hpp: what to write instead of things this dialect does not have. Words only.
#pragma once

#include <string>
#include <string_view>

namespace noetl::workflow::detail {

/// Sentence for a statement that is not one.
inline std::string statement_hint(std::string_view name) {
   for (std::string_view const other : {"include", "import", "from", "extends"})
      if (name == other)
         return std::string(name) + " is not supported: a template stands alone, there is nothing to load others from";
   for (std::string_view const other : {"break", "continue"})
      if (name == other) return std::string(name) + " is not supported: filter the loop, {% for x in list if ... %}";
   if (name == "autoescape") return "autoescape is not supported: use the filter escape";
   if (name == "trans" || name == "pluralize") return std::string(name) + " is not supported";
   if (name == "else if" || name == "elseif" || name == "elsif")
      return "unknown statement " + std::string(name) + ": write elif";
   return "unknown statement " + std::string(name);
}

/// What stands for a Python method; empty when nothing does.
inline std::string_view method_hint(std::string_view name) {
   struct entry {
      std::string_view method, instead;
   };
   static constexpr entry all[] = {
       {"get", "x | get(key)"},
       {"keys", "x | keys"},
       {"values", "x | values"},
       {"items", "x | items"},
       {"split", "x | split(sep)"},
       {"splitlines", "x | lines"},
       {"join", "list | join(sep)"},
       {"strip", "x | trim"},
       {"lower", "x | lower"},
       {"upper", "x | upper"},
       {"title", "x | title"},
       {"capitalize", "x | capitalize"},
       {"replace", "x | replace(old, new)"},
       {"startswith", "x is startingwith text"},
       {"endswith", "x is endingwith text"},
       {"islower", "x is lower"},
       {"isupper", "x is upper"},
       {"find", "text in x"},
       {"count", "x | select('eq', value) | list | length"},
       {"append", "x + [value]"},
       {"extend", "x + list"},
       {"update", "x | chain(map)"},
       {"copy", "x itself: values never change"},
       {"sort", "x | sort"},
       {"reverse", "x | reverse"},
       {"format", "the operator ~"},
       {"encode", "x | b64encode"},
   };
   for (auto const& one : all)
      if (one.method == name) return one.instead;
   return {};
}

} // namespace noetl::workflow::detail
