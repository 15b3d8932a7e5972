#include "gate/loader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace aegis::gate {
namespace {

base::UniqueFd OpenFile(const char* path) {
  return base::UniqueFd(::open(path, O_RDONLY | O_CLOEXEC));
}

base::UniqueFd FileWith(std::string_view content) {
  base::UniqueFd fd(::memfd_create("file", MFD_CLOEXEC));
  EXPECT_EQ(::write(fd.get(), content.data(), content.size()),
            static_cast<ssize_t>(content.size()));
  return fd;
}

// A library that this program has mapped: whichever of the C library's there is.
std::string MappedLibrary() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.contains("/libc.so") || line.contains("/libc-")) {
      return line.substr(line.find('/'));
    }
  }
  return {};
}

TEST(LoaderTest, IsKnownByItsName) {
  for (const char* image : {"/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "/lib64/ld-2.31.so",
                            "/lib/ld-musl-x86_64.so.1", "/lib/ld64.so.2", "/usr/bin/ld.so"}) {
    EXPECT_TRUE(IsLoader(image)) << image;
  }
  for (const char* image :
       {"/usr/bin/ld", "/usr/bin/ld.gold", "/usr/bin/ldd", "/home/u/ld-x/sh", ""}) {
    EXPECT_FALSE(IsLoader(image)) << image;
  }
}

TEST(LoaderTest, ProgramsAreTold) {
  EXPECT_TRUE(IsElfProgram(OpenFile("/proc/self/exe").get()));
  EXPECT_TRUE(IsElfProgram(OpenFile("/bin/sh").get()));
}

TEST(LoaderTest, LibrariesAndOtherFilesAreNone) {
  const std::string library = MappedLibrary();
  ASSERT_FALSE(library.empty());
  EXPECT_FALSE(IsElfProgram(OpenFile(library.c_str()).get()));
  EXPECT_FALSE(IsElfProgram(FileWith("").get()));
  EXPECT_FALSE(IsElfProgram(FileWith("#!/bin/sh\n").get()));
  EXPECT_FALSE(IsElfProgram(OpenFile("/etc/passwd").get()));
}

TEST(LoaderTest, WhatCantBeReadIsTakenForOne) {
  EXPECT_TRUE(IsElfProgram(FileWith("\177ELF").get()));
  std::string head(64, '\0');
  head.replace(0, 6, std::string_view("\177ELF\2\1", 6));
  head[16] = 3;   // ET_DYN
  head[54] = 56;  // e_phentsize
  head[56] = 9;   // e_phnum: they are missing
  EXPECT_TRUE(IsElfProgram(FileWith(head).get()));
}

}  // namespace
}  // namespace aegis::gate
