// control_plane/command_correlation.hpp: which command an event speaks of. Knows JSON only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <noetl/core/number_text.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/reflect/json_read.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::control_plane {

/// The command an event belongs to, as far as its producer says.
struct correlation {
   std::string text;                      ///< command id as on the wire; empty: none
   std::optional<noetl::event_id> issued; ///< the command.issued event named by it
   bool in_meta = false;                  ///< `meta` carries the id already
};

/// The event id in `<execution>:<step>:<event>[:i<index>]`; a step's name may contain colons.
inline std::optional<noetl::event_id> issued_event(std::string_view command_id) {
   auto tail = command_id.rfind(':');
   if (tail == std::string_view::npos) return std::nullopt;
   auto last = command_id.substr(tail + 1);
   if (last.size() > 1 && last.front() == 'i' && last.find_first_not_of("0123456789", 1) == std::string_view::npos) {
      command_id = command_id.substr(0, tail);
      tail = command_id.rfind(':');
      if (tail == std::string_view::npos) return std::nullopt;
      last = command_id.substr(tail + 1);
   }
   auto const id = parse_number<std::int64_t>(last);
   if (!id || *id <= 0) return std::nullopt;
   return noetl::event_id{*id};
}

namespace detail {

struct data_with_id {
   raw_json command_id;
   using json_rules = rules<defaulted<"command_id">>;
};
struct body_with_id {
   raw_json command_id, data;
   using json_rules = rules<defaulted<"command_id", "data">>;
};

/// A command id is a text; integers of other producers count as their digits.
inline std::string id_text_of(raw_json const& value) {
   if (value.text.starts_with('"')) return from_json<std::string>(value.text).value_or(std::string{});
   if (value.text.find_first_not_of("0123456789") == std::string::npos) return value.text;
   return {};
}

} // namespace detail

/// Looks in `meta.command_id`, then the payload's `command_id`, then its `data.command_id` (W4).
inline correlation correlate(raw_json const& meta, raw_json const& payload) {
   correlation found;
   if (meta.text.starts_with('{'))
      if (auto body = from_json<detail::data_with_id>(meta.text)) found.text = detail::id_text_of(body->command_id);
   found.in_meta = !found.text.empty();
   if (found.text.empty() && payload.text.starts_with('{')) {
      if (auto body = from_json<detail::body_with_id>(payload.text)) {
         found.text = detail::id_text_of(body->command_id);
         if (found.text.empty() && body->data.text.starts_with('{'))
            if (auto data = from_json<detail::data_with_id>(body->data.text))
               found.text = detail::id_text_of(data->command_id);
      }
   }
   if (!found.text.empty()) found.issued = issued_event(found.text);
   return found;
}

} // namespace noetl::control_plane
