// reflect/last_member.hpp: how a JSON tree is built from text in which a member is given twice. Knows taoJSON.
#pragma once

#include <utility>

#include <tao/json/events/to_value.hpp>

namespace noetl {

/// Builds a value as tao::json::events::to_value does, but of members with one name the last counts, as in PostgreSQL's
/// jsonb: a text means the same before and after it was stored. Not thread-safe.
struct last_member_wins : tao::json::events::to_value {
   void member() {
      stack_.back().get_object().insert_or_assign(std::move(keys_.back()), std::move(value));
      keys_.pop_back();
   }
};

} // namespace noetl
