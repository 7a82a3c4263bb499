// reflect/config.hpp: a plain nested struct filled from environment variables, and printed as such.
// Knows core/ and fields. The struct says everything: names, types, ranges and defaults.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <noetl/core/edit_distance.hpp>
#include <noetl/core/secret.hpp>
#include <noetl/reflect/detail/config_values.hpp>
#include <noetl/reflect/fields.hpp>

namespace noetl {

/// Environment variables by name.
using environment = std::map<std::string, std::string>;

/// What main() gets as its third parameter, or `environ`.
inline environment environment_from(char const* const* variables) {
   environment out;
   for (; variables != nullptr && *variables != nullptr; ++variables) {
      std::string_view const line(*variables);
      if (std::size_t const equals = line.find('='); equals != std::string_view::npos)
         out.emplace(line.substr(0, equals), line.substr(equals + 1));
   }
   return out;
}

/// One thing wrong with one variable.
struct config_problem {
   std::string variable;
   std::optional<std::string> value; ///< as given, masked for secrets; none for unknown variables, whatever they hold
   std::string rule;                 ///< `expected an integer 1..65535`, `unknown, did you mean NOETL_PORT?`

   /// `NOETL_PORT: expected an integer 1..65535, got "tcp://10.0.0.1"`
   [[nodiscard]] std::string text() const {
      return variable + ": " + rule + (value ? ", got \"" + *value + "\"" : std::string{});
   }
   friend bool operator==(config_problem const&, config_problem const&) = default;
};

/// The configuration read; to be used only when there are no problems.
template <class T>
struct loaded_config {
   T value{};
   std::vector<config_problem> problems;

   explicit operator bool() const noexcept { return problems.empty(); }
};

namespace detail {

// Prints: in 'config_check<server_settings, 3>'.
template <class T, std::size_t I, bool Ok = config_value<field_type<T, I>> || reflected<field_type<T, I>>>
struct config_check {
   static_assert(Ok, "noetl: a configuration member has a type that no environment variable can hold");
};

inline std::string variable_name(std::string_view prefix, std::string_view field) {
   std::string out(prefix);
   if (!out.empty()) out.push_back('_');
   for (char const c : field) out.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
   return out;
}

// Calls f(name, member) for every leaf, in the order of the struct.
template <class T, class F>
void for_each_variable(T& part, std::string_view prefix, F const& f) {
   for_each_field(part, [&](auto i, auto& member) {
      using type = std::remove_cvref_t<decltype(member)>;
      using owner = std::remove_const_t<T>;
      static_cast<void>(sizeof(config_check<owner, i>));
      if constexpr (config_value<type> || reflected<type>) {
         std::string const name = variable_name(prefix, field_name<owner, i>);
         if constexpr (config_value<type>)
            f(name, member);
         else
            for_each_variable(member, name, f);
      }
   });
}

// A near miss is a typing error, anything else belongs to somebody else. Short names are near each other by nature
// (POSTGRES_HOST, POSTGRES_PORT), so they get one slip, longer ones two.
inline std::string nearest(std::string_view unknown, std::set<std::string> const& known, std::string_view prefix) {
   std::string best;
   std::size_t best_distance = 3;
   for (std::string const& name : known) {
      std::size_t const start = (prefix.empty() ? name.find('_') : prefix.size()) + 1;
      if (unknown.substr(0, start) != std::string_view(name).substr(0, start)) continue;
      std::size_t const allowed = name.size() - start < 5 ? 1 : 2;
      std::size_t const distance = edit_distance(unknown.substr(start), std::string_view(name).substr(start));
      if (distance <= allowed && distance < best_distance) best = name, best_distance = distance;
   }
   return best;
}

} // namespace detail

/// Fills T from `variables`. Member `postgres.host` is POSTGRES_HOST, `noetl.nats_url` is NOETL_NATS_URL; a member
/// without variable keeps its default. Members may be std::string, secret, bool (`true`, `false`), integers, ranged<>,
/// double, std::chrono::milliseconds and seconds (a whole number of them), enumerations with texts, std::optional of
/// these (empty is none) and std::vector of these (separated by commas), or structs of members.
///
/// Every problem is listed, not only the first: values that do not fit, and unknown variables that are one or two slips
/// away from a known one and begin as it does (NOETL_, POSTGRES_). Other unknown variables are ignored.
/// \param prefix  of all names, in capitals and without the `_` behind it: with SHOP, member `port` is SHOP_PORT
template <class T>
loaded_config<T> load_config(environment const& variables, T defaults = {}, std::string_view prefix = {}) {
   loaded_config<T> out{std::move(defaults), {}};
   std::set<std::string> known;
   detail::for_each_variable(out.value, prefix, [&]<class M>(std::string const& name, M& member) {
      known.insert(name);
      auto const found = variables.find(name);
      if (found == variables.end()) return;
      std::string const rule = detail::parse_setting(found->second, member);
      if (!rule.empty())
         out.problems.push_back({name, detail::is_secret<M> ? std::string(secret::masked) : found->second, rule});
   });
   for (auto const& [name, value] : variables) {
      if (known.contains(name)) continue;
      if (std::string const near = detail::nearest(name, known, prefix); !near.empty())
         out.problems.push_back({name, std::nullopt, "unknown, did you mean " + near + "?"});
   }
   return out;
}

/// `NAME=value` lines in the order of the struct, secrets masked. What is not set is empty.
template <class T>
std::string print_config(T const& config) {
   std::string out;
   detail::for_each_variable(config, {}, [&](std::string const& name, auto const& member) {
      out.append(name).append("=");
      detail::print_setting(out, member);
      out.push_back('\n');
   });
   return out;
}

/// A line for each variable in the order of the struct: name, what it expects, default, separated by tabs. A default
/// that is a secret is masked.
template <class T>
std::string describe_config(T const& defaults = {}, std::string_view prefix = {}) {
   std::string out;
   detail::for_each_variable(defaults, prefix, [&]<class M>(std::string const& name, M const& member) {
      out.append(name).append("\t").append(detail::setting_rule<M>()).append("\t");
      detail::print_setting(out, member);
      out.push_back('\n');
   });
   return out;
}

} // namespace noetl
