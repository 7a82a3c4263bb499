// workflow/detail/event_body.hpp: what the fold reads from the JSON columns of one event. Only the members asked for
// are found, and only those read become values. Knows the envelope and how JSON texts are scanned.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <noetl/events/envelope.hpp>
#include <noetl/reflect/json_members.hpp>
#include <noetl/workflow/detail/json_text.hpp>
#include <noetl/workflow/detail/stored_json.hpp>

namespace noetl::workflow::detail {

enum class meta_member : std::uint8_t {
   command_id,
   emitted_by,
   iteration_index,
   cursor,
   routed,
   error,
   execution_pool,
   trace,
   strict_tool_status
};
enum class result_member : std::uint8_t { context, data, error };
enum class reported_member : std::uint8_t { command_id, error, pending_callback, parked, status, result };

/// The value of a JSON string, or nothing for text of anything else.
inline std::optional<std::string> text_of(std::string_view json_text) {
   if (json_text.size() < 2 || json_text.front() != '"') return std::nullopt;
   if (json_text.find('\\') == std::string_view::npos) return std::string(json_text.substr(1, json_text.size() - 2));
   auto const value = parse_json(json_text);
   auto const text = value ? as_text(&*value) : std::nullopt;
   return text ? std::optional<std::string>(*text) : std::nullopt;
}

/// Whether a mark is there and is neither null nor false.
inline bool is_set(std::string_view json_text) {
   return !json_text.empty() && json_text != "null" && json_text != "false";
}

/// Bodies that are no JSON objects have no members. The event must outlive it; not thread-safe.
class event_body {
public:
   explicit event_body(event const& e) : e_(e) {}

   /// A member of `meta`; null when absent.
   json meta(meta_member which) { return value_of(metas()[index(which)]); }
   std::optional<std::string> meta_text(meta_member which) { return text_of(metas()[index(which)]); }

   /// The whole `result`.
   json result() const { return value_of(e_.result.text); }
   /// Text of a member of `result`.
   std::string_view result(result_member which) { return results()[index(which)]; }
   /// Text of a member of `result.context`.
   std::string_view reported(reported_member which) { return reports()[index(which)]; }

   /// `result.context`, else the column `context`.
   json payload() {
      auto const inner = result(result_member::context);
      return value_of(inner.empty() ? std::string_view(e_.context.text) : inner);
   }

   /// `meta.command_id`, else `result.context.command_id`, else `result.data.command_id`, each as text or number.
   std::optional<std::string> command_id() {
      if (auto id = id_of(metas()[index(meta_member::command_id)])) return id;
      if (auto id = id_of(reported(reported_member::command_id))) return id;
      return id_of(json_members(result(result_member::data), std::array<std::string_view, 1>{"command_id"})[0]);
   }

   /// `result.context.result.context.pending_callback`: the worker has started something and goes on without it.
   bool waits_for_callback() {
      auto const inner = json_members<1>(reported(reported_member::result), {"context"})[0];
      return is_set(json_members<1>(inner, {"pending_callback"})[0]);
   }

private:
   template <class Member>
   static constexpr std::size_t index(Member which) noexcept {
      return static_cast<std::size_t>(which);
   }
   static json value_of(std::string_view text) { return parse_stored(text).value_or(tao::json::null); }
   static std::optional<std::string> id_of(std::string_view text) {
      if (text.empty()) return std::nullopt;
      if (auto id = text_of(text)) return id;
      auto const value = value_of(text);
      auto const number = as_integer(&value);
      return number ? std::optional<std::string>(std::to_string(*number)) : std::nullopt;
   }

   std::array<std::string_view, 9> const& metas() {
      if (!metas_)
         metas_ = json_members<9>(e_.meta.text, {"command_id", "emitted_by", "iteration_index", "cursor", "routed",
                                                 "error", "execution_pool", "trace", "strict_tool_status"});
      return *metas_;
   }
   std::array<std::string_view, 3> const& results() {
      if (!results_) results_ = json_members<3>(e_.result.text, {"context", "data", "error"});
      return *results_;
   }
   std::array<std::string_view, 6> const& reports() {
      if (!reports_)
         reports_ = json_members<6>(result(result_member::context),
                                    {"command_id", "error", "pending_callback", "parked", "status", "result"});
      return *reports_;
   }

   event const& e_;
   std::optional<std::array<std::string_view, 9>> metas_{};
   std::optional<std::array<std::string_view, 3>> results_{};
   std::optional<std::array<std::string_view, 6>> reports_{};
};

} // namespace noetl::workflow::detail
