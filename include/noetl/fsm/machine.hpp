// fsm/machine.hpp: one transition of a stored state, decided by a Boost.MSM machine. This header only declares it, so
// that whoever asks needs no Boost; exactly one source file of a program defines it with fsm/msm.hpp:
//
//    #include <noetl/fsm/msm.hpp>
//    template class noetl::fsm::machine<subscription_lifecycle>;
#pragma once

#include <cstdint>
#include <string_view>

#include <noetl/fsm/table.hpp>

namespace noetl::fsm {

/// What became of an action.
enum class verdict : std::uint8_t {
   moved,          ///< allowed; `to` is the state now (it may be the same one)
   refused,        ///< not allowed from this state
   unknown_state,  ///< the life cycle has no state of that name
   unknown_action, ///< the life cycle has no action of that name
};

constexpr std::string_view to_text(verdict what) noexcept {
   switch (what) {
   case verdict::moved: return "moved";
   case verdict::refused: return "refused";
   case verdict::unknown_state: return "unknown_state";
   case verdict::unknown_action: return "unknown_action";
   }
   return "unknown";
}

/// The answer of a machine. Views live as long as the program.
struct outcome {
   verdict what = verdict::refused;
   std::string_view to{};         ///< the state afterwards; empty unless moved
   std::string_view event_type{}; ///< what records the transition; empty unless moved
   friend constexpr bool operator==(outcome const&, outcome const&) = default;
};

/// The machine of a life cycle. It keeps nothing between two calls: the state comes from storage and goes back there.
template <class Lifecycle>
class machine {
public:
   /// Puts the machine into the stored state and does the action. Thread-safe; allocates nothing that outlives the
   /// call.
   [[nodiscard]] static outcome run(std::string_view stored_state, std::string_view action);
};

} // namespace noetl::fsm
