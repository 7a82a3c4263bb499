// faults.cpp: reads fault texts and counts what happened.
#include "faults.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>
#include <string_view>

#include <unistd.h>

#include "options.hpp"

namespace stub {

namespace {
constexpr std::array<std::string_view, 19> names{"die-before-claim",
                                                 "die-after-claim",
                                                 "die-after-started",
                                                 "die-after-call",
                                                 "die-before-completed",
                                                 "claim-twice",
                                                 "claim-other",
                                                 "dup-event",
                                                 "dup-event-new-id",
                                                 "reorder",
                                                 "late",
                                                 "drop-ack",
                                                 "slow",
                                                 "hang",
                                                 "error",
                                                 "raise",
                                                 "oversize",
                                                 "put-fail",
                                                 "bad-event"};

bool number(std::string_view text, long long& out) {
   auto const [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
   return failed == std::errc{} && end == text.data() + text.size() && !text.empty();
}
} // namespace

faults::faults(std::vector<std::string> const& texts, std::optional<std::uint64_t> seed)
    : random_(seed ? *seed : std::random_device{}()) {
   for (std::string_view rest : texts) {
      auto const refuse = [text = std::string(rest)] {
         throw std::invalid_argument("--fault " + text + ": not NAME[=VALUE][%CHANCE][@STEP][xN]");
      };
      fault one;
      if (auto const x = rest.rfind('x'); x != rest.npos && x > 0 && number(rest.substr(x + 1), one.left))
         rest = rest.substr(0, x);
      if (auto const at = rest.find('@'); at != rest.npos) {
         one.step = rest.substr(at + 1);
         rest = rest.substr(0, at);
      }
      if (auto const percent = rest.find('%'); percent != rest.npos) {
         if (!number(rest.substr(percent + 1), one.chance) || one.chance < 0 || one.chance > 100) refuse();
         rest = rest.substr(0, percent);
      }
      if (auto const equals = rest.find('='); equals != rest.npos) {
         if (!number(rest.substr(equals + 1), one.value)) refuse();
         rest = rest.substr(0, equals);
      }
      one.name = rest;
      if (one.name != "clock" && std::find(names.begin(), names.end(), rest) == names.end()) refuse();
      all_.push_back(std::move(one));
   }
}

std::optional<long long> faults::hit(std::string const& name, std::string const& step) {
   for (auto& one : all_) {
      if (one.name != name || one.left == 0 || (!one.step.empty() && one.step != step)) continue;
      if (one.chance < 100 && static_cast<long long>(random_() % 100) >= one.chance) continue;
      if (one.left > 0) --one.left;
      return one.value;
   }
   return std::nullopt;
}

void faults::die(std::string const& name, std::string const& step) {
   if (hit(name, step)) _exit(exit_killed);
}

long long faults::constant(std::string const& name) const {
   auto const found = std::find_if(all_.begin(), all_.end(), [&](fault const& one) { return one.name == name; });
   return found == all_.end() ? 0 : found->value;
}

} // namespace stub
