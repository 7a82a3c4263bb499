// reporting.cpp: events on their way to the server (spec worker-protocol.md 8).
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <noetl/core/time.hpp>

#include "worker.hpp"

namespace stub {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {
/// As the real worker writes it: always nine digits.
std::string with_nanoseconds(std::chrono::sys_time<std::chrono::nanoseconds> time) {
   auto const second = std::chrono::floor<std::chrono::seconds>(time);
   auto out = noetl::to_rfc3339(second);
   auto digits = std::to_string((time - second).count());
   digits.insert(0, 9 - digits.size(), '0');
   out.back() = '.';
   return out + digits + 'Z';
}
} // namespace

std::int64_t worker::new_id() {
   return ids_.next();
}

std::string worker::event_text(command const& c, std::string const& type, std::string const& status,
                               json const& context, std::int64_t id) const {
   auto const shift = std::chrono::milliseconds(faults_.constant("clock"));
   auto const time = std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now()) + shift;
   std::string out =
       "{\"execution_id\":" + std::to_string(c.execution_id) + ",\"event_type\":\"" + type + "\",\"step\":";
   out +=
       tao::json::to_string(json(c.step)) + ",\"status\":\"" + status + "\",\"created_at\":\"" + with_nanoseconds(time);
   out += "\",\"context\":" + tao::json::to_string(context) + ",\"event_id\":" + std::to_string(id);
   out += ",\"worker_id\":" + tao::json::to_string(json(options_.worker_id));
   out += ",\"meta\":{\"attempts\":" + std::to_string(c.attempts) + "}}";
   return out;
}

asio::awaitable<bool> worker::post(command const& c, std::string type, std::string status, json context) {
   auto const id = new_id();
   auto const body = event_text(c, type, status, context, id);
   auto const log_note = "\"event_type\":\"" + type + "\",\"execution_id\":" + std::to_string(c.execution_id) +
                         ",\"event_id\":" + std::to_string(id);
   bool const good = co_await post_body(c, body, log_note);
   if (good && faults_.hit("dup-event", c.step)) co_return co_await post_body(c, body, log_note);
   co_return good;
}

/// Four tries with the same bytes. \return whether it was accepted; otherwise the command is abandoned
asio::awaitable<bool> worker::post_body(command const& c, std::string body, std::string log_note) {
   auto const refused = [](reply const& got) { return !got.ok(); };
   auto const answer = co_await api_.call_patiently(c.server, "POST", "/api/events", body, log_note, refused);
   if (answer.ok()) co_return true;
   note("event.lost", c.command_id + " " + std::to_string(answer.status) + " " + storable(answer.body.substr(0, 200)));
   // 409: the command was given to somebody else meanwhile. Other 4xx mean that client and server do not understand
   // each other.
   if (answer.status >= 400 && answer.status < 500 && answer.status != 409 && answer.status != 408 &&
       answer.status != 429)
      violation_ = true;
   co_return false;
}

} // namespace stub
