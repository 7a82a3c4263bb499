# cpack -G DEB: noetl-dev (headers, all architectures) and noetl-server (program, service, settings). scripts/package calls
# it. What only a Debian package has is installed by nothing else: EXCLUDE_FROM_ALL.
set(debian ${CMAKE_CURRENT_SOURCE_DIR}/cmake/debian)
set(made ${CMAKE_CURRENT_BINARY_DIR}/debian)
set(NOETL_PACKAGE_MAINTAINER "NoETL authors <packages@noetl.invalid>" CACHE STRING "Who answers for the packages")

configure_file(${debian}/noetl-server.1 ${made}/noetl-server.1 @ONLY)
find_program(NOETL_GZIP gzip)
function(noetl_compressed from to)
  if(NOETL_GZIP)
    file(MAKE_DIRECTORY ${made})
    execute_process(COMMAND ${NOETL_GZIP} -9nc ${from} OUTPUT_FILE ${to} COMMAND_ERROR_IS_FATAL ANY)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${from})
  endif()
endfunction()
noetl_compressed(${debian}/changelog ${made}/changelog.Debian.gz)
noetl_compressed(${made}/noetl-server.1 ${made}/noetl-server.1.gz)

# Components of their own, so that no `cmake --install --component server` writes to /etc.
foreach(one dev server)
  install(FILES ${debian}/copyright ${made}/changelog.Debian.gz DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/noetl-${one}
    COMPONENT ${one}_debian EXCLUDE_FROM_ALL)
endforeach()
install(FILES ${debian}/noetl-server.service DESTINATION lib/systemd/system COMPONENT server_debian EXCLUDE_FROM_ALL)
install(FILES ${debian}/noetl-server.env DESTINATION /etc/noetl COMPONENT server_debian EXCLUDE_FROM_ALL
  PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ)
install(FILES ${made}/noetl-server.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT server_debian EXCLUDE_FROM_ALL)
install(FILES ${debian}/lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME noetl-server
  COMPONENT server_debian EXCLUDE_FROM_ALL)
install(FILES docs/configuration.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/noetl-server COMPONENT server_debian EXCLUDE_FROM_ALL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME noetl)
set(CPACK_PACKAGE_VENDOR NoETL)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/packages)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL dev dev_debian server server_debian)
foreach(one dev server)
  string(TOUPPER ${one} name)
  set(CPACK_COMPONENT_${name}_GROUP ${one})
  set(CPACK_COMPONENT_${name}_DEBIAN_GROUP ${one})
endforeach()
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER ${NOETL_PACKAGE_MAINTAINER})
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_DEV_PACKAGE_NAME noetl-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_ARCHITECTURE all)
set(CPACK_COMPONENT_DEV_DESCRIPTION "event-sourced control planes in C++20 - headers
Route tables, life cycles, JSON, SQL and an append-only event log derived from
plain structs at compile time. Headers only, with CMake and pkg-config files.")
# What the headers include, and what noetl.pc and the CMake package name.
string(JOIN ", " CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libboost1.81-dev | libboost-dev (>= 1.81)" tao-json-dev tao-pegtl-dev
  libpqxx-dev libnats-dev libyaml-cpp-dev libssl-dev libspdlog-dev prometheus-cpp-dev libxxhash-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS "cmake, pkgconf | pkg-config")

set(CPACK_DEBIAN_SERVER_PACKAGE_NAME noetl-server)
set(CPACK_DEBIAN_SERVER_PACKAGE_SECTION net)
set(CPACK_COMPONENT_SERVER_DESCRIPTION "event-sourced control planes in C++20 - reference server
Executes playbooks in YAML: events are kept in PostgreSQL, commands reach
workers over NATS JetStream. Contains the service noetl-server.service, whose
settings are in /etc/noetl/noetl-server.env.")
set(CPACK_DEBIAN_SERVER_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_SERVER_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_SERVER_PACKAGE_SUGGESTS "postgresql, nats-server")
set(CPACK_DEBIAN_SERVER_PACKAGE_CONTROL_EXTRA
  ${debian}/postinst ${debian}/prerm ${debian}/postrm ${debian}/conffiles)
include(CPack)
