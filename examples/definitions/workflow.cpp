// examples/definitions/workflow.cpp: defines the workflow engine (templates, YAML, decisions).
#include <noetl/workflow/definitions.hpp>
