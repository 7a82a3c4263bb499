// examples/server/workflow.cpp: the one file of this program that defines the workflow engine (templates, YAML,
// decisions).
#include <noetl/workflow/definitions.hpp>
