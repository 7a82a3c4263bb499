// fsm/msm.hpp: lowers the rows of a life cycle to a Boost.MSM machine and defines machine<Lifecycle>::run with it. The
// only header that includes Boost.MSM: seconds to compile, so one source file of a program includes it (see
// fsm/machine.hpp). Source: Boost.MSM manual, "Basic front-end", "Back-end: serialization", "Reading the current
// state".
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <boost/mpl/push_back.hpp>
#include <boost/mpl/vector.hpp>
#include <boost/msm/back/state_machine.hpp>
#include <boost/msm/front/functor_row.hpp>
#include <boost/msm/front/state_machine_def.hpp>
#include <boost/msm/front/states.hpp>

#include <noetl/fsm/machine.hpp>

namespace noetl::fsm {
namespace detail {

// A state and an action of the table as MSM wants them: types of its own kind, told apart by the table's types.
template <class State>
struct msm_state : boost::msm::front::state<> {};
template <class Action>
struct msm_event {};

template <class Row>
struct msm_row;
template <class From, class Action, class To>
struct msm_row<row<From, Action, To>> {
   using type = boost::msm::front::Row<msm_state<From>, msm_event<Action>, msm_state<To>, boost::msm::front::none,
                                       boost::msm::front::none>;
};

// push_back instead of vector<...>: the number of rows has no limit then.
template <class Rows, class Vector = boost::mpl::vector<>>
struct msm_table {
   using type = Vector;
};
template <class First, class... More, class Vector>
struct msm_table<list<First, More...>, Vector>
    : msm_table<list<More...>, typename boost::mpl::push_back<Vector, typename msm_row<First>::type>::type> {};

template <class Lifecycle>
struct msm_definition : boost::msm::front::state_machine_def<msm_definition<Lifecycle>> {
   // No action of ours throws, and none sends further events: the machine needs neither.
   using no_exception_thrown = int;
   using no_message_queue = int;
   using initial_state = msm_state<typename Lifecycle::initial_state>;
   using transition_table = typename msm_table<typename Lifecycle::rows>::type;

   // MSM asserts by default; a refusal is an answer here.
   template <class Machine, class Event>
   void no_transition(Event const&, Machine&, int) {}
};

/// MSM's way to bring a stored state back is serialisation. This archive sets the number of the current state, which is
/// the machine's only array, and leaves the rest (history, flags) as it is in a new machine.
class state_loader {
public:
   explicit state_loader(int state) : state_(state) {}
   template <std::size_t Regions>
   state_loader& operator&(int (&states)[Regions]) {
      static_assert(Regions == 1, "noetl: a life cycle has one region");
      states[0] = state_;
      return *this;
   }
   template <class Other>
   state_loader& operator&(Other&) {
      return *this;
   }

private:
   int state_;
};

template <class Lifecycle>
struct msm_machine {
   using backend = boost::msm::back::state_machine<msm_definition<Lifecycle>>;

   // MSM numbers the states in an order of its own.
   template <class State>
   static int number() {
      return boost::msm::back::get_state_id<typename backend::stt, msm_state<State>>::type::value;
   }
   struct known_state {
      std::string_view name;
      int number;
   };
   template <class... From, class... Action, class... To>
   static auto known_states(list<row<From, Action, To>...>) {
      return std::array{known_state{From::name, number<From>()}..., known_state{To::name, number<To>()}...};
   }
   template <class... From, class... Action, class... To>
   static bool fire(backend& machine, std::string_view action, list<row<From, Action, To>...>) {
      bool handled = false;
      // The same action stands in several rows: the first that bears the name answers.
      static_cast<void>(
          ((action == words_of<Action>::name &&
            (handled = machine.process_event(msm_event<Action>{}) == boost::msm::back::HANDLED_TRUE, true)) ||
           ...));
      return handled;
   }
};

} // namespace detail

template <class Lifecycle>
outcome machine<Lifecycle>::run(std::string_view stored_state, std::string_view action) {
   using msm = detail::msm_machine<Lifecycle>;
   using rows = typename Lifecycle::rows;
   auto const* const known_action = Lifecycle::find_action(action);
   if (known_action == nullptr) return {verdict::unknown_action, {}, {}};
   static auto const states = msm::known_states(rows{});
   int number = -1;
   for (auto const& one : states)
      if (one.name == stored_state) number = one.number;
   if (number < 0) return {verdict::unknown_state, {}, {}};

   typename msm::backend machine;
   detail::state_loader loader(number);
   machine.serialize(loader, 0);
   if (!msm::fire(machine, action, rows{})) return {verdict::refused, {}, {}};
   for (auto const& one : states)
      if (one.number == machine.current_state()[0]) return {verdict::moved, one.name, known_action->event_type};
   return {verdict::refused, {}, {}};
}

} // namespace noetl::fsm
