// tests/contract/site.hpp: what contract tests speak to: one real server on a database and a NATS of its own, shared by
// all suites of the program. Light: sockets, processes and drivers stay in site.cpp.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <tao/json/value.hpp>

namespace noetl::test {

using json_value = tao::json::value;

/// An answer of the server. `value` is the body as JSON, null when it is none.
struct reply {
   unsigned status = 0; ///< 0: no answer at all
   std::string body;
   json_value value = tao::json::null;
   std::vector<std::pair<std::string, std::string>> headers;

   /// Value of a header, letters of the name compared without regard to case; empty when absent.
   [[nodiscard]] std::string header(std::string_view name) const;
   /// Member by path: `at("progress.total_steps")`, `at("events.0.event_id")`. \throws when there is none
   [[nodiscard]] json_value const& at(std::string_view path) const;
};

/// A request other than GET or a POST of JSON. `headers` may override everything, the content type included.
struct wish {
   std::string method = "GET";
   std::string target;
   std::string body{};
   std::string content_type{};
   std::vector<std::pair<std::string, std::string>> headers{};
};

/// One row of a query, NULL as nothing.
using row = std::vector<std::optional<std::string>>;

/// A message of the command stream.
struct notification {
   std::string subject, data, message_id;
};

/// Variables of the server's environment, on top of the usual ones.
using variables = std::map<std::string, std::string>;

/// A server process with its database and NATS. Not thread-safe, but `post_together` uses threads of its own.
class site {
public:
   explicit site(variables change = {}, bool start = true);
   ~site();
   site(site const&) = delete;
   site& operator=(site const&) = delete;

   /// The one that suites share; started at the first call, and again when the server died.
   static site& shared();

   reply get(std::string target);
   reply post(std::string target, std::string body);
   reply send(wish what);
   /// The bodies at the same time, each over a connection of its own; answers in their order.
   std::vector<reply> post_together(std::string const& target, std::vector<std::string> const& bodies,
                                    std::vector<std::pair<std::string, std::string>> const& headers = {});
   /// Raw bytes to the server. \return all bytes until it closes or is silent for half a second
   std::string exchange(std::string const& bytes);

   std::vector<row> query(std::string const& sql);
   /// The single cell of the single row. \throws when there is none; NULL is "NULL"
   std::string cell(std::string const& sql);

   /// Messages about an execution in the command stream, waiting until there are `count` or `limit` is over.
   std::vector<notification> notifications(std::string const& execution, std::size_t count,
                                           std::chrono::milliseconds limit = std::chrono::seconds{5});
   /// Subjects of the stream `noetl_commands`, empty when there is no such stream.
   std::vector<std::string> stream_subjects();

   /// The variables of the next start, in place of those before.
   void set(variables change);
   void start_server(bool wait = true);
   /// \return exit code, or 128 + signal
   int stop_server(int signal);
   void stop_nats();
   void start_nats();
   [[nodiscard]] std::string url() const;
   [[nodiscard]] int port() const;
   [[nodiscard]] std::string log() const;

private:
   struct impl;
   std::unique_ptr<impl> impl_;
};

/// What a program that runs to its end did.
struct outcome {
   int exit_code = -1;
   std::string output; ///< both streams
};
/// Runs noetl-server with nothing but `environment`. \return exit code -1 when it did not end in ten seconds
outcome run_server(std::vector<std::string> arguments, variables environment);

/// Calls `done` every 20 ms until it is true. \return whether it became true in time
bool soon(std::function<bool()> const& done, std::chrono::milliseconds limit = std::chrono::seconds{15});

/// Members and JSON types in alphabetical order: `{execution_id:string,status:string}`; arrays show their first
/// element.
std::string shape(json_value const& value);
std::string text(json_value const& value);
json_value parse(std::string const& text);
/// 64-bit number as text, `-` when it is none.
std::string number(json_value const& value);

/// Status, JSON content type and exactly the members `error` (which contains `part`) and `status`.
testing::AssertionResult is_error(reply const& got, unsigned status, std::string_view part);
/// RFC 3339 in UTC with Z, fraction only when not zero, of 3, 6 or 9 digits.
bool is_time(std::string const& text);

/// Base of the suites: skips without PostgreSQL.
class contract : public testing::Test {
protected:
   void SetUp() override;
   static site& server() { return site::shared(); }
};

} // namespace noetl::test
