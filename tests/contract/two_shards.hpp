// tests/contract/two_shards.hpp: two databases for the shards of a server, each behind a gate that a test can close.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "pg/gate.hpp"
#include "pg/test_database.hpp"

namespace noetl::test {

class two_shards {
public:
   /// For NOETL_SHARDS: each shard through its gate.
   [[nodiscard]] std::string setting() const {
      std::string list;
      for (auto const& one : shards_) {
         auto const how = one.base.settings();
         list += (list.empty() ? "" : ",") + std::string("host=") + how.host +
                 ";port=" + std::to_string(one.door.port()) + ";user=" + how.user + ";database=" + how.database;
         if (!how.password.empty()) list += ";password=" + how.password;
      }
      return list;
   }
   [[nodiscard]] gate& door(std::size_t shard) { return shards_.at(shard).door; }
   [[nodiscard]] pg::settings past_the_door(std::size_t shard) const { return shards_.at(shard).base.settings(); }
   /// Events on a shard, looked up past its gate.
   [[nodiscard]] std::int64_t stored(std::size_t shard, std::string const& condition) const {
      pg::connection db(past_the_door(shard));
      return db.exec("select count(*) from noetl.event where " + condition)[0].get<std::int64_t>(0);
   }

private:
   struct one_shard {
      database base{"noetl_shard"};
      gate door{base.settings().host, base.settings().port};
   };
   std::array<one_shard, 2> shards_{};
};

} // namespace noetl::test
