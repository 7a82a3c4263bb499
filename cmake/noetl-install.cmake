# install(): component `dev` is headers, CMake package and pkg-config file, so that find_package(noetl) and
# `pkg-config noetl` work from an installed tree; component `server` is the reference server. All of `dev` is the same on
# every architecture.
include(CMakePackageConfigHelpers)
set(noetl_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/noetl)
set(noetl_pc_dir ${CMAKE_INSTALL_DATADIR}/pkgconfig)

configure_package_config_file(cmake/noetl-config.cmake.in noetl-config.cmake INSTALL_DESTINATION ${noetl_package_dir}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(noetl-config-version.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(TARGETS noetl EXPORT noetl-targets FILE_SET HEADERS COMPONENT dev)
install(EXPORT noetl-targets NAMESPACE noetl:: DESTINATION ${noetl_package_dir} COMPONENT dev)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/noetl-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/noetl-config-version.cmake
  cmake/noetl-dependencies.cmake DESTINATION ${noetl_package_dir} COMPONENT dev)

# Relative to the file's own folder, so that a moved tree still works.
file(RELATIVE_PATH noetl_pc_prefix /prefix/${noetl_pc_dir} /prefix)
string(REGEX REPLACE "/$" "" noetl_pc_prefix "${noetl_pc_prefix}")
configure_file(cmake/noetl.pc.in noetl.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/noetl.pc DESTINATION ${noetl_pc_dir} COMPONENT dev)

if(TARGET noetl-server)
  install(TARGETS noetl-server RUNTIME COMPONENT server)
endif()
