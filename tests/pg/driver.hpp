// The driver's definitions for a test program: exactly one of its source files includes this.
#pragma once

#include <noetl/pg/pqxx.hpp>

/// libpqxx 6.4 forgets one result whenever a session dies in the middle of a statement (it asks the dead session for
/// its encoding first, and throws). Not ours to repair; everything else must be leak-free.
extern "C" char const* __lsan_default_suppressions();
extern "C" char const* __lsan_default_suppressions() {
   return "leak:libpqxx\n";
}
