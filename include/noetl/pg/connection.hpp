// pg/connection.hpp: one PostgreSQL session, without the driver's headers.
// The definitions are in pg/pqxx.hpp, which exactly one source file of a program includes.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <noetl/core/result.hpp>
#include <noetl/pg/described_rows.hpp>
#include <noetl/pg/param.hpp>
#include <noetl/pg/rows.hpp>
#include <noetl/pg/settings.hpp>

namespace noetl::pg {

/// The database refused a statement. `what()` is the server's primary message, without its severity; more lines may
/// follow. It may quote values of the statement, so it is for logs and for whoever wrote the statement.
class sql_error : public std::runtime_error {
public:
   sql_error(std::string sqlstate, std::string const& message)
       : std::runtime_error(message), sqlstate_(std::move(sqlstate)) {}
   /// Five characters (PostgreSQL manual, appendix A); empty when the driver gave none.
   [[nodiscard]] std::string const& sqlstate() const noexcept { return sqlstate_; }
   [[nodiscard]] bool is(std::string_view state) const noexcept { return sqlstate_ == state; }
   /// Deadlock, serialization failure or lock timeout: the same transaction may succeed when repeated.
   [[nodiscard]] bool transient() const noexcept { return is("40001") || is("40P01") || is("55P03"); }

private:
   std::string sqlstate_;
};

/// The session is gone. The outcome of what was running is unknown.
class connection_lost : public std::runtime_error {
public:
   using std::runtime_error::runtime_error;
};

/// A session with TimeZone=UTC, UTF8 and the time-outs of its settings. Not thread-safe but for interrupt(). Never
/// reconnects by itself.
class connection {
public:
   /// Connects. \throws connection_lost when the server cannot be reached or refuses the session
   explicit connection(settings const& how);
   ~connection();
   connection(connection const&) = delete;
   connection& operator=(connection const&) = delete;

   /// Runs one statement with text parameters `$1`, `$2`, ...; outside of transaction() it commits by itself.
   /// Statements are prepared once per session and found by their text, so texts must not contain values (a bounded
   /// cache holds them). A parameter with a zero byte is refused with 22021: PostgreSQL's text cannot hold one, and the
   /// driver would cut the value there. \throws sql_error, connection_lost
   template <class... Params>
   rows exec(std::string_view sql, Params const&... params) {
      if constexpr (sizeof...(Params) == 0) {
         return run(sql, {});
      } else {
         std::array<param, sizeof...(Params)> const list{param(params)...};
         return run(sql, list);
      }
   }

   /// As exec, for a number of parameters known at run time only.
   rows run(std::string_view sql, std::span<param const> params);

   /// Runs one or several statements separated by `;` without parameters and without preparing: DDL and SET.
   rows script(std::string_view sql);

   /// Runs one statement that somebody else wrote: not kept prepared, its columns described. A statement without
   /// columns (INSERT without RETURNING, DDL, SET) gives none. Whoever lets others write statements retires the session
   /// afterwards, since they may change it. COPY from or to the client is refused with 0A000, a parameter with a zero
   /// byte with 22021. \pre `sql` has no zero byte. \throws sql_error, connection_lost
   described_rows query(std::string const& sql, std::span<param const> params = {});

   /// COPY into `table`; table and column names are trusted text. `cells` are the rows one after the other,
   /// columns.size() cells each. Cheaper than INSERT from a few dozen rows on; there is no ON CONFLICT. A cell with a
   /// zero byte is refused like a parameter of exec. \throws std::invalid_argument without columns, or when the cells
   /// make no whole rows; sql_error, connection_lost
   void copy(std::string const& table, std::span<std::string const> columns, std::span<param const> cells);

   /// Starts a transaction; statements up to commit() or rollback() belong to it. There are no nested ones.
   /// \throws sql_error, connection_lost
   void begin();
   /// Makes what was done since begin() last. \throws sql_error 25P02 when a statement since then failed, even one
   /// whose exception was caught or that a savepoint undid: PostgreSQL would answer COMMIT with a quiet rollback. The
   /// transaction stays open then, for rollback(). connection_lost: the outcome is unknown
   void commit();
   /// As commit(), and as begin() in the same round trip. \return false when only committed: behind a transaction
   /// pooler
   bool commit_and_begin();
   /// Undoes what was done since begin(). Quiet when the session is lost or retired: its end rolls back.
   void rollback() noexcept;

   /// Runs f() between BEGIN and COMMIT and hands out its value; rolls back when f throws, or returns a result with an
   /// error.
   template <class F>
   auto transaction(F f) {
      begin();
      try {
         if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
            f();
            commit();
         } else {
            auto value = f();
            if constexpr (is_result<decltype(value)>) {
               if (!value) {
                  rollback();
                  return value;
               }
            }
            commit();
            return value;
         }
      } catch (...) {
         rollback();
         throw;
      }
   }

   /// Behind a transaction pooler: session parameters hold inside of transactions only.
   [[nodiscard]] bool pooled() const noexcept;
   /// False when the session is lost or retired.
   [[nodiscard]] bool is_open() const noexcept;
   /// True when an idle session was ended by the other side: looks at the socket, no round trip.
   [[nodiscard]] bool stale() const noexcept;
   [[nodiscard]] int backend_pid() const noexcept;

   /// Ends the session at once: a statement under way on another thread ends with connection_lost, its outcome unknown.
   /// The server notices within two seconds and rolls back. Thread-safe while the object lives; never blocks (libpq's
   /// own cancel request waits for a server that may be hanging).
   void interrupt() noexcept;

   /// Makes the session unfit for more: every later call that would use it throws connection_lost, commit() included.
   /// So call it last, outside of a transaction; the pool ends the session when the work that has it is done and opens
   /// another. For after a message of many megabytes, since libpq never gives its buffers back, and after statements of
   /// somebody else.
   void retire() noexcept;

   /// For example 150004.
   [[nodiscard]] int server_version() const noexcept;

private:
   struct impl;
   std::unique_ptr<impl> impl_;
};

} // namespace noetl::pg
