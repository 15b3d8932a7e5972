#pragma once

#include <string_view>

namespace aegis::gate {

// `ld.so FILE` runs FILE without execve(2): the loader opens it and maps it. So what the loader
// opens is a program that begins, if it is one.

// Whether an image, by its canonical name, is the system's dynamic loader (ld.so(8)).
bool IsLoader(std::string_view image);

// Whether an open file is an ELF program: ET_EXEC, or one that names a loader and has no name as a
// library (elf(5)). A file that can't be read as far as needed is taken for one.
bool IsElfProgram(int fd);

}  // namespace aegis::gate
