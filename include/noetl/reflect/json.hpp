// reflect/json.hpp: reading and writing JSON, both halves.
#pragma once

#include <noetl/reflect/ids.hpp>
#include <noetl/reflect/json_read.hpp>
#include <noetl/reflect/json_write.hpp>
