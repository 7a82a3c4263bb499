// workflow/detail/yaml_tree.hpp: one YAML document as a tree that still knows lines, quotes and source texts, within
// bounds. The only user of yaml-cpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
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

#include <noetl/core/json_text.hpp>
#include <noetl/workflow/detail/json_text.hpp>
#include <noetl/workflow/detail/yaml_scalars.hpp>

namespace noetl::workflow::detail {

/// What a document may hold (goals 13). Sizes in bytes.
struct yaml_limits {
   static constexpr std::size_t document = 2 << 20;
   static constexpr std::size_t scalar = 1 << 20;
   static constexpr std::size_t values = 200'000;          ///< after expansion of aliases
   static constexpr std::size_t expanded_bytes = 16 << 20; ///< all scalars after expansion of aliases
   static constexpr std::size_t depth = 128;               ///< after expansion of aliases
};

/// A document that is no YAML, or beyond the limits. Thrown inside the parser only. Line and column from 1, or 0.
class not_yaml : public std::runtime_error {
public:
   not_yaml(std::string const& message, std::size_t at_line, std::size_t at_column)
       : std::runtime_error(message), line(at_line), column(at_column) {}
   std::size_t line, column;
};

struct yaml_node;
using yaml_ptr = std::shared_ptr<yaml_node const>;

struct yaml_node {
   enum class kind : std::uint8_t { null, scalar, sequence, mapping };
   kind what = kind::null;
   bool plain = true;  ///< scalar without quotes and without tag
   std::string text{}; ///< source text of a scalar
   std::string tag{};
   std::size_t line = 0, column = 0;                     ///< from 1
   std::size_t values = 1, bytes = 0, depth = 1;         ///< after expansion of aliases
   std::vector<yaml_ptr> items{};                        ///< of a sequence
   std::vector<std::pair<yaml_ptr, yaml_ptr>> entries{}; ///< of a mapping, in the document's order

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

/// Builds the tree from parser events.
class yaml_builder : public YAML::EventHandler {
public:
   void OnDocumentStart(YAML::Mark const&) override {}
   void OnDocumentEnd() override {}
   void OnNull(YAML::Mark const& mark, YAML::anchor_t anchor) override {
      leaf(made(mark, yaml_node::kind::null), anchor);
   }
   void OnAlias(YAML::Mark const& mark, YAML::anchor_t anchor) override {
      auto const found = anchors_.find(anchor);
      if (found == anchors_.end()) refuse(mark, "an alias inside its own anchor");
      add(found->second, mark);
   }
   void OnScalar(YAML::Mark const& mark, std::string const& tag, YAML::anchor_t anchor,
                 std::string const& text) override {
      if (text.size() > yaml_limits::scalar)
         refuse(mark, "a value is longer than " + std::to_string(yaml_limits::scalar) + " bytes");
      if (text.find('\0') != std::string::npos) refuse(mark, "a value holds U+0000, which cannot be stored");
      auto n = made(mark, yaml_node::kind::scalar);
      n->text = text;
      n->tag = tag;
      n->plain = tag == "?" || tag.empty();
      n->bytes = text.size();
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
      if (mark.is_null()) throw not_yaml("YAML: " + what, 0, 0);
      throw not_yaml("YAML: " + what, static_cast<std::size_t>(mark.line + 1),
                     static_cast<std::size_t>(mark.column + 1));
   }

private:
   struct level {
      std::shared_ptr<yaml_node> n;
      YAML::anchor_t anchor;
      YAML::Mark mark;
      yaml_ptr key{};
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
      auto const mark = mark_of(*n);
      add(std::move(n), mark);
   }
   void open(YAML::Mark const& mark, yaml_node::kind what, YAML::anchor_t anchor) {
      if (levels_.size() >= yaml_limits::depth) too_deep(mark);
      levels_.push_back({made(mark, what), anchor, mark});
   }
   void close() {
      auto done = std::move(levels_.back());
      levels_.pop_back();
      if (done.anchor != YAML::NullAnchor) anchors_[done.anchor] = done.n;
      add(std::move(done.n), done.mark);
   }
   void add(yaml_ptr n, YAML::Mark const& mark) {
      if (levels_.size() + n->depth > yaml_limits::depth + 1) too_deep(mark);
      if (levels_.empty()) {
         root_ = std::move(n);
         return;
      }
      auto& top = levels_.back();
      top.n->values += n->values;
      top.n->bytes += n->bytes;
      top.n->depth = std::max(top.n->depth, n->depth + 1);
      if (top.n->values > yaml_limits::values)
         refuse(mark, "more than " + std::to_string(yaml_limits::values) + " values");
      if (top.n->bytes > yaml_limits::expanded_bytes)
         refuse(mark,
                "more than " + std::to_string(yaml_limits::expanded_bytes) + " bytes with all aliases written out");
      if (top.n->is_sequence()) {
         top.n->items.push_back(std::move(n));
      } else if (top.key) {
         top.n->entries.emplace_back(std::exchange(top.key, nullptr), std::move(n));
      } else {
         if (n->is_sequence() || n->is_mapping()) refuse(mark, "a key must be a scalar");
         auto const& name = n->is_null() ? null_key() : n->text;
         if (!top.keys.insert(name).second) refuse(mark, "duplicate key '" + name.substr(0, 80) + "'");
         top.key = std::move(n);
      }
   }
   static std::string const& null_key() {
      static std::string const name = "null";
      return name;
   }
   static YAML::Mark mark_of(yaml_node const& n) {
      YAML::Mark mark;
      mark.line = static_cast<int>(n.line) - 1;
      mark.column = static_cast<int>(n.column) - 1;
      return mark;
   }
   [[noreturn]] static void too_deep(YAML::Mark const& mark) {
      refuse(mark, "nested deeper than " + std::to_string(yaml_limits::depth));
   }

   std::vector<level> levels_;
   std::map<YAML::anchor_t, yaml_ptr> anchors_;
   yaml_ptr root_;
};

/// YAML allows printable characters only (1.2, 5.1). yaml-cpp would guess other encodings, and takes U+0004 for the
/// end.
inline void check_characters(std::string_view text) {
   std::size_t line = 1, start = 0;
   for (std::size_t at = 0; at < text.size();) {
      auto const c = static_cast<unsigned char>(text[at]);
      auto const refuse = [&](char const* what) { throw not_yaml(std::string("YAML: ") + what, line, at - start + 1); };
      if (c < 0x80) {
         if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) refuse("a control character");
         ++at;
         if (c == '\n') ++line, start = at;
      } else {
         auto const length = utf8_length(text.data() + at, text.data() + text.size());
         if (length == 0) refuse("text that is not UTF-8");
         at += length;
      }
   }
}

/// \return null for an empty document
/// \throws not_yaml and nothing else
inline yaml_ptr read_yaml(std::string_view text) {
   if (text.size() > yaml_limits::document)
      throw not_yaml("YAML: the document is longer than " + std::to_string(yaml_limits::document) + " bytes", 0, 0);
   check_characters(text);
   std::istringstream in{std::string(text)};
   yaml_builder builder;
   try {
      YAML::Parser parser(in);
      if (!parser.HandleNextDocument(builder)) return nullptr;
      yaml_builder second;
      if (parser.HandleNextDocument(second)) throw not_yaml("YAML: more than one document", 0, 0);
   } catch (YAML::Exception const& e) {
      yaml_builder::refuse(e.mark, e.msg);
   } catch (not_yaml const&) {
      throw;
   } catch (std::exception const& e) {
      throw not_yaml(std::string("YAML: ") + e.what(), 0, 0);
   }
   return builder.root();
}

/// A plain scalar as the value it means; anything else is text.
inline json scalar_value(yaml_node const& n) {
   bool const as_text = !n.plain && n.tag != "tag:yaml.org,2002:int" && n.tag != "tag:yaml.org,2002:float" &&
                        n.tag != "tag:yaml.org,2002:bool" && n.tag != "tag:yaml.org,2002:null";
   return as_text ? json(n.text) : plain_value(n.text);
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
