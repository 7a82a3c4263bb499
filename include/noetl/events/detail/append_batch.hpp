// events/detail/append_batch.hpp: writes one merged batch of appends inside an open transaction, in a handful of round
// trips. Order: lock heads, look at what is there, decide every request in memory, then write everything at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <noetl/events/detail/adopt.hpp>
#include <noetl/events/detail/append_job.hpp>
#include <noetl/events/detail/append_refusals.hpp>
#include <noetl/events/detail/append_rows.hpp>
#include <noetl/events/detail/append_sql.hpp>
#include <noetl/pg/connection.hpp>

namespace noetl::detail {

/// Used once, on the writer's thread. What it learns about a request goes into the job.
class append_batch {
public:
   /// \param suspects  executions whose locks must not be waited for; those found free are taken out
   append_batch(pg::connection& db, std::span<append_job> jobs, std::size_t copy_from_rows,
                std::set<std::int64_t>& suspects)
       : db_(db), jobs_(jobs), copy_from_rows_(copy_from_rows), suspects_(suspects) {}

   /// \throws sql_error, connection_lost: nothing of the batch may be committed then
   void write() {
      for (auto& job : jobs_) {
         job.failure.reset();
         job.answer = {};
         job.stored_before.assign(job.request.events.size(), false);
      }
      leave_out_held();
      lock_rows();
      find_stored();
      for (auto& job : jobs_)
         if (!job.failure) decide(job);
      write_rows();
   }

   /// Id of the transaction, empty when nothing was locked or written.
   [[nodiscard]] std::string const& transaction_id() const noexcept { return xid_; }

private:
   /// The orchestrator says "completed" only when no command is open; every other end may come while some are.
   static bool may_leave_open(bool decided, event const& e) {
      return !(decided && e.event_type == "playbook.completed") && !terminal_status(e.event_type).empty();
   }
   static bool is_decision(append_request const& request) { return request.expect.what == expected::undecided_since; }
   static bool may_leave_open(append_request const& request) {
      auto const open = [](bool decided) { return [decided](event const& e) { return may_leave_open(decided, e); }; };
      return std::ranges::any_of(request.events, open(is_decision(request))) ||
             (request.follow_up && std::ranges::any_of(request.follow_up->events, open(true)));
   }

   /// Refuses requests to suspects that somebody still holds, without waiting.
   void leave_out_held() {
      std::set<std::int64_t> doubtful;
      std::vector<std::int64_t> executions, commands, ending;
      for (auto const& job : jobs_) {
         if (!suspects_.contains(job.request.execution_id.value)) continue;
         doubtful.insert(job.request.execution_id.value);
         for (auto const& u : job.request.updates) {
            executions.push_back(u.execution_id.value);
            commands.push_back(u.event_id.value);
         }
         if (may_leave_open(job.request)) ending.push_back(job.request.execution_id.value);
      }
      if (doubtful.empty()) return;
      std::set<std::int64_t> held;
      std::vector<std::int64_t> const heads(doubtful.begin(), doubtful.end());
      for (auto const row : db_.exec(sql::held_heads, heads)) held.insert(row.get<std::int64_t>(0));
      if (!commands.empty())
         for (auto const row : db_.exec(sql::held_commands, executions, commands))
            held.insert(row.get<std::int64_t>(0));
      if (!ending.empty())
         for (auto const row : db_.exec(sql::held_open_commands, ending)) held.insert(row.get<std::int64_t>(0));
      for (auto const id : doubtful)
         if (!held.contains(id)) suspects_.erase(id);
      for (auto& job : jobs_)
         if (held.contains(job.request.execution_id.value))
            job.failure = fail(error_code::unavailable, "the execution is busy with a competing change");
   }

   void lock_rows() {
      std::map<std::int64_t, std::int64_t> absent; // execution → catalog
      std::set<std::int64_t> wanted;
      std::set<command_key> updated;
      for (auto const& job : jobs_) {
         if (job.failure) continue;
         wanted.insert(job.request.execution_id.value);
         for (auto const& u : job.request.updates) updated.emplace(u.execution_id.value, u.event_id.value);
         if (job.request.expect.what != expected::absent) continue;
         for (auto const& e : job.request.events)
            if (e.catalog_id.value != 0 || job.request.head_status)
               absent.emplace(job.request.execution_id.value, e.catalog_id.value);
      }
      std::set<std::int64_t> created;
      if (!absent.empty()) {
         std::vector<std::int64_t> ids, catalogs;
         for (auto const& [id, catalog] : absent) ids.push_back(id), catalogs.push_back(catalog);
         for (auto const row : db_.exec(sql::create_heads, ids, catalogs)) created.insert(row.get<std::int64_t>(0));
      }
      lock({wanted.begin(), wanted.end()}, updated);
      std::vector<std::int64_t> missing;
      for (auto id : wanted)
         if (!heads_.contains(id)) missing.push_back(id);
      if (!missing.empty()) {
         adopt(db_, missing);
         lock(missing, updated);
      }
      for (auto id : created)
         if (auto found = heads_.find(id); found != heads_.end()) found->second.fresh = found->second.created = true;
      std::vector<std::int64_t> recorded;
      for (auto const& [id, at] : heads_)
         if (at.status == projected_status) recorded.push_back(id);
      if (!recorded.empty()) {
         for (auto const row : adopt_projected(db_, recorded))
            heads_.at(row.get<std::int64_t>(0)).status = row.get<std::string>(1);
         lock(recorded, updated); // their commands were brought up to date
      }
      // A statement that waited for a head does not see the rows that were inserted meanwhile.
      std::set<std::int64_t> incomplete;
      for (auto const& key : updated)
         if (heads_.contains(key.first) && !commands_.contains(key)) incomplete.insert(key.first);
      if (!incomplete.empty()) lock({incomplete.begin(), incomplete.end()}, updated);
   }

   /// Locks heads, then what is wanted of their commands, and takes in what both say.
   void lock(std::vector<std::int64_t> const& executions, std::set<command_key> const& wanted) {
      std::vector<std::int64_t> owners, ids;
      for (auto const id : executions)
         for (auto at = wanted.lower_bound({id, std::numeric_limits<std::int64_t>::min()});
              at != wanted.end() && at->first == id; ++at)
            owners.push_back(id), ids.push_back(at->second);
      auto const found = ids.empty() ? db_.exec(sql::lock_heads, executions)
                                     : db_.exec(sql::lock_heads_and_commands, executions, owners, ids);
      for (auto const row : found) {
         execution_id const execution = row.get<execution_id>(0);
         if (auto const issued = row.get<std::optional<std::int64_t>>(1))
            take_in(command_key{execution.value, *issued}, row);
         else
            take_in(execution, row);
      }
   }
   void take_in(execution_id id, pg::rows::row const& row) {
      heads_.emplace(id.value, batch_head{row.get<std::int64_t>(4), row.get<std::int64_t>(5), row.get<catalog_id>(3),
                                          row.get<std::string>(2)});
      if (xid_.empty()) xid_ = row.get<std::string>(6);
   }
   void take_in(command_key const& key, pg::rows::row const& row) {
      batch_command state{row.get<std::string>(2)};
      std::transform(state.status.begin(), state.status.end(), state.status.begin(),
                     [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
      state.rank = command_rank(state.status);
      state.worker_id = row.get<std::optional<std::string>>(6);
      state.attempt = row.get<std::optional<int>>(4).value_or(1);
      state.command_id = row.get<std::int64_t>(5);
      state.catalog = row.get<catalog_id>(3);
      state.step = row.get<std::string>(7);
      commands_.insert_or_assign(key, std::move(state));
   }

   /// Marks events of callers with ids of their own that are stored already.
   void find_stored() {
      struct place {
         append_job* job;
         std::size_t index;
      };
      std::vector<place> places;
      std::vector<std::int64_t> executions, ids;
      for (auto& job : jobs_) {
         if (job.failure || !job.request.ids_from_client) continue;
         for (std::size_t i = 0; i < job.request.events.size(); ++i) {
            places.push_back({&job, i});
            executions.push_back(job.request.execution_id.value);
            ids.push_back(job.request.events[i].event_id.value);
         }
      }
      if (places.empty()) return;
      std::vector<place> stored;
      for (auto const row : db_.exec(sql::stored_ids, executions, ids))
         stored.push_back(places[row.get<std::size_t>(0) - 1]);
      if (stored.empty()) return;
      same_content_arrays given;
      for (auto const& p : stored) given.add(p.job->request.events[p.index]);
      for (auto const row : given.ask(db_)) {
         auto const& p = stored[row.get<std::size_t>(0) - 1];
         p.job->stored_before[p.index] = true;
         if (!row.get<bool>(1))
            p.job->failure =
                fail(error_code::conflict, "event " + std::to_string(p.job->request.events[p.index].event_id.value) +
                                               " is stored with other content");
      }
   }

   /// Judges one request against the state that the requests before it leave, and takes it in.
   void decide(append_job& job) {
      auto& request = job.request;
      auto const found = heads_.find(request.execution_id.value);
      if (found == heads_.end()) {
         job.failure = refusal_of_unknown(request);
         return;
      }
      auto& at = found->second;
      for (std::size_t i = 0; i < request.events.size(); ++i) {
         job.answer.event_ids.push_back(request.events[i].event_id);
         if (request.ids_from_client && taken_.contains({request.execution_id.value, request.events[i].event_id.value}))
            job.stored_before[i] = true; // by an earlier request of this batch, with the same bytes
      }
      auto const repeated = std::count(job.stored_before.begin(), job.stored_before.end(), true);
      if (repeated > 0 && static_cast<std::size_t>(repeated) == request.events.size()) {
         job.answer.version = at.version;
         job.answer.duplicate = true;
         return;
      }
      if (auto refusal = refusal_of(request, at, commands_)) {
         job.failure = std::move(refusal);
         return;
      }
      bool const follows = request.follow_up && request.follow_up->version == at.version && repeated == 0 &&
                           request.expect.what == expected::any;
      take(job, at);
      if (follows && !has_ended(at)) {
         take(*request.follow_up, at);
         job.answer.followed = true;
      }
      job.answer.version = at.version;
   }

   void take(append_job& job, batch_head& at) {
      auto& request = job.request;
      at.fresh = false;
      std::optional<event_id> latest;
      for (std::size_t i = 0; i < request.events.size(); ++i) {
         if (job.stored_before[i]) continue;
         auto& e = request.events[i];
         take(e, at, is_decision(request));
         latest = e.event_id;
         if (request.ids_from_client) taken_.emplace(request.execution_id.value, e.event_id.value);
      }
      if (request.head_status) {
         at.status = *request.head_status;
         at.changed = true;
      }
      if (request.expect.what != expected::any) {
         at.guarded_version = at.version;
         at.changed = true;
      }
      for (auto& c : request.commands) take(c, at);
      for (auto const& u : request.updates) {
         auto const found = commands_.find({u.execution_id.value, u.event_id.value});
         auto const rank = command_rank(u.status);
         if (found == commands_.end() || rank <= found->second.rank) continue;
         auto& state = found->second;
         if (u.required) job.answer.attempt = state.attempt;
         state.status = u.status;
         state.rank = rank;
         if (u.worker_id) state.worker_id = u.worker_id;
         if (u.error) state.error = u.error;
         if (latest) state.latest = latest;
         state.changed = true;
      }
      for (auto const& o : request.outbox) new_outbox_.push_back(&o);
   }

   /// As a decision that was appended right behind its cause.
   void take(follow_up& decided, batch_head& at) {
      for (auto& e : decided.events) take(e, at, true);
      if (!decided.events.empty()) at.guarded_version = at.version;
      for (auto& c : decided.commands) take(c, at);
      for (auto const& o : decided.outbox) new_outbox_.push_back(&o);
   }

   void take(event& e, batch_head& at, bool decided) {
      e.stream_version = ++at.version;
      if (e.catalog_id.value == 0) e.catalog_id = at.catalog;
      if (auto const end = terminal_status(e.event_type); !end.empty() && at.status == "RUNNING") {
         at.status = end;
         if (may_leave_open(decided, e)) close_commands_of(e.execution_id.value);
      }
      at.changed = true;
      new_events_.push_back(&e);
   }

   void take(command_row& c, batch_head const& at) {
      if (c.catalog_id.value == 0) c.catalog_id = at.catalog;
      if (!c.latest_event_id) c.latest_event_id = c.event_id;
      new_commands_.push_back(&c);
      batch_command state{c.status, command_rank(c.status)};
      state.fresh = true;
      state.command_id = c.command_id;
      state.catalog = c.catalog_id;
      state.step = c.step_name;
      commands_.emplace(command_key{c.execution_id.value, c.event_id.value}, std::move(state));
   }

   void close_commands_of(std::int64_t execution) {
      closing_.push_back(execution);
      for (auto at = commands_.lower_bound({execution, std::numeric_limits<std::int64_t>::min()});
           at != commands_.end() && at->first.first == execution; ++at) {
         auto& command = at->second;
         if (command.rank >= 3) continue;
         command.status = "CANCELLED";
         command.rank = 3;
         command.changed = true;
      }
   }

   void write_rows() {
      event_rows const events(new_events_);
      bool const copy = new_events_.size() >= copy_from_rows_;
      if (copy) events.copy(db_);
      head_arrays heads;
      std::vector<std::int64_t> unused;
      for (auto const& [id, at] : heads_) {
         if (at.changed) heads.add(id, at.version, at.guarded_version, at.catalog, at.status);
         if (at.created && at.version == 0) unused.push_back(id);
      }
      update_arrays updates, late_updates; // the parts of one statement do not see what another of them inserts
      for (auto const& [key, state] : commands_)
         if (state.changed)
            (state.fresh ? late_updates : updates)
                .add({key.first, key.second, state.command_id, state.catalog, state.step}, state.status,
                     state.worker_id, state.error, state.latest);
      sql::write_parts const parts{.events = !new_events_.empty() && !copy,
                                   .commands = !new_commands_.empty(),
                                   .updates = !updates.empty(),
                                   .outbox = !new_outbox_.empty()};
      if (parts.events || parts.commands || parts.updates || parts.outbox || !heads.empty()) {
         std::vector<pg::param> params;
         if (parts.events) events.arrays(params);
         if (parts.commands) command_arrays(new_commands_, params);
         if (parts.updates) std::move(updates).arrays(params);
         if (parts.outbox) outbox_arrays(new_outbox_, params);
         std::move(heads).arrays(params);
         db_.run(sql::write(parts), params);
      }
      if (!unused.empty()) db_.exec(sql::drop_heads, unused);
      if (!late_updates.empty()) std::move(late_updates).run(db_);
      if (!closing_.empty()) db_.exec(sql::close_commands, closing_);
   }

   pg::connection& db_;
   std::span<append_job> jobs_;
   std::size_t const copy_from_rows_;
   std::set<std::int64_t>& suspects_;
   std::string xid_{};
   std::unordered_map<std::int64_t, batch_head> heads_{};
   batch_commands commands_{};
   std::set<std::pair<std::int64_t, std::int64_t>> taken_{}; ///< ids that callers chose, accepted in this batch
   std::vector<event const*> new_events_{};
   std::vector<command_row const*> new_commands_{};
   std::vector<outbox_row const*> new_outbox_{};
   std::vector<std::int64_t> closing_{}; ///< executions that end while commands of theirs may be open
};

} // namespace noetl::detail
