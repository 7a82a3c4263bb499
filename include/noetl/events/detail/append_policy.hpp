// events/detail/append_policy.hpp: tells pg::group_commit_writer what an append is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/events/detail/append_batch.hpp>
#include <noetl/events/detail/append_job.hpp>
#include <noetl/pg/writer.hpp>

namespace noetl::detail {

/// Who wants to hear of commits. Filled before the first append, read by the writers' threads.
struct commit_news {
   std::vector<std::function<void(std::span<event const>)>> events;
   std::vector<std::function<void(std::size_t, std::span<outbox_row const>)>> outbox;
};

/// Meets pg::batch_policy.
class append_policy {
public:
   using request = append_job;

   append_policy(std::size_t shard, commit_news const& news, std::size_t copy_from_rows)
       : shard_(shard), news_(&news), copy_from_rows_(copy_from_rows) {}

   std::size_t weight(append_job const& job) const {
      auto const rows = [](auto const& r) { return r.events.size() + r.commands.size() + r.outbox.size(); };
      auto const& r = job.request;
      return 1 + rows(r) + r.updates.size() + (r.follow_up ? rows(*r.follow_up) : 0);
   }

   /// Texts without a limit of their own.
   std::size_t bytes(append_job const& job) const {
      auto const of = [](std::optional<std::string> const& text) { return text ? text->size() : 0; };
      auto const rows = [&](auto const& r) {
         std::size_t sum = 0;
         for (auto const& e : r.events)
            sum += e.context.text.size() + e.result.text.size() + e.meta.text.size() + of(e.error);
         for (auto const& c : r.commands) sum += c.context.text.size() + c.meta.text.size();
         for (auto const& o : r.outbox) sum += o.payload.text.size();
         return sum;
      };
      auto const& r = job.request;
      std::size_t sum = rows(r) + (r.follow_up ? rows(*r.follow_up) : 0);
      for (auto const& u : r.updates) sum += of(u.error);
      return sum;
   }

   /// An id that a caller chose may stand twice in a batch only with the same bytes; otherwise the second one waits for
   /// the next batch, where PostgreSQL compares it with what is stored.
   bool fits(std::span<append_job const> formed, append_job const& next) const {
      if (!next.request.ids_from_client) return true;
      for (auto const& job : formed) {
         if (!job.request.ids_from_client || job.request.execution_id != next.request.execution_id) continue;
         for (auto const& a : job.request.events)
            for (auto const& b : next.request.events)
               if (a.event_id == b.event_id && !same_bytes(a, b)) return false;
      }
      return true;
   }

   void write(pg::connection& db, std::span<append_job> jobs) {
      xid_.clear();
      append_batch batch(db, jobs, copy_from_rows_, suspects_);
      batch.write();
      xid_ = batch.transaction_id();
   }

   /// News first: who gets an answer can rely on everybody knowing of it.
   void committed(std::span<append_job> jobs) {
      std::vector<event> events;
      std::vector<outbox_row> outbox;
      for (auto& job : jobs) {
         if (job.failure || job.answer.duplicate) continue;
         auto& written = job.request;
         for (std::size_t i = 0; i < written.events.size(); ++i)
            if (!job.stored_before[i]) events.push_back(std::move(written.events[i]));
         for (auto& row : written.outbox) outbox.push_back(std::move(row));
         if (!job.answer.followed) continue;
         for (auto& e : written.follow_up->events) events.push_back(std::move(e));
         for (auto& row : written.follow_up->outbox) outbox.push_back(std::move(row));
      }
      if (!outbox.empty()) // before all: workers wait for it
         for (auto const& tell : news_->outbox) tell(shard_, outbox);
      if (!events.empty())
         for (auto const& tell : news_->events) tell(events);
      for (auto& job : jobs) job.failure ? job.reply(std::move(*job.failure)) : job.reply(std::move(job.answer));
   }

   void refuse(append_job& job, error why) { job.reply(std::move(why)); }
   bool answered(append_job const& job) const { return !job.done; }

   /// From now on these executions are taken only when their locks are free, until they were.
   void blocked(std::span<append_job const> jobs) {
      for (auto const& job : jobs) suspects_.insert(job.request.execution_id.value);
   }

   /// A foreign server does not know our locks: its insert of the same id may come between our look and our write.
   bool repeat(append_job const& job, pg::sql_error const& refusal) const {
      return refusal.is("23505") && job.request.ids_from_client;
   }

   pg::commit_outcome outcome(pg::connection& db, std::span<append_job> jobs) {
      std::string status;
      if (!xid_.empty()) {
         try {
            status = db.exec("select pg_xact_status($1::xid8)", xid_)[0][0].value_or("");
         } catch (pg::sql_error const&) {
            // An id that the server does not know (yet): a crash forgot it. The rows decide.
         }
         if (status == "in progress") return pg::commit_outcome::unknown;
      }
      for (auto const& job : jobs) {
         if (job.failure || job.answer.duplicate) continue;
         for (std::size_t i = 0; i < job.request.events.size(); ++i) {
            if (job.stored_before[i]) continue;
            auto const rows = db.exec("select 1 from noetl.event where execution_id = $1 and event_id = $2",
                                      job.request.execution_id, job.request.events[i].event_id);
            return rows.empty() ? pg::commit_outcome::rolled_back : pg::commit_outcome::committed;
         }
      }
      return status == "committed" ? pg::commit_outcome::committed : pg::commit_outcome::rolled_back;
   }

private:
   std::size_t shard_;
   commit_news const* news_;
   std::size_t copy_from_rows_;
   std::string xid_{};
   std::set<std::int64_t> suspects_{}; ///< executions that a foreign transaction may hold for long
};

static_assert(pg::batch_policy<append_policy>);

} // namespace noetl::detail
