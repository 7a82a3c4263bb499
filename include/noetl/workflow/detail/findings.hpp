// workflow/detail/findings.hpp: how the readers of a document say what is wrong: all of it, or only the first.
// Knows the YAML tree.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <noetl/workflow/detail/yaml_tree.hpp>
#include <noetl/workflow/document_report.hpp>

namespace noetl::workflow::detail {

/// User's text in a message: quoted, and not longer than a line.
inline std::string shown(std::string_view text) {
   constexpr std::size_t most = 80;
   if (text.size() <= most) return "'" + std::string(text) + "'";
   auto end = most;
   while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end; // not inside a character
   return "'" + std::string(text.substr(0, end)) + "...'";
}

/// A value of the wrong shape. Thrown by readers, caught where reading can go on. `key` is a path inside the step.
struct misshapen {
   std::string key, what;
   std::size_t line, column;
};

[[noreturn]] inline void wrong(yaml_node const& at, std::string key, std::string what) {
   throw misshapen{std::move(key), std::move(what), at.line, at.column};
}

/// Ends a reading that wants the first error only.
struct refused {
   document_finding first;
   bool semantic; ///< the shape is right, the meaning is not
};

/// Collects findings, or throws `refused` at the first error.
class findings {
public:
   enum class wanted : unsigned char { first_error, all };

   explicit findings(wanted what) : what_(what) {}

   /// What follows is about this step; empty for the document as a whole.
   void enter(std::string step) { step_ = std::move(step); }

   /// An error of meaning.
   void error(yaml_node const& at, std::string key, std::string what) {
      add_error(made(std::move(key), std::move(what), at.line, at.column), true);
   }
   /// An error of shape that is not thrown.
   void shape_error(misshapen m) { add_error(made(std::move(m.key), std::move(m.what), m.line, m.column), false); }

   void warning(yaml_node const& at, std::string key, std::string what) {
      if (what_ == wanted::all) keep(report.warnings, made(std::move(key), std::move(what), at.line, at.column));
   }

   /// Calls f; a value of the wrong shape becomes an error. \return whether f came to its end
   template <class F>
   bool attempt(F f) {
      try {
         f();
         return true;
      } catch (misshapen& m) {
         shape_error(std::move(m));
         return false;
      }
   }

   void not_a_document(not_yaml const& e) {
      document_finding f;
      f.message = e.what();
      place(f, e.line, e.column);
      add_error(std::move(f), false);
   }

   /// False when further ones are not kept, so that nobody needs to look for a nearest name.
   [[nodiscard]] bool keeps_errors() const noexcept { return report.errors.size() < max_findings; }
   [[nodiscard]] bool keeps_warnings() const noexcept {
      return what_ == wanted::all && report.warnings.size() < max_findings;
   }

   document_report report;

private:
   static void place(document_finding& f, std::size_t line, std::size_t column) {
      if (line == 0) return;
      f.line = static_cast<std::int64_t>(line);
      f.column = static_cast<std::int64_t>(column);
   }
   document_finding made(std::string key, std::string what, std::size_t line, std::size_t column) const {
      document_finding f;
      if (!step_.empty()) f.step = step_, f.message = "step " + shown(step_) + ": ";
      if (!key.empty()) f.message += key + ": ", f.key = std::move(key);
      f.message += what;
      place(f, line, column);
      return f;
   }
   void add_error(document_finding f, bool semantic) {
      if (what_ == wanted::first_error) throw refused{std::move(f), semantic};
      report.valid = false;
      keep(report.errors, std::move(f));
   }
   static void keep(std::vector<document_finding>& kept, document_finding f) {
      if (kept.size() > max_findings) return;
      if (kept.size() == max_findings) {
         document_finding more;
         more.message = "there are more; only the first " + std::to_string(max_findings) + " are listed";
         f = std::move(more);
      }
      kept.push_back(std::move(f));
   }

   wanted what_;
   std::string step_;
};

/// A finding as one sentence with its place.
inline std::string sentence(document_finding const& f) {
   if (!f.line) return f.message;
   return f.message + " (line " + std::to_string(*f.line) + ", column " + std::to_string(f.column.value_or(0)) + ")";
}

/// Reads one document; what is no YAML becomes the only finding.
/// \return null when there is nothing to go on with, also for an empty document
inline yaml_ptr read_document(std::string_view yaml, findings& out) {
   try {
      return read_yaml(yaml);
   } catch (not_yaml const& e) {
      out.not_a_document(e);
      return nullptr;
   }
}

} // namespace noetl::workflow::detail
