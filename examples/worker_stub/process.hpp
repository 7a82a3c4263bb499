// process.hpp: runs a program with its output caught, a time limit, and its whole process group killed when that is
// over.
#pragma once

#include <chrono>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace stub {

struct process_request {
   std::vector<std::string> command;                               ///< program, looked up in PATH, and arguments
   std::string input{};                                            ///< standard input; empty: none
   std::string folder{};                                           ///< empty: ours
   std::vector<std::pair<std::string, std::string>> environment{}; ///< on top of ours
   std::set<std::string> withheld{};                               ///< variables of ours that it does not inherit
   std::chrono::milliseconds timeout = std::chrono::minutes(5);
   bool result_channel = false; ///< catch descriptor 3, too
};

struct process_outcome {
   bool started = false;
   std::string problem{}; ///< why it was not started
   int exit_code = -1;    ///< 128 + signal when killed
   bool timed_out = false;
   std::string out{}, error{}, result{}; ///< out and error are cut at 1 MiB
   std::chrono::milliseconds duration{};
};

/// Blocks until the program has ended. Thread-safe.
process_outcome run_process(process_request const& request);

/// Kills what run_process still runs, from any thread.
void kill_all_processes();

} // namespace stub
