// workflow/definitions.hpp: definitions of decide(), of the readers of documents (parse_playbook(), check_playbook()
// and others) and of the text of a state, with the template engine (PEGTL) and yaml-cpp behind them. Heavy: include it
// in exactly one source file of a program (twice fails to link).
#pragma once

#include <noetl/workflow/detail/decide_pass.hpp>
#include <noetl/workflow/detail/form_reader.hpp>
#include <noetl/workflow/detail/playbook_reader.hpp>
#include <noetl/workflow/detail/state_text.hpp>
#include <noetl/workflow/detail/subscription_checks.hpp>
