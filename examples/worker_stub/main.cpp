// main.cpp: signals, the io_context, the exit code.
#include <csignal>
#include <cstdio>
#include <exception>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <unistd.h>

#include "faults.hpp"
#include "options.hpp"
#include "process.hpp"
#include "worker.hpp"

namespace asio = boost::asio;

int main(int argc, char** argv) {
   int code = stub::exit_normal;
   auto const options = stub::read_options(argc, argv, code);
   if (!options) return code;
   std::signal(SIGPIPE, SIG_IGN);
   try {
      stub::faults misbehaviour(options->faults, options->seed);
      asio::io_context io(1);
      stub::worker worker(io, *options, std::move(misbehaviour));

      // The first signal: no more pulling, work in hand may end. The second one, or the end of patience: over at once.
      asio::signal_set signals(io, SIGTERM, SIGINT);
      asio::steady_timer patience(io);
      auto const give_up = [] {
         stub::kill_all_processes();
         std::fputs("worker.gave_up work in hand is abandoned\n", stderr);
         _exit(stub::exit_failure);
      };
      signals.async_wait([&](boost::system::error_code failed, int) {
         if (failed) return;
         worker.stop();
         patience.expires_after(std::chrono::seconds(options->drain_seconds));
         patience.async_wait([give_up](boost::system::error_code cancelled) {
            if (!cancelled) give_up();
         });
         signals.async_wait([give_up](boost::system::error_code cancelled, int) {
            if (!cancelled) give_up();
         });
      });

      std::exception_ptr failed;
      asio::co_spawn(io, worker.run(), [&](std::exception_ptr thrown, int result) {
         failed = thrown;
         code = result;
         io.stop();
      });
      io.run();
      if (failed) std::rethrow_exception(failed);
      return code;
   } catch (std::invalid_argument const& e) {
      std::fprintf(stderr, "noetl-worker-stub: %s\n", e.what());
      return stub::exit_usage;
   } catch (std::exception const& e) {
      std::fprintf(stderr, "noetl-worker-stub: %s\n", e.what());
      return stub::exit_failure;
   }
}
