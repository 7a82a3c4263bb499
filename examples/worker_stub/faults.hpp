// faults.hpp: misbehaviour on demand, to test what a server makes of it (spec worker-protocol.md 18.4).
//
//   die-before-claim die-after-claim die-after-started die-after-call die-before-completed   exit 137 at that point
//   claim-twice claim-other        the claim is repeated, with the same or another worker id
//   dup-event dup-event-new-id     events are posted twice; command.completed twice with different ids
//   reorder                        command.completed before call.done
//   late=MS                        waits between the tool and its report
//   drop-ack                       the notification is never acknowledged
//   slow=MS hang                   the tool takes longer, or never ends
//   error raise                    the tool reports an error, or raises one
//   oversize=BYTES put-fail        a large result; storing it is skipped as if it had failed
//   bad-event                      command.started is sent with wrong types
//   clock=MS                       times and ids are shifted
//
// NAME[=VALUE][%CHANCE][@STEP][xN]: with a chance of so many percent, at that step only, N times at most.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace stub {

struct fault {
   std::string name;
   long long value = 0;
   std::string step;       ///< empty: any step
   long long left = -1;    ///< times it still happens; -1: always
   long long chance = 100; ///< percent
};

/// Not thread-safe.
class faults {
public:
   /// \param seed  the same seed, the same chances; none: others each time
   /// \throws std::invalid_argument with a sentence when a text is no fault
   explicit faults(std::vector<std::string> const& texts, std::optional<std::uint64_t> seed = {});

   /// Whether the fault happens now at this step; counts it.
   std::optional<long long> hit(std::string const& name, std::string const& step);
   /// Ends the process as a kill would, when the fault happens now.
   void die(std::string const& name, std::string const& step);
   /// Value of a fault that holds all the time (clock), 0 when absent.
   [[nodiscard]] long long constant(std::string const& name) const;

private:
   std::vector<fault> all_;
   std::mt19937_64 random_;
};

} // namespace stub
