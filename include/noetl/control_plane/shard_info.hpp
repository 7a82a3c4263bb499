// control_plane/shard_info.hpp: GET /api/runtime/shard-info, which shard an execution belongs to (http-execution.md
// 4.3). Mount with shard_identity.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <noetl/core/json_text.hpp>
#include <noetl/core/number_text.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/shard.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/http/message.hpp>
#include <noetl/http/route.hpp>
#include <noetl/reflect/json_write.hpp>

namespace noetl::control_plane {

/// What this replica was told of its place. Echoed only: nothing is routed by it.
struct shard_identity {
   std::uint32_t shard_index = 0;
   std::uint32_t shard_count = 1;
};

struct shard_question {
   std::string execution_id;
   std::uint32_t shard_count = 0;
};

struct shard_answer {
   noetl::execution_id execution_id;
   std::uint32_t shard_count = 1;
   std::uint32_t shard_index = 0;
   std::string source = "noetl-server"; // the gateway compares this text and the next two with its own
   std::string hash_function = "twox_hash::XxHash64";
   std::int32_t seed = 0;
   shard_identity server_config;
};

/// Refusals of this route have no member `status` (2.3).
inline result<http::response> show_shard(shard_identity& self, http::query<shard_question> asked) {
   auto const refuse = [](std::string const& why) -> http::response {
      http::response out{.status = 400};
      out.body = R"({"error":)";
      append_json_string(out.body, why);
      out.body += '}';
      return out;
   };
   auto const id = parse_number<std::int64_t>(asked->execution_id);
   if (!id) return refuse("execution_id \"" + asked->execution_id + "\" is not a valid i64");
   if (asked->shard_count < 1) return refuse("shard_count must be >= 1");
   if (asked->shard_count > 1024)
      return refuse("shard_count " + std::to_string(asked->shard_count) + " exceeds practical maximum 1024");
   shard_answer answer;
   answer.execution_id = execution_id{*id};
   answer.shard_count = asked->shard_count;
   answer.shard_index = shard_for(answer.execution_id, asked->shard_count);
   answer.server_config = self;
   http::response out;
   append_json(out.body, answer);
   return out;
}

inline constexpr auto shard_routes =
    http::under<"/api/runtime">(http::get<"/shard-info", show_shard>.summary("Which shard an execution belongs to"))
        .tag("operation");

} // namespace noetl::control_plane
