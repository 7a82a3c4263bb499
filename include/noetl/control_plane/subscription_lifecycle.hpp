// control_plane/subscription_lifecycle.hpp: the life of a subscription, the only place where its states, actions and
// transitions are written (http-platform.md section 8.1). Knows fsm/table.hpp only.
#pragma once

#include <noetl/core/strong.hpp>
#include <noetl/fsm/table.hpp>

namespace noetl::control_plane {

/// A subscription is an aggregate of its own, told from executions by its events only: both share one space of ids.
using subscription_id = strong<"subscription_id">;

// `pause` is a function of POSIX, so the words live in a namespace of their own.
namespace subscription {

struct registered : fsm::state<"REGISTERED"> {};
struct active : fsm::state<"ACTIVE"> {};
struct paused : fsm::state<"PAUSED"> {};
struct draining : fsm::state<"DRAINING"> {};
struct deactivated : fsm::state<"DEACTIVATED"> {};

struct activate : fsm::action<"activate", "subscription.activated"> {};
struct pause : fsm::action<"pause", "subscription.paused"> {};
struct resume : fsm::action<"resume", "subscription.resumed"> {};
struct drain : fsm::action<"drain", "subscription.draining"> {};
struct deactivate : fsm::action<"deactivate", "subscription.deactivated"> {};

// A type of its own and not an alias: what is made of it has a short name.
// clang-format off
struct lifecycle : fsm::lifecycle<fsm::starts<registered, "subscription.registered">,
   //        from                                                          action       to
   fsm::row< fsm::any_of<registered, active, paused, deactivated>,           activate,    active      >,
   fsm::row< fsm::any_of<active, paused>,                                    pause,       paused      >,
   fsm::row< fsm::any_of<active, paused>,                                    resume,      active      >,
   fsm::row< fsm::any_of<active, paused, draining>,                          drain,       draining    >,
   fsm::row< fsm::any_of<registered, active, paused, draining, deactivated>, deactivate,  deactivated >> {};
// clang-format on

static_assert(lifecycle::find("ACTIVE", "pause")->to == "PAUSED");

} // namespace subscription

using subscription_lifecycle = subscription::lifecycle;

} // namespace noetl::control_plane
