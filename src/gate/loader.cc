#include "gate/loader.h"

#include <elf.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace aegis::gate {

namespace {

// Real files have fewer; the kernel itself reads no more than a page of segments.
constexpr std::size_t kMaxSegments = 4096 / sizeof(Elf64_Phdr);
constexpr std::size_t kMaxTags = 512;

// Fills the first `count` of `items` from the file.
template <typename Item, std::size_t Most>
bool Read(int fd, std::uint64_t offset, std::size_t count, std::array<Item, Most>& items) {
  const std::size_t size = count * sizeof(Item);
  return count <= Most && offset <= INT64_MAX &&
         ::pread(fd, items.data(), size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

// Libraries have a name of their own (DT_SONAME). glibc's names a loader as well, since it says its
// version when it is run.
bool IsLibrary(int fd, const Elf64_Phdr& dynamic) {
  std::array<Elf64_Dyn, kMaxTags> tags;
  const std::size_t count = dynamic.p_filesz / sizeof(Elf64_Dyn);
  if (!Read(fd, dynamic.p_offset, count, tags)) {
    return false;
  }
  return std::ranges::any_of(std::span(tags).first(count),
                             [](const Elf64_Dyn& tag) { return tag.d_tag == DT_SONAME; });
}

bool IsSharedProgram(int fd, const Elf64_Ehdr& header) {
  std::array<Elf64_Phdr, kMaxSegments> segments;
  if (header.e_phentsize != sizeof(Elf64_Phdr) ||
      !Read(fd, header.e_phoff, header.e_phnum, segments)) {
    return true;
  }
  bool names_loader = false;
  bool library = false;
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    names_loader = names_loader || segments.at(i).p_type == PT_INTERP;
    library = library || (segments.at(i).p_type == PT_DYNAMIC && IsLibrary(fd, segments.at(i)));
  }
  return names_loader && !library;
}

}  // namespace

bool IsLoader(std::string_view image) {
  const std::string_view name = image.substr(image.rfind('/') + 1);
  return (name.starts_with("ld-") || name.starts_with("ld64.") || name.starts_with("ld.so")) &&
         name.contains(".so");
}

bool IsElfProgram(int fd) {
  Elf64_Ehdr header{};
  const ssize_t length = ::pread(fd, &header, sizeof header, 0);
  if (length < SELFMAG || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    return false;
  }
  if (length != static_cast<ssize_t>(sizeof header) || header.e_ident[EI_CLASS] != ELFCLASS64) {
    return true;
  }
  return header.e_type == ET_EXEC || (header.e_type == ET_DYN && IsSharedProgram(fd, header));
}

}  // namespace aegis::gate
