// events/detail/append_job.hpp: one append on its way through the writer, and the checks that need no database.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/core/id_generator.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/append.hpp>

namespace noetl::detail {

struct append_job {
   append_request request{};
   std::function<void(result<append_result>)> done{}; ///< empty once answered

   // What the last write() found; meaningful after the commit.
   std::optional<error> failure{};
   append_result answer{};
   std::vector<bool> stored_before{}; ///< per event: was there already, with the same content

   void reply(result<append_result> value) {
      if (auto call = std::exchange(done, nullptr)) call(std::move(value));
   }
};

/// Same content byte for byte, apart from what the store fills in or a producer may leave out.
inline bool same_bytes(event const& a, event const& b) {
   return a.event_type == b.event_type && a.node_id == b.node_id && a.node_name == b.node_name &&
          a.node_type == b.node_type && a.status == b.status && a.context == b.context && a.result == b.result &&
          a.meta == b.meta && a.error == b.error && a.worker_id == b.worker_id;
}

/// Fills ids, times and execution ids that the caller left open. Errors: validation.
inline result<void> prepare(append_request& request, id_generator ids) {
   auto const wrong = [&](std::string what) { return fail(error_code::validation, std::move(what)); };
   auto const same = [&](execution_id& id) {
      if (id.value == 0) id = request.execution_id;
      return id == request.execution_id;
   };
   auto const complete = [&](auto& rows) -> result<void> { // of an append or its follow-up
      for (auto& e : rows.events) {
         if (!same(e.execution_id)) return wrong("an event belongs to another execution than the append");
         if (e.event_id.value == 0) e.event_id = event_id{ids.next()};
         if (e.created_at == timestamp{}) e.created_at = now();
      }
      for (auto& c : rows.commands) {
         if (!same(c.execution_id)) return wrong("a command belongs to another execution than the append");
         if (c.command_id == 0) c.command_id = ids.next();
      }
      for (auto& o : rows.outbox)
         if (!same(o.execution_id)) return wrong("a notification belongs to another execution than the append");
      return {};
   };
   if (auto done = complete(request); !done) return done;
   for (auto& u : request.updates)
      if (!same(u.execution_id)) return wrong("a command update belongs to another execution than the append");
   if (request.follow_up) return complete(*request.follow_up);
   return {};
}

} // namespace noetl::detail
