// workflow/detail/yaml_tree.hpp: one YAML document as a tree that still knows lines, quotes and source texts. The only
// user of yaml-cpp.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <noetl/workflow/detail/json_text.hpp>

namespace noetl::workflow::detail {

/// Why a document was refused: bad_request, or validation when `semantic`. Thrown inside the parser only.
class refused : public std::runtime_error {
public:
   refused(std::string const& message, bool is_semantic) : std::runtime_error(message), semantic(is_semantic) {}
   bool semantic;
};

struct yaml_node;
using yaml_ptr = std::shared_ptr<yaml_node const>;

struct yaml_node {
   enum class kind : std::uint8_t { null, scalar, sequence, mapping };
   kind what = kind::null;
   bool plain = true;  ///< scalar without quotes and without tag
   std::string text{}; ///< source text of a scalar
   std::string tag{};
   std::size_t line = 0, column = 0; ///< from 1
   std::size_t weight = 1;           ///< nodes after expansion of aliases
   std::vector<yaml_ptr> items{};
   std::vector<std::pair<yaml_ptr, yaml_ptr>> entries{};

   [[nodiscard]] bool is_null() const noexcept { return what == kind::null; }
   [[nodiscard]] bool is_scalar() const noexcept { return what == kind::scalar; }
   [[nodiscard]] bool is_sequence() const noexcept { return what == kind::sequence; }
   [[nodiscard]] bool is_mapping() const noexcept { return what == kind::mapping; }
   /// \return null when there is no such key
   [[nodiscard]] yaml_node const* find(std::string_view key) const {
      for (auto const& [name, value] : entries)
         if (name->text == key) return value.get();
      return nullptr;
   }
};

inline std::string at_line(yaml_node const& n) {
   return " (line " + std::to_string(n.line) + ")";
}

/// Builds the tree from parser events.
class yaml_builder : public YAML::EventHandler {
public:
   static constexpr std::size_t max_nodes = 200'000;
   static constexpr std::size_t max_depth = 128;

   void OnDocumentStart(YAML::Mark const&) override {}
   void OnDocumentEnd() override {}
   void OnNull(YAML::Mark const& mark, YAML::anchor_t anchor) override {
      leaf(made(mark, yaml_node::kind::null), anchor);
   }
   void OnAlias(YAML::Mark const& mark, YAML::anchor_t anchor) override {
      auto const found = anchors_.find(anchor);
      if (found == anchors_.end()) refuse(mark, "an alias inside its own anchor");
      add(found->second);
   }
   void OnScalar(YAML::Mark const& mark, std::string const& tag, YAML::anchor_t anchor,
                 std::string const& text) override {
      auto n = made(mark, yaml_node::kind::scalar);
      n->text = text;
      n->tag = tag;
      n->plain = tag == "?" || tag.empty();
      leaf(std::move(n), anchor);
   }
   void OnSequenceStart(YAML::Mark const& mark, std::string const&, YAML::anchor_t anchor,
                        YAML::EmitterStyle::value) override {
      open(mark, yaml_node::kind::sequence, anchor);
   }
   void OnSequenceEnd() override { close(); }
   void OnMapStart(YAML::Mark const& mark, std::string const&, YAML::anchor_t anchor,
                   YAML::EmitterStyle::value) override {
      open(mark, yaml_node::kind::mapping, anchor);
   }
   void OnMapEnd() override { close(); }

   [[nodiscard]] yaml_ptr root() const { return root_; }

   [[noreturn]] static void refuse(YAML::Mark const& mark, std::string const& what) {
      throw refused("YAML: " + what + " (line " + std::to_string(mark.line + 1) + ", column " +
                        std::to_string(mark.column + 1) + ")",
                    false);
   }

private:
   struct level {
      std::shared_ptr<yaml_node> n;
      YAML::anchor_t anchor;
      yaml_ptr key;
      std::set<std::string, std::less<>> keys{};
   };

   static std::shared_ptr<yaml_node> made(YAML::Mark const& mark, yaml_node::kind what) {
      auto n = std::make_shared<yaml_node>();
      n->what = what;
      n->line = static_cast<std::size_t>(mark.line + 1);
      n->column = static_cast<std::size_t>(mark.column + 1);
      return n;
   }
   void leaf(std::shared_ptr<yaml_node> n, YAML::anchor_t anchor) {
      if (anchor != YAML::NullAnchor) anchors_[anchor] = n;
      add(std::move(n));
   }
   void open(YAML::Mark const& mark, yaml_node::kind what, YAML::anchor_t anchor) {
      if (levels_.size() >= max_depth) refuse(mark, "nested deeper than " + std::to_string(max_depth));
      levels_.push_back({made(mark, what), anchor, nullptr});
   }
   void close() {
      auto done = std::move(levels_.back());
      levels_.pop_back();
      if (done.anchor != YAML::NullAnchor) anchors_[done.anchor] = done.n;
      add(std::move(done.n));
   }
   void add(yaml_ptr n) {
      if (levels_.empty()) {
         root_ = std::move(n);
         return;
      }
      auto& top = levels_.back();
      top.n->weight += n->weight;
      if (top.n->weight > max_nodes)
         throw refused("YAML: more than " + std::to_string(max_nodes) + " values" + at_line(*top.n), false);
      if (top.n->is_sequence()) {
         top.n->items.push_back(std::move(n));
      } else if (top.key) {
         top.n->entries.emplace_back(std::exchange(top.key, nullptr), std::move(n));
      } else {
         if (n->is_sequence() || n->is_mapping()) throw refused("YAML: a key must be a scalar" + at_line(*n), false);
         if (!top.keys.insert(n->text).second)
            throw refused("YAML: duplicate key '" + n->text + "'" + at_line(*n), false);
         top.key = std::move(n);
      }
   }

   std::vector<level> levels_;
   std::map<YAML::anchor_t, yaml_ptr> anchors_;
   yaml_ptr root_;
};

/// \return null for an empty document
/// \throws refused
inline yaml_ptr read_yaml(std::string_view text) {
   std::istringstream in{std::string(text)};
   yaml_builder builder;
   try {
      YAML::Parser parser(in);
      if (!parser.HandleNextDocument(builder)) return nullptr;
      yaml_builder second;
      if (parser.HandleNextDocument(second)) throw refused("YAML: more than one document", false);
   } catch (YAML::Exception const& e) {
      yaml_builder::refuse(e.mark, e.msg);
   }
   return builder.root();
}

// ---- scalars of the YAML 1.2 core schema, with the reference's choices (orchestration.md 1.1)

inline bool all_of_class(std::string_view t, std::string_view allowed) {
   return !t.empty() && t.find_first_not_of(allowed) == std::string_view::npos;
}

/// \return true and the number when a plain text is a decimal integer without leading zero, hexadecimal or octal
inline bool yaml_integer(std::string_view text, json& out) {
   auto digits = text;
   bool const negative = digits.starts_with('-');
   if (negative || digits.starts_with('+')) digits.remove_prefix(1);
   int base = 10;
   if (digits.starts_with("0x") || digits.starts_with("0o")) {
      base = digits[1] == 'x' ? 16 : 8;
      digits.remove_prefix(2);
   } else if (digits.size() > 1 && digits.starts_with('0')) {
      return false;
   }
   if (!all_of_class(digits, base == 16 ? "0123456789abcdefABCDEF" : base == 8 ? "01234567" : "0123456789"))
      return false;
   std::uint64_t value = 0;
   if (std::from_chars(digits.data(), digits.data() + digits.size(), value, base).ec != std::errc()) {
      double big = 0;
      if (base != 10) return false;
      std::from_chars(digits.data(), digits.data() + digits.size(), big);
      out = negative ? -big : big;
      return true;
   }
   if (!negative && value > INT64_MAX) {
      out = value;
   } else if (negative && value > std::uint64_t{1} << 63) {
      out = -static_cast<double>(value);
   } else {
      out = static_cast<std::int64_t>(negative ? 0 - value : value);
   }
   return true;
}

inline bool yaml_float(std::string_view text, json& out) {
   auto t = text;
   bool const negative = t.starts_with('-');
   if (negative || t.starts_with('+')) t.remove_prefix(1);
   if (t.size() > 1 && t[0] == '0' && t[1] >= '0' && t[1] <= '9') return false;
   if (!all_of_class(t, "0123456789.eE+-") || t.find_first_of("0123456789") == std::string_view::npos) return false;
   double value = 0;
   auto const read = std::from_chars(t.data(), t.data() + t.size(), value);
   if (read.ec != std::errc() || read.ptr != t.data() + t.size() || t.starts_with('-')) return false;
   out = negative ? -value : value;
   return true;
}

/// A plain scalar as the value it means; anything else is text.
inline json scalar_value(yaml_node const& n) {
   bool const as_text = !n.plain && n.tag != "tag:yaml.org,2002:int" && n.tag != "tag:yaml.org,2002:float" &&
                        n.tag != "tag:yaml.org,2002:bool" && n.tag != "tag:yaml.org,2002:null";
   std::string_view const t = n.text;
   if (as_text) return n.text;
   if (t.empty() || t == "~" || t == "null" || t == "Null" || t == "NULL") return tao::json::null;
   if (t == "true" || t == "True" || t == "TRUE") return true;
   if (t == "false" || t == "False" || t == "FALSE") return false;
   if (t == ".nan" || t == ".NaN" || t == ".NAN" || t == ".inf" || t == ".Inf" || t == ".INF" || t == "+.inf" ||
       t == "-.inf" || t == "-.Inf" || t == "-.INF")
      return tao::json::null; // JSON has no such number
   json out;
   if (yaml_integer(t, out) || yaml_float(t, out)) return out;
   return n.text;
}

/// True for a scalar that is text by itself: quoted, or plain and neither number, bool nor null.
inline bool is_real_string(yaml_node const& n) {
   return n.is_scalar() && scalar_value(n).is_string_type();
}

inline json to_json(yaml_node const& n) {
   switch (n.what) {
   case yaml_node::kind::null: return tao::json::null;
   case yaml_node::kind::scalar: return scalar_value(n);
   case yaml_node::kind::sequence: {
      json out = tao::json::empty_array;
      for (auto const& item : n.items) out.emplace_back(to_json(*item));
      return out;
   }
   case yaml_node::kind::mapping: {
      json out = tao::json::empty_object;
      for (auto const& [key, value] : n.entries) out.try_emplace(key->is_null() ? "null" : key->text, to_json(*value));
      return out;
   }
   }
   return tao::json::null;
}

} // namespace noetl::workflow::detail
