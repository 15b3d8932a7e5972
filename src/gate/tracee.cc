#include "gate/tracee.h"

#include <sys/types.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace aegis::gate {

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::size_t kFirstRead = 256;  // most paths end in it; never crosses into the next page
constexpr std::size_t kMaxArguments = 256;
constexpr std::size_t kMaxArgumentBytes = std::size_t{32} * 1024;
constexpr std::string_view kLeftOut = "(further arguments left out)";

ssize_t ReadSome(pid_t tid, std::uint64_t address, void* out, std::size_t size) {
  const iovec local{out, size};
  // An address in another process is a number, never a pointer of ours.
  const iovec remote{reinterpret_cast<void*>(address), size};  // NOLINT(performance-no-int-to-ptr)
  return ::process_vm_readv(tid, &local, 1, &remote, 1, 0);
}

std::size_t RoomInPage(std::uint64_t address) {
  return static_cast<std::size_t>(kPage - (address & (kPage - 1)));
}

}  // namespace

int ReadMemory(pid_t tid, std::uint64_t address, void* out, std::size_t size) {
  const ssize_t got = ReadSome(tid, address, out, size);
  if (got == static_cast<ssize_t>(size)) {
    return 0;
  }
  return got < 0 ? errno : EFAULT;
}

SysResult<std::string_view> ReadPath(pid_t tid, std::uint64_t address, PathBuffer& buffer) {
  std::size_t have = 0;
  while (have < buffer.size()) {
    std::size_t want = std::min(RoomInPage(address + have), buffer.size() - have);
    if (have == 0) {
      want = std::min(want, kFirstRead);
    }
    const ssize_t got = ReadSome(tid, address + have, buffer.data() + have, want);
    if (got <= 0) {
      return SysFail(EFAULT);
    }
    const void* end = std::memchr(buffer.data() + have, '\0', static_cast<std::size_t>(got));
    if (end != nullptr) {
      const auto length = static_cast<std::size_t>(static_cast<const char*>(end) - buffer.data());
      return std::string_view(buffer.data(), length);
    }
    have += static_cast<std::size_t>(got);
  }
  return SysFail(ENAMETOOLONG);
}

Arguments ReadArguments(pid_t tid, std::uint64_t address) {
  Arguments arguments;
  PathBuffer buffer;
  std::size_t bytes = 0;
  for (std::size_t i = 0; address != 0; ++i) {
    std::uint64_t pointer = 0;
    if (ReadMemory(tid, address + i * sizeof(pointer), &pointer, sizeof(pointer)) != 0 ||
        pointer == 0) {
      break;
    }
    if (i >= kMaxArguments || bytes >= kMaxArgumentBytes) {
      arguments.texts.emplace_back(kLeftOut);
      arguments.complete = false;
      break;
    }
    const auto text = ReadPath(tid, pointer, buffer);
    arguments.texts.emplace_back(text ? *text
                                      : std::string_view("(argument too long or unreadable)"));
    arguments.complete = arguments.complete && text.has_value();
    bytes += arguments.texts.back().size();
  }
  return arguments;
}

Arguments SplitArguments(std::string_view text, bool whole) {
  Arguments arguments;
  arguments.complete = whole;
  while (!text.empty()) {
    const std::size_t end = text.find('\0');
    arguments.texts.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return arguments;
}

std::vector<std::string> Shortened(std::vector<std::string> texts) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    bytes += texts[i].size();
    if (i >= kMaxArguments || bytes > 2 * kMaxArgumentBytes) {
      texts.resize(i);
      texts.emplace_back(kLeftOut);
      break;
    }
  }
  return texts;
}

}  // namespace aegis::gate
