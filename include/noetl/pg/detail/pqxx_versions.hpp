// pg/detail/pqxx_versions.hpp: what differs between libpqxx 6.4 and 7, under names of ours. Part of pg/pqxx.hpp.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

#include <noetl/pg/param.hpp>

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
