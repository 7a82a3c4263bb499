// postgres.hpp: runs SQL on a PostgreSQL of the playbook's choice; rows come back as typed JSON. No driver header here.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "values.hpp"

namespace stub {

struct sql_request {
   std::string connection; ///< libpq keywords or URI
   std::vector<std::string> statements;
   json parameters = tao::json::null; ///< array: `$1`, `$2`, ...; object: `:name` and `%(name)s`; null: none
   std::chrono::milliseconds timeout{30'000};
};

struct sql_outcome {
   std::string unreachable{}; ///< why there was no session; empty: there was one
   std::string refused{};     ///< why a statement was refused, without its text
   json data = tao::json::null;
};

/// Blocks. Several statements are one transaction, unless they begin one themselves. Thread-safe.
///
/// `data` has `rows` (objects), `columns`, `row_count` (rows, or rows touched) of the last statement that returned rows
/// (else of the last one), and with several statements all of them under `statements`.
sql_outcome run_sql(sql_request const& request);

} // namespace stub
