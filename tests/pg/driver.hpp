// What the leak checker must know of the driver: exactly one source file of a test program includes this.
#pragma once

/// libpqxx 6.4 forgets one result whenever a session dies in the middle of a statement (it asks the dead session for
/// its encoding first, and throws). Not ours to repair; everything else must be leak-free.
extern "C" char const* __lsan_default_suppressions();
extern "C" char const* __lsan_default_suppressions() {
   return "leak:libpqxx\n";
}
