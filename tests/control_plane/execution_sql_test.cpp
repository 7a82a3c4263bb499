// SQL text about how executions end is made of the table of terminal event types.
#include <string>

#include <gtest/gtest.h>

#include <noetl/control_plane/detail/execution_sql.hpp>

namespace noetl::control_plane::detail {
namespace {

TEST(execution_sql, lists_of_terminal_event_types_come_from_the_table) {
   EXPECT_EQ(terminal_list<"COMPLETED">.view(), "('playbook.completed','playbook_completed')");
   EXPECT_EQ(terminal_list<"FAILED">.view(), "('playbook.failed','playbook_failed')");
   EXPECT_EQ(terminal_list<>.view(), "('playbook.completed','playbook_completed','playbook.failed','playbook_failed',"
                                     "'playbook.cancelled','playbook_cancelled','execution.cancelled')");
   for (std::string_view const text : {outcome_of_e.view(), outcome_unless_head.view()})
      for (auto const& one : terminal_types)
         EXPECT_NE(text.find("'" + std::string(one.event_type) + "'"), text.npos) << text;
}

} // namespace
} // namespace noetl::control_plane::detail
