// worker.cpp: start, pull loop, end.
#include "worker.hpp"

#include <algorithm>
#include <cstdio>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <tao/json/to_string.hpp>
#include <unistd.h>

#include <noetl/core/base64.hpp>
#include <noetl/core/crypto.hpp>
#include <noetl/core/time.hpp>
#include <noetl/nats/stream.hpp>

namespace stub {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {
unsigned node_of(options const& o) {
   return o.node_id >= 0 ? static_cast<unsigned>(o.node_id) : noetl::machine_id_for(o.worker_id);
}
noetl::snowflake::clock shifted(long long ms) {
   return [ms] {
      auto const since = std::chrono::system_clock::now().time_since_epoch();
      return std::chrono::duration_cast<std::chrono::milliseconds>(since).count() + ms;
   };
}
std::vector<std::string> trusted(options const& what) {
   auto all = what.token_servers;
   all.push_back(what.server_url);
   return all;
}
std::string host_name() {
   std::string name(256, '\0');
   if (gethostname(name.data(), name.size() - 1) != 0) return "unknown";
   name.resize(name.find('\0'));
   return name;
}
/// New in each process, as the real worker's; nothing is sealed for the stub, so the private half is thrown away.
std::string key_of_this_process() {
   return noetl::encode_base64(noetl::crypto::x25519_public_key(noetl::crypto::random_bytes(noetl::crypto::key_bytes)));
}
} // namespace

worker::worker(asio::io_context& io, options what, faults misbehaviour)
    : io_(io), options_(std::move(what)), faults_(std::move(misbehaviour)),
      api_(io.get_executor(), options_.token, trusted(options_), options_.log_json),
      tools_(io.get_executor(), api_,
             {options_.tools, options_.allow_shell, options_.python, read_python_results(options_.python_stub),
              options_.max_concurrent, options_.secret_variables}),
      ids_(node_of(options_), shifted(faults_.constant("clock"))), done_(io, clock::time_point::max()) {}

worker::~worker() {
   stop();
   if (puller_.joinable()) puller_.join();
}

void worker::note(std::string const& event, std::string const& text) const {
   std::fprintf(stderr, "%s worker=%s %s %s\n", noetl::to_rfc3339(noetl::now()).c_str(), options_.worker_id.c_str(),
                event.c_str(), text.c_str());
}

asio::awaitable<int> worker::run() {
   if (!options_.poll)
      if (auto const failed = co_await connect()) co_return *failed;
   if (auto const failed = co_await register_pool(); failed != exit_normal) co_return failed;
   note("worker.ready", options_.poll ? "ids=stdin" : "consumer=" + options_.consumer + " filter=" + options_.filter);
   asio::co_spawn(io_, heartbeat(), asio::detached);
   puller_ = std::thread([this] { pull(); });

   boost::system::error_code cancelled;
   co_await done_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
   puller_.join();
   consumer_.reset(); // gives back what arrived and was not taken

   json const body = {{"name", options_.worker_id}, {"component_type", "worker_pool"}};
   auto const gone =
       co_await api_.call(options_.server_url, "POST", "/api/worker/pool/deregister", tao::json::to_string(body));
   if (!gone.ok()) note("worker.deregister_failed", gone.status ? std::to_string(gone.status) : gone.body);
   note("worker.ended", "finished=" + std::to_string(finished_));
   co_return violation_ ? exit_protocol_violation : exit_normal;
}

/// \return an exit code when the worker cannot start
asio::awaitable<std::optional<int>> worker::connect() {
   try {
      connection_ =
          std::make_unique<noetl::nats::connection>(noetl::nats::connection_settings{.url = options_.nats_url,
                                                                                     .user = options_.nats_user,
                                                                                     .password = options_.nats_password,
                                                                                     .name = options_.worker_id});
   } catch (std::invalid_argument const& e) {
      note("worker.usage", e.what());
      co_return exit_usage;
   }
   for (auto const end = clock::now() + 30s; clock::now() < end && !stopping(); co_await pause(20ms))
      if (connection_->state() == noetl::nats::connection_state::connected) break;
   if (stopping()) co_return exit_normal;
   if (connection_->state() != noetl::nats::connection_state::connected) {
      note("worker.no_nats", connection_->stats().last_error);
      co_return exit_no_nats;
   }
   auto wish = noetl::nats::command_stream();
   wish.name = options_.stream;
   wish.subjects = {options_.subject, options_.subject + ".>"};
   auto const stream = noetl::nats::ensure_stream(*connection_, wish);
   if (!stream) {
      note("worker.no_stream", stream.error().message);
      co_return exit_no_nats;
   }
   consumer_ = std::make_unique<noetl::nats::consumer>(
       *connection_, noetl::nats::consumer_settings{
                         .stream = stream->name, .durable = options_.consumer, .filter_subject = options_.filter});
   if (auto const made = consumer_->ensure(); !made) {
      note("worker.no_consumer", made.error().message);
      co_return exit_no_nats;
   }
   co_return std::nullopt;
}

/// A server that is not up yet is waited for, half a minute at most; a refusal is final.
asio::awaitable<int> worker::register_pool() {
   json const body = {{"name", options_.worker_id},
                      {"component_type", "worker_pool"},
                      {"status", "ready"},
                      {"hostname", host_name()},
                      {"labels", {{"pool_name", options_.pool_name}}},
                      {"runtime", {{"kind", "stub"}, {"worker_public_key", key_of_this_process()}}}};
   auto const text = tao::json::to_string(body);
   reply answer;
   for (auto const end = clock::now() + 30s; clock::now() < end && !stopping();) {
      answer = co_await api_.call(options_.server_url, "POST", "/api/worker/pool/register", text);
      if (answer.ok()) co_return exit_normal;
      if (answer.status != 0 && answer.status != 503) break;
      co_await pause(500ms);
   }
   if (stopping()) co_return exit_normal;
   note("worker.registration_refused", answer.status ? std::to_string(answer.status) + " " + answer.body : answer.body);
   co_return exit_registration_refused;
}

asio::awaitable<void> worker::heartbeat() {
   json const body = {{"name", options_.worker_id}};
   auto const text = tao::json::to_string(body);
   while (true) {
      co_await pause(std::chrono::seconds(options_.heartbeat_seconds));
      auto const answer = co_await api_.call(options_.server_url, "POST", "/api/worker/pool/heartbeat", text);
      if (!answer.ok()) note("worker.heartbeat_failed", answer.status ? std::to_string(answer.status) : answer.body);
   }
}

asio::awaitable<void> worker::pause(std::chrono::milliseconds time) {
   asio::steady_timer timer(io_, time);
   co_await timer.async_wait(asio::use_awaitable);
}

bool worker::stopping() {
   std::lock_guard lock(mutex_);
   return stopping_;
}

void worker::stop() {
   {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
      stopping_ = true;
      changed_.notify_all();
   }
   if (consumer_) consumer_->interrupt();
}

/// Commands whose last event has been tried.
std::size_t worker::finished() {
   std::lock_guard lock(mutex_);
   return finished_;
}

/// Waits for a free place. \return how many messages may be taken; 0: stop
std::size_t worker::wait_for_room() {
   std::unique_lock lock(mutex_);
   auto const room = [&] {
      auto const places = options_.max_concurrent - in_hand_;
      if (options_.max_commands == 0) return places;
      auto const wanted = options_.max_commands - std::min(options_.max_commands, finished_);
      return std::min<std::size_t>(places, wanted - std::min(wanted, in_hand_));
   };
   changed_.wait(lock, [&] { return stopping_ || room() > 0; });
   return stopping_ ? 0 : room();
}

void worker::give_back_slots(std::size_t count, bool finished) {
   std::unique_lock lock(mutex_);
   in_hand_ -= count;
   if (finished) finished_ += count;
   bool const enough = options_.max_commands != 0 && finished_ >= options_.max_commands;
   changed_.notify_all();
   lock.unlock();
   if (enough) stop();
}

/// The pull thread: as many notices as there are free places, handed to the executor in one go.
void worker::pull() {
   while (auto const room = wait_for_room())
      if (bool const goes_on = options_.poll ? pull_lines(room) : pull_messages(room); !goes_on) break;
   std::unique_lock lock(mutex_);
   changed_.wait(lock, [&] { return in_hand_ == 0; });
   asio::post(io_, [this] { done_.expires_at(clock::time_point::min()); }); // wakes run()
}

bool worker::idle_too_long() {
   std::lock_guard lock(mutex_);
   return options_.idle_exit_seconds && in_hand_ == 0 &&
          clock::now() - last_arrival_ >= std::chrono::seconds(*options_.idle_exit_seconds);
}

void worker::take(std::vector<notice> batch) {
   {
      std::lock_guard lock(mutex_);
      in_hand_ += batch.size();
      last_arrival_ = clock::now();
   }
   auto const shared = std::make_shared<std::vector<notice>>(std::move(batch));
   asio::post(io_, [this, shared] {
      for (auto& one : *shared) asio::co_spawn(io_, handle(std::move(one)), asio::detached);
   });
}

/// \return false when nothing will come any more
bool worker::pull_messages(std::size_t room) {
   auto wait = 5'000ms;
   if (options_.idle_exit_seconds)
      wait = std::min<std::chrono::milliseconds>(wait, std::max(*options_.idle_exit_seconds, 1U) * 500ms);
   auto got = consumer_->fetch(room, wait);
   if (!got) {
      note("worker.pull_failed", got.error().message);
      if (got.error().code == noetl::error_code::not_found) { // the stream is gone: make it again
         auto wish = noetl::nats::command_stream();
         wish.name = options_.stream;
         wish.subjects = {options_.subject, options_.subject + ".>"};
         if (auto const made = noetl::nats::ensure_stream(*connection_, wish); !made)
            note("worker.no_stream", made.error().message);
      }
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, 500ms, [&] { return stopping_; });
      return true;
   }
   if (got->empty()) return !idle_too_long();
   std::vector<notice> batch;
   for (auto& one : *got) batch.emplace_back(std::move(one));
   take(std::move(batch));
   return true;
}

/// \copydoc pull_messages
bool worker::pull_lines(std::size_t room) {
   std::vector<notice> batch;
   auto line = lines_.next(200ms);
   for (; line; line = batch.size() < room ? lines_.next(0ms) : std::nullopt)
      if (!line->empty()) batch.emplace_back(*std::move(line));
   bool const arrived = !batch.empty();
   if (arrived) take(std::move(batch));
   return !lines_.ended() && (arrived || !idle_too_long());
}

} // namespace stub
