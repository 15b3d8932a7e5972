# Compiler settings of the whole project; dependencies are SYSTEM and stay out of them.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release or RelWithDebInfo" FORCE)
endif()
set(AEGIS_SANITIZE "" CACHE STRING "Sanitizers to build with, as for -fsanitize=")
option(AEGIS_FUZZ "Build the libFuzzer executables (needs clang)" OFF)
option(AEGIS_COVERAGE "Count the lines and branches that tests reach" OFF)

find_program(AEGIS_CCACHE ccache)
if(AEGIS_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${AEGIS_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${AEGIS_CCACHE})
endif()

add_library(aegis_options INTERFACE)
target_compile_options(aegis_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion $<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast>
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
  $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
  # g++ 12 sees overlaps in std::string that are not there (GCC bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  -Werror)
target_compile_definitions(aegis_options INTERFACE _GNU_SOURCE)
target_include_directories(aegis_options INTERFACE ${CMAKE_SOURCE_DIR}/src)

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(aegis_options INTERFACE
    -fstack-protector-strong -ffunction-sections -fdata-sections)
  target_compile_definitions(aegis_options INTERFACE _FORTIFY_SOURCE=3 _GLIBCXX_ASSERTIONS)
  target_link_options(aegis_options INTERFACE -pie -Wl,-z,relro,-z,now -Wl,--gc-sections)
endif()
if(AEGIS_SANITIZE)
  target_compile_options(aegis_options INTERFACE
    -fsanitize=${AEGIS_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(aegis_options INTERFACE -fsanitize=${AEGIS_SANITIZE})
endif()
if(AEGIS_FUZZ)
  # Warnings are judged by g++; clang knows others, and fails no fuzz build with them.
  target_compile_options(aegis_options INTERFACE -fsanitize=fuzzer-no-link -Wno-error)
endif()
if(AEGIS_COVERAGE)
  target_compile_options(aegis_options INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(aegis_options INTERFACE --coverage)
endif()
