// tools.hpp: what a command can do, and the shape of what comes out (spec worker-protocol.md 10.1 and 18.3).
#pragma once

#include <optional>
#include <set>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <tao/json/value.hpp>

#include "api.hpp"

namespace stub {

using json = tao::json::value;

/// A tool's result: `context` of call.done's result. Reporting failure is a result, too.
struct tool_result {
   std::string status = "success"; ///< success, error or timeout
   json context =
       tao::json::empty_object; ///< `status` and what applies of data, error, stdout, stderr, exit_code, duration_ms
};

/// Raised by a tool that could not do its work at all: call.error and command.failed.
struct tool_error {
   std::string text;
};

/// One command, ready to run.
struct tool_input {
   std::string kind;
   json config = tao::json::empty_object;
   json variables = tao::json::empty_object;
   std::string step{}; ///< in a pipeline, the label of its item
};

struct tool_settings {
   std::set<std::string> kinds;
   bool allow_shell = false;
   std::string python = "python3";
   std::optional<json> python_results{}; ///< of python steps by their names, instead of running them
   unsigned threads = 4;                 ///< for tools that run programs
};

/// Reads the file of --python-stub. \throws std::invalid_argument when it is not a JSON object
std::optional<json> read_python_results(std::string const& path);

/// Runs tools on the executor; programs on threads of its own. For one thread.
class tools {
public:
   tools(boost::asio::any_io_executor executor, api& http, tool_settings settings)
       : executor_(std::move(executor)), http_(http), settings_(std::move(settings)), programs_(settings_.threads) {}
   ~tools() { programs_.join(); }
   tools(tools const&) = delete;
   tools& operator=(tools const&) = delete;

   /// \throws tool_error
   boost::asio::awaitable<tool_result> run(tool_input what);

private:
   boost::asio::awaitable<tool_result> noop(json config);
   boost::asio::awaitable<tool_result> shell(json config);
   boost::asio::awaitable<tool_result> python(json config);
   [[nodiscard]] tool_result python_stub(std::string const& step) const;
   boost::asio::awaitable<tool_result> http(json config);
   boost::asio::awaitable<tool_result> sequence(json config, json variables);

   boost::asio::any_io_executor executor_;
   api& http_;
   tool_settings settings_;
   boost::asio::thread_pool programs_;
};

/// Replaces `{{ name.path }}` in all strings of `value` by what `variables` hold; a lone expression keeps its type, an
/// unknown name becomes empty. Other templates are left as they are.
json render(json const& value, json const& variables);

/// Valid UTF-8 without NUL, so that it can be stored; what is not becomes U+FFFD.
std::string storable(std::string const& text);

} // namespace stub
