// What an append sees of rows that others hold while it waits for them.
#include <future>
#include <string>
#include <utility>

#include "events/store_fixture.hpp"
#include "support/eventually.hpp"

namespace noetl::test {
namespace {

class append_locks : public store_fixture {};

TEST_F(append_locks, a_command_that_is_inserted_while_an_append_waits_for_its_head_is_found) {
   replica r(database_->settings(), 2);
   execution_id const id{ids_.next()};
   event_id const issued{ids_.next()};
   ASSERT_TRUE(append(r.store, started(id)));
   pg::connection other(database_->settings()), look(database_->settings());
   other.begin();
   other.exec("select 1 from noetl.stream_head where execution_id = $1 for update", id);
   auto claim = one(id, fact("command.claimed"));
   claim.updates = {{id, issued, "CLAIMED", "w1", {}, true}};
   std::promise<result<append_result>> answer;
   r.store.append_then(claim, [&](result<append_result> got) { answer.set_value(std::move(got)); });
   ASSERT_TRUE(eventually([&] {
      return look.exec("select count(*) from pg_stat_activity where datname = current_database() and wait_event_type "
                       "= 'Lock'")[0]
                 .get<int>(0) == 1;
   }));
   other.exec("insert into noetl.command (command_id, event_id, execution_id, catalog_id, step_name) values ($1, $2, "
              "$3, 7, 's')",
              ids_.next(), issued, id);
   other.commit();
   auto const got = answer.get_future().get();
   ASSERT_TRUE(got) << got.error().message;
   EXPECT_EQ(ask<std::string>("select status from noetl.command where event_id = $1", issued), "CLAIMED");
}

} // namespace
} // namespace noetl::test
