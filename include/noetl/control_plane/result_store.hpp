// control_plane/result_store.hpp: results that are too large for an event (noetl.result_store, http-execution.md
// section 16): stored by execution and name, found by the URI that the answer names. Knows pools; nothing of HTTP.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/core/result.hpp>
#include <noetl/core/result_uri.hpp>
#include <noetl/core/sha256.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/canonical_json.hpp>
#include <noetl/reflect/json_view.hpp>
#include <noetl/reflect/json_write.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

/// `data` is not copied: the request's body must live until the answer is there.
struct result_request {
   std::string name; ///< not empty; becomes part of the URI as it is
   json_view data;   ///< any JSON
   std::string scope = "execution";
   std::optional<std::string> source_step;
   using json_rules = rules<defaulted<"scope">>;
};

struct result_reply {
   std::string ref;
   std::string store = "db";
   std::string scope;
   std::uint64_t bytes = 0; ///< of the canonical JSON of the data
   std::string sha256;      ///< of the same
   std::optional<timestamp> expires_at{};
};

/// Keeps results on the shard of their execution (W20). Thread-safe. The memory of a call is the request's text, its
/// canonical form where that is another text, and the driver's copy.
class result_store {
public:
   explicit result_store(pg::shard_map& shards) : shards_(shards) {}

   /// Stores a result, or finds it: a repetition with the same content under the same name gets the same answer.
   /// Errors: validation (empty name, a text with a zero character), unavailable.
   awaitable<result<result_reply>> put(noetl::execution_id execution, result_request request) {
      if (request.name.empty()) co_return fail(error_code::validation, "name: must not be empty");
      auto work = [execution, request = std::move(request)](pg::connection& db) {
         return store(db, execution, request);
      };
      co_return co_await shards_.of(execution).run(std::move(work));
   }

   /// The canonical JSON of a stored result. Errors: not_found, unavailable.
   awaitable<result<std::string>> find(result_uri uri) {
      auto& pool = shards_.of(uri.execution_id);
      auto work = [uri = std::move(uri)](pg::connection& db) -> result<std::string> {
         std::string out;
         {
            auto const rows = db.exec("select data::text from noetl.result_store where result_id = $1 and execution_id "
                                      "= $2 and name = $3 and (expires_at is null or expires_at > now())",
                                      uri.result_id, uri.execution_id, uri.name);
            if (rows.empty()) return fail(error_code::not_found, "result not found");
            auto const text = rows.front().get<std::string_view>(0);
            out.reserve(text.size());
            append_canonical_json(out, text);
         }
         give_back(db, out.size());
         return out;
      };
      co_return co_await pool.run(std::move(work));
   }

private:
   /// The driver keeps buffers of the size of the largest message of its session.
   static constexpr std::size_t large = std::size_t{4} << 20U;
   static void give_back(pg::connection& db, std::size_t moved) {
      if (moved > large) db.retire();
   }

   // On a database thread: sorting and summing 64 MiB takes a while, and requests go on meanwhile.
   static result<result_reply> store(pg::connection& db, noetl::execution_id execution, result_request const& request) {
      std::string copy;
      std::string_view data = request.data.text.empty() ? std::string_view{"null"} : request.data.text;
      if (!is_canonical_json(data)) {
         copy.reserve(data.size());
         append_canonical_json(copy, data);
         data = copy;
      }
      if (holds_zero(data))
         return fail(error_code::validation, "data: a text with the character U+0000 cannot be stored");
      result_reply reply;
      reply.scope = request.scope;
      reply.bytes = data.size();
      reply.sha256 = sha256_hex(data);
      auto const known =
          db.exec("select result_id from noetl.result_store where execution_id = $1 and name = $2 and "
                  "sha256 = $3 and bytes = $4 and scope = $5 and source_step is not distinct from $6 and "
                  "expires_at is null order by result_id limit 1",
                  execution, request.name, reply.sha256, reply.bytes, request.scope, request.source_step);
      // Older servers minted ids. Two equal requests at once find nothing and mean the same row; an expired one counts
      // again.
      auto const id = known.empty() ? id_of(execution, request, reply.sha256) : known.front().get<std::int64_t>(0);
      if (known.empty())
         db.exec("insert into noetl.result_store (result_id, execution_id, name, scope, source_step, data, bytes, "
                 "sha256) values ($1, $2, $3, $4, $5, $6::jsonb, $7, $8) on conflict (result_id) do update "
                 "set expires_at = null",
                 id, execution, request.name, request.scope, request.source_step, data, reply.bytes, reply.sha256);
      give_back(db, known.empty() ? data.size() : 0);
      reply.ref = result_uri{execution, request.name, id}.text();
      return reply;
   }

   /// Follows from all that makes a repetition.
   static std::int64_t id_of(noetl::execution_id execution, result_request const& request, std::string_view sha256) {
      std::vector<std::optional<std::string>> const key{std::to_string(execution.value), request.name,
                                                        std::string(sha256), request.scope, request.source_step};
      auto const digest = sha256_hex(to_json(key));
      std::uint64_t out = 0;
      std::from_chars(digest.data(), digest.data() + 16, out, 16);
      return static_cast<std::int64_t>(out >> 1U);
   }

   // In canonical text the character is always spelled so; an even number of backslashes before it spells something
   // else.
   static bool holds_zero(std::string_view text) {
      constexpr std::string_view zero = "\\u0000";
      for (auto at = text.find(zero); at != text.npos; at = text.find(zero, at + 1)) {
         std::size_t before = 0;
         while (before < at && text[at - before - 1] == '\\') ++before;
         if (before % 2 == 0) return true;
      }
      return false;
   }

   pg::shard_map& shards_;
};

} // namespace noetl::control_plane
