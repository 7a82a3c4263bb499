// process.cpp: posix_spawn, poll and kill.
#include "process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iterator>
#include <mutex>
#include <set>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace stub {

namespace {

constexpr std::size_t output_limit = std::size_t{1} << 20U;

std::mutex running_mutex;
std::set<pid_t> running;

/// A pipe whose ends stay out of the way of descriptors 0 to 3 and are not inherited by accident.
struct pipe_pair {
   int read = -1;
   int write = -1;

   pipe_pair() {
      std::array<int, 2> ends{};
      if (pipe2(ends.data(), O_CLOEXEC) != 0) return;
      read = fcntl(ends[0], F_DUPFD_CLOEXEC, 10);
      write = fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
      close(ends[0]);
      close(ends[1]);
   }
   pipe_pair(pipe_pair const&) = delete;
   pipe_pair& operator=(pipe_pair const&) = delete;
   ~pipe_pair() {
      end(read);
      end(write);
   }
   static void end(int& fd) {
      if (fd >= 0) close(fd);
      fd = -1;
   }
};

/// Reads what is there. \return false at the end of the stream
bool take(int fd, std::string& into, std::size_t limit) {
   std::array<char, 65536> buffer{};
   auto const count = read(fd, buffer.data(), buffer.size());
   if (count < 0) return errno == EINTR || errno == EAGAIN;
   auto const room = limit - std::min(limit, into.size());
   into.append(buffer.data(), std::min(static_cast<std::size_t>(count), room));
   return count > 0;
}

struct spawn_actions {
   posix_spawn_file_actions_t files{};
   posix_spawnattr_t attributes{};
   spawn_actions() {
      posix_spawn_file_actions_init(&files);
      posix_spawnattr_init(&attributes);
   }
   spawn_actions(spawn_actions const&) = delete;
   spawn_actions& operator=(spawn_actions const&) = delete;
   ~spawn_actions() {
      posix_spawn_file_actions_destroy(&files);
      posix_spawnattr_destroy(&attributes);
   }
};

int spawn(process_request const& request, pipe_pair& in, pipe_pair& out, pipe_pair& err, pipe_pair& result,
          pid_t& pid) {
   spawn_actions how;
   if (request.input.empty())
      posix_spawn_file_actions_addopen(&how.files, 0, "/dev/null", O_RDONLY, 0);
   else
      posix_spawn_file_actions_adddup2(&how.files, in.read, 0);
   posix_spawn_file_actions_adddup2(&how.files, out.write, 1);
   posix_spawn_file_actions_adddup2(&how.files, err.write, 2);
   if (request.result_channel) posix_spawn_file_actions_adddup2(&how.files, result.write, 3);
   if (!request.folder.empty()) posix_spawn_file_actions_addchdir_np(&how.files, request.folder.c_str());

   // A process group of its own, and the signals that the worker handles or blocks back to normal.
   sigset_t none;
   sigset_t normal;
   sigemptyset(&none);
   sigemptyset(&normal);
   for (int const signal : {SIGTERM, SIGINT, SIGPIPE}) sigaddset(&normal, signal);
   posix_spawnattr_setsigmask(&how.attributes, &none);
   posix_spawnattr_setsigdefault(&how.attributes, &normal);
   posix_spawnattr_setpgroup(&how.attributes, 0);
   posix_spawnattr_setflags(&how.attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

   std::vector<std::string> arguments = request.command;
   std::vector<char*> argv;
   for (auto& argument : arguments) argv.push_back(argument.data());
   argv.push_back(nullptr);
   std::vector<std::string> own;
   for (auto const& [name, value] : request.environment) own.push_back(name + "=" + value);
   std::vector<char*> envp;
   for (char** inherited = environ; *inherited != nullptr; ++inherited) {
      std::string_view const entry = *inherited;
      auto const replaced = std::any_of(request.environment.begin(), request.environment.end(), [&](auto const& one) {
         return entry.starts_with(one.first) && entry.substr(one.first.size()).starts_with('=');
      });
      // What a step prints is readable in the log of its execution.
      static constexpr std::string_view kept_back[]{
          "NOETL_INTERNAL_API_TOKEN=", "NATS_PASSWORD=", "NATS_URL=",    "NOETL_NATS_URL=",    "NOETL_ENCRYPTION_KEY",
          "NOETL_CLUSTER_DSN=",        "NOETL_SHARDS=",  "VAULT_TOKEN=", "POSTGRES_PASSWORD=", "PGPASSWORD="};
      bool const secret = std::any_of(std::begin(kept_back), std::end(kept_back),
                                      [&](std::string_view name) { return entry.starts_with(name); }) ||
                          request.withheld.contains(std::string(entry.substr(0, entry.find('='))));
      if (!replaced && !secret) envp.push_back(*inherited);
   }
   for (auto& entry : own) envp.push_back(entry.data());
   envp.push_back(nullptr);
   return posix_spawnp(&pid, argv[0], &how.files, &how.attributes, argv.data(), envp.data());
}

} // namespace

process_outcome run_process(process_request const& request) {
   using clock = std::chrono::steady_clock;
   process_outcome outcome;
   pipe_pair in;
   pipe_pair out;
   pipe_pair err;
   pipe_pair result;
   auto const begin = clock::now();
   auto const end = begin + request.timeout;
   pid_t pid = 0;
   if (auto const failed = spawn(request, in, out, err, result, pid); failed != 0) {
      outcome.problem = request.command.front() + " cannot be started: " + std::strerror(failed);
      return outcome;
   }
   outcome.started = true;
   {
      std::lock_guard lock(running_mutex);
      running.insert(pid);
   }
   pipe_pair::end(in.read);
   pipe_pair::end(out.write);
   pipe_pair::end(err.write);
   pipe_pair::end(result.write);
   if (request.input.empty())
      pipe_pair::end(in.write);
   else
      fcntl(in.write, F_SETFL, O_NONBLOCK);

   std::size_t written = 0;
   while (out.read >= 0 || err.read >= 0 || result.read >= 0) {
      auto const left = std::chrono::ceil<std::chrono::milliseconds>(end - clock::now());
      if (left.count() <= 0) {
         outcome.timed_out = true;
         break;
      }
      std::array<pollfd, 4> watched{pollfd{out.read, POLLIN, 0}, pollfd{err.read, POLLIN, 0},
                                    pollfd{result.read, POLLIN, 0}, pollfd{in.write, POLLOUT, 0}};
      if (poll(watched.data(), watched.size(), static_cast<int>(std::min<long long>(left.count(), 60'000))) <= 0)
         continue;
      if (watched[0].revents && !take(out.read, outcome.out, output_limit)) pipe_pair::end(out.read);
      if (watched[1].revents && !take(err.read, outcome.error, output_limit)) pipe_pair::end(err.read);
      if (watched[2].revents && !take(result.read, outcome.result, 64 * output_limit)) pipe_pair::end(result.read);
      if (watched[3].revents) {
         auto const count = write(in.write, request.input.data() + written, request.input.size() - written);
         if (count > 0) written += static_cast<std::size_t>(count);
         if (written == request.input.size() || (count < 0 && errno != EAGAIN && errno != EINTR))
            pipe_pair::end(in.write);
      }
   }
   // Output closed does not mean ended: a program may go on in silence until its time is over.
   int status = 0;
   while (!outcome.timed_out && waitpid(pid, &status, WNOHANG) == 0) {
      if (clock::now() >= end)
         outcome.timed_out = true;
      else
         usleep(1000);
   }
   kill(-pid, SIGKILL); // the rest of the group, too
   if (outcome.timed_out) waitpid(pid, &status, 0);
   {
      std::lock_guard lock(running_mutex);
      running.erase(pid);
   }
   outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
   outcome.duration = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - begin);
   return outcome;
}

void kill_all_processes() {
   std::lock_guard lock(running_mutex);
   for (auto const pid : running) kill(-pid, SIGKILL);
}

} // namespace stub
