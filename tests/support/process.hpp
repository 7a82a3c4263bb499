// tests/support/process.hpp: a child process with an environment of its own, its output in a file.
#pragma once

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace noetl::test {

/// Started by the constructor, killed by the destructor when it still runs. Not thread-safe.
class process {
public:
   using variables = std::map<std::string, std::string>;

   /// The child sees PATH, HOME and TMPDIR of ours and `environment`, nothing else. Output is appended to `log`.
   process(std::vector<std::string> arguments, variables environment, std::filesystem::path log)
       : log_(std::move(log)) {
      for (auto const* name :
           {"PATH", "HOME", "TMPDIR", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"})
         if (auto const* value = std::getenv(name)) environment.emplace(name, value);
      std::vector<std::string> texts;
      for (auto const& [name, value] : environment) texts.push_back(name + "=" + value);
      auto argv = pointers(arguments);
      auto envp = pointers(texts);
      posix_spawn_file_actions_t actions;
      posix_spawn_file_actions_init(&actions);
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
      posix_spawn_file_actions_addopen(&actions, 1, log_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
      posix_spawn_file_actions_adddup2(&actions, 1, 2);
      posix_spawn_file_actions_addclosefrom_np(&actions, 3); // our sockets must end when we close them
      int const failed = posix_spawnp(&pid_, arguments.front().c_str(), &actions, nullptr, argv.data(), envp.data());
      posix_spawn_file_actions_destroy(&actions);
      if (failed != 0) throw std::runtime_error("cannot start " + arguments.front());
   }
   process(process const&) = delete;
   process& operator=(process const&) = delete;
   ~process() { kill(SIGKILL); }

   void send(int signal) const {
      if (pid_ > 0) ::kill(pid_, signal);
   }
   /// Sends and waits for the end.
   void kill(int signal = SIGKILL) {
      if (pid_ <= 0) return;
      ::kill(pid_, signal);
      wait();
   }
   /// Waits for the end. \return exit code, or 128 + signal
   int wait() {
      if (pid_ > 0) {
         int status = 0;
         while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
         }
         keep(status);
      }
      return exit_code_.value_or(-1);
   }
   /// \return the exit code when it ended within `limit`
   std::optional<int> wait_for(std::chrono::milliseconds limit) {
      auto const until = std::chrono::steady_clock::now() + limit;
      while (running()) {
         if (std::chrono::steady_clock::now() > until) return std::nullopt;
         std::this_thread::sleep_for(std::chrono::milliseconds{10});
      }
      return exit_code_;
   }
   [[nodiscard]] bool running() {
      if (pid_ <= 0) return false;
      int status = 0;
      if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
      keep(status);
      return false;
   }
   [[nodiscard]] pid_t pid() const noexcept { return pid_; }
   [[nodiscard]] std::string output() const {
      std::ifstream in(log_);
      std::ostringstream text;
      text << in.rdbuf();
      return text.str();
   }

private:
   static std::vector<char*> pointers(std::vector<std::string>& texts) {
      std::vector<char*> out;
      for (auto& text : texts) out.push_back(text.data());
      out.push_back(nullptr);
      return out;
   }
   void keep(int status) {
      exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      pid_ = 0;
   }

   std::filesystem::path log_;
   pid_t pid_ = 0;
   std::optional<int> exit_code_;
};

/// A folder that is removed at the end, unless NOETL_TEST_KEEP is set.
class temporary_folder {
public:
   temporary_folder() {
      std::string pattern = (std::filesystem::temp_directory_path() / "noetl-test-XXXXXX").string();
      if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
      path_ = pattern;
   }
   temporary_folder(temporary_folder const&) = delete;
   temporary_folder& operator=(temporary_folder const&) = delete;
   ~temporary_folder() {
      std::error_code ignored;
      if (std::getenv("NOETL_TEST_KEEP") == nullptr) std::filesystem::remove_all(path_, ignored);
   }
   [[nodiscard]] std::filesystem::path const& path() const noexcept { return path_; }

private:
   std::filesystem::path path_;
};

} // namespace noetl::test
