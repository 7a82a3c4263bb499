// control_plane/credentials.hpp: named secrets (noetl.credential, http-platform.md sections 10.1 to 10.3): stored
// sealed, listed without their data. Knows the cluster pool and the encryption; nothing of HTTP.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include <noetl/control_plane/envelope_encryption.hpp>
#include <noetl/core/id_generator.hpp>
#include <noetl/core/number_text.hpp>
#include <noetl/core/result.hpp>
#include <noetl/core/strong.hpp>
#include <noetl/core/time.hpp>
#include <noetl/pg/connection.hpp>
#include <noetl/pg/shards.hpp>
#include <noetl/reflect/ids.hpp>
#include <noetl/reflect/raw_json.hpp>
#include <noetl/reflect/rules.hpp>

namespace noetl::control_plane {

using boost::asio::awaitable;
using credential_id = strong<"credential_id">;

struct credential_request {
   std::string name; ///< not empty
   std::string type; ///< not empty
   raw_json data;    ///< any JSON
   raw_json meta;
   std::optional<std::vector<std::string>> tags;
   std::optional<std::string> description;
   using json_rules = rules<defaulted<"meta">>;
};

/// What clients see. Everything that is not there is left out: an explicit null does not decode in every client.
struct credential_view {
   id_text<credential_id> id;
   std::string name;
   std::string type;
   raw_json meta;
   raw_json tags; ///< array of strings
   std::optional<std::string> description;
   raw_json data; ///< only where it was asked for
   timestamp created_at{}, updated_at{};
   using json_rules = rules<omit_empty<"meta", "tags", "description", "data">>;
};

struct credential_filter {
   std::optional<std::string> type; ///< exact
   std::optional<std::string> q;    ///< part of name or description, in any case; % and _ stand for any text and letter
   using json_rules = rules<omit_empty<"type", "q">>;
};

struct credential_list {
   std::vector<credential_view> items;
   std::optional<credential_filter> filter;
   using json_rules = rules<omit_empty<"filter">>;
};

struct credential_removal {
   std::string message;
   id_text<credential_id> id;
};

/// Keeps credentials. Without an encryption key nothing is stored or read. Thread-safe; all statements run on the
/// cluster pool.
class credential_service {
public:
   credential_service(pg::shard_map& shards, id_generator ids, envelope_encryption encryption)
       : pool_(shards.cluster()), ids_(ids), encryption_(std::move(encryption)) {}

   /// Creates, or replaces everything but id and creation time. Safe to race (D-94).
   /// Errors: validation (name or type empty), internal (no encryption key).
   awaitable<result<credential_view>> put(credential_request request) {
      for (auto const& [field, text] : {std::pair{"name", &request.name}, std::pair{"type", &request.type}})
         if (text->empty()) co_return fail(error_code::validation, std::string(field) + ": must not be empty");
      crypto::secret_bytes const data(request.data.empty() ? "null" : std::move(request.data.text));
      auto sealed = encryption_.seal(data.view(), place(request.name));
      if (!sealed) co_return std::move(sealed).error();
      auto work = [request = std::move(request), sealed = *std::move(sealed),
                   id = ids_.next()](pg::connection& db) -> result<credential_view> {
         static auto const text = "insert into noetl.credential as c (id, name, type, data_encrypted, meta, tags, "
                                  "description) values ($1, $2, $3, $4, $5::jsonb, $6::text[], $7) on conflict (name) "
                                  "do update set type = excluded.type, data_encrypted = excluded.data_encrypted, meta "
                                  "= excluded.meta, tags = excluded.tags, description = excluded.description, "
                                  "updated_at = now() returning " +
                                  columns();
         return view_of(
             db.exec(text, id, request.name, request.type, sealed, request.meta, request.tags, request.description)[0]);
      };
      co_return co_await pool_.run(std::move(work));
   }

   /// All that match, newest first, without data.
   awaitable<result<credential_list>> list(credential_filter filter) {
      auto work = [filter = std::move(filter)](pg::connection& db) -> result<credential_list> {
         static auto const text = "select " + columns() +
                                  " from noetl.credential c where ($1::text is null or type = $1) and ($2::text is "
                                  "null or name ilike $2 or description ilike $2) order by created_at desc, id desc";
         auto const rows = db.exec(text, filter.type, pattern(filter.q));
         credential_list out;
         out.items.reserve(rows.size());
         for (auto const row : rows) out.items.push_back(view_of(row));
         if (filter.type || filter.q) out.filter = filter;
         return out;
      };
      co_return co_await pool_.run(std::move(work));
   }

   /// By id when the text is a number and there is one of that id, else by name.
   /// \param with_data  opens the data. Errors: not_found, internal (no key, or the data cannot be opened)
   awaitable<result<credential_view>> find(std::string identifier, bool with_data) {
      if (with_data)
         if (auto possible = encryption_.check(); !possible) co_return possible.error();
      auto work = [identifier = std::move(identifier)](pg::connection& db) -> result<found> {
         static auto const text = "select " + columns() + ", c.data_encrypted from noetl.credential c where " + match();
         auto const rows = db.exec(text, parse_number<std::int64_t>(identifier), identifier);
         if (rows.empty()) return missing(identifier);
         return found{view_of(rows[0]), rows[0].get<std::string>(8)};
      };
      auto stored = co_await pool_.run(std::move(work));
      if (!stored) co_return std::move(stored).error();
      if (!with_data) co_return std::move(stored->view);
      auto data = encryption_.open(stored->sealed, place(stored->view.name));
      if (!data) co_return std::move(data).error();
      stored->view.data = raw_json(std::move(*data).release());
      co_return std::move(stored->view);
   }

   /// Errors: not_found.
   awaitable<result<credential_removal>> remove(std::string identifier) {
      auto work = [identifier = std::move(identifier)](pg::connection& db) -> result<credential_removal> {
         static auto const text =
             "delete from noetl.credential where id = (select c.id from noetl.credential c where " + match() +
             ") returning id, name";
         auto const rows = db.exec(text, parse_number<std::int64_t>(identifier), identifier);
         if (rows.empty()) return missing(identifier);
         return credential_removal{"Credential '" + rows[0].get<std::string>(1) + "' deleted",
                                   rows[0].get<credential_id>(0)};
      };
      co_return co_await pool_.run(std::move(work));
   }

   [[nodiscard]] envelope_encryption const& encryption() const noexcept { return encryption_; }

   /// Where the data of a credential belong.
   static record_place place(std::string_view name) noexcept { return {"credential", name}; }

private:
   struct found {
      credential_view view;
      std::string sealed;
   };

   static std::string columns() {
      return "c.id, c.name, c.type, c.meta, to_jsonb(c.tags), c.description, c.created_at, c.updated_at";
   }
   static std::string match() {
      return "c.id = $1::bigint or c.name = $2 order by c.id = $1::bigint desc nulls last limit 1";
   }
   static credential_view view_of(pg::rows::row const& row) {
      credential_view out;
      out.id = row.get<credential_id>(0);
      out.name = row.get<std::string>(1);
      out.type = row.get<std::string>(2);
      out.meta = row.get<raw_json>(3);
      out.tags = row.get<raw_json>(4);
      out.description = row.get<std::optional<std::string>>(5);
      out.created_at = row.get<timestamp>(6);
      out.updated_at = row.get<timestamp>(7);
      return out;
   }
   // A backslash in the pattern stands for itself; the wildcards are part of the contract.
   static std::optional<std::string> pattern(std::optional<std::string> const& part) {
      if (!part) return std::nullopt;
      std::string out = "%";
      for (char const c : *part) out.append(c == '\\' ? 2 : 1, c);
      return out + "%";
   }
   static error missing(std::string const& identifier) {
      return fail(error_code::not_found, "Credential not found: " + identifier);
   }

   pg::pool& pool_;
   id_generator ids_;
   envelope_encryption encryption_;
};

} // namespace noetl::control_plane
