# Finds what the headers use. Read by our own build and, installed beside the package file, by consumers.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(spdlog REQUIRED)

# These ship no CMake package on every supported distribution; the names of the libraries are stable.
foreach(pair "pqxx:pqxx/pqxx" "nats:nats.h" "prometheus-cpp-core:prometheus/registry.h" "xxhash:xxhash.h")
  string(REPLACE ":" ";" pair "${pair}")
  list(GET pair 0 library)
  list(GET pair 1 header)
  string(MAKE_C_IDENTIFIER "noetl_${library}" name)
  find_library(${name}_library NAMES ${library} REQUIRED)
  find_path(${name}_include NAMES ${header} REQUIRED)
  if(NOT TARGET noetl_deps::${library})
    add_library(noetl_deps::${library} INTERFACE IMPORTED)
    set_target_properties(noetl_deps::${library} PROPERTIES
      INTERFACE_INCLUDE_DIRECTORIES "${${name}_include}" INTERFACE_LINK_LIBRARIES "${${name}_library}")
  endif()
endforeach()

if(NOT TARGET noetl_deps::yaml-cpp)
  add_library(noetl_deps::yaml-cpp INTERFACE IMPORTED)
  if(TARGET yaml-cpp::yaml-cpp)
    target_link_libraries(noetl_deps::yaml-cpp INTERFACE yaml-cpp::yaml-cpp)
  else()
    target_link_libraries(noetl_deps::yaml-cpp INTERFACE yaml-cpp)
  endif()
endif()

set(NOETL_LINK_LIBRARIES Threads::Threads Boost::headers OpenSSL::Crypto spdlog::spdlog noetl_deps::yaml-cpp
  noetl_deps::pqxx noetl_deps::nats noetl_deps::prometheus-cpp-core noetl_deps::xxhash)
