// workflow/detail/fold_facts.hpp: event types as facts, and user data of result envelopes.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <noetl/events/envelope.hpp>
#include <noetl/workflow/detail/json_text.hpp>

namespace noetl::workflow {

inline tao::json::value user_data(tao::json::value const& envelope) {
   using namespace detail;
   auto const flatten = [](json const& d) {
      if (!d.is_object() || d.get_object().empty()) return d;
      auto const& fields = d.get_object();
      if (!std::all_of(fields.begin(), fields.end(), [](auto const& f) { return f.second.is_object(); })) return d;
      json out = d;
      for (auto const& [label, child] : fields)
         for (auto const& [key, value] : child.get_object()) out.get_object().insert_or_assign(key, value);
      return out;
   };
   if (auto const* data = member(&envelope, "context", "result", "context", "data")) return flatten(*data);
   if (auto const* context = member(&envelope, "context")) {
      auto const* data = member(context, "data");
      return data == nullptr ? *context : flatten(*data);
   }
   return envelope;
}

inline tao::json::value exposed(tao::json::value data) {
   if (!data.is_object() || detail::member(&data, "data") != nullptr) return data;
   auto copy = data;
   data.get_object().emplace("data", std::move(copy));
   return data;
}

namespace detail {

/// Words by which a tool says that it did not succeed (W21).
inline bool is_bad_status(std::string_view word) {
   static constexpr std::array bad{std::string_view("error"), std::string_view("failed"), std::string_view("timeout")};
   auto const same = [&](std::string_view one) {
      return std::ranges::equal(one, word,
                                [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); });
   };
   return std::ranges::any_of(bad, same);
}

enum class fact : std::uint8_t {
   none,
   started,
   ended,
   context_updated,
   entered,
   skipped,
   issued,
   claimed,
   command_started,
   called,
   completed,
   exited,
   failed,
   routed,
};

inline fact fact_of(std::string_view type) {
   struct entry {
      std::string_view name;
      fact what;
   };
   static constexpr std::array all{
       entry{"command.issued", fact::issued},
       entry{"command.claimed", fact::claimed},
       entry{"command.started", fact::command_started},
       entry{"action_started", fact::command_started},
       entry{"call.done", fact::called},
       entry{"action_done", fact::called},
       entry{"command.completed", fact::completed},
       entry{"action_completed", fact::completed},
       entry{"command.failed", fact::failed},
       entry{"action_failed", fact::failed},
       entry{"command.cancelled", fact::failed},
       entry{"step_failed", fact::failed},
       entry{"step.enter", fact::entered},
       entry{"step_enter", fact::entered},
       entry{"step_started", fact::entered},
       entry{"step.skipped", fact::skipped},
       entry{"step_skipped", fact::skipped},
       entry{"step.exit", fact::exited},
       entry{"step_completed", fact::exited},
       entry{"ctx.updated", fact::context_updated},
       entry{"playbook_started", fact::started},
       entry{"step.routed", fact::routed},
   };
   for (auto const& one : all)
      if (one.name == type) return one.what;
   return terminal_status(type).empty() ? fact::none : fact::ended;
}

} // namespace detail

} // namespace noetl::workflow
