// reflect/raw_json.hpp: JSON that passes through as text, never built into a tree.
#pragma once

#include <string>
#include <utility>

namespace noetl {

/// The text of one JSON value, valid and compact. Read from JSON it captures the value as it stands; written to JSON it
/// is copied verbatim; in SQL it is a jsonb column. An empty text means "no value" and is written as null.
struct raw_json {
   std::string text;

   raw_json() = default;
   explicit raw_json(std::string valid_json) : text(std::move(valid_json)) {}

   [[nodiscard]] bool empty() const noexcept { return text.empty(); }
   friend bool operator==(raw_json const&, raw_json const&) = default;
};

} // namespace noetl
