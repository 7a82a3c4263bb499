// control_plane/catalog.hpp: versioned documents (playbooks and other kinds) in noetl.catalog.
// May know pools and documents; knows nothing of HTTP.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/catalog_document.hpp>
#include <noetl/core/number_text.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/ids.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>
#include <noetl/reflect/sql.hpp>
#include <noetl/workflow/document_report.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;

struct register_reply {
   std::string status;
   std::string message;
   std::string path;
   std::int32_t version = 0;
   id_text<noetl::catalog_id> catalog_id;
   std::string kind;
   std::optional<std::vector<workflow::document_finding>> warnings{}; ///< of a registration that wanted validation
   using json_rules = rules<omit_empty<"warnings">>;
};

struct catalog_entry {
   id_text<noetl::catalog_id> catalog_id;
   std::string path;
   std::string kind;
   std::int32_t version = 0;
   std::optional<std::string> content;
   raw_json layout;
   raw_json payload;
   raw_json meta;
   timestamp created_at{};
};

struct catalog_list_request {
   std::optional<std::string> resource_type;
};

struct catalog_list {
   std::vector<catalog_entry> entries;
};

struct resource_request {
   std::optional<std::string> catalog_id; ///< wins over path
   std::optional<std::string> path;
   std::optional<std::string> version; ///< "latest" or decimal; absent is latest
};

/// What identifies one catalog entry: its id, or a path with a version (none: the highest).
struct catalog_reference {
   std::optional<noetl::catalog_id> id;
   std::string path;
   std::optional<std::int32_t> version;
};

/// Registers and finds catalog entries. Thread-safe; all statements run on the cluster pool.
class catalog_service {
public:
   explicit catalog_service(pg::shard_map& shards) : pool_(shards.cluster()) {}

   /// Stores a new version of a document. Concurrent registrations of one path get consecutive versions.
   /// Errors: validation (not YAML, no metadata, no path, unknown kind, a subscription that breaks a rule, more than
   /// 32767 versions), database.
   awaitable<result<register_reply>> add(register_request request) {
      auto document = read_document(request);
      if (!document) co_return std::move(document).error();
      auto work = [head = *std::move(document)](pg::connection& db) { return insert(db, head); };
      auto reply = co_await pool_.run(std::move(work));
      if (!reply) co_return std::move(reply).error();
      co_return *std::move(reply);
   }

   /// All versions, newest first. The kind is compared without regard to case.
   awaitable<result<catalog_list>> list(std::optional<std::string> kind) {
      auto work = [kind = std::move(kind)](pg::connection& db) -> result<catalog_list> {
         auto const rows = db.exec("SELECT " + columns() +
                                       " FROM noetl.catalog WHERE $1::text IS NULL OR kind = lower($1::text)"
                                       " ORDER BY created_at DESC, catalog_id DESC",
                                   kind);
         catalog_list found;
         found.entries.reserve(rows.size());
         for (std::size_t i = 0; i < rows.size(); ++i) found.entries.push_back(decode_row<catalog_entry>(rows[i]));
         return found;
      };
      co_return co_await pool_.run(std::move(work));
   }

   /// One entry. Errors: not_found.
   awaitable<result<catalog_entry>> find(catalog_reference reference) {
      auto work = [reference = std::move(reference)](pg::connection& db) -> result<catalog_entry> {
         auto const rows = select(db, reference);
         if (rows.size() == 0) return missing(reference);
         return decode_row<catalog_entry>(rows[0]);
      };
      co_return co_await pool_.run(std::move(work));
   }

private:
   static std::string columns() {
      return "catalog_id, path, kind, version, content, layout::text, payload::text, meta::text, created_at";
   }

   static pg::rows select(pg::connection& db, catalog_reference const& reference) {
      std::string const head = "SELECT " + columns() + " FROM noetl.catalog WHERE ";
      if (reference.id) return db.exec(head + "catalog_id = $1", *reference.id);
      if (reference.version) return db.exec(head + "path = $1 AND version = $2", reference.path, *reference.version);
      return db.exec(head + "path = $1 ORDER BY version DESC LIMIT 1", reference.path);
   }

   static error missing(catalog_reference const& reference) {
      if (reference.id)
         return fail(error_code::not_found, "Catalog entry '" + std::to_string(reference.id->value) + "' not found");
      std::string text = "Catalog entry '" + reference.path + "'";
      if (reference.version) text += " version " + std::to_string(*reference.version);
      return fail(error_code::not_found, text + " not found");
   }

   static result<register_reply> insert(pg::connection& db, document_head const& head) {
      return db.transaction([&]() -> result<register_reply> {
         if (db.exec("SELECT 1 FROM noetl.resource WHERE name = $1", head.kind).size() == 0)
            return fail(error_code::validation, "Unknown kind: " + head.kind);
         // The lock makes MAX(version) + 1 safe; it ends with the transaction and works behind a pooler.
         db.exec("SELECT pg_advisory_xact_lock(hashtextextended('noetl.catalog:' || $1, 0))", head.path);
         auto const last =
             db.exec("SELECT coalesce(max(version), 0)::int FROM noetl.catalog WHERE path = $1", head.path);
         auto const version = std::stoi(std::string(*last[0][0])) + 1;
         if (version > 32767)
            return fail(error_code::validation, "Too many versions of '" + head.path + "': the limit is 32767");
         auto const made = db.exec(
             "INSERT INTO noetl.catalog (path, version, kind, content, layout, payload, meta, created_at)"
             " VALUES ($1, $2, $3, $4, $5::jsonb, $6::jsonb, $7::jsonb, now() AT TIME ZONE 'UTC') RETURNING catalog_id",
             head.path, version, head.kind, head.content, head.layout, head.payload, head.meta);
         register_reply reply{.status = "success",
                              .message =
                                  "Resource '" + head.path + "' version '" + std::to_string(version) + "' registered.",
                              .path = head.path,
                              .version = version,
                              .catalog_id = {},
                              .kind = head.kind};
         reply.catalog_id.value = noetl::catalog_id{std::stoll(std::string(*made[0][0]))};
         return reply;
      });
   }

   pg::pool& pool_;
};

/// Turns the texts of a resource request into a reference. Errors: validation, naming the field.
inline result<catalog_reference> to_reference(resource_request const& request) {
   catalog_reference reference;
   if (request.catalog_id) {
      auto const id = parse_number<std::int64_t>(*request.catalog_id);
      if (!id) return fail(error_code::validation, "Invalid catalog_id");
      reference.id = catalog_id{*id};
      return reference;
   }
   if (!request.path) return fail(error_code::validation, "Either 'catalog_id' or 'path' must be provided");
   reference.path = *request.path;
   if (request.version && *request.version != "latest") {
      auto const version = parse_number<std::int64_t>(*request.version);
      if (!version || *version < 0 || *version > 32767) return fail(error_code::validation, "Invalid version number");
      reference.version = static_cast<std::int32_t>(*version);
   }
   return reference;
}

} // namespace noetl::control_plane
