// events/snapshotted.hpp: what an aggregate tells about its state so that it can be stored and rebuilt from its log.
// Knows the envelope only.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <noetl/core/strong.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/reflect/raw_json.hpp>

namespace noetl {

/// How far a state has folded its log. Numbered rows have no holes, so `version` says which of them are in. Rows of
/// older servers have no number and can appear late anywhere among themselves, so these are counted.
struct fold_position {
   std::int64_t version = 0;      ///< highest stream_version folded
   std::uint64_t applied = 0;     ///< events folded
   std::uint64_t unversioned = 0; ///< of them rows without a stream_version, folded first, in event_id order
   event_id last_unversioned{};   ///< the last of these
   friend bool operator==(fold_position const&, fold_position const&) = default;
};

/// An aggregate whose state is a fold of its log. All functions are pure and cannot throw for what events or texts
/// hold.
template <class A>
concept snapshotted = requires(typename A::state& s, typename A::state const& c, event const& e, std::string_view text,
                               std::int64_t version) {
   { A::aggregate_type } -> std::convertible_to<std::string_view>; // the column; another one when readers must not mix
   { A::format } -> std::convertible_to<int>;                      // layout of the text; another number is not read
   A::apply(s, e);             // folds; an event that is in already changes nothing; stream_version 0: no number
   A::start_after(s, version); // the next numbered event is version + 1; called before the first of them is folded
   { A::position(c) } -> std::same_as<fold_position>;
   { A::terminal(c) } -> std::same_as<bool>;
   { A::routing(c) } -> std::same_as<raw_json>; // what dispatch needs of the first event; for people and other tools
   { A::text(c) } -> std::same_as<std::string>; // canonical JSON: equal states give equal bytes, in every process
   {
      A::parse(text)
      } -> std::same_as<std::optional<typename A::state>>; // text in any spacing; nothing for other shapes
};

/// Event types whose `context` column A::apply does not read, so that a rebuild need not fetch it: commands carry their
/// whole input there. None unless the aggregate says so in `A::contexts_unread`.
template <class A>
constexpr std::span<std::string_view const> contexts_unread() {
   if constexpr (requires { std::span<std::string_view const>(A::contexts_unread); })
      return A::contexts_unread;
   else
      return {};
}

} // namespace noetl
