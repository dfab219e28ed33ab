# SPDX-License-Identifier: Apache-2.0
#
# What `cmake --install` puts where, for programs that find mproc by CMake or by pkg-config.

include(CMakePackageConfigHelpers)

set(mproc_package ${CMAKE_INSTALL_LIBDIR}/cmake/mproc)
set(mproc_libraries mproc_static)
set(MPROC_PC_LIBS " -Wl,--build-id")
if(WIN32)
  string(APPEND MPROC_PC_LIBS " -ladvapi32 -lshell32 -lntdll")
  set(MPROC_PC_CFLAGS " -DMPROC_STATIC")
else()
  list(APPEND mproc_libraries mproc)
endif()

install(TARGETS ${mproc_libraries} EXPORT mprocTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT mprocTargets NAMESPACE mproc:: DESTINATION ${mproc_package})

configure_package_config_file(cmake/mprocConfig.cmake.in mprocConfig.cmake INSTALL_DESTINATION ${mproc_package})
write_basic_package_version_file(mprocConfigVersion.cmake COMPATIBILITY SameMinorVersion)
# From where mproc.pc lies: what is installed may be elsewhere than was configured, and be moved.
set(MPROC_PC_PREFIX /prefix)
cmake_path(RELATIVE_PATH MPROC_PC_PREFIX BASE_DIRECTORY /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig)
configure_file(cmake/mproc.pc.in mproc.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/mprocConfig.cmake ${PROJECT_BINARY_DIR}/mprocConfigVersion.cmake
              cmake/FindAPR.cmake
        DESTINATION ${mproc_package})
install(FILES ${PROJECT_BINARY_DIR}/mproc.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
