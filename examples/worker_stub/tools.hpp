// tools.hpp: what a command can do, and the shape of what comes out (spec worker-protocol.md 10.1 and 18.3;
// orchestration.md 1.13 for pipelines and policies).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include "api.hpp"
#include "policy.hpp"
#include "process.hpp"
#include "templates.hpp"
#include "values.hpp"

namespace stub {

/// A tool's result: `context` of call.done's result. Reporting failure is a result, too.
struct tool_result {
   std::string status = "success"; ///< success, error or timeout
   json context =
       tao::json::empty_object; ///< `status` and what applies of data, error, stdout, stderr, exit_code, duration_ms
};

/// `context` with its status written into it.
inline tool_result finished(std::string status, json context) {
   context["status"] = status;
   return {std::move(status), std::move(context)};
}

/// Raised by a tool that could not do its work at all: call.error and command.failed.
struct tool_error {
   std::string text;
};

/// What a command started so far: each child has a key that the same command gives again when it is offered again.
struct children {
   std::int64_t command = 0; ///< event that issued it
   std::size_t started = 0;
};

/// One command, ready to run.
struct tool_input {
   std::string kind;
   json config = tao::json::empty_object;
   json variables = tao::json::empty_object;
   std::string step{};            ///< in a pipeline, the label of its item
   std::string server{};          ///< base URL of the control plane that gave the command
   std::int64_t execution_id = 0; ///< that the command belongs to
   std::shared_ptr<children> started = std::make_shared<children>(); ///< shared by the tasks of a pipeline
};

struct tool_settings {
   std::set<std::string> kinds;
   bool allow_shell = false;
   std::string python = "python3";
   std::optional<json> python_results{};     ///< of python steps by their names, instead of running them
   unsigned threads = 4;                     ///< for tools that run programs or speak to a database
   std::set<std::string> secret_variables{}; ///< names of environment variables that are credentials
};

/// Reads the file of --python-stub. \throws std::invalid_argument when it is not a JSON object
std::optional<json> read_python_results(std::string const& path);

/// Runs tools on the executor; programs and database sessions on threads of its own. For one thread.
class tools {
public:
   tools(boost::asio::any_io_executor executor, api& http, tool_settings settings)
       : executor_(std::move(executor)), http_(http), settings_(std::move(settings)), threads_(settings_.threads) {}
   ~tools() { threads_.join(); }
   tools(tools const&) = delete;
   tools& operator=(tools const&) = delete;

   /// A whole command: credentials, its policy, the tool. \throws tool_error
   boost::asio::awaitable<tool_result> perform(tool_input what);

   /// The stored document behind a reference of a result, null when there is none.
   boost::asio::awaitable<json> resolve(std::string server, std::string ref);

private:
   // tools.cpp
   boost::asio::awaitable<tool_result> run(tool_input what);
   boost::asio::awaitable<tool_result> dispatch(tool_input what);
   boost::asio::awaitable<tool_result> noop(json config);
   boost::asio::awaitable<void> pause(std::chrono::milliseconds time);
   // programs.cpp
   boost::asio::awaitable<process_outcome> run_program(process_request request);
   boost::asio::awaitable<tool_result> shell(json config);
   boost::asio::awaitable<tool_result> python(json config);
   [[nodiscard]] tool_result python_stub(std::string const& step) const;
   // http_tool.cpp
   boost::asio::awaitable<tool_result> http(json config);
   // postgres_tool.cpp
   boost::asio::awaitable<tool_result> postgres(json config);
   // playbook_tool.cpp
   boost::asio::awaitable<tool_result> playbook(tool_input what);
   boost::asio::awaitable<json> child_status(std::string server, std::string child);
   boost::asio::awaitable<json> child_data(std::string server, std::string child, std::string step);
   // credentials.cpp
   boost::asio::awaitable<json> with_credentials(json config, std::string const& kind, tool_input const& about);
   boost::asio::awaitable<json> credential(std::string alias, tool_input const& about);
   boost::asio::awaitable<json> keychain(json config, tool_input const& about);
   // sequence.cpp
   struct task_end;
   boost::asio::awaitable<task_end> task(tool_input spec, task_variables& variables,
                                         std::set<std::string> const& names);
   boost::asio::awaitable<tool_result> sequence(tool_input what);
   boost::asio::awaitable<tool_result> single_with_policy(tool_input what);

   boost::asio::any_io_executor executor_;
   api& http_;
   tool_settings settings_;
   templates templates_;
   boost::asio::thread_pool threads_;
};

} // namespace stub
