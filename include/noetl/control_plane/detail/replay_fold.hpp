// control_plane/detail/replay_fold.hpp: bodies of control_plane/replay_state.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <noetl/control_plane/replay_state.hpp>
#include <noetl/core/sha256.hpp>
#include <noetl/reflect/json_read.hpp>
#include <noetl/reflect/json_write.hpp>

namespace noetl::control_plane {

namespace detail {

using json = tao::json::value;

inline json const* member(json const* v, std::string_view key) {
   if (v == nullptr || !v->is_object()) return nullptr;
   auto const found = v->get_object().find(key);
   return found == v->get_object().end() || found->second.is_null() ? nullptr : &found->second;
}
inline std::optional<std::string> text(json const* v) {
   if (v == nullptr || !v->is_string_type()) return std::nullopt;
   return std::string(v->as<std::string_view>());
}
/// Any scalar as text.
inline std::optional<std::string> scalar(json const* v) {
   if (v == nullptr || v->is_object() || v->is_array()) return std::nullopt;
   if (auto t = text(v)) return t;
   return to_json(*v);
}
inline std::int64_t integer(json const* v, std::int64_t otherwise = 0) {
   if (v == nullptr) return otherwise;
   if (v->is_signed()) return v->get_signed();
   if (v->is_unsigned() && v->get_unsigned() <= INT64_MAX) return static_cast<std::int64_t>(v->get_unsigned());
   return otherwise;
}
inline void set(json& object, std::string_view key, json value) {
   object.get_object().insert_or_assign(std::string(key), std::move(value));
}
inline void set_if(json& object, std::string_view key, json const* value) {
   if (value != nullptr) set(object, key, *value);
}
inline void set_once(json& object, std::string_view key, json value) {
   object.get_object().try_emplace(std::string(key), std::move(value));
}
inline std::int64_t count_up(json& object, std::string_view key, std::int64_t by = 1) {
   auto const sum = integer(member(&object, key)) + by;
   set(object, key, sum);
   return sum;
}
/// First of several paths that leads to something.
inline json const* first_of(json const* a, json const* b, json const* c = nullptr) {
   return a != nullptr ? a : b != nullptr ? b : c;
}

/// What is said of a referenced payload.
inline json summary_of(json const& reference) {
   json out = tao::json::empty_object;
   auto const* rows = member(&reference, "rows_ref");
   std::array<json const*, 3> const places{&reference, member(rows, "meta"), member(rows, "ipc")};
   auto const look = [&](std::string_view key) -> json const* {
      for (auto const* place : places)
         if (auto const* found = member(place, key)) return found;
      return nullptr;
   };
   set_if(out, "sha256", first_of(look("sha256"), look("digest")));
   set_if(out, "schema_digest", look("schema_digest"));
   set_if(out, "row_count", look("row_count"));
   set_if(out, "media_type", look("media_type"));
   set_if(out, "ref", first_of(look("ref"), member(rows, "ref"), look("uri")));
   return out;
}

inline void begin(replay_state& state) {
   if (state.execution.is_object()) return;
   state.execution = tao::json::empty_object;
   set(state.execution, "status", "UNKNOWN");
   set(state.execution, "payload_refs", tao::json::empty_array);
}

class replaying {
public:
   replaying(replay_state& state, replay_event const& e) : state_(state), e_(e), type_(e.fact.event_type) {}

   void run() {
      begin(state_);
      ++state_.event_count;
      state_.last_event_id = e_.fact.event_id;
      state_.last_event_type = type_;
      meta_ = parsed(e_.fact.meta);
      result_ = parsed(e_.fact.result);
      execution();
      if (auto id = own_id(e_.stage_id, "stage", "stage_id")) stage(*id);
      if (auto id = own_id(e_.frame_id, "frame", "frame_id")) frame(*id);
      if (auto id = e_.command_id ? std::to_string(*e_.command_id) : scalar(member(&meta_, "command_id"))) command(*id);
      if (auto id = scalar(
              first_of(member(&meta_, "loop_id"), member(&meta_, "loop_event_id"), member(&meta_, "__loop_epoch_id"))))
         loop(*id);
      business_object();
   }

private:
   static json parsed(raw_json const& raw) {
      if (raw.empty()) return tao::json::null;
      auto read = from_json<json>(raw.text, 256);
      return read ? *std::move(read) : json(tao::json::null);
   }
   bool is(std::string_view a, std::string_view b = {}, std::string_view c = {}) const {
      return type_ == a || (!b.empty() && type_ == b) || (!c.empty() && type_ == c);
   }
   json id() const { return e_.fact.event_id.value; }
   /// A column, else `<kind>/<id>` of the aggregate, else meta.
   std::optional<std::string> own_id(std::optional<std::int64_t> const& column, std::string_view kind,
                                     std::string_view key) const {
      if (column) return std::to_string(*column);
      if (auto of = aggregate(kind)) return of;
      return scalar(member(&meta_, key));
   }
   std::optional<std::string> aggregate(std::string_view kind) const {
      if (!e_.aggregate_id) return std::nullopt;
      std::string_view const name = *e_.aggregate_id;
      if (name.size() > kind.size() && name.starts_with(kind) && name[kind.size()] == '/')
         return std::string(name.substr(kind.size() + 1));
      if (e_.aggregate_type == kind) return std::string(name);
      return std::nullopt;
   }
   json const* reference() const { return member(&result_, "reference"); }

   void execution() {
      auto& x = state_.execution;
      if (auto const end = terminal_status(type_); !end.empty())
         set(x, "status", std::string(end));
      else if (is("step.enter", "step_enter", "step_started") && x["status"] == "UNKNOWN")
         set(x, "status", "RUNNING");
      bool const names_node = is("step.enter", "step_enter", "step_started") || is("step.exit", "step_completed") ||
                              is("command.completed", "action_completed");
      if (names_node && e_.fact.node_name) set(x, "last_node_name", *e_.fact.node_name);
      if (auto const* ref = reference())
         x["payload_refs"].push_back(json{{"event_id", id()}, {"reference", *ref}, {"summary", summary_of(*ref)}});
   }

   void stage(std::string const& name) {
      auto& s = entry(state_.stages, name,
                      {{"stage_id", name},
                       {"status", "UNKNOWN"},
                       {"frame_count", 0},
                       {"row_count", 0},
                       {"events_emitted", 0},
                       {"failed_count", 0}});
      set(s, "last_event_id", id());
      if (e_.fact.node_name) set_once(s, "step_name", *e_.fact.node_name);
      for (auto const* key : {"kind", "parent_stage_id", "loop_event_id"}) set_if(s, key, member(&meta_, key));
      if (is("stage.opened")) {
         set(s, "status", "OPEN");
         set(s, "opened_event_id", id());
      } else if (is("stage.closed")) {
         set(s, "status", e_.fact.status.empty() ? "CLOSED" : e_.fact.status);
         set(s, "closed_event_id", id());
         for (auto const* key : {"frame_count", "row_count", "events_emitted", "failed_count"})
            set_if(s, key, member(&meta_, key));
      }
   }

   void frame(std::string const& name) {
      auto& f = entry(state_.frames, name, {{"frame_id", name}, {"status", "UNKNOWN"}, {"attempts", 0}});
      set(f, "last_event_id", id());
      if (auto stage = own_id(e_.stage_id, "stage", "stage_id")) set_once(f, "stage_id", *stage);
      if (e_.fact.worker_id) set(f, "worker_id", *e_.fact.worker_id);
      set_if(f, "row_count", member(&meta_, "row_count"));
      set(f, "attempts", std::max(integer(member(&f, "attempts")), integer(member(&meta_, "attempt"))));
      if (is("frame.dispatched"))
         set(f, "status", "CLAIMED");
      else if (is("frame.started"))
         set(f, "status", "RUNNING");
      else if (is("frame.abandoned"))
         set(f, "status", "ABANDONED");
      else if (is("frame.committed", "frame.failed")) {
         set(f, "status", is("frame.failed") ? "FAILED" : "COMPLETED");
         set(f, "terminal_event_id", id());
         if (auto const* ref = reference()) {
            set(f, "output_ref", *ref);
            set(f, "output_ref_summary", summary_of(*ref));
         }
      }
   }

   void command(std::string const& name) {
      struct kind {
         std::string_view type, status, id_key;
      };
      static constexpr std::array kinds{kind{"command.issued", "PENDING", "issued_event_id"},
                                        kind{"command.claimed", "CLAIMED", "claimed_event_id"},
                                        kind{"command.started", "RUNNING", "started_event_id"},
                                        kind{"command.completed", "COMPLETED", "terminal_event_id"},
                                        kind{"command.failed", "FAILED", "terminal_event_id"},
                                        kind{"command.cancelled", "CANCELLED", "terminal_event_id"}};
      auto& c = entry(state_.commands, name, {{"command_id", name}, {"status", "UNKNOWN"}});
      auto const known = std::ranges::find(kinds, std::string_view(type_), &kind::type);
      if (!e_.fact.status.empty())
         set(c, "status", e_.fact.status);
      else if (known != kinds.end())
         set(c, "status", std::string(known->status));
      if (known != kinds.end()) set(c, known->id_key, id());
      set(c, "last_event_id", id());
      if (e_.fact.worker_id)
         set(c, "worker_id", *e_.fact.worker_id);
      else
         set_if(c, "worker_id", member(&meta_, "worker_id"));
      set_if(c, "worker_locator", member(&meta_, "worker_locator"));
      if (auto stage = own_id(e_.stage_id, "stage", "stage_id")) set(c, "stage_id", *stage);
      if (auto frame = own_id(e_.frame_id, "frame", "frame_id")) set(c, "frame_id", *frame);
      set_if(c, "parent_command_id", member(&meta_, "parent_command_id"));
   }

   void loop(std::string const& name) {
      auto& l = entry(state_.loops, name, {{"loop_id", name}, {"done", 0}, {"failed", 0}, {"completed", false}});
      if (e_.fact.node_name) set_once(l, "step_name", *e_.fact.node_name);
      if (auto const* total = first_of(member(&meta_, "collection_size"), member(&meta_, "total")))
         set_once(l, "total", *total);
      set(l, "last_event_id", id());
      if (is("command.completed", "loop.shard.done"))
         count_up(l, "done");
      else if (is("command.failed", "loop.shard.failed"))
         count_up(l, "failed");
      else if (is("loop.done", "loop.fanin.completed"))
         set(l, "completed", true);
   }

   void business_object() {
      auto const* own = member(&meta_, "business_object");
      auto kind = scalar(first_of(member(own, "object_type"), member(own, "type")));
      auto name = scalar(first_of(member(own, "object_id"), member(own, "id")));
      if (!kind || !name) {
         kind = scalar(first_of(member(&meta_, "business_object_type"), member(&meta_, "object_type")));
         name = scalar(first_of(member(&meta_, "business_object_id"), member(&meta_, "object_id")));
      }
      if (!kind || !name) {
         auto const of = aggregate("business_object");
         auto const slash = of ? of->find('/') : std::string::npos;
         if (slash == std::string::npos) return;
         kind = of->substr(0, slash);
         name = of->substr(slash + 1);
      }
      auto& o = entry(state_.business_objects, *kind + "/" + *name,
                      {{"object_key", *kind + "/" + *name},
                       {"object_type", *kind},
                       {"object_id", *name},
                       {"status", "ACTIVE"},
                       {"version", 0},
                       {"event_count", 0},
                       {"attributes", tao::json::empty_object},
                       {"payload_refs", tao::json::empty_array}});
      auto const events = count_up(o, "event_count");
      set(o, "version", integer(member(own, "version"), events));
      set_once(o, "first_event_id", id());
      set(o, "last_event_id", id());
      set(o, "last_event_type", type_);
      if (type_.ends_with(".deleted") || type_.ends_with("_deleted")) {
         set(o, "status", "DELETED");
         set(o, "deleted_event_id", id());
      } else if (!e_.fact.status.empty()) {
         set(o, "status", e_.fact.status);
      }
      auto const* context = member(&result_, "context");
      auto const part = [&](std::string_view key) { return first_of(member(own, key), member(context, key)); };
      if (auto const* whole = part("state"); whole != nullptr && whole->is_object()) set(o, "attributes", *whole);
      for (auto const* key : {"patch", "attributes"})
         if (auto const* some = part(key); some != nullptr && some->is_object())
            for (auto const& [field, value] : some->get_object()) set(o["attributes"], field, value);
      if (auto const* ref = reference()) {
         o["payload_refs"].push_back(json{{"event_id", id()}, {"reference", *ref}, {"summary", summary_of(*ref)}});
         set(o, "last_payload_ref", *ref);
      }
   }

   static json& entry(replay_parts& all, std::string const& name, json first) {
      return all.try_emplace(name, std::move(first)).first->second;
   }

   replay_state& state_;
   replay_event const& e_;
   std::string const& type_;
   json meta_ = tao::json::null, result_ = tao::json::null;
};

} // namespace detail

inline void apply(replay_state& state, replay_event const& e) {
   detail::replaying(state, e).run();
}

inline void seal(replay_state& state) {
   detail::begin(state);
   auto const digest = [](auto const& part) { return sha256_hex(to_json(part)); };
   state.projection_checksums = {{"execution", digest(state.execution)},
                                 {"stage", digest(state.stages)},
                                 {"frame", digest(state.frames)},
                                 {"command", digest(state.commands)},
                                 {"business_object", digest(state.business_objects)},
                                 {"loop", digest(state.loops)}};
   auto const text = to_json(state);
   auto whole = from_json<tao::json::value>(text, 600).value(); // our own text; a tree sorts its members
   whole.get_object().erase("checksum");
   state.checksum.value = digest(whole);
}

} // namespace noetl::control_plane
