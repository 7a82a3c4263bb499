// workflow/detail/decide_drafts.hpp: the events of one pass while it runs, and where its decisions are recorded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/workflow/decision.hpp>
#include <noetl/workflow/detail/json_text.hpp>

namespace noetl::workflow::detail {

inline std::string event_result(std::string_view status, json const* context = nullptr) {
   std::string out = "{";
   if (context != nullptr) {
      out += "\"context\":";
      append_json(out, *context);
      out += ',';
   }
   out += "\"status\":\"";
   out += status;
   out += "\"}";
   return out;
}

/// A planned event without its `meta`.
inline planned_event drafted(std::string_view type, std::optional<std::string> node, std::string_view status,
                             json const* context = nullptr) {
   planned_event e;
   e.event_type = type;
   e.node = std::move(node);
   e.status = status;
   e.result = raw_json(event_result(status, context));
   return e;
}

inline json arc_list(std::vector<std::size_t> const& arcs) {
   json out = tao::json::empty_array;
   for (auto const a : arcs) out.emplace_back(static_cast<std::int64_t>(a));
   return out;
}

/// Events of one pass. They are appended in the order updates, skips, entries.
class event_drafts {
public:
   /// Variables written by the completion `gen` of a step; 0: a completion inside the pass.
   void context_updated(std::string const& step_name, std::int64_t gen, json values) {
      json context = tao::json::empty_object;
      if (gen != 0) context.try_emplace("gen", gen);
      context.try_emplace("step", step_name);
      context.try_emplace("values", std::move(values));
      updates_.push_back({drafted("ctx.updated", std::nullopt, "CONTEXT", &context), {}});
   }
   void skipped(std::string const& step_name) { skips_.push_back({drafted("step.skipped", step_name, "SKIPPED"), {}}); }
   void entered(std::string const& step_name, json const& context) {
      bool const bare = context.get_object().empty();
      entries_.push_back({drafted("step.enter", step_name, "ENTERED", bare ? nullptr : &context), {}});
   }
   /// An event that ends `step_name` inside the pass and carries the record of its decision.
   void ended(planned_event e, std::string const& step_name, std::vector<std::size_t> const& arcs) {
      json record = tao::json::empty_object;
      record.try_emplace("arcs", arc_list(arcs));
      record.try_emplace("set", true);
      json routed = tao::json::empty_object;
      routed.try_emplace(step_name, std::move(record));
      entries_.push_back({std::move(e), std::move(routed)});
   }
   /// The decision about an earlier completion.
   void decided(std::string const& step_name, std::int64_t gen, std::vector<std::size_t> const& arcs) {
      json record = tao::json::empty_object;
      record.try_emplace("gen", gen);
      record.try_emplace("arcs", arc_list(arcs));
      records_.get_object().insert_or_assign(step_name, std::move(record));
   }

   /// All events with their `meta`; decisions ride on the first one, or on a marker when there is none.
   std::vector<planned_event> take() {
      std::vector<draft> all;
      for (auto* part : {&updates_, &skips_, &entries_})
         for (auto& one : *part) all.push_back(std::move(one));
      bool const any = !records_.get_object().empty();
      if (any && all.empty())
         all.push_back({drafted("step.routed", records_.get_object().begin()->first, "ROUTED"), {}});
      std::vector<planned_event> out;
      for (auto& one : all) {
         json routed = one.record.is_object() ? std::move(one.record) : json(tao::json::empty_object);
         if (out.empty() && any)
            for (auto const& [name, record] : records_.get_object()) routed.get_object().try_emplace(name, record);
         std::string meta = "{\"emitted_by\":\"orchestrator\"";
         if (!routed.get_object().empty()) meta += ",\"routed\":" + json_text(routed);
         one.event.meta = raw_json(meta + "}");
         out.push_back(std::move(one.event));
      }
      return out;
   }

private:
   struct draft {
      planned_event event;
      json record;
   };
   std::vector<draft> updates_, skips_, entries_;
   json records_ = tao::json::empty_object;
};

} // namespace noetl::workflow::detail
