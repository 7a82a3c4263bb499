// pg/pqxx.hpp: definitions of pg/connection.hpp over libpqxx 6.4 and 7.
// Include it in exactly one source file of a program (twice fails to link); no other header of ours includes it.
#pragma once

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
#include <pqxx/version>
#if PQXX_VERSION_MAJOR < 7
#include <pqxx/tablewriter>
#else
#include <pqxx/stream_to>
#endif

#include <noetl/pg/connection.hpp>

// ---- what differs between libpqxx 6 and 7 --------------------------------------------------------------------------
#if PQXX_VERSION_MAJOR < 7
namespace noetl::pg::detail {
struct param_ref {
   param const* value;
};
} // namespace noetl::pg::detail

template <>
struct pqxx::string_traits<noetl::pg::detail::param_ref> {
   static constexpr char const* name() noexcept { return "param"; }
   static constexpr bool has_null() noexcept { return true; }
   static bool is_null(noetl::pg::detail::param_ref p) { return p.value->is_null(); }
   static std::string to_string(noetl::pg::detail::param_ref p) { return std::string(p.value->text()); }
};

namespace noetl::pg::detail {
inline std::vector<param_ref> refs(std::span<param const> params) {
   std::vector<param_ref> out;
   out.reserve(params.size());
   for (auto const& one : params) out.push_back({&one});
   return out;
}
inline void never_reactivate(pqxx::connection& link) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
   link.inhibit_reactivation(true);
#pragma GCC diagnostic pop
}
inline pqxx::result exec_prepared(pqxx::nontransaction& t, std::string const& name, std::span<param const> params) {
   return t.exec_prepared(name, pqxx::prepare::make_dynamic_params(refs(params)));
}
inline pqxx::result exec_unnamed(pqxx::nontransaction& t, std::string const& sql, std::span<param const> params) {
   return t.exec_params(sql, pqxx::prepare::make_dynamic_params(refs(params)));
}
inline void terse(pqxx::connection& link) {
   link.set_verbosity(pqxx::connection_base::terse);
}
/// Escapes of COPY's text format (PostgreSQL manual, COPY, "Text Format").
inline void append_copy_cell(std::string& out, std::string_view text) {
   for (char c : text) switch (c) {
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: out += c;
      }
}
inline void copy_rows(pqxx::nontransaction& t, std::string const& table, std::span<std::string const> columns,
                      std::span<param const> cells) {
   // stream_to takes tuples only; its predecessor takes ready lines, and several of them at once.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
   pqxx::tablewriter stream(t, table, columns.begin(), columns.end(), "\\N");
#pragma GCC diagnostic pop
   constexpr std::size_t chunk = 256 * 1024;
   std::string lines;
   for (std::size_t at = 0; at < cells.size(); ++at) {
      auto const& one = cells[at];
      one.is_null() ? lines.append("\\N") : (append_copy_cell(lines, one.text()), lines);
      if ((at + 1) % columns.size() != 0) {
         lines += '\t';
      } else if (lines.size() < chunk && at + 1 < cells.size()) {
         lines += '\n';
      } else {
         stream.write_raw_line(lines);
         lines.clear();
      }
   }
   stream.complete();
}
/// 6.4 keeps these outside sql_error and without a state.
inline std::string rollback_state(pqxx::transaction_rollback const& e) {
   if (dynamic_cast<pqxx::serialization_failure const*>(&e)) return "40001";
   if (dynamic_cast<pqxx::deadlock_detected const*>(&e)) return "40P01";
   return "40000";
}
} // namespace noetl::pg::detail
#else
namespace noetl::pg::detail {
inline pqxx::params refs(std::span<param const> params) {
   pqxx::params out;
   out.reserve(params.size());
   for (auto const& one : params) {
      if (one.is_null())
         out.append();
      else
         out.append(one.text());
   }
   return out;
}
inline void never_reactivate(pqxx::connection&) {}
inline void terse(pqxx::connection& link) {
   link.set_verbosity(pqxx::error_verbosity::terse);
}
#if PQXX_VERSION_MINOR >= 10 || PQXX_VERSION_MAJOR > 7
inline pqxx::result exec_prepared(pqxx::nontransaction& t, std::string const& name, std::span<param const> params) {
   return t.exec(pqxx::prepped{name}, refs(params));
}
inline pqxx::result exec_unnamed(pqxx::nontransaction& t, std::string const& sql, std::span<param const> params) {
   return t.exec(sql, refs(params));
}
#else
inline pqxx::result exec_prepared(pqxx::nontransaction& t, std::string const& name, std::span<param const> params) {
   return t.exec_prepared(name, refs(params));
}
inline pqxx::result exec_unnamed(pqxx::nontransaction& t, std::string const& sql, std::span<param const> params) {
   return t.exec_params(sql, refs(params));
}
#endif
inline void copy_rows(pqxx::nontransaction& t, std::string const& table, std::span<std::string const> columns,
                      std::span<param const> cells) {
   std::string names;
   for (auto const& one : columns) names.append(names.empty() ? "" : ",").append(one);
   auto stream = pqxx::stream_to::raw_table(t, table, names);
   std::vector<std::optional<std::string_view>> line(columns.size());
   for (std::size_t at = 0; at < cells.size(); at += columns.size()) {
      for (std::size_t i = 0; i < columns.size(); ++i) {
         auto const& one = cells[at + i];
         line[i] = one.is_null() ? std::nullopt : std::optional(one.text());
      }
      stream.write_row(line);
   }
   stream.complete();
}
inline std::string rollback_state(pqxx::transaction_rollback const& e) {
   return e.sqlstate();
}
} // namespace noetl::pg::detail
#endif
// --------------------------------------------------------------------------------------------------------------------

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

/// Runs `work` and turns libpqxx's exceptions into ours.
template <class F>
auto translated(pqxx::connection& link, bool& lost, bool& failed, F work) {
   if (lost) throw connection_lost("the session ended earlier");
   auto const refuse = [&](std::string state, char const* text) {
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
      refuse(rollback_state(e), e.what());
   } catch (pqxx::sql_error const& e) {
      refuse(e.sqlstate(), e.what());
   } catch (pqxx::failure const& e) {
      refuse({}, e.what());
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

inline rows to_rows(pqxx::result answer) {
   auto const columns = static_cast<std::size_t>(answer.columns());
   auto owner = std::make_shared<pqxx::result const>(std::move(answer));
   rows out(owner, columns, static_cast<std::size_t>(owner->affected_rows()));
   out.reserve(static_cast<std::size_t>(owner->size()));
   for (auto const& row : *owner)
      for (auto const& field : row)
         field.is_null() ? out.add_cell(nullptr, 0) : out.add_cell(field.c_str(), field.size());
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
   if (impl_->failed) throw sql_error("25P02", "a statement of this transaction failed, so it cannot be committed");
   script("COMMIT");
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
