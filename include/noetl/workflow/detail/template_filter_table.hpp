// workflow/detail/template_filter_table.hpp: every filter by name, with the arguments it takes, and the call.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include <noetl/workflow/detail/template_list_filters.hpp>
#include <noetl/workflow/detail/template_text_filters.hpp>

namespace noetl::workflow::detail {

inline constexpr std::size_t any_number = 100;

struct filter_entry {
   std::string_view name;
   var (*call)(var const&, call_arguments const&);
   std::size_t least = 0; ///< positional arguments, or the keyword arguments that stand for them
   std::size_t most = 0;
   std::string_view keywords = {}; ///< separated by blanks
};

inline constexpr std::array all_filters{
    filter_entry{"default", filters::default_value, 0, 1, "value"},
    filter_entry{"int", filters::integer},
    filter_entry{"float", filters::real},
    filter_entry{"string", filters::string},
    filter_entry{"lower", filters::lower},
    filter_entry{"upper", filters::upper},
    filter_entry{"trim", filters::trim},
    filter_entry{"safe", filters::safe},
    filter_entry{"split", filters::split, 0, 1, "sep"},
    filter_entry{"join", filters::join, 0, 1, "sep"},
    filter_entry{"first", filters::first},
    filter_entry{"last", filters::last},
    filter_entry{"length", filters::length},
    filter_entry{"keys", filters::keys},
    filter_entry{"values", filters::values},
    filter_entry{"items", filters::items},
    filter_entry{"get", filters::get, 1, 1, "key"},
    filter_entry{"b64encode", filters::b64encode},
    filter_entry{"b64decode", filters::b64decode},
    filter_entry{"tojson", filters::tojson},
    filter_entry{"fromjson", filters::fromjson},
    // the engine's own
    filter_entry{"abs", filters::absolute},
    filter_entry{"attr", filters::attr, 1, 1},
    filter_entry{"batch", filters::batch, 1, 2, "linecount fill_with"},
    filter_entry{"bool", filters::boolean},
    filter_entry{"capitalize", filters::capitalize},
    filter_entry{"chain", filters::chain, 0, any_number},
    filter_entry{"count", filters::count},
    filter_entry{"d", filters::default_with_flag, 0, 2, "value boolean"},
    filter_entry{"dictsort", filters::dictsort, 0, 0, "by reverse case_sensitive"},
    filter_entry{"e", filters::escape},
    filter_entry{"escape", filters::escape},
    filter_entry{"groupby", filters::groupby, 1, 1, "attribute default case_sensitive"},
    filter_entry{"indent", filters::indent, 0, 3, "width first blank"},
    filter_entry{"lines", filters::lines},
    filter_entry{"list", filters::to_list},
    filter_entry{"map", filters::map, 0, any_number, "*"},
    filter_entry{"max", filters::max},
    filter_entry{"min", filters::min},
    filter_entry{"pprint", filters::pprint},
    filter_entry{"reject", filters::reject, 0, any_number},
    filter_entry{"rejectattr", filters::rejectattr, 1, any_number},
    filter_entry{"replace", filters::replace, 2, 2},
    filter_entry{"reverse", filters::reverse},
    filter_entry{"round", filters::round, 0, 1, "precision"},
    filter_entry{"select", filters::select, 0, any_number},
    filter_entry{"selectattr", filters::selectattr, 1, any_number},
    filter_entry{"slice", filters::slices, 1, 2, "count fill_with"},
    filter_entry{"sort", filters::sort, 0, 0, "reverse case_sensitive attribute"},
    filter_entry{"sum", filters::sum},
    filter_entry{"title", filters::title},
    filter_entry{"unique", filters::unique, 0, 0, "case_sensitive attribute"},
    filter_entry{"zip", filters::zip, 0, any_number},
};

inline filter_entry const* find_filter(std::string_view name) {
   for (auto const& one : all_filters)
      if (one.name == name) return &one;
   return nullptr;
}
inline bool is_filter(std::string_view name) {
   return find_filter(name) != nullptr;
}

/// True when `keywords` lists the word.
inline bool lists_word(std::string_view keywords, std::string_view word) {
   for (std::size_t from = 0; from < keywords.size();) {
      auto const end = std::min(keywords.find(' ', from), keywords.size());
      if (keywords.substr(from, end - from) == word) return true;
      from = end + 1;
   }
   return keywords == "*";
}

inline void check_arguments(filter_entry const& filter, call_arguments const& given) {
   auto const name = "filter " + std::string(filter.name);
   auto const count = [](std::size_t n) {
      return n == 0 ? std::string("no argument") : n == 1 ? "one argument" : std::to_string(n) + " arguments";
   };
   if (given.positional.size() > filter.most)
      throw template_failure(name + " takes " + count(filter.most) + " at most");
   for (auto const& [key, value] : given.named)
      if (!lists_word(filter.keywords, key)) throw template_failure(name + " has no argument called " + key);
   if (given.positional.size() + given.named.size() < filter.least)
      throw template_failure(name + " needs " + count(filter.least) + (filter.most > filter.least ? " at least" : ""));
}

/// `filter` may be null: there is none of that name.
inline var run_filter(filter_entry const* filter, std::string_view name, var const& v, call_arguments const& given) {
   if (filter == nullptr) throw template_failure("unknown filter: " + std::string(name));
   check_arguments(*filter, given);
   given.left.spend();
   return filter->call(v, given);
}
inline var run_filter(std::string_view name, var const& v, call_arguments const& given) {
   return run_filter(find_filter(name), name, v, given);
}

} // namespace noetl::workflow::detail
