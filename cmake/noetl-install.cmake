# install(): headers and the CMake package, so that find_package(noetl) works from an installed tree.
include(CMakePackageConfigHelpers)
set(noetl_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/noetl)
configure_package_config_file(cmake/noetl-config.cmake.in noetl-config.cmake INSTALL_DESTINATION ${noetl_package_dir})
write_basic_package_version_file(noetl-config-version.cmake COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(TARGETS noetl EXPORT noetl-targets FILE_SET HEADERS)
install(EXPORT noetl-targets NAMESPACE noetl:: DESTINATION ${noetl_package_dir})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/noetl-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/noetl-config-version.cmake
  cmake/noetl-dependencies.cmake DESTINATION ${noetl_package_dir})
