// reflect/rules.hpp: what a struct says about its JSON beyond its fields, as a member alias `json_rules`.
// Knows reflect/fields.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <noetl/core/fixed_string.hpp>
#include <noetl/reflect/fields.hpp>

namespace noetl {

/// Reading accepts these names for the field too; writing uses the field's own. Both at once is an error of the sender.
template <fixed_string Field, fixed_string... Others>
struct alias {};

/// These fields may be absent and then keep the value that the struct gives them.
template <fixed_string... Fields>
struct defaulted {};

/// These fields are left out when empty: an optional without value, a text, list or map without content. What may be
/// left out may also be absent when read.
template <fixed_string... Fields>
struct omit_empty {};

/// `using json_rules = noetl::rules<alias<"payload", "context">, defaulted<"actionable">, omit_empty<"error">>;`
template <class... Rules>
struct rules {};

namespace detail {

template <class T>
struct json_rules_of {
   using type = rules<>;
};
template <class T>
requires requires {
   typename T::json_rules;
}
struct json_rules_of<T> {
   using type = typename T::json_rules;
};

/// One accepted key and the field it stands for.
struct json_key {
   std::string_view name;
   std::size_t field = 0;
};

// What is wrong with a rule, if anything. Apart from the assertions, so that what depends on it stays silent after
// them.
enum class rule_fault { none, no_rule, unknown_field, alias_is_field };

template <class T, class Rule>
inline constexpr rule_fault rule_fault_of = rule_fault::no_rule;
template <class T, fixed_string Field, fixed_string... Others>
inline constexpr rule_fault rule_fault_of<T, alias<Field, Others...>> =
    !has_field<T>(Field.view())            ? rule_fault::unknown_field
    : (has_field<T>(Others.view()) || ...) ? rule_fault::alias_is_field
                                           : rule_fault::none;
template <class T, fixed_string... Fields>
inline constexpr rule_fault rule_fault_of<T, defaulted<Fields...>> = (has_field<T>(Fields.view()) && ...)
                                                                         ? rule_fault::none
                                                                         : rule_fault::unknown_field;
template <class T, fixed_string... Fields>
inline constexpr rule_fault rule_fault_of<T, omit_empty<Fields...>> = (has_field<T>(Fields.view()) && ...)
                                                                          ? rule_fault::none
                                                                          : rule_fault::unknown_field;

// The culprit stands in the template arguments: rule_check<shipment, defaulted<"weight">>.
template <class T, class Rule, rule_fault Fault = rule_fault_of<T, Rule>>
struct rule_check {
   static_assert(Fault != rule_fault::no_rule, "noetl: json_rules knows alias<>, defaulted<> and omit_empty<> only");
   static_assert(Fault != rule_fault::unknown_field, "noetl: a JSON rule names a field that the struct does not have");
   static_assert(Fault != rule_fault::alias_is_field,
                 "noetl: an alias in json_rules is the name of another field of the struct");
};

template <std::size_t N>
struct field_marks {
   std::array<bool, N> defaulted{};
   std::array<bool, N> omitted{};
};

template <class T, fixed_string... Fields, std::size_t N>
constexpr void mark(defaulted<Fields...>, field_marks<N>& marks) {
   ((marks.defaulted[field_index<T>(Fields.view())] = true), ...);
}
template <class T, fixed_string... Fields, std::size_t N>
constexpr void mark(omit_empty<Fields...>, field_marks<N>& marks) {
   ((marks.omitted[field_index<T>(Fields.view())] = true), ...);
}
template <class T, class Other, std::size_t N>
constexpr void mark(Other, field_marks<N>&) {}

template <class Rule>
inline constexpr std::size_t alias_count = 0;
template <fixed_string Field, fixed_string... Others>
inline constexpr std::size_t alias_count<alias<Field, Others...>> = sizeof...(Others);

template <class T, fixed_string Field, fixed_string... Others>
constexpr void add_keys(alias<Field, Others...>, json_key*& at) {
   ((*at++ = json_key{Others.view(), field_index<T>(Field.view())}), ...);
}
template <class T, class Other>
constexpr void add_keys(Other, json_key*&) {}

// alias<"payload", "context">'s text lives as long as the program: a template parameter object has static storage.
template <class T, class Rules>
struct json_layout_of;
template <class T, class... Rules>
struct json_layout_of<T, rules<Rules...>> {
   static constexpr bool ok = [] {
      (static_cast<void>(sizeof(rule_check<T, Rules>)), ...);
      return ((rule_fault_of<T, Rules> == rule_fault::none) && ...);
   }();
   static constexpr std::size_t size = field_count<T>;

   /// All names that reading knows; the fields' own come first, at the index of the field.
   static constexpr auto keys = [] {
      std::array<json_key, size + (alias_count<Rules> + ... + 0)> all{};
      for (std::size_t i = 0; i < size; ++i) all[i] = {field_names<T>[i], i};
      [[maybe_unused]] json_key* at = all.data() + size;
      if constexpr (ok) (add_keys<T>(Rules{}, at), ...);
      return all;
   }();
   static constexpr auto marks = [] {
      field_marks<size> all{};
      if constexpr (ok) (mark<T>(Rules{}, all), ...);
      return all;
   }();
};

template <class T>
using json_layout = json_layout_of<T, typename json_rules_of<T>::type>;

} // namespace detail
} // namespace noetl
