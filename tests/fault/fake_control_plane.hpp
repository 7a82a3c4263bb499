// tests/fault/fake_control_plane.hpp: a server in this process that hands out the commands a test made up and keeps
// every request, so that what the worker stub does and says can be looked at word by word. Knows the HTTP server only.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <tao/json/from_string.hpp>
#include <tao/json/to_string.hpp>
#include <tao/json/value.hpp>

#include <noetl/http/server.hpp>

#include "support/deployment.hpp"

namespace noetl::test {

/// Thread-safe but for `answers`, which is set before workers run.
class fake_control_plane {
public:
   using json = tao::json::value;
   struct exchange {
      std::string method, target, body;
      json value = tao::json::null; ///< the body
   };
   struct said {
      unsigned status = 200;
      std::string body = "{}";
      std::vector<http::header> headers{};
   };

   fake_control_plane();
   ~fake_control_plane() {
      io_.stop();
      thread_.join();
   }
   fake_control_plane(fake_control_plane const&) = delete;
   fake_control_plane& operator=(fake_control_plane const&) = delete;

   [[nodiscard]] int port() const { return server_.port(); }
   [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port()); }

   /// Answers of `METHOD /path` (without query); called for each request. Others: what a control plane would say.
   std::map<std::string, std::function<said(exchange const&)>> answers;

   /// A command for `run`: claim of event 9001 of execution 7001, step `fetch`.
   void command(std::string const& action, json context) {
      json body = {{"status", "ok"},     {"event_id", 9001},     {"execution_id", 7001},
                   {"node_id", "fetch"}, {"node_name", "fetch"}, {"action", action}};
      body["context"] = std::move(context);
      body["meta"] = {{"command_id", "7001:fetch:9001"}, {"step", "fetch"}, {"tool_kind", action}, {"attempt", 1}};
      auto const text = tao::json::to_string(body);
      answers["POST /api/commands/9001/claim"] = [text](exchange const&) { return said{200, text}; };
   }
   /// Lets one worker work on that command and nothing else. \return what it posted to /api/events
   std::vector<json> run(std::vector<std::string> const& flags = {}, process::variables change = {}) {
      {
         std::lock_guard const lock(mutex_);
         seen_.clear();
      }
      std::string command = "echo 9001 | exec '" + deployment::program("examples/worker_stub/noetl-worker-stub") +
                            "' --poll --allow-shell";
      for (auto const& flag : flags) command += " '" + flag + "'";
      process::variables environment{{"WORKER_ID", "w-1"}, {"NOETL_SERVER_URL", url()}};
      for (auto& [name, value] : change) environment[name] = value;
      process worker({"/bin/sh", "-c", command}, environment, folder_.path() / "worker.log");
      exit_code = worker.wait_for(std::chrono::seconds{60}).value_or(-1);
      output = worker.output();
      std::vector<json> out;
      for (auto const& one : seen())
         if (one.target == "/api/events") out.push_back(one.value);
      return out;
   }
   int exit_code = 0;
   std::string output;

   [[nodiscard]] std::vector<exchange> seen() const {
      std::lock_guard const lock(mutex_);
      return seen_;
   }
   /// Requests whose target begins so.
   [[nodiscard]] std::vector<exchange> seen(std::string const& target) const {
      std::vector<exchange> out;
      for (auto const& one : seen())
         if (one.target.starts_with(target)) out.push_back(one);
      return out;
   }

   /// Keeps a request and answers it.
   http::response answer(http::request const& r) {
      exchange one{std::string(to_text(r.method)), r.path, r.body, tao::json::null};
      if (!r.body.empty() && r.body.front() == '{') one.value = tao::json::from_string(r.body);
      auto const key = one.method + " " + one.target;
      if (!r.query.empty()) one.target += "?" + r.query;
      {
         std::lock_guard const lock(mutex_);
         seen_.push_back(one);
      }
      auto const found = answers.find(key);
      auto const what = found == answers.end() ? said{} : found->second(one);
      return {what.status, what.body, std::string(http::json_type), what.headers};
   }

private:
   static http::http_settings settings() {
      http::http_settings out;
      out.port = 0;
      out.max_body_bytes = std::size_t{64} << 20U;
      return out;
   }
   boost::asio::io_context io_{1};
   mutable std::mutex mutex_;
   std::vector<exchange> seen_;
   temporary_folder folder_;
   http::http_server server_;
   std::thread thread_;
};

inline result<http::response> any_request(fake_control_plane& plane, http::request const& r, http::path_text<"rest">) {
   return plane.answer(r);
}
inline constexpr auto fake_routes = http::routes<http::services<fake_control_plane>>(
    http::get<"/{rest...}", any_request>, http::post<"/{rest...}", any_request>, http::put<"/{rest...}", any_request>);

inline fake_control_plane::fake_control_plane() : server_(io_, fake_routes, http::services(*this), settings()) {
   if (auto started = server_.start(); !started) throw std::runtime_error(started.error().message);
   thread_ = std::thread([this] { io_.run(); });
}

} // namespace noetl::test
