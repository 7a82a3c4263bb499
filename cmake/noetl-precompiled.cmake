# Precompiled headers, each built once for all programs of ours: noetl_precompiled_programs with the build's own
# optimisation, noetl_precompiled_tests without. They hold headers of others only, the ones that most files read, so a
# change of ours never rebuilds them. Off with -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON; scripts/check-headers never uses them.
set(noetl_wide_headers
  <algorithm> <array> <atomic> <charconv> <chrono> <concepts> <condition_variable> <cstddef> <cstdint> <cstdio> <cstdlib>
  <cstring> <deque> <exception> <functional> <future> <initializer_list> <list> <limits> <map> <memory> <mutex> <optional>
  <random> <set> <span> <sstream> <stdexcept> <stop_token> <string> <string_view> <thread> <tuple> <type_traits>
  <unordered_map> <unordered_set> <utility> <variant> <vector>
  <boost/asio/any_io_executor.hpp> <boost/asio/as_tuple.hpp> <boost/asio/awaitable.hpp> <boost/asio/buffer.hpp>
  <boost/asio/co_spawn.hpp> <boost/asio/detached.hpp> <boost/asio/io_context.hpp> <boost/asio/ip/tcp.hpp>
  <boost/asio/post.hpp> <boost/asio/read.hpp> <boost/asio/redirect_error.hpp> <boost/asio/steady_timer.hpp>
  <boost/asio/strand.hpp> <boost/asio/this_coro.hpp> <boost/asio/use_awaitable.hpp> <boost/asio/write.hpp>
  <boost/pfr/core.hpp> <boost/pfr/tuple_size.hpp>
  <tao/json/from_string.hpp> <tao/json/to_string.hpp> <tao/json/value.hpp>
  <prometheus/registry.h> <prometheus/text_serializer.h>)

# noetl_precompiled(NAME HEADERS...): an object library that is nothing but its precompiled header.
function(noetl_precompiled name)
  set(empty ${PROJECT_BINARY_DIR}/${name}.cpp)
  if(NOT EXISTS ${empty})
    file(WRITE ${empty} "// Exists so that ${name} has a source file.\n")
  endif()
  add_library(${name} OBJECT EXCLUDE_FROM_ALL ${empty})
  target_link_libraries(${name} PRIVATE noetl_own_code)
  target_precompile_headers(${name} PRIVATE ${ARGN})
endfunction()

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # So that ccache may look into what was preprocessed.
  target_compile_options(noetl_own_code INTERFACE -fpch-preprocess)
endif()
noetl_precompiled(noetl_precompiled_programs ${noetl_wide_headers})
