#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "observe/fanotify_event.h"

// Whatever stands in the bytes: each event takes some of them, and names no more than there are.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  std::string_view bytes = all;
  while (!bytes.empty()) {
    const std::size_t before = bytes.size();
    const auto event = aegis::observe::TakeFanotifyEvent(bytes);
    if (!event) {
      break;
    }
    if (bytes.size() >= before || (event->name && event->name->name.size() > before)) {
      std::abort();
    }
  }
  return 0;
}
