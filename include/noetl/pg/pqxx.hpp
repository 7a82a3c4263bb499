// pg/pqxx.hpp: definitions of pg/connection.hpp over libpqxx 6.4 and 7.
// Include it in exactly one source file of a program (twice fails to link); no other header of ours includes it.
#pragma once

#include <algorithm>
#include <cerrno>
#include <list>
#include <stdexcept>
#include <string>
#include <unordered_map>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pqxx/connection>
#include <pqxx/except>
#include <pqxx/nontransaction>
#include <pqxx/result>

#include <noetl/pg/connection.hpp>
#include <noetl/pg/detail/pqxx_versions.hpp>

namespace noetl::pg {

struct connection::impl {
   /// A second descriptor of the session's socket: libpq may close its own, whose number then names something else.
   struct handle {
      explicit handle(int socket) : fd(::fcntl(socket, F_DUPFD_CLOEXEC, 0)) {}
      ~handle() {
         if (fd >= 0) ::close(fd);
      }
      handle(handle const&) = delete;
      handle& operator=(handle const&) = delete;
      int fd;
   };

   explicit impl(settings const& s) : how(s), link(connection_string(s)), socket(link.sock()) {}

   /// Name of the prepared statement for `sql`; prepares it when it is new and drops the one unused longest when full.
   std::string const& prepared(std::string_view sql) {
      if (auto const found = by_text.find(sql); found != by_text.end()) {
         recent.splice(recent.begin(), recent, found->second);
         return found->second->name;
      }
      if (recent.size() >= how.statement_cache) forget(std::prev(recent.end()));
      statement made{std::string(sql), "noetl_" + std::to_string(++count)};
      link.prepare(made.name, made.text); // may refuse at once: what is kept was prepared
      recent.push_front(std::move(made));
      by_text.emplace(recent.front().text, recent.begin());
      return recent.front().name;
   }

   struct statement {
      std::string text;
      std::string name;
   };
   void forget(std::list<statement>::iterator which) {
      auto const name = which->name;
      by_text.erase(which->text);
      recent.erase(which);
      link.unprepare(name);
   }

   settings how;
   pqxx::connection link;
   handle socket;
   std::list<statement> recent{};
   std::unordered_map<std::string_view, std::list<statement>::iterator> by_text{};
   /// Forgets without DEALLOCATE, which an aborted transaction would refuse.
   void drop(std::string_view sql) {
      if (auto const found = by_text.find(sql); found != by_text.end()) {
         auto const entry = found->second;
         by_text.erase(found);
         recent.erase(entry);
      }
   }

   void refuse_failed() const {
      if (failed) throw sql_error("25P02", "a statement of this transaction failed, so it cannot be committed");
   }

   /// libpq takes a text up to its first zero byte: two different keys would become one.
   void refuse_zero_bytes(std::span<param const> values) {
      for (auto const& one : values) {
         if (one.text().find('\0') == std::string_view::npos) continue;
         failed = true;
         throw sql_error("22021", "a text with a zero byte cannot be stored");
      }
   }

   std::size_t count = 0;
   bool lost = false;
   bool failed = false; ///< a statement failed since BEGIN: COMMIT would quietly roll back
};

namespace detail {
/// States after which the server ends the session (appendix A: connection exceptions, operator intervention, idle
/// time-outs).
inline bool ends_session(std::string_view state) {
   return state.starts_with("08") || state == "57P01" || state == "57P02" || state == "57P03" || state == "57P05" ||
          state == "25P03" || state == "25P04";
}

/// libpqxx 7 puts "Failure during 'NAME OR STATEMENT': " before what the server said.
inline std::string_view without_statement(std::string_view text, std::string const& statement) {
   constexpr std::string_view before = "Failure during '", after = "': ";
   if (!text.starts_with(before)) return text;
   text.remove_prefix(before.size());
   auto end = text.find(after); // a statement may hold what ends it
   if (!statement.empty() && text.starts_with(statement) && text.substr(statement.size()).starts_with(after))
      end = statement.size();
   if (end != std::string_view::npos) text.remove_prefix(end + after.size());
   return text;
}

/// What the server said, without its severity and the line's end.
inline std::string server_words(pqxx::failure const& e) {
   auto const* refused = dynamic_cast<pqxx::sql_error const*>(&e);
   auto text = without_statement(e.what(), refused ? std::string(refused->query()) : std::string());
   constexpr std::string_view severity = "ERROR:";
   if (text.starts_with(severity)) text.remove_prefix(severity.size());
   text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
   while (text.ends_with('\n')) text.remove_suffix(1);
   return std::string(text);
}

/// Runs `work` and turns libpqxx's exceptions into ours.
template <class F>
auto translated(pqxx::connection& link, bool& lost, bool& failed, F work) {
   if (lost) throw connection_lost("the session ended earlier");
   auto const refuse = [&](std::string state, std::string const& text) {
      if (!link.is_open() || ends_session(state)) {
         lost = true;
         throw connection_lost(text);
      }
      failed = true;
      throw sql_error(std::move(state), text);
   };
   try {
      return work();
   } catch (pqxx::broken_connection const& e) {
      lost = true;
      throw connection_lost(e.what());
   } catch (pqxx::transaction_rollback const& e) {
      refuse(rollback_state(e), server_words(e));
   } catch (pqxx::sql_error const& e) {
      refuse(e.sqlstate(), server_words(e));
   } catch (pqxx::failure const& e) {
      refuse({}, server_words(e));
   }
   throw std::logic_error("unreachable");
}

inline std::string limits(settings const& how, char const* set) {
   auto const one = [&](char const* name, std::chrono::milliseconds value) {
      return std::string("; ") + set + name + "=" + std::to_string(value.count());
   };
   std::string more;
   for (auto const& [name, value] : how.parameters) more += std::string("; ") + set + name + "=" + value;
   return more + one("statement_timeout", how.statement_timeout) + one("lock_timeout", how.lock_timeout) +
          one("idle_in_transaction_session_timeout", how.idle_in_transaction_timeout) +
          (how.only_by_key ? std::string("; ") + set + "enable_seqscan=off; " + set + "enable_hashjoin=off; " + set +
                                 "enable_mergejoin=off"
                           : std::string());
}

/// A server process whose client is gone ends within two seconds instead of going on and keeping its locks. Platforms
/// that cannot watch a socket refuse the setting, and do without.
inline constexpr std::string_view watch_client =
    "; DO $$ BEGIN PERFORM set_config('client_connection_check_interval', '2000', false);"
    " EXCEPTION WHEN OTHERS THEN NULL; END $$";

inline rows to_rows(pqxx::result const& answer) {
   auto const columns = static_cast<std::size_t>(answer.columns());
   auto owner = std::make_shared<pqxx::result const>(answer);
   rows out(owner, columns, static_cast<std::size_t>(owner->affected_rows()));
   out.reserve(static_cast<std::size_t>(owner->size()));
   for (auto const& row : *owner)
      for (auto const& field : row)
         field.is_null() ? out.add_cell(nullptr, 0) : out.add_cell(field.c_str(), field.size());
   return out;
}

inline described_rows described(pqxx::result const& answer) {
   described_rows out;
   try {
      for (pqxx::row_size_type i = 0; i < answer.columns(); ++i)
         out.columns.push_back({answer.column_name(i), static_cast<type_id>(answer.column_type(i))});
   } catch (std::out_of_range const&) { // columns without names: what follows is no rows but a copy
      throw sql_error("0A000", "COPY from or to the client is not supported");
   }
   out.data = to_rows(answer);
   return out;
}
} // namespace detail

connection::connection(settings const& how) {
   try {
      impl_ = std::make_unique<impl>(how);
      detail::never_reactivate(impl_->link);
      // Of a refusal only the primary message: details and context repeat values of the statement.
      detail::terse(impl_->link);
      std::string setup = "SET TimeZone='UTC'; SET DateStyle='ISO'; SET standard_conforming_strings=on";
      if (!how.pooled()) setup += detail::limits(how, "SET ") + std::string(detail::watch_client);
      script(setup);
   } catch (sql_error const& e) {
      throw connection_lost(e.what());
   } catch (pqxx::failure const& e) {
      throw connection_lost(e.what());
   }
}

connection::~connection() = default;

rows connection::run(std::string_view sql, std::span<param const> params) {
   impl_->refuse_zero_bytes(params);
   return detail::translated(impl_->link, impl_->lost, impl_->failed, [&] {
      if (impl_->how.pooled()) {
         pqxx::nontransaction t(impl_->link);
         return detail::to_rows(detail::exec_unnamed(t, std::string(sql), params));
      }
      auto const& name = impl_->prepared(sql);
      pqxx::nontransaction t(impl_->link);
      try {
         return detail::to_rows(detail::exec_prepared(t, name, params));
      } catch (pqxx::feature_not_supported const&) {
         // "cached plan must not change result type": the table changed; the next call prepares anew.
         impl_->drop(sql);
         throw;
      } catch (pqxx::invalid_sql_statement_name const&) {
         impl_->drop(sql); // somebody deallocated it
         throw;
      }
   });
}

described_rows connection::query(std::string const& sql, std::span<param const> params) {
   impl_->refuse_zero_bytes(params);
   return detail::translated(impl_->link, impl_->lost, impl_->failed, [&] {
      pqxx::nontransaction t(impl_->link);
      try {
         return detail::described(detail::exec_unnamed(t, sql, params));
      } catch (pqxx::broken_connection const& e) {
         if (!impl_->link.is_open()) throw;
         impl_->failed = true; // the session goes on: parameters that the statement does not have, or lacks
         throw sql_error("08P01", detail::server_words(e));
      }
   });
}

rows connection::script(std::string_view sql) {
   return detail::translated(impl_->link, impl_->lost, impl_->failed, [&] {
      pqxx::nontransaction t(impl_->link);
      return detail::to_rows(t.exec(std::string(sql)));
   });
}

void connection::copy(std::string const& table, std::span<std::string const> columns, std::span<param const> cells) {
   if (columns.empty() || cells.size() % columns.size() != 0)
      throw std::invalid_argument("copy into " + table + ": " + std::to_string(cells.size()) +
                                  " cells make no rows of " + std::to_string(columns.size()) + " columns");
   impl_->refuse_zero_bytes(cells);
   detail::translated(impl_->link, impl_->lost, impl_->failed, [&] {
      pqxx::nontransaction t(impl_->link);
      detail::copy_rows(t, table, columns, cells);
      return 0;
   });
}

void connection::begin() {
   impl_->failed = false;
   if (!impl_->how.pooled()) {
      script("BEGIN");
      return;
   }
   // A transaction pooler may give every transaction another session, so limits travel with the transaction.
   script("BEGIN; SET LOCAL TimeZone='UTC'" + detail::limits(impl_->how, "SET LOCAL "));
}

void connection::commit() {
   impl_->refuse_failed();
   script("COMMIT");
}

bool connection::commit_and_begin() {
   if (impl_->how.pooled()) { // the next transaction may get another session
      commit();
      return false;
   }
   impl_->refuse_failed();
   script("COMMIT AND CHAIN");
   return true;
}

void connection::rollback() noexcept {
   if (impl_->lost) return;
   try {
      script("ROLLBACK");
      impl_->failed = false;
   } catch (...) {
      impl_->lost = true;
   }
}

bool connection::pooled() const noexcept {
   return impl_->how.pooled();
}

bool connection::is_open() const noexcept {
   return !impl_->lost && impl_->link.is_open();
}

bool connection::stale() const noexcept {
   if (!is_open()) return true;
   // An idle server says nothing; bytes mean its farewell, zero bytes mean a closed socket.
   char byte = 0;
   auto const got = ::recv(impl_->link.sock(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
   return got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

void connection::interrupt() noexcept {
   if (impl_->socket.fd >= 0) ::shutdown(impl_->socket.fd, SHUT_RDWR);
}

void connection::retire() noexcept {
   impl_->lost = true;
}

int connection::backend_pid() const noexcept {
   return impl_->link.backendpid();
}
int connection::server_version() const noexcept {
   return impl_->link.server_version();
}

} // namespace noetl::pg
