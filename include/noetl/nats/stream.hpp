// nats/stream.hpp: makes sure that a JetStream stream captures the subjects we publish to.
// Knows core and nats/connection.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <noetl/core/result.hpp>
#include <noetl/nats/connection.hpp>
#include <noetl/nats/detail/jetstream_api.hpp>
#include <noetl/nats/subject.hpp>

namespace noetl::nats {

/// What a stream should be. Created with limits retention, discarding the oldest, one replica.
struct stream_settings {
   std::string name;
   std::vector<std::string> subjects;
   std::chrono::seconds max_age{0}; ///< 0: no limit
   std::chrono::seconds dedup_window{120};
   std::string storage = "file"; ///< file or memory
};

/// The stream of command notifications (spec http-execution.md section 8).
inline stream_settings command_stream() {
   using namespace std::chrono_literals;
   return {.name = "noetl_commands", .subjects = {"noetl.commands", "noetl.commands.>"}, .max_age = 3600s};
}

/// The stream of committed events.
inline stream_settings event_stream() {
   return {.name = "noetl_events", .subjects = {"noetl.events.>"}};
}

enum class stream_outcome { found, created, widened };

constexpr std::string_view to_text(stream_outcome outcome) noexcept {
   return outcome == stream_outcome::found ? "found" : outcome == stream_outcome::created ? "created" : "widened";
}

struct stream_report {
   std::string name; ///< the stream to use; another one than asked for when that already captures the subjects
   stream_outcome outcome = stream_outcome::found;
   std::string created{};                  ///< when, as the server says it: another stream of the name has another time
   std::vector<std::string> differences{}; ///< sentences: how it differs from what was asked for; none of them is fatal
};

namespace detail {

struct found_stream {
   std::string name;
   tao::json::value config;
   std::string created{};

   [[nodiscard]] std::vector<std::string> subjects() const {
      std::vector<std::string> out;
      if (auto const* list = member_of(config, "subjects"); list && list->is_array())
         for (auto const& subject : list->get_array())
            if (subject.is_string_type()) out.push_back(subject.as<std::string>());
      return out;
   }
   [[nodiscard]] bool captures(std::string const& wanted) const {
      auto const own = subjects();
      return std::any_of(own.begin(), own.end(), [&](auto const& subject) { return covers(subject, wanted); });
   }
   [[nodiscard]] bool touches(std::vector<std::string> const& wanted) const {
      for (auto const& mine : subjects())
         for (auto const& theirs : wanted)
            if (overlap(mine, theirs)) return true;
      return false;
   }
   [[nodiscard]] std::vector<std::string> missing(std::vector<std::string> const& wanted) const {
      std::vector<std::string> out;
      for (auto const& subject : wanted)
         if (!captures(subject)) out.push_back(subject);
      return out;
   }
};

/// All streams of the account that bear the name or share a subject with the wish; the named one first.
inline result<std::vector<found_stream>> related_streams(connection& over, stream_settings const& wish,
                                                         std::chrono::milliseconds timeout) {
   std::vector<found_stream> out;
   for (std::int64_t offset = 0;;) {
      auto const page = api_request(over, "$JS.API.STREAM.LIST", {{"offset", offset}}, timeout);
      if (!page) return page.error();
      if (!page->ok()) return page->as_error("list of streams");
      auto const* list = member_of(page->body, "streams");
      auto const size = list && list->is_array() ? list->get_array().size() : 0;
      for (std::size_t i = 0; i < size; ++i) {
         auto const& info = list->get_array()[i];
         auto const* config = member_of(info, "config");
         if (config == nullptr) return incomplete_answer("$JS.API.STREAM.LIST");
         found_stream one{text_of(*config, "name"), *config, text_of(info, "created")};
         if (one.name == wish.name)
            out.insert(out.begin(), std::move(one));
         else if (one.touches(wish.subjects))
            out.push_back(std::move(one));
      }
      offset += static_cast<std::int64_t>(size);
      if (size == 0 || offset >= number_of(page->body, "total")) return out;
   }
}

inline tao::json::value config_of(stream_settings const& wish) {
   tao::json::value subjects = tao::json::empty_array;
   for (auto const& subject : wish.subjects) subjects.get_array().emplace_back(subject);
   auto const ns = [](std::chrono::seconds s) {
      return std::chrono::duration_cast<std::chrono::nanoseconds>(s).count();
   };
   return {{"name", wish.name},
           {"subjects", subjects},
           {"retention", "limits"},
           {"discard", "old"},
           {"storage", wish.storage},
           {"num_replicas", 1},
           {"max_age", ns(wish.max_age)},
           {"max_msgs", -1},
           {"max_bytes", -1},
           {"max_consumers", -1},
           {"duplicate_window", ns(wish.dedup_window)}};
}

/// One sentence for each setting that is not as wished.
inline std::vector<std::string> differences(found_stream const& have, stream_settings const& wish) {
   std::vector<std::string> out;
   auto const say = [&](std::string const& what, std::string const& is, std::string const& wanted) {
      if (is != wanted) out.push_back("stream " + have.name + ": " + what + " is " + is + ", expected " + wanted);
   };
   auto const seconds = [&](std::string const& key) {
      auto const milliseconds = number_of(have.config, key) / 1'000'000;
      if (milliseconds == 0) return std::string("unlimited");
      return milliseconds % 1000 ? std::to_string(milliseconds) + " ms" : std::to_string(milliseconds / 1000) + " s";
   };
   auto const wanted = [](std::chrono::seconds s) {
      return s.count() == 0 ? std::string("unlimited") : std::to_string(s.count()) + " s";
   };
   if (have.name != wish.name) out.push_back("stream " + have.name + " captures the subjects instead of " + wish.name);
   say("max_age", seconds("max_age"), wanted(wish.max_age));
   say("duplicate_window", seconds("duplicate_window"), wanted(wish.dedup_window));
   say("storage", text_of(have.config, "storage"), wish.storage);
   say("retention", text_of(have.config, "retention"), "limits");
   say("discard", text_of(have.config, "discard"), "old");
   return out;
}

/// Adds `missing` to the subjects of a stream; subjects that the new ones cover go, the server allows no overlap.
inline result<api_answer> widen(connection& over, found_stream& stream, std::vector<std::string> const& missing,
                                std::chrono::milliseconds timeout) {
   auto config = stream.config;
   tao::json::value subjects = tao::json::empty_array;
   for (auto const& old : stream.subjects())
      if (std::none_of(missing.begin(), missing.end(), [&](auto const& added) { return covers(added, old); }))
         subjects.get_array().emplace_back(old);
   for (auto const& added : missing) subjects.get_array().emplace_back(added);
   config["subjects"] = subjects;
   auto answer = api_request(over, "$JS.API.STREAM.UPDATE." + stream.name, config, timeout);
   if (answer && answer->ok()) stream.config = config;
   return answer;
}

} // namespace detail

/// Creates the stream, or finds the one that captures its subjects and adds the subjects it lacks. A stream of another
/// name that already captures them is used (only one stream per account may capture a subject; both `noetl_commands`
/// and `NOETL_COMMANDS` exist in the field). Other settings of an existing stream are left alone and reported.
///
/// Safe to call from several processes at once and at every start.
/// \param timeout  of each request
/// \return unavailable: not connected or JetStream not running. upstream: some subject is captured by no stream and the
///    server refused to change that, or an odd answer
inline result<stream_report> ensure_stream(connection& over, stream_settings const& wish,
                                           std::chrono::milliseconds timeout = std::chrono::seconds(5)) {
   std::string refusal;
   for (int attempt = 0; attempt < 3; ++attempt) { // another process may create or widen between our two requests
      auto related = detail::related_streams(over, wish, timeout);
      if (!related) return related.error();
      if (related->empty()) {
         auto const made =
             detail::api_request(over, "$JS.API.STREAM.CREATE." + wish.name, detail::config_of(wish), timeout);
         if (!made) return made.error();
         if (made->ok())
            return stream_report{wish.name, stream_outcome::created, detail::text_of(made->body, "created")};
         refusal = made->description;
         continue;
      }
      // The one that lacks least; among equals the named one, which stands first.
      auto const best = std::min_element(related->begin(), related->end(), [&](auto const& a, auto const& b) {
         return a.missing(wish.subjects).size() < b.missing(wish.subjects).size();
      });
      stream_report report{.name = best->name, .created = best->created};
      auto missing = best->missing(wish.subjects);
      if (!missing.empty()) {
         auto const answer = detail::widen(over, *best, missing, timeout);
         if (!answer) return answer.error();
         if (answer->ok()) {
            report.outcome = stream_outcome::widened;
         } else {
            refusal = answer->description;
            std::erase_if(missing, [&](auto const& subject) {
               return std::any_of(related->begin(), related->end(),
                                  [&](auto const& one) { return one.captures(subject); });
            });
            if (!missing.empty()) continue;
            report.differences.push_back("stream " + best->name + ": the subjects are spread over several streams (" +
                                         refusal + ")");
         }
      }
      auto more = detail::differences(*best, wish);
      report.differences.insert(report.differences.end(), more.begin(), more.end());
      return report;
   }
   return fail(error_code::upstream, "NATS: no stream captures all of " + wish.name + "'s subjects: " + refusal);
}

} // namespace noetl::nats
