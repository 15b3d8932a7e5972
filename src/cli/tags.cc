#include "cli/tags.h"

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"

namespace aegis::cli {
namespace {

constexpr std::size_t kLongestTag = 128;

}  // namespace

base::Result<> CheckTag(std::string_view what, const std::string& tag) {
  if (tag.size() > kLongestTag || base::ForDisplay(tag) != tag) {
    return base::Fail(base::Errc::kInvalid,
                      std::string(what) + " takes up to 128 bytes of printable text in one line");
  }
  return {};
}

}  // namespace aegis::cli
