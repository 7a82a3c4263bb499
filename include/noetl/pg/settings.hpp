// pg/settings.hpp: how to reach one PostgreSQL database, and the list form NOETL_SHARDS.
// Knows core only; no driver here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <noetl/core/number_text.hpp>
#include <noetl/core/result.hpp>

namespace noetl::pg {

/// One database and how its sessions behave. Plain values, copy freely.
struct settings {
   std::string host = "127.0.0.1";
   std::uint16_t port = 5432;
   std::string user{};
   std::string password{};
   std::string database = "noetl";

   /// Longest time one statement may run; zero means no limit.
   std::chrono::milliseconds statement_timeout{30'000};
   /// Longest wait for a lock that somebody else holds; zero means no limit of its own.
   std::chrono::milliseconds lock_timeout{0};
   /// A forgotten transaction stalls the event feed of the whole instance, so it is ended after this time.
   std::chrono::milliseconds idle_in_transaction_timeout{30'000};
   /// Whole seconds count, at least 2 (libpq).
   std::chrono::milliseconds connect_timeout{5'000};
   /// Longest wait for a free connection before a call is answered `unavailable`.
   std::chrono::milliseconds acquire_timeout{5'000};

   std::string application_name = "noetl";
   /// Prepared statements kept per connection. 0: only unnamed statements and no session state that a transaction
   /// pooler (PgBouncer) would lose; limits are then set per transaction.
   std::size_t statement_cache = 100;
   /// Database threads of a pool, each with a connection of its own, 1..1000.
   std::size_t max_connections = 10;
   /// Calls that may wait for a connection; one more is refused at once.
   std::size_t max_waiting = 2'000;

   /// Every statement finds its rows by key. A plan made while a table was small would otherwise go on reading the
   /// whole table until the next ANALYZE, slower with every row.
   bool only_by_key = false;
   /// More parameters of each session, names and values as in SET. Trusted text.
   std::vector<std::pair<std::string, std::string>> parameters{};

   [[nodiscard]] bool pooled() const noexcept { return statement_cache == 0; }
};

/// libpq's `keyword='value'` form of the address part, quoted. Holds the password: never print it.
inline std::string connection_string(settings const& s) {
   std::string out;
   auto const add = [&](std::string_view key, std::string_view value) {
      if (!out.empty()) out += ' ';
      out.append(key).append("='");
      for (char c : value) {
         if (c == '\'' || c == '\\') out += '\\';
         out += c;
      }
      out += '\'';
   };
   add("host", s.host);
   add("port", std::to_string(s.port));
   if (!s.user.empty()) add("user", s.user);
   if (!s.password.empty()) add("password", s.password);
   add("dbname", s.database);
   add("application_name", s.application_name);
   add("client_encoding", "UTF8");
   auto const seconds = std::chrono::ceil<std::chrono::seconds>(s.connect_timeout).count();
   add("connect_timeout", std::to_string(seconds < 2 ? 2 : seconds));
   // A peer that vanished without a word must not hold a database thread for the kernel's 15 minutes.
   add("keepalives_idle", "10");
   add("keepalives_interval", "5");
   add("keepalives_count", "3");
   add("tcp_user_timeout", "20000");
   return out;
}

/// Reads `key=value` pairs separated by `;` (NOETL_SHARDS) or by blanks (libpq keywords, without quoting) over `base`,
/// which supplies everything that a DSN does not name. Keys: host, port, user, password, database or dbname; host and
/// user are mandatory (spec http-execution.md 4.2). Messages never repeat a value: it may be the password.
inline result<settings> parse_dsn(std::string_view text, settings base = {}) {
   bool has_host = false;
   bool has_user = false;
   char const separator = text.find(';') != std::string_view::npos ? ';' : ' ';
   while (!text.empty()) {
      auto const end = text.find(separator);
      auto pair = text.substr(0, end);
      text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
      while (!pair.empty() && pair.front() == ' ') pair.remove_prefix(1);
      while (!pair.empty() && pair.back() == ' ') pair.remove_suffix(1);
      if (pair.empty()) continue;
      auto const equals = pair.find('=');
      if (equals == std::string_view::npos) return fail(error_code::validation, "DSN: expected key=value");
      auto const key = pair.substr(0, equals);
      auto const value = pair.substr(equals + 1);
      if (key == "host") {
         base.host = value;
         has_host = !value.empty();
      } else if (key == "port") {
         auto const port = parse_number<std::uint16_t>(value);
         if (!port || *port == 0) return fail(error_code::validation, "DSN: port must be a number from 1 to 65535");
         base.port = *port;
      } else if (key == "user") {
         base.user = value;
         has_user = !value.empty();
      } else if (key == "password") {
         base.password = value;
      } else if (key == "database" || key == "dbname") {
         base.database = value;
      } else {
         return fail(error_code::validation, "DSN: unknown key \"" + std::string(key) + "\"");
      }
   }
   if (!has_host) return fail(error_code::validation, "DSN: host is missing");
   if (!has_user) return fail(error_code::validation, "DSN: user is missing");
   return base;
}

/// NOETL_SHARDS: comma-separated DSNs, position = shard index. An empty text is an empty list (one pool for
/// everything); an empty entry is a mistake, a comma at the end makes one too: the entries behind it would move to
/// other indices.
inline result<std::vector<settings>> parse_shards(std::string_view text, settings const& base = {}) {
   auto const blank = [](std::string_view part) { return part.find_first_not_of(' ') == std::string_view::npos; };
   std::vector<settings> shards;
   if (blank(text)) return shards;
   while (true) {
      auto const end = text.find(',');
      auto const one = text.substr(0, end);
      auto const where = "shard " + std::to_string(shards.size()) + ": ";
      if (blank(one)) return fail(error_code::validation, where + "DSN is empty");
      auto parsed = parse_dsn(one, base);
      if (!parsed) return fail(parsed.error().code, where + parsed.error().message);
      shards.push_back(std::move(*parsed));
      if (end == std::string_view::npos) return shards;
      text.remove_prefix(end + 1);
   }
}

} // namespace noetl::pg
