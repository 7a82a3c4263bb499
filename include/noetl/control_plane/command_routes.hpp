// control_plane/command_routes.hpp: /api/commands. Mount with command_service.
#pragma once

#include <utility>

#include <noetl/control_plane/command_service.hpp>
#include <noetl/http/route.hpp>

namespace noetl::control_plane {

inline awaitable<result<command_view>> show_command(command_service& commands, event_id id) {
   return commands.find(id);
}

inline awaitable<result<claim_reply>> claim_command(command_service& commands, event_id id,
                                                    http::body<claim_request> request) {
   return commands.claim(id, std::move(request.value.worker_id));
}

inline constexpr auto command_routes =
    http::under<"/api/commands">(
        http::get<"/{event_id}", show_command>.summary("Show a command by the id of its command.issued event"),
        http::post<"/{event_id}/claim", claim_command>.summary("Claim a command for one worker"))
        .tag("commands");

} // namespace noetl::control_plane
