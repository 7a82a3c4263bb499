// pg/described_rows.hpp: rows of a statement that is not ours, with what its columns are called and hold.
// Knows pg/rows.hpp only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <noetl/pg/rows.hpp>

namespace noetl::pg {

/// Numbers of built-in types, which PostgreSQL never changes (pg_type.dat); other types are known by number only.
enum class type_id : std::uint32_t {
   boolean = 16,
   int8 = 20,
   int2 = 21,
   int4 = 23,
   oid = 26,
   json = 114,
   float4 = 700,
   float8 = 701,
   timestamp = 1114,
   timestamptz = 1184,
   numeric = 1700,
   jsonb = 3802,
};

struct column {
   std::string name;
   type_id type{};
};

/// An answer whose columns the program does not know beforehand. Names may repeat.
struct described_rows {
   rows data;
   std::vector<column> columns;
};

} // namespace noetl::pg
