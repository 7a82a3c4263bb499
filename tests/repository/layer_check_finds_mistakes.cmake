# Writes headers with one mistake of each kind and wants each to be reported.
file(REMOVE_RECURSE ${FOLDER})
set(headers ${FOLDER}/include/noetl)
file(WRITE ${headers}/core/up.hpp "// core/up.hpp\n#pragma once\n#include <noetl/http/down.hpp>\n")
file(WRITE ${headers}/http/down.hpp "// http/down.hpp\n#pragma once\n#include <noetl/http/ring.hpp>\n#include <pqxx/pqxx>\n")
file(WRITE ${headers}/http/ring.hpp "// http/ring.hpp\n#pragma once\n#include <noetl/http/down.hpp>\n#include \"x.hpp\"\n")
file(WRITE ${headers}/pg/private.hpp "// pg/private.hpp\n#include <noetl/http/detail/own.hpp>\n#include <noetl/pg/absent.hpp>\n")
file(WRITE ${headers}/http/detail/own.hpp "#pragma once\n")

execute_process(COMMAND ${CHECK} ${FOLDER} RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE err)
if(code EQUAL 0)
  message(FATAL_ERROR "the check found nothing")
endif()
foreach(wanted
    "core/up.hpp: layer core includes <noetl/http/down.hpp> of the later layer http"
    "http/down.hpp: includes <pqxx/pqxx>; only pg/pqxx.hpp, pg/detail/pqxx_versions.hpp may"
    "http/ring.hpp: includes \"x.hpp\""
    "pg/private.hpp: lacks #pragma once"
    "pg/private.hpp: includes <noetl/http/detail/own.hpp>, which is private to http"
    "pg/private.hpp: includes <noetl/pg/absent.hpp>, which does not exist"
    "http/detail/own.hpp: does not begin by saying what lives in it"
    "cycle: http/down.hpp -> http/ring.hpp -> http/down.hpp")
  string(FIND "${err}" "${wanted}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "not reported: ${wanted}\nreported:\n${err}")
  endif()
endforeach()
