// pg/by_key.hpp: a transaction whose statements find their rows through indexes, on a session that others use too.
// Knows pg/connection.hpp.
#pragma once

#include <utility>

#include <noetl/pg/connection.hpp>

namespace noetl::pg {

/// As connection::transaction, with plans that never read a whole table: prepared statements keep the plan of their
/// first runs, and on a table that was small then it would be read whole until the next ANALYZE, slower with every row.
template <class F>
auto by_key(connection& db, F f) {
   return db.transaction([&] {
      db.script("set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off");
      return f();
   });
}

} // namespace noetl::pg
