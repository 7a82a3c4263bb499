// tests/workflow/books.hpp: texts of playbooks for the tests of their readers.
#pragma once

#include <string>

namespace noetl::test {

/// A playbook with these steps, one list item each; they begin in line 5 when `head` is empty.
inline std::string book(std::string const& steps, std::string const& head = "") {
   return "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: demo, path: demo/a}\n" + head + "workflow:\n" +
          steps;
}

} // namespace noetl::test
