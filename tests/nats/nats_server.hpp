// tests/nats/nats_server.hpp: a private nats-server process for tests that start, stop and restart it.
#pragma once

#include <csignal>
#include <filesystem>
#include <fstream>
#include <spawn.h>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "support/free_port.hpp"

namespace noetl::test {

/// nats-server with JetStream in a folder of its own; the folder and the port stay over restarts.
class nats_server {
public:
   explicit nats_server(std::vector<std::string> extra = {}) : extra_(std::move(extra)) {
      std::string pattern = (std::filesystem::temp_directory_path() / "noetl-nats-XXXXXX").string();
      if (!mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
      folder_ = pattern;
   }
   nats_server(nats_server const&) = delete;
   nats_server& operator=(nats_server const&) = delete;
   ~nats_server() {
      stop();
      std::error_code ignored;
      std::filesystem::remove_all(folder_, ignored);
   }

   void start() {
      std::vector<std::string> arguments{"nats-server", "-a",  "127.0.0.1", "-p", std::to_string(port_),
                                         "-js",         "-sd", folder_,     "-l", folder_ + "/log"};
      arguments.insert(arguments.end(), extra_.begin(), extra_.end());
      std::vector<char*> raw;
      for (auto& argument : arguments) raw.push_back(argument.data());
      raw.push_back(nullptr);
      setenv("PATH", (std::string(getenv("PATH")) + ":/usr/sbin:/usr/local/bin").c_str(), 1);
      if (posix_spawnp(&pid_, "nats-server", nullptr, nullptr, raw.data(), environ) != 0)
         throw std::runtime_error("nats-server cannot be started");
   }
   void stop(int signal = SIGKILL) {
      if (pid_ <= 0) return;
      kill(pid_, signal);
      waitpid(pid_, nullptr, 0);
      pid_ = 0;
   }
   /// Returns when the process stands still: SIGSTOP alone lets its threads run on for a moment.
   void pause() {
      kill(pid_, SIGSTOP);
      int status = 0;
      if (waitpid(pid_, &status, WUNTRACED) != pid_ || !WIFSTOPPED(status))
         throw std::runtime_error("nats-server did not stop");
   }
   void resume() { kill(pid_, SIGCONT); }
   void arguments(std::vector<std::string> extra) { extra_ = std::move(extra); }
   /// Everything stored is gone at the next start.
   void wipe() { std::filesystem::remove_all(std::filesystem::path(folder_) / "jetstream"); }

   [[nodiscard]] std::string url(std::string const& user_info = {}) const {
      return "nats://" + user_info + "127.0.0.1:" + std::to_string(port_);
   }

private:
   std::vector<std::string> extra_;
   std::string folder_;
   int port_ = free_port();
   pid_t pid_ = 0;
};

} // namespace noetl::test
