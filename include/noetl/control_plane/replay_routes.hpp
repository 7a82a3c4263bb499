// control_plane/replay_routes.hpp: /api/replay. Mount with replay_service.
#pragma once

#include <utility>

#include <noetl/control_plane/replay.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

inline awaitable<result<replay_state>> replay(replay_service& replays, http::query<replay_query> wish) {
   return replays.state(std::move(wish.value));
}

inline constexpr auto replay_routes =
    http::under<"/api/replay">(
        http::get<"/state", replay>.summary("Fold the log of an execution up to an event or a time"))
        .tag("replay");

} // namespace noetl::control_plane
