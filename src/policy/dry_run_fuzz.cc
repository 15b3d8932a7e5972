#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "policy/dry_run_message.h"

// What parent and child of a dry run read from each other: whatever is taken for a request is
// written again to the same bytes, and what is taken for a refusal is harmless text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  if (const auto request = aegis::policy::DecodeDryRunRequest(message)) {
    const std::string again = aegis::policy::EncodeDryRunRequest(request->parent, request->limits,
                                                                 request->names, request->sources);
    // The first two numbers are narrower in the program than on the way.
    constexpr std::size_t kNarrowed = 16;
    if (again.size() != size || again.substr(kNarrowed) != message.substr(kNarrowed)) {
      std::abort();
    }
  }
  if (const auto answer = aegis::policy::DecodeDryRunAnswer(message); answer && !*answer) {
    const std::string& text = answer->error().message();
    if (text.empty() || aegis::base::ForDisplay(text) != text) {
      std::abort();
    }
  }
  return 0;
}
