# Compiler settings of the whole project; dependencies are SYSTEM and stay out of them.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

option(AEGIS_SANITIZE "Sanitizers to build with, as for -fsanitize=" "")
option(AEGIS_FUZZ "Build the fuzz targets (needs clang)" OFF)

find_program(AEGIS_CCACHE ccache)
if(AEGIS_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${AEGIS_CCACHE})
endif()

add_library(aegis_options INTERFACE)
target_compile_options(aegis_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Werror)
target_compile_definitions(aegis_options INTERFACE _GNU_SOURCE)
target_include_directories(aegis_options INTERFACE ${CMAKE_SOURCE_DIR}/src)

if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(aegis_options INTERFACE -fstack-protector-strong)
  target_compile_definitions(aegis_options INTERFACE _FORTIFY_SOURCE=3 _GLIBCXX_ASSERTIONS)
  target_link_options(aegis_options INTERFACE -pie -Wl,-z,relro,-z,now -Wl,--gc-sections)
endif()
if(AEGIS_SANITIZE)
  target_compile_options(aegis_options INTERFACE -fsanitize=${AEGIS_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(aegis_options INTERFACE -fsanitize=${AEGIS_SANITIZE})
endif()
