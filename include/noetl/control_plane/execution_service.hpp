// control_plane/execution_service.hpp: starting executions (http-execution.md section 6).
// Knows catalog, playbooks and the event store; knows nothing of HTTP.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <tao/json/value.hpp>

#include <noetl/control_plane/catalog.hpp>
#include <noetl/control_plane/dedup.hpp>
#include <noetl/control_plane/detail/end_event.hpp>
#include <noetl/control_plane/detail/execution_sql.hpp>
#include <noetl/control_plane/playbook_library.hpp>
#include <noetl/core/id_generator.hpp>
#include <noetl/core/log.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/events/store.hpp>
#include <noetl/reflect/ids.hpp>
#include <noetl/reflect/json_value.hpp>
#include <noetl/reflect/json_write.hpp>
#include <noetl/reflect/rules.hpp>
#include <noetl/workflow/decide.hpp>
#include <noetl/workflow/decision_append.hpp>
#include <noetl/workflow/fold.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct execute_request {
   std::optional<std::string> path;
   std::optional<noetl::catalog_id> catalog_id; ///< wins over path
   tao::json::value payload = tao::json::empty_object;
   std::optional<noetl::execution_id> parent_execution_id;
   std::optional<std::string> execution_pool;  ///< one NATS token; empty counts as absent
   tao::json::value trace = tao::json::null;   ///< W3C context, null counts as absent
   tao::json::value version = tao::json::null; ///< number, decimal text or "latest"; null: latest
   std::optional<dedup_request> dedup;         ///< at most one start per key and window
   using json_rules = rules<alias<"payload", "workload">, defaulted<"payload", "trace", "version">>;
};

struct execute_reply {
   id_text<noetl::execution_id> execution_id;
   std::string status = "started";
   std::int64_t commands_generated = 0;
};

/// What the caller of start() knows already, so that many starts look it up once.
struct start_hints {
   result<catalog_entry> const* entry = nullptr;  ///< of path or catalog id; null: to be looked up
   bool trace_is_known = false;                   ///< `trace` of the request is what is to be used
   std::optional<noetl::execution_id> rerun_of{}; ///< noted in the start event
};

struct rerun_reply {
   id_text<noetl::execution_id> execution_id;
   std::string status = "started";
   std::int64_t commands_generated = 0;
   id_text<noetl::execution_id> rerun_of;
};

/// Starts executions: everything is resolved, rendered and checked first; then one append holds the start event, the
/// first decision, command rows and notifications (W2), so a refused start leaves nothing behind. Thread-safe.
class execution_service {
public:
   execution_service(event_store& store, catalog_service& catalog, playbook_library& library, dedup_service& dedup,
                     id_generator ids, std::string server_url)
       : store_(store), catalog_(catalog), library_(library), dedup_(dedup), ids_(ids),
         server_url_(std::move(server_url)) {}

   /// Whether a tool that reports an error fails its step, in executions started from now on (W21, L-01). The start
   /// event says so, so every server folds the execution alike. Set before the first start.
   void strict_tool_status(bool strict) noexcept { strict_tool_status_ = strict; }

   /// Errors: validation (neither path nor catalog id, payload is not an object, bad pool, playbook breaks a rule),
   /// bad_request (playbook is not YAML), not_found, conflict (the parent was cancelled), internal (a template of the
   /// first step fails), unavailable.
   awaitable<result<execute_reply>> start(execute_request request, start_hints known = {}) {
      if (!request.dedup) co_return co_await start_as(noetl::execution_id{ids_.next()}, std::move(request), known);
      auto const mine = noetl::execution_id{ids_.next()};
      auto const scope = request.parent_execution_id.value_or(noetl::execution_id{0});
      auto const wish = *request.dedup;
      auto holder = co_await dedup_.claim(scope, wish, mine);
      if (!holder) co_return std::move(holder).error();
      if (holder->has_value()) {
         if (scope.value != 0) co_await audit_duplicate(scope, wish.key, **holder, mine);
         execute_reply duplicate;
         duplicate.execution_id.value = **holder;
         duplicate.status = "duplicate";
         co_return duplicate;
      }
      auto started = co_await start_as(mine, std::move(request), known);
      // After `unavailable` the outcome is unknown: the key stays with the execution that may exist.
      if (!started && started.error().code != error_code::unavailable) {
         auto freed = co_await dedup_.release(scope, wish.key, mine);
         if (!freed) log::warn("dedup.not_released", {{"key", wish.key}, {"reason", freed.error().message}});
      }
      co_return started;
   }

   /// Starts the same catalog entry again, in the same version and pool and with the workload that `id` was started
   /// with; without its parent. Errors: not_found (no such execution, or its playbook is gone), and those of start().
   awaitable<result<rerun_reply>> rerun(noetl::execution_id id) {
      auto request = co_await request_of(id);
      if (!request) co_return std::move(request).error();
      start_hints known;
      known.rerun_of = id;
      auto started = co_await start(*std::move(request), known);
      if (!started) co_return std::move(started).error();
      rerun_reply reply;
      reply.execution_id = started->execution_id;
      reply.commands_generated = started->commands_generated;
      reply.rerun_of.value = id;
      co_return reply;
   }

   /// The catalog entry that a request names. Errors: validation, not_found.
   awaitable<result<catalog_entry>> resolve(execute_request const& request) {
      catalog_reference reference;
      if (request.catalog_id) {
         reference.id = request.catalog_id;
      } else {
         if (!request.path) co_return fail(error_code::validation, "Either 'path' or 'catalog_id' must be provided");
         reference.path = *request.path;
         auto version = wanted_version(request.version);
         if (!version) co_return std::move(version).error();
         reference.version = *version;
      }
      auto entry = co_await catalog_.find(std::move(reference));
      if (entry || entry.error().code != error_code::not_found) co_return entry;
      if (request.catalog_id)
         co_return fail(error_code::not_found, "Catalog entry not found: " + std::to_string(request.catalog_id->value));
      co_return fail(error_code::not_found, "Playbook not found: " + *request.path);
   }

   /// Trace of the parent's start event, null when there is none. A parent we cannot read is no reason to refuse the
   /// child.
   awaitable<tao::json::value> inherited_trace(noetl::execution_id parent) {
      auto events = co_await store_.load(parent, 0, 1);
      if (!events || events->empty()) co_return tao::json::null;
      auto meta = from_json<tao::json::value>(events->front().meta.text);
      if (!meta || !meta->is_object()) co_return tao::json::null;
      auto const* trace = meta->find("trace");
      if (trace == nullptr || to_json(*trace).size() > max_trace_bytes) co_return tao::json::null;
      co_return *trace;
   }

private:
   // Every notification carries the trace and must stay far below the broker's largest message.
   static constexpr std::size_t max_trace_bytes = 8'192;

   awaitable<result<execute_reply>> start_as(noetl::execution_id id, execute_request request, start_hints known) {
      if (!request.payload.is_object()) co_return fail(error_code::validation, "payload: expected object");
      if (auto alive = co_await parent_goes_on(request.parent_execution_id); !alive) co_return std::move(alive).error();
      std::optional<result<catalog_entry>> looked_up;
      if (known.entry == nullptr) looked_up.emplace(co_await resolve(request));
      auto const& entry = known.entry != nullptr ? *known.entry : *looked_up;
      if (!entry) co_return entry.error();
      auto book = library_.parse(*entry);
      if (!book) co_return std::move(book).error();
      if (request.execution_pool && request.execution_pool->empty()) request.execution_pool.reset();
      auto pool = workflow::command_pool(request.execution_pool, (*book)->path);
      if (!pool) co_return std::move(pool).error();
      if (to_json(request.trace).size() > max_trace_bytes)
         co_return fail(error_code::validation, "trace: longer than " + std::to_string(max_trace_bytes) + " bytes");
      if (request.trace.is_null() && request.parent_execution_id && !known.trace_is_known)
         request.trace = co_await inherited_trace(*request.parent_execution_id);

      append_request append;
      append.execution_id = id;
      append.expect = {expected::absent, 0};
      append.events.push_back(start_event(request, *entry, **book, append.execution_id, known.rerun_of));
      auto generated = add_first_decision(append, **book, *pool);
      if (!generated) co_return std::move(generated).error();
      auto stored = co_await store_.append(std::move(append));
      if (!stored) co_return std::move(stored).error();
      // A cascade that looked for children before this one was there could not end it.
      if (auto alive = co_await parent_goes_on(request.parent_execution_id); !alive) {
         auto cancelled = detail::cancelled_event(id, std::nullopt, request.parent_execution_id);
         auto end = detail::first_end(std::move(cancelled), event_id{ids_.next()});
         auto ended = co_await store_.append(std::move(end));
         if (!ended && ended.error().code != error_code::conflict) co_return std::move(ended).error();
         co_return std::move(alive).error();
      }
      execute_reply reply;
      reply.execution_id.value = id;
      reply.commands_generated = *generated;
      co_return reply;
   }

   /// A parent that cannot be read (its shard is away) stops no child, and must not deny one that is stored already.
   /// Errors: conflict (the parent was cancelled).
   awaitable<result<void>> parent_goes_on(std::optional<noetl::execution_id> parent) {
      if (!parent) co_return result<void>{};
      auto head = co_await store_.head(*parent);
      if (!head) log::warn("execution.parent_unknown", {{"parent", parent->value}, {"reason", head.error().message}});
      if (head && *head && (*head)->status == "CANCELLED")
         co_return fail(error_code::conflict,
                        "parent_execution_id: execution " + std::to_string(parent->value) + " was cancelled");
      co_return result<void>{};
   }

   /// The suppressed start in the log of its scope. For people only, so a failure is logged and changes nothing.
   awaitable<void> audit_duplicate(noetl::execution_id scope, std::string key, noetl::execution_id original,
                                   noetl::execution_id suppressed) {
      tao::json::value const context = {{"dedup_key", key},
                                        {"duplicate_suppressed", true},
                                        {"original_execution_id", std::to_string(original.value)},
                                        {"subscription_id", std::to_string(scope.value)},
                                        {"suppressed_execution_id", std::to_string(suppressed.value)}};
      auto const at = now();
      tao::json::value const meta = {{"emitted_at", to_rfc3339(at)}, {"emitter", "control_plane"}};
      event note;
      note.execution_id = scope;
      note.event_id = event_id{ids_.next()};
      note.event_type = "subscription.message.deduplicated";
      note.node_id = "subscription";
      note.node_name = "ingress";
      note.node_type = "subscription";
      note.status = "DEDUPLICATED";
      note.context = raw_json{to_json(context)};
      note.meta = raw_json{to_json(meta)};
      note.created_at = at;
      append_request append;
      append.execution_id = scope;
      append.events.push_back(std::move(note));
      auto stored = co_await store_.append(std::move(append));
      if (!stored) log::debug("dedup.not_audited", {{"key", key}, {"reason", stored.error().message}});
   }

   /// `version` of clients that send one (W23).
   static result<std::optional<std::int32_t>> wanted_version(tao::json::value const& version) {
      if (version.is_null()) return std::optional<std::int32_t>{};
      resource_request as_text;
      as_text.path = "";
      if (version.is_string_type())
         as_text.version = std::string(version.as<std::string_view>());
      else if (version.is_integer())
         as_text.version = to_json(version);
      else
         return fail(error_code::validation, "version: expected integer or text");
      auto reference = to_reference(as_text);
      if (!reference) return std::move(reference).error();
      return reference->version;
   }

   /// What would start an execution as it was started.
   awaitable<result<execute_request>> request_of(noetl::execution_id id) {
      auto work = [id](pg::connection& db) -> result<execute_request> {
         static auto const text =
             "SELECT catalog_id, coalesce(context->'workload', '{}')::text, meta->>'execution_pool'"
             " FROM noetl.event WHERE execution_id = $1 AND event_type IN " +
             std::string(detail::start_types) + " ORDER BY event_id LIMIT 1";
         auto const rows = db.exec(text, id);
         if (rows.empty()) return fail(error_code::not_found, "Execution not found: " + std::to_string(id.value));
         execute_request request;
         request.catalog_id = rows[0].get<noetl::catalog_id>(0);
         auto workload = from_json<tao::json::value>(rows[0].get<std::string>(1));
         if (workload && workload->is_object()) request.payload = *std::move(workload);
         request.execution_pool = rows[0].get<std::optional<std::string>>(2);
         return request;
      };
      co_return co_await store_.shards().of(id).run(std::move(work));
   }

   /// The playbook_started row (6.4).
   event start_event(execute_request const& request, catalog_entry const& entry, workflow::playbook const& book,
                     noetl::execution_id id, std::optional<noetl::execution_id> rerun_of) {
      auto const catalog = entry.catalog_id.value;
      auto const at = now();
      tao::json::value workload = book.workload.is_object() ? book.workload : tao::json::value(tao::json::empty_object);
      for (auto const& [key, value] : request.payload.get_object()) workload[key] = value;
      tao::json::value const context = {{"catalog_id", std::to_string(catalog.value)},
                                        {"execution_id", std::to_string(id.value)},
                                        {"path", entry.path},
                                        {"workload", std::move(workload)}};
      tao::json::value meta = {{"emitted_at", to_rfc3339(at)}, {"emitter", "control_plane"}};
      if (request.execution_pool) meta["execution_pool"] = *request.execution_pool;
      if (!request.trace.is_null()) meta["trace"] = request.trace;
      if (rerun_of) meta["rerun_of"] = std::to_string(rerun_of->value);
      if (strict_tool_status_) meta["strict_tool_status"] = true;
      event started;
      started.execution_id = id;
      started.event_id = event_id{ids_.next()};
      started.catalog_id = catalog;
      started.parent_execution_id = request.parent_execution_id;
      started.created_at = at;
      started.event_type = "playbook_started";
      started.node_id = "playbook";
      started.node_name = entry.path;
      started.node_type = "execution";
      started.status = "STARTED";
      started.context = raw_json{to_json(context)};
      started.meta = raw_json{to_json(meta)};
      started.stream_version = 1;
      return started;
   }

   result<std::int64_t> add_first_decision(append_request& append, workflow::playbook const& book,
                                           std::string const& pool) {
      workflow::workflow_state state;
      auto const& started = append.events.front();
      workflow::apply(state, started);
      auto what = workflow::decide(book, state);
      if (!what) return std::move(what).error();
      if (what->end && what->end->evaluate_error) return fail(what->end->code, what->end->error);
      auto const cause = started.event_id;
      auto const at = started.created_at;
      workflow::add_decision(append, *what, workflow::run_identity(state), {server_url_, pool}, cause, ids_, at);
      return static_cast<std::int64_t>(what->commands_generated);
   }

   event_store& store_;
   catalog_service& catalog_;
   playbook_library& library_;
   dedup_service& dedup_;
   id_generator ids_;
   bool strict_tool_status_ = false;
   std::string server_url_;
};

} // namespace noetl::control_plane
