// tests/fault/load.hpp: clients that start executions and report events with ids of their own, and keep what they were
// promised. Knows the HTTP client only; whether the promises were kept is asked in evidence.hpp.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <noetl/core/snowflake.hpp>
#include <noetl/http/client.hpp>

namespace noetl::test {

/// Four no-op steps, one after the other: each needs a decision, a notification, a claim and three reports.
inline constexpr int chain_steps = 4;
inline std::string const chain_playbook = R"(apiVersion: noetl.io/v2
kind: Playbook
metadata: {name: chain, path: fault/chain}
workflow:
  - {step: start, tool: {kind: noop}, next: {arcs: [{step: second}]}}
  - {step: second, tool: {kind: noop}, next: {arcs: [{step: third}]}}
  - {step: third, tool: {kind: noop}, next: {arcs: [{step: end}]}}
  - {step: end, tool: {kind: noop}}
)";

/// Seed of a test: NOETL_TEST_SEED, else a new one. Print it.
inline unsigned chosen_seed() {
   auto const* text = std::getenv("NOETL_TEST_SEED");
   return text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : std::random_device{}();
}

/// An event that a client reported and that a server acknowledged.
struct acknowledged_event {
   std::int64_t execution = 0;
   std::int64_t event = 0;
   std::int64_t number = 0; ///< in its payload
};

/// What the servers promised by answering 200.
struct promises {
   std::vector<std::int64_t> executions;
   std::vector<acknowledged_event> events;
};

/// How requests were answered.
struct answer_counts {
   std::map<unsigned, std::size_t> by_status; ///< 0: no answer at all
   std::vector<std::string> unexpected;       ///< neither 200 nor 503 nor silence; a few of them with their body
   std::size_t without_retry_after = 0;       ///< 503 that did not say when to come again
   std::chrono::milliseconds slowest{0};      ///< of the answered ones

   [[nodiscard]] std::size_t of(unsigned status) const {
      auto const found = by_status.find(status);
      return found == by_status.end() ? 0 : found->second;
   }
};

struct load_settings {
   std::vector<int> ports;                     ///< each client asks them in turn
   int starters = 1;                           ///< clients that start executions
   int reporters = 3;                          ///< clients that report events
   std::chrono::milliseconds start_pause{70};  ///< of a starter after an answer
   std::chrono::milliseconds report_pause{10}; ///< of a reporter after an answer
   std::chrono::milliseconds retry_pause{50};  ///< after no answer or a refusal
   std::size_t most_executions = 100'000;
   std::string path = "fault/chain";
};

/// Runs from construction to stop(). A report that was not acknowledged is repeated with the same id until it is, as a
/// worker would; a start is not, since it has no id. The results are valid after stop().
class load {
public:
   explicit load(load_settings how) : how_(std::move(how)) {
      for (int i = 0; i < how_.starters; ++i) threads_.emplace_back([this, i] { start_executions(i); });
      for (int i = 0; i < how_.reporters; ++i) threads_.emplace_back([this, i] { report_events(i); });
   }
   load(load const&) = delete;
   load& operator=(load const&) = delete;
   ~load() { stop(); }

   /// Ends the clients. A report that waits for its acknowledgement is given up.
   void stop() {
      stopping_ = true;
      for (auto& thread : threads_)
         if (thread.joinable()) thread.join();
   }
   [[nodiscard]] std::size_t executions() const {
      std::lock_guard const lock(mutex_);
      return kept_.executions.size();
   }
   [[nodiscard]] std::size_t events() const {
      std::lock_guard const lock(mutex_);
      return kept_.events.size();
   }
   [[nodiscard]] promises promised() const {
      std::lock_guard const lock(mutex_);
      return kept_;
   }
   [[nodiscard]] answer_counts answers() const {
      std::lock_guard const lock(mutex_);
      return counts_;
   }

private:
   using clock = std::chrono::steady_clock;

   /// One thread's clients, one per port, asked in turn.
   class caller {
   public:
      caller(load& home, std::size_t first) : home_(home), next_(first) {
         http::client_settings patient;
         patient.request_timeout = std::chrono::seconds{20};
         for (int const port : home.how_.ports) {
            http::base_url where;
            where.port = static_cast<std::uint16_t>(port);
            clients_.push_back(std::make_unique<http::blocking_client>(where, patient));
         }
      }
      /// \return the body of a 200
      std::optional<std::string> post(std::string target, std::string json) {
         auto& client = *clients_[next_++ % clients_.size()];
         auto const begin = clock::now();
         auto got = client.post(std::move(target), std::move(json));
         home_.count(got, clock::now() - begin);
         if (!got || got->status != 200) return std::nullopt;
         return std::move(got->body);
      }

   private:
      load& home_;
      std::size_t next_;
      std::vector<std::unique_ptr<http::blocking_client>> clients_;
   };

   void count(result<http::client_response> const& got, clock::duration took) {
      std::lock_guard const lock(mutex_);
      auto const status = got ? got->status : 0U;
      ++counts_.by_status[status];
      if (!got) return;
      counts_.slowest = std::max(counts_.slowest, std::chrono::duration_cast<std::chrono::milliseconds>(took));
      if (status == 503 && got->header("retry-after").empty()) ++counts_.without_retry_after;
      if (status != 200 && status != 503 && counts_.unexpected.size() < 5)
         counts_.unexpected.push_back(std::to_string(status) + " " + got->body);
   }

   void start_executions(int index) {
      caller to(*this, static_cast<std::size_t>(index));
      std::string const body = R"({"path":")" + how_.path + R"("})";
      while (!stopping_ && executions() < how_.most_executions) {
         auto const got = to.post("/api/execute", body);
         if (got) {
            auto const id = std::stoll(got->substr(got->find_first_of("0123456789")));
            std::lock_guard const lock(mutex_);
            kept_.executions.push_back(id);
         }
         std::this_thread::sleep_for(got ? how_.start_pause : how_.retry_pause);
      }
   }

   void report_events(int index) {
      caller to(*this, static_cast<std::size_t>(index));
      snowflake ids(static_cast<unsigned>(600 + index));
      std::minstd_rand random(static_cast<unsigned>(index + 1));
      for (std::int64_t number = 0; !stopping_; ++number) {
         auto const execution = one_of_the_newest(random);
         if (execution == 0) {
            std::this_thread::sleep_for(how_.retry_pause);
            continue;
         }
         acknowledged_event const one{execution, ids.next(), number};
         while (!to.post("/api/events", text_of(one))) {
            if (stopping_) return;
            std::this_thread::sleep_for(how_.retry_pause);
         }
         {
            std::lock_guard const lock(mutex_);
            kept_.events.push_back(one);
         }
         std::this_thread::sleep_for(how_.report_pause);
      }
   }

   static std::string text_of(acknowledged_event const& one) {
      return R"({"execution_id":)" + std::to_string(one.execution) + R"(,"event_id":)" + std::to_string(one.event) +
             R"(,"event_type":"fault.note","step":"note","worker_id":"load","context":{"number":)" +
             std::to_string(one.number) + "}}";
   }

   std::int64_t one_of_the_newest(std::minstd_rand& random) const {
      std::lock_guard const lock(mutex_);
      auto const count = kept_.executions.size();
      if (count == 0) return 0;
      auto const back = std::uniform_int_distribution<std::size_t>(1, std::min<std::size_t>(count, 20))(random);
      return kept_.executions[count - back];
   }

   load_settings const how_;
   std::atomic<bool> stopping_{false};
   mutable std::mutex mutex_;
   promises kept_;
   answer_counts counts_;
   std::vector<std::thread> threads_;
};

} // namespace noetl::test
