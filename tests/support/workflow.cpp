// The one file of a test program that defines the workflow engine.
#include <noetl/workflow/definitions.hpp>
