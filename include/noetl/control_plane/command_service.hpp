// control_plane/command_service.hpp: fetching and claiming commands (http-execution.md section 9).
// Knows the event store; knows nothing of HTTP.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <tao/json/value.hpp>

#include <noetl/control_plane/command_cache.hpp>
#include <noetl/control_plane/command_correlation.hpp>
#include <noetl/core/id_generator.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/events/append.hpp>
#include <noetl/events/store.hpp>
#include <noetl/reflect/json_value.hpp>
#include <noetl/reflect/json_write.hpp>
#include <noetl/reflect/raw_json.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct command_view {
   noetl::execution_id execution_id;
   std::string node_id;
   std::string node_name;
   std::string action; ///< tool kind
   raw_json context;
   raw_json meta;
};

struct claim_request {
   std::string worker_id;
};

struct claim_reply {
   std::string status = "ok";
   noetl::event_id event_id; ///< of command.issued, as in the path
   noetl::execution_id execution_id;
   std::string node_id;
   std::string node_name;
   std::string action;
   raw_json context;
   raw_json meta;
};

/// Hands commands to workers: one owner per command, decided by one conditional update (W6). Thread-safe.
class command_service {
public:
   /// \param cache  commands issued by this process, so that the usual claim needs no read
   command_service(event_store& store, id_generator ids, command_cache& cache)
       : store_(store), ids_(ids), cache_(cache) {}

   /// Errors: not_found.
   awaitable<result<command_view>> find(noetl::event_id issued) {
      if (auto cached = cache_.find(issued)) co_return view_of(*cached);
      auto found = co_await store_.load_command(issued);
      if (!found) co_return std::move(found).error();
      co_return view_of(found->issued);
   }

   /// Gives the command to `worker`. The owner may ask again while it runs and gets the same answer; 409 is kept for
   /// what is final: another owner, a finished command (W7), an ended execution (W5). Contention waits inside the
   /// database (W9).
   awaitable<result<claim_reply>> claim(noetl::event_id issued, std::string worker) {
      auto command = cache_.find(issued);
      if (!command) {
         auto found = co_await store_.load_command(issued);
         if (!found) co_return std::move(found).error();
         if (auto open = check_open(*found, worker); !open) co_return std::move(open).error();
         command = std::make_shared<event const>(std::move(found->issued));
      }
      auto append = claim_append(*command, worker);
      auto stored = co_await store_.append(std::move(append));
      if (stored) co_return reply_of(*command, stored->attempt);
      if (stored.error().code != error_code::conflict) co_return std::move(stored).error();
      auto again = co_await repeated_claim(issued, worker, std::move(stored).error());
      if (!again) co_return std::move(again).error();
      co_return reply_of(*command, *again);
   }

private:
   static command_view view_of(event const& issued) {
      auto const node = issued.node_name.value_or(std::string{});
      return {issued.execution_id, node, node, issued.node_type.value_or(std::string{}), issued.context, issued.meta};
   }

   /// \param attempt  how often the command was offered; its event keeps saying 1 (W8)
   static claim_reply reply_of(event const& issued, int attempt) {
      auto view = view_of(issued);
      if (attempt > 1) view.meta = with_attempt(view.meta, attempt);
      claim_reply reply;
      reply.event_id = issued.event_id;
      reply.execution_id = view.execution_id;
      reply.node_id = std::move(view.node_id);
      reply.node_name = std::move(view.node_name);
      reply.action = std::move(view.action);
      reply.context = std::move(view.context);
      reply.meta = std::move(view.meta);
      return reply;
   }

   static raw_json with_attempt(raw_json const& meta, int attempt) {
      auto parsed = from_json<tao::json::value>(meta.text);
      if (!parsed || !parsed->is_object()) return meta;
      (*parsed)["attempt"] = attempt;
      return raw_json{to_json(*parsed)};
   }

   append_request claim_append(event const& issued, std::string const& worker) {
      std::string ids = R"("command_id":)";
      append_json(ids, command_id_of(issued));
      ids += R"(,"worker_id":)";
      append_json(ids, worker);
      event claimed;
      claimed.execution_id = issued.execution_id;
      claimed.event_id = noetl::event_id{ids_.next()};
      claimed.event_type = "command.claimed";
      claimed.node_id = issued.node_name;
      claimed.node_name = issued.node_name;
      claimed.status = "RUNNING";
      claimed.result = raw_json{R"({"status":"RUNNING","context":{)" + ids + "}}"};
      claimed.meta = raw_json{"{" + ids + R"(,"actionable":false,"informative":true})"};
      claimed.worker_id = worker;
      claimed.created_at = now();
      command_update update;
      update.execution_id = issued.execution_id;
      update.event_id = issued.event_id;
      update.status = "CLAIMED";
      update.worker_id = worker;
      update.required = true;
      append_request append;
      append.execution_id = issued.execution_id;
      append.events.push_back(std::move(claimed));
      append.updates.push_back(std::move(update));
      return append;
   }

   static std::string command_id_of(event const& issued) {
      auto const found = correlate(issued.meta, raw_json{});
      if (!found.text.empty()) return found.text;
      return std::to_string(issued.execution_id.value) + ":" + issued.node_name.value_or(std::string{}) + ":" +
             std::to_string(issued.event_id.value);
   }

   /// CANCELLED is left to the append, which knows whether the whole execution was.
   static bool is_done(std::string_view status) { return status == "COMPLETED" || status == "FAILED"; }

   static result<void> check_open(issued_command const& command, std::string const& worker) {
      if (is_done(command.status)) return fail(error_code::conflict, "Command already reached terminal state");
      bool const owned = command.status == "CLAIMED" || command.status == "RUNNING";
      if (owned && command.worker_id && *command.worker_id != worker)
         return fail(error_code::conflict, "Command already claimed by " + *command.worker_id);
      return {};
   }

   /// The attempt for the owner's own repeat, else why the conditional update did not happen.
   awaitable<result<int>> repeated_claim(noetl::event_id issued, std::string worker, error refusal) {
      auto found = co_await store_.load_command(issued);
      if (!found) co_return std::move(found).error();
      if (auto open = check_open(*found, worker); !open) co_return std::move(open).error();
      auto head = co_await store_.head(found->issued.execution_id);
      if (!head) co_return std::move(head).error();
      if (found->status == "CANCELLED" || (head.value() && is_ended(head.value()->status))) co_return refusal;
      if (found->worker_id && *found->worker_id == worker) co_return found->attempt;
      // Taken back by its lease in between.
      co_return fail(error_code::unavailable, "Command is being claimed; try again");
   }

   static bool is_ended(std::string_view status) { return is_done(status) || status == "CANCELLED"; }

   event_store& store_;
   id_generator ids_;
   command_cache& cache_;
};

} // namespace noetl::control_plane
