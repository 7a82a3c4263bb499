// control_plane/event_ingest.hpp: what workers report becomes events (http-execution.md section 10).
// Knows the event store; knows nothing of HTTP. The orchestrator listens to commits, or is the one who appends.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <tao/json/value.hpp>

#include <noetl/control_plane/command_correlation.hpp>
#include <noetl/core/id_generator.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/append.hpp>
#include <noetl/events/envelope.hpp>
#include <noetl/events/store.hpp>
#include <noetl/reflect/ids.hpp>
#include <noetl/reflect/json_read.hpp>
#include <noetl/reflect/json_value.hpp>
#include <noetl/reflect/json_write.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct event_request {
   id_any<noetl::execution_id> execution_id;
   std::string step;
   std::string event_type;
   raw_json payload;
   raw_json meta;
   std::optional<std::string> worker_id;
   std::string result_kind = "data"; ///< data, ref or refs; anything else behaves as data
   std::optional<std::string> result_uri;
   std::optional<std::vector<std::int64_t>> event_ids;
   bool actionable = true;
   bool informative = true;
   std::optional<id_any<noetl::event_id>>
       event_id; ///< chosen by the producer: a repeat is answered like the first time
   std::optional<std::string> status;
   std::optional<timestamp> created_at;
   using json_rules = rules<alias<"event_type", "name">, alias<"payload", "context">,
                            defaulted<"payload", "meta", "result_kind", "actionable", "informative">>;
};

struct event_reply {
   std::string status = "ok";
   noetl::event_id event_id;
   std::int64_t commands_generated = 0; ///< always 0: decisions are not counted here
};

struct event_batch_item {
   std::string step;
   std::string event_type;
   raw_json payload;
   bool actionable = false;
   bool informative = true;
   using json_rules = rules<alias<"event_type", "name">, alias<"payload", "context">,
                            defaulted<"payload", "actionable", "informative">>;
};

struct event_batch_request {
   id_any<noetl::execution_id> execution_id;
   std::optional<std::string> worker_id;
   std::vector<event_batch_item> events;
};

struct event_batch_reply {
   std::string status = "ok";
   std::vector<noetl::event_id> event_ids;
   std::int64_t commands_generated = 0;
};

namespace detail {

/// Status of an event that names none (10.3): the first rule that matches, by part of the type, case-sensitively.
constexpr std::string_view default_status(std::string_view event_type) noexcept {
   auto const has = [&](std::string_view part) { return event_type.find(part) != std::string_view::npos; };
   if (has("done") || has("exit") || has("completed")) return "COMPLETED";
   if (has("error") || has("failed")) return "FAILED";
   return "RUNNING";
}

struct stored_reference {
   std::string store_tier;
   std::string logical_uri;
};
struct stored_parts {
   std::vector<std::int64_t> event_ids;
   std::int64_t total_parts = 0;
};

/// The `result` column (10.4): {"status", "reference"? , "context"?}.
inline raw_json result_column(event_request const& request, std::string_view status) {
   std::string text = R"({"status":)";
   append_json(text, std::string(status));
   if (request.result_kind == "ref" && request.result_uri) {
      auto const& uri = *request.result_uri;
      std::string const tier = uri.starts_with("gs://") ? "gcs" : uri.starts_with("s3://") ? "s3" : "artifact";
      text += R"(,"reference":)";
      append_json(text, stored_reference{tier, uri});
   } else if (request.result_kind == "refs" && request.event_ids) {
      text += R"(,"reference":)";
      append_json(text, stored_parts{*request.event_ids, static_cast<std::int64_t>(request.event_ids->size())});
   } else if (request.payload.text.starts_with('{')) {
      text += R"(,"context":)";
      text += request.payload.text;
   }
   text += '}';
   return raw_json{std::move(text)};
}

/// Adds members behind those of a JSON object text; jsonb keeps the last of two equal keys, as the contract wants
/// (10.5).
inline raw_json extend_object(raw_json const& object, std::string_view members) {
   if (object.empty() || object.text == "null") return raw_json{"{" + std::string(members) + "}"};
   auto text = object.text.substr(0, object.text.find_last_of('}'));
   bool const has_members = text.find_first_not_of(" \t\r\n", text.find('{') + 1) != text.npos;
   text += has_members ? "," : "";
   return raw_json{text + std::string(members) + "}"};
}

/// What producers say of an event, without the members by which the orchestrator signs and records its own decisions:
/// nobody else may write those.
inline raw_json without_decisions(raw_json const& meta) {
   auto const may_hold = [&](std::string_view part) { return meta.text.find(part) != std::string::npos; };
   if (!may_hold("routed") && !may_hold("emitted_by") && !may_hold("\\u")) return meta;
   auto parsed = from_json<tao::json::value>(meta.text);
   if (!parsed || !parsed->is_object()) return meta;
   auto& members = parsed->get_object();
   if (members.erase("routed") + members.erase("emitted_by") == 0) return meta;
   return raw_json{to_json(*parsed)};
}

/// The `meta` column (10.5). The command id is copied into it from the payload, so that every reader finds it in one
/// place (W4). A meta that is not an object is stored as it came.
inline raw_json meta_column(event_request const& request, correlation const& command) {
   bool const absent = request.meta.empty() || request.meta.text == "null";
   if (!absent && !request.meta.text.starts_with('{')) return request.meta;
   std::string members = request.actionable ? R"("actionable":true)" : R"("actionable":false)";
   members += request.informative ? R"(,"informative":true)" : R"(,"informative":false)";
   if (request.worker_id) {
      members += R"(,"worker_id":)";
      append_json(members, *request.worker_id);
   }
   if (!command.text.empty() && !command.in_meta) {
      members += R"(,"command_id":)";
      append_json(members, command.text);
   }
   return extend_object(without_decisions(request.meta), members);
}

/// What is stored of a reported event (10.3 to 10.5), as an `event` or a `projected_event`.
template <class Row>
Row stored_form(event_request const& request, noetl::event_id id, correlation const& command) {
   auto const status = request.status.value_or(std::string(default_status(request.event_type)));
   Row row;
   row.execution_id = request.execution_id.value;
   row.event_id = id;
   row.event_type = request.event_type;
   row.node_id = row.node_name = request.step;
   row.status = status;
   row.result = result_column(request, status);
   row.meta = meta_column(request, command);
   row.created_at = request.created_at.value_or(now());
   if (request.event_type == "command.claimed") row.worker_id = request.worker_id;
   return row;
}

/// The step of a command's life that an event reports, empty for events that report none.
constexpr std::string_view reported_status(std::string_view event_type) noexcept {
   if (event_type == "command.claimed") return "CLAIMED";
   if (event_type == "command.started" || event_type == "action_started") return "RUNNING";
   if (event_type == "command.completed" || event_type == "action_completed") return "COMPLETED";
   if (event_type == "command.failed" || event_type == "action_failed") return "FAILED";
   if (event_type == "command.cancelled") return "CANCELLED";
   return {};
}

/// Events by which a worker speaks of the command it runs.
constexpr bool is_report(std::string_view event_type) noexcept {
   constexpr std::string_view all[] = {"command.started", "action_started", "call.done",         "action_done",
                                       "call.error",      "action_error",   "command.completed", "action_completed",
                                       "command.failed",  "action_failed",  "command.cancelled"};
   return std::ranges::find(all, event_type) != std::end(all);
}

} // namespace detail

/// How an append is stored: event_store::append, or a function that decides on the report, too (orchestrator::append).
using append_function = std::function<awaitable<result<append_result>>(append_request)>;

/// Stores reported events and brings the rows of noetl.command up to date in the same transaction. Thread-safe.
class event_ingest {
public:
   /// \param append  nothing: store.append
   event_ingest(event_store& store, id_generator ids, append_function append = {})
       : store_(store), ids_(ids), append_(std::move(append)) {
      if (!append_) append_ = [&store](append_request what) { return store.append(std::move(what)); };
   }

   /// One event. Answers after the commit; a repeat with the same id and content gets the same answer (W10).
   /// A report of a worker whose command was given to another one is refused and leaves no trace: its worker then
   /// gives up (worker-protocol.md 8). Errors: not_found (no such execution), conflict (claimed by another; the id is
   /// taken by other content), unavailable.
   awaitable<result<event_reply>> add(event_request request) {
      bool const chosen = request.event_id.has_value();
      if (chosen && request.event_id->value.value <= 0)
         co_return fail(error_code::validation, "event_id: expected a positive number");
      auto const id = chosen ? request.event_id->value : noetl::event_id{ids_.next()};
      auto const command = correlate(request.meta, request.payload);
      auto append = to_append(request, id, command);
      bool const claim = !append.updates.empty() && append.updates.front().required;
      append.ids_from_client = chosen;
      auto stored = co_await append_(std::move(append));
      if (!stored && claim && stored.error().code == error_code::conflict)
         co_return co_await repeated_claim(std::move(request), *command.issued, std::move(stored).error());
      if (!stored) co_return std::move(stored).error();
      event_reply reply;
      reply.event_id = id;
      co_return reply;
   }

   /// Several events of one execution, all or nothing. command.failed counts like command.completed (W12). A
   /// command.claimed that repeats the worker's own claim writes nothing and gets event id 0.
   /// Errors: as of add().
   awaitable<result<event_batch_reply>> add_batch(event_batch_request request) {
      event_batch_reply reply;
      if (request.events.empty()) co_return reply;
      append_request append;
      append.execution_id = request.execution_id.value;
      auto const at = now();
      for (auto& item : request.events) {
         event_request single;
         single.execution_id = request.execution_id;
         single.step = std::move(item.step);
         single.event_type = std::move(item.event_type);
         single.payload = std::move(item.payload);
         single.worker_id = request.worker_id;
         single.actionable = item.actionable;
         single.informative = item.informative;
         single.created_at = at;
         auto const id = noetl::event_id{ids_.next()};
         auto one = to_append(single, id, correlate(single.meta, single.payload));
         one.events.front().worker_id = request.worker_id;
         append.events.push_back(std::move(one.events.front()));
         for (auto& update : one.updates) append.updates.push_back(std::move(update));
         reply.event_ids.push_back(id);
      }
      bool claims = std::ranges::any_of(append.updates, &command_update::required);
      for (;;) {
         auto attempt = claims ? append_request(append) : std::move(append);
         auto stored = co_await append_(std::move(attempt));
         if (stored) co_return reply;
         if (!claims || stored.error().code != error_code::conflict) co_return std::move(stored).error();
         auto fewer = co_await without_repeated_claims(append, reply.event_ids);
         if (!fewer) co_return std::move(fewer).error();
         if (!*fewer) co_return std::move(stored).error();
         if (append.events.empty()) co_return reply;
         claims = std::ranges::any_of(append.updates, &command_update::required);
      }
   }

private:
   static append_request to_append(event_request const& request, noetl::event_id id, correlation const& command) {
      append_request append;
      append.execution_id = request.execution_id.value;
      auto fact = detail::stored_form<event>(request, id, command);
      auto const reported = detail::reported_status(request.event_type);
      bool const report = detail::is_report(request.event_type) && request.worker_id;
      if ((!reported.empty() || report) && command.issued) {
         command_update update;
         update.owned = report;
         update.required = request.event_type == "command.claimed";
         update.execution_id = append.execution_id;
         update.event_id = *command.issued;
         update.status = reported;
         update.worker_id = request.worker_id;
         append.updates.push_back(std::move(update));
      }
      append.events.push_back(std::move(fact));
      return append;
   }

   /// command.claimed posted as an event is the same conditional step as the claim route (W6): the owner's repeat is
   /// answered with event id 0, everybody else gets 409 (10.6).
   awaitable<result<event_reply>> repeated_claim(event_request request, noetl::event_id issued, error refusal) {
      auto own = co_await is_claimed_by(issued, request.worker_id);
      if (!own) co_return std::move(own).error();
      if (!*own) co_return refusal;
      co_return event_reply{};
   }

   /// Whether a worker has the command in hand; a command that has ended is nobody's (W7).
   awaitable<result<bool>> is_claimed_by(noetl::event_id issued, std::optional<std::string> worker,
                                         bool ended_too = false) {
      auto command = co_await store_.load_command(issued);
      if (!command) co_return std::move(command).error();
      bool const over = command->status != "CLAIMED" && command->status != "RUNNING";
      co_return (ended_too || !over) && worker && command->worker_id == worker;
   }

   /// Takes claims out of a batch that its worker has made before; their ids become 0. \return whether there were any
   awaitable<result<bool>> without_repeated_claims(append_request& append, std::vector<noetl::event_id>& ids) {
      std::vector<command_update> claims;
      std::ranges::copy_if(append.updates, std::back_inserter(claims), &command_update::required);
      // What its worker reports besides is stored, even when the command has ended meanwhile.
      bool const reports = append.events.size() > claims.size();
      bool any = false;
      for (auto const& claim : claims) {
         auto own = co_await is_claimed_by(claim.event_id, claim.worker_id, reports);
         if (!own) co_return std::move(own).error();
         if (!*own) continue;
         any = true;
         std::erase_if(append.updates, [&](auto const& u) { return u.required && u.event_id == claim.event_id; });
         std::erase_if(append.events, [&](event const& e) {
            if (e.event_type != "command.claimed" || correlate(e.meta, {}).issued != claim.event_id) return false;
            std::ranges::replace(ids, e.event_id, noetl::event_id{});
            return true;
         });
      }
      co_return any;
   }

   event_store& store_;
   id_generator ids_;
   append_function append_;
};

} // namespace noetl::control_plane
