// core/log_spdlog.hpp: sends log lines through spdlog (files, rotation, asynchronous queues are its matter).
// The only header that knows spdlog; a program's main file includes it.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <noetl/core/log.hpp>

namespace noetl::log {

namespace detail {

inline spdlog::level::level_enum to_spdlog(level l) noexcept {
   switch (l) {
   case level::debug: return spdlog::level::debug;
   case level::info: return spdlog::level::info;
   case level::warn: return spdlog::level::warn;
   case level::error: return spdlog::level::err;
   case level::off: return spdlog::level::off;
   }
   return spdlog::level::off;
}

} // namespace detail

/// A sink that hands finished lines to `logger`. The logger's own level and pattern are set so that it changes nothing;
/// warnings and errors are flushed.
inline sink spdlog_sink(std::shared_ptr<spdlog::logger> logger, format how) {
   logger->set_level(spdlog::level::trace);
   logger->set_pattern("%v");
   logger->flush_on(spdlog::level::warn);
   return [logger = std::move(logger), how](record const& line) {
      std::string text;
      append_line(text, line, how);
      logger->log(detail::to_spdlog(line.severity), text);
   };
}

/// Installs spdlog on stderr for the whole program.
inline void use_spdlog(format how, level lowest) {
   set_level(lowest);
   set_sink(
       spdlog_sink(std::make_shared<spdlog::logger>("noetl", std::make_shared<spdlog::sinks::stderr_sink_mt>()), how));
}

} // namespace noetl::log
