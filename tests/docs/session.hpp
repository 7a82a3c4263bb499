// tests/docs/session.hpp: runs the programs of the pages and the commands that the pages show to their readers.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/free_port.hpp"

namespace docs {

/// A variable that a test sets; the programs on the pages read their settings like all others.
inline std::uint16_t port_from(char const* variable) {
   auto const* text = std::getenv(variable);
   return static_cast<std::uint16_t>(text == nullptr ? 8083 : std::atoi(text));
}

inline std::string page_text(std::string const& page) {
   std::ifstream file(std::string(NOETL_SOURCE_DIR) + "/" + page);
   if (!file) throw std::runtime_error("there is no page " + page);
   std::stringstream text;
   text << file.rdbuf();
   return text.str();
}

/// Content of the fenced blocks of one language, each on its own.
inline std::vector<std::string> blocks_of(std::string const& page, std::string const& language) {
   std::vector<std::string> found;
   std::istringstream lines(page_text(page));
   bool inside = false;
   for (std::string line; std::getline(lines, line);) {
      if (!inside && line == "```" + language) {
         inside = true;
         found.emplace_back();
      } else if (inside && line == "```") {
         inside = false;
      } else if (inside) {
         found.back() += line + "\n";
      }
   }
   return found;
}
inline std::string block_of(std::string const& page, std::string const& language) {
   auto const all = blocks_of(page, language);
   return all.empty() ? "" : all.front();
}

/// A page's `main` in a process of its own, killed at the end. Forks, so no other threads may be at work: ctest runs
/// each test in a process of its own.
class child {
public:
   /// \param before  done in the new process first
   child(int (*main)(), std::map<std::string, std::string> const& variables, std::function<void()> const& before = {})
       : pid_(fork()) {
      if (pid_ != 0) return;
      if (before) before();
      for (auto const& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
      _exit(main());
   }
   ~child() {
      if (pid_ > 0) kill(pid_, SIGKILL), waitpid(pid_, nullptr, 0);
   }
   child(child const&) = delete;
   child& operator=(child const&) = delete;

   void terminate() { kill(pid_, SIGTERM); }
   /// Waits for its end. \return its exit code
   int exit_code() {
      int status = 0;
      waitpid(std::exchange(pid_, 0), &status, 0);
      return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
   }

private:
   pid_t pid_;
};

/// A page's `main` in a process of its own, with these variables. \return exit code
inline int exit_code_of(int (*main)(), std::string const& variable, std::string const& value) {
   return child(main, {{variable, value}}).exit_code();
}

/// A page's server in a process of its own, listening when the constructor returns.
class program {
public:
   program(int (*main)(), std::string const& port_variable, std::map<std::string, std::string> const& more = {})
       : port_(static_cast<std::uint16_t>(noetl::test::free_port())),
         child_(main, more, [&] { setenv(port_variable.c_str(), std::to_string(port_).c_str(), 1); }) {
      for (int tries = 0; tries < 600 && !listens(); ++tries) usleep(50'000);
      EXPECT_TRUE(listens()) << "the program of the page does not listen";
   }

   [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
   /// Asks it to end. \return its exit code
   int terminate() {
      child_.terminate();
      return child_.exit_code();
   }

private:
   [[nodiscard]] bool listens() const {
      int const fd = socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in where{};
      where.sin_family = AF_INET;
      where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      where.sin_port = htons(port_);
      bool const connected = connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0;
      close(fd);
      return connected;
   }
   std::uint16_t port_;
   child child_;
};

/// A page's `main` in a process of its own, whose standard output is read as it comes.
class talker {
public:
   explicit talker(int (*main)(), std::map<std::string, std::string> const& variables = {})
       : child_(main, variables, [this] {
            dup2(ends_[1], STDOUT_FILENO);
            close(ends_[0]);
            close(ends_[1]);
            setvbuf(stdout, nullptr, _IONBF, 0); // _IOLBF does nothing to a used stream in glibc 2.41
         }) {
      close(ends_[1]);
   }
   ~talker() { close(ends_[0]); }
   talker(talker const&) = delete;
   talker& operator=(talker const&) = delete;

   /// What it said so far, once that fits `pattern`, or it has ended, or three minutes have passed.
   std::string said(std::string const& pattern) {
      auto const end = std::chrono::steady_clock::now() + std::chrono::minutes(3);
      while (std::chrono::steady_clock::now() < end && !std::regex_match(text_, std::regex(pattern))) {
         pollfd one{ends_[0], POLLIN, 0};
         if (poll(&one, 1, 100) <= 0) continue;
         char buffer[4096];
         auto const n = read(ends_[0], buffer, sizeof buffer);
         if (n <= 0) break;
         text_.append(buffer, static_cast<std::size_t>(n));
      }
      return text_;
   }
   /// Waits for its end. \return its exit code
   int exit_code() { return child_.exit_code(); }

private:
   static std::array<int, 2> new_pipe() {
      std::array<int, 2> ends{};
      if (pipe(ends.data()) != 0) throw std::runtime_error("no pipe");
      return ends;
   }

   std::array<int, 2> ends_ = new_pipe(); // where we read, where it writes
   child child_;
   std::string text_;
};

inline std::string output_of(std::string const& command) {
   std::string out;
   auto* const pipe = popen(("{ " + command + "\n} 2>&1").c_str(), "r");
   if (pipe == nullptr) return "popen failed";
   char buffer[4096];
   for (std::size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, n);
   pclose(pipe);
   if (!out.empty() && out.back() != '\n') out += '\n';
   return out;
}

/// `...` stands for any text, `NNN` for a number that differs each time.
inline std::string pattern_of(std::string const& expected) {
   static std::regex const special(R"([.^$|()\[\]{}*+?\\])");
   auto text = std::regex_replace(expected, special, R"(\$&)");
   text = std::regex_replace(text, std::regex(R"((\\\.){3})"), R"([\s\S]*)");
   return std::regex_replace(text, std::regex("NNN"), "[0-9]+");
}

/// The page's console block that begins with `$ NAME`, without that line: what the program NAME says.
inline std::string words_of(std::string const& page, std::string const& name) {
   for (auto const& block : blocks_of(page, "console"))
      if (block.starts_with("$ " + name + "\n")) return block.substr(name.size() + 3);
   throw std::runtime_error(page + " does not run " + name);
}

/// The running program says what its page shows.
inline void expect_words(talker& program, std::string const& page, std::string const& name) {
   auto const expected = words_of(page, name);
   auto const got = program.said(pattern_of(expected));
   EXPECT_TRUE(std::regex_match(got, std::regex(pattern_of(expected)))) << page << "\n$ " << name << "\nexpected:\n"
                                                                        << expected << "got:\n"
                                                                        << got;
}

/// Types every `$ ` line of the page's console blocks, with the port of the running program, and compares what is
/// answered with the lines below. `\` at the end of a line goes on in the next. A line `name=$(...)` sets a variable
/// for the lines after it.
inline void expect_session(std::string const& page, std::uint16_t written, std::uint16_t port) {
   auto const here = [&](std::string text) {
      auto const from = "localhost:" + std::to_string(written);
      for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += 9)
         text.replace(at, from.size(), "localhost:" + std::to_string(port));
      return text;
   };
   auto const blocks = blocks_of(page, "console");
   EXPECT_FALSE(blocks.empty()) << page << " shows no session";
   for (auto const& block : blocks) {
      std::istringstream lines(block);
      std::string command, expected;
      auto const compare = [&] {
         if (command.empty()) return;
         static std::regex const assignment(R"(^([a-z_]+)=.*)");
         if (std::smatch found; expected.empty() && std::regex_match(command, found, assignment)) {
            auto value = output_of(here(command) + "\nprintf %s \"$" + found[1].str() + "\"");
            if (value.ends_with('\n')) value.pop_back();
            setenv(found[1].str().c_str(), value.c_str(), 1); // for the commands that follow
            return;
         }
         auto const got = output_of(here(command));
         EXPECT_TRUE(std::regex_match(got, std::regex(pattern_of(here(expected)))))
             << page << "\n$ " << command << "\nexpected:\n"
             << expected << "got:\n"
             << got;
      };
      for (std::string line; std::getline(lines, line);) {
         if (line.starts_with("$ ")) {
            compare();
            command = line.substr(2);
            expected.clear();
            while (command.ends_with("\\") && std::getline(lines, line)) command += "\n" + line;
         } else {
            expected += line + "\n";
         }
      }
      compare();
   }
}

} // namespace docs
