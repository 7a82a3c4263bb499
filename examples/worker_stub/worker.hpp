// worker.hpp: the worker: pulls notifications on one thread, does everything else on the executor's.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <noetl/core/snowflake.hpp>
#include <noetl/nats/connection.hpp>
#include <noetl/nats/consumer.hpp>

#include "api.hpp"
#include "faults.hpp"
#include "notice.hpp"
#include "options.hpp"
#include "tools.hpp"

namespace stub {

class worker {
public:
   worker(boost::asio::io_context& io, options what, faults misbehaviour);
   worker(worker const&) = delete;
   worker& operator=(worker const&) = delete;
   ~worker();

   /// Connects, registers, works until stopped or its limits are reached, deregisters. \return the exit code
   boost::asio::awaitable<int> run();

   /// No more pulling; work in hand goes on. From any thread.
   void stop();

private:
   struct notification {
      std::int64_t execution_id = 0;
      std::int64_t event_id = 0;
      std::string step, server_url;
   };
   /// What a claim gave, with the identity that each event repeats.
   struct command {
      std::int64_t execution_id = 0;
      std::string server, step, command_id;
      std::int64_t attempts = 0;
      tool_input input;
   };
   using clock = std::chrono::steady_clock;

   // worker.cpp: start, pull, end
   boost::asio::awaitable<std::optional<int>> connect();
   bool stopping();
   std::size_t finished();
   boost::asio::awaitable<int> register_pool();
   boost::asio::awaitable<void> heartbeat();
   void pull();
   bool pull_messages(std::size_t room);
   bool pull_lines(std::size_t room);
   [[nodiscard]] bool idle_too_long();
   void take(std::vector<notice> batch);
   std::size_t wait_for_room();
   void give_back_slots(std::size_t count, bool finished);
   void note(std::string const& event, std::string const& text) const;

   // command.cpp: one command
   boost::asio::awaitable<void> handle(notice incoming);
   boost::asio::awaitable<void> execute(notice incoming);
   [[nodiscard]] std::optional<notification> decode(notice const& incoming) const;
   boost::asio::awaitable<std::optional<command>> claim(notification const& about, notice& incoming);
   std::optional<command> read_claim(notification const& about, std::string const& body) const;
   boost::asio::awaitable<void> report(command& c);
   boost::asio::awaitable<std::optional<tool_result>> run_tool(command& c, std::string& error);
   // results.cpp: what is too large for an event
   boost::asio::awaitable<json> envelope(command const& c, tool_result const& done);
   boost::asio::awaitable<void> resolve_references(command& c);
   // reporting.cpp: events
   boost::asio::awaitable<bool> post(command const& c, std::string type, std::string status, json context);
   boost::asio::awaitable<bool> post_body(command const& c, std::string body, std::string log_note);
   std::string event_text(command const& c, std::string const& type, std::string const& status, json const& context,
                          std::int64_t id) const;
   boost::asio::awaitable<void> pause(std::chrono::milliseconds time);
   std::int64_t new_id();

   boost::asio::io_context& io_;
   options options_;
   faults faults_;
   api api_;
   tools tools_;
   noetl::snowflake ids_;
   std::unique_ptr<noetl::nats::connection> connection_;
   std::unique_ptr<noetl::nats::consumer> consumer_; // none with --poll
   lines lines_;                                     // with --poll
   boost::asio::steady_timer done_;
   std::thread puller_;
   std::atomic<bool> violation_ = false; // the server broke the protocol

   std::mutex mutex_; // guards what follows
   std::condition_variable changed_;
   bool stopping_ = false;
   std::size_t in_hand_ = 0;
   std::size_t finished_ = 0;
   clock::time_point last_arrival_ = clock::now();
};

} // namespace stub
