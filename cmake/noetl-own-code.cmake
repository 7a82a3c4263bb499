# What our own programs share: our warnings as errors, sanitizers, ccache when present.
find_program(NOETL_CCACHE ccache)
if(NOETL_CCACHE AND PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${NOETL_CCACHE})
endif()

add_library(noetl_own_code INTERFACE)
target_link_libraries(noetl_own_code INTERFACE noetl::noetl)
target_compile_options(noetl_own_code INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOETL_SANITIZE)
  # GCC 12 reports false positives from inlined standard containers when sanitizers are on.
  target_compile_options(noetl_own_code INTERFACE -Wno-maybe-uninitialized -Wno-tsan)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False positives: GCC bugs 105329, 105580 and 105651 inside std::string.
  target_compile_options(noetl_own_code INTERFACE -Wno-restrict -Wno-array-bounds -Wno-stringop-overread
    -Wno-stringop-overflow)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False positives, also of GCC 14: coroutine frames of Asio's awaitable.
  target_compile_options(noetl_own_code INTERFACE -Wno-mismatched-new-delete)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
  # False positives: functions that return a part of their first argument and take a text made on the spot as another.
  target_compile_options(noetl_own_code INTERFACE -Wno-dangling-reference)
endif()
if(NOETL_SANITIZE)
  target_compile_options(noetl_own_code INTERFACE -fsanitize=${NOETL_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(noetl_own_code INTERFACE -fsanitize=${NOETL_SANITIZE})
endif()

# noetl_program(NAME SOURCES...) or noetl_program(NAME PRECOMPILED TARGET SOURCES...): with another precompiled header than
# noetl_precompiled_programs, or with NONE.
function(noetl_program name)
  cmake_parse_arguments(PARSE_ARGV 1 program "" "PRECOMPILED" "")
  add_executable(${name} ${program_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE noetl_own_code noetl-definitions)
  if(NOT program_PRECOMPILED)
    set(program_PRECOMPILED noetl_precompiled_programs)
  endif()
  if(NOT program_PRECOMPILED STREQUAL "NONE")
    target_precompile_headers(${name} REUSE_FROM ${program_PRECOMPILED})
  endif()
endfunction()
