// stream/by_reference.hpp: an event that is too large for a message: its text goes to noetl.result_store, a stub to the
// stream. Knows pg/pool, canonical JSON and feed. Source: spec schema.md section 4.12; checklist 31, 32, 34; defect
// D-24.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <xxhash.h>

#include <noetl/core/json_text.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/result_uri.hpp>
#include <noetl/core/sha256.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/pool.hpp>
#include <noetl/reflect/canonical_json.hpp>
#include <noetl/stream/feed.hpp>

namespace noetl::stream {

/// Where the whole text of an event lies.
struct stored_event {
   std::string uri;         ///< noetl://execution/<execution_id>/result/event/<event_id>/<result_id>
   std::string sha256;      ///< of the bytes that a resolve gives back, 64 hexadecimal digits
   std::uint64_t bytes = 0; ///< their number
};

/// Puts events into noetl.result_store of their database. Repeating it is harmless: the id of the row follows from the
/// event. Thread-safe; blocks for some round trips. The size of a stub and its sum are those of the canonical form of
/// what the store keeps: that is what GET /api/result/resolve answers.
class large_event_keeper {
public:
   explicit large_event_keeper(pg::pool& over) : pool_(&over) {}

   result<stored_event> operator()(feed_item const& one) const {
      auto const name = "event/" + std::to_string(one.event_id);
      auto const id = id_of(one);
      stored_event out{result_uri{noetl::execution_id{one.execution_id}, name, id}.text(), {}, 0};
      auto put = [&](pg::connection& db) {
         // A row that is there stays, whatever columns the table has got since: an earlier stub names it.
         static constexpr std::string_view text =
             "insert into noetl.result_store (result_id, execution_id, name, scope, data, bytes, sha256) "
             "values ($1, $2, $3, 'event', $4::jsonb, 0, '') on conflict (result_id) do update set name = "
             "excluded.name "
             "returning data::text";
         std::string canonical;
         {
            auto const rows = db.exec(text, id, one.execution_id, name, one.payload);
            append_canonical_json(canonical, rows[0].get<std::string_view>(0));
         }
         out.sha256 = sha256_hex(canonical);
         out.bytes = canonical.size();
         db.exec("update noetl.result_store set bytes = $2, sha256 = $3 where result_id = $1", id, out.bytes,
                 out.sha256);
      };
      auto const stored = pool_->run_blocking([&](pg::connection& db) { return db.transaction([&] { put(db); }); });
      if (!stored) return stored.error();
      return out;
   }

private:
   static std::int64_t id_of(feed_item const& one) {
      std::int64_t const key[] = {one.execution_id, one.event_id};
      return static_cast<std::int64_t>(XXH64(key, sizeof key, 0) >> 1);
   }
   pg::pool* pool_;
};

/// The message in place of an event that is too large:
///
///     {"execution_id":7,"event_id":9,"event_type":"call.done", ..., "context":null, "result":null,
///      "left_out":["context","result"],
///      "by_reference":{"uri":"noetl://execution/7/result/event/9/123","sha256":"…","bytes":2000000}}
///
/// It has every column of the row; large values are null and listed in `left_out`. The mark of a stub is the member
/// `by_reference`. When even that is longer than `limit`, ids, the type (cut to 200 bytes) and `by_reference` remain.
/// When the text could not be stored, `uri` and `sha256` are empty and `problem` says why: the table still has the row.
inline std::string event_stub(feed_item const& one, stored_event const& where, std::size_t limit,
                              std::string_view problem = {}) {
   std::string reference = R"(,"by_reference":{"uri":)";
   append_json_string(reference, where.uri);
   reference += R"(,"sha256":")" + where.sha256 + R"(","bytes":)" + std::to_string(where.bytes);
   if (!problem.empty()) append_json_string(reference += R"(,"problem":)", problem);
   reference += "}}";
   if (!one.outline.empty() && one.outline.size() + 1 + reference.size() <= limit) return "{" + one.outline + reference;
   std::string out = R"({"execution_id":)" + std::to_string(one.execution_id) + R"(,"event_id":)" +
                     std::to_string(one.event_id) + R"(,"event_type":)";
   if (!one.event_type)
      out += "null";
   else
      append_json_string(out, std::string_view(*one.event_type).substr(0, 200));
   return out + reference;
}

} // namespace noetl::stream
