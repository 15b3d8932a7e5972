#include "cli/output.h"

#include <unistd.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"

namespace aegis::cli {
namespace {

constexpr std::size_t kBuffer = std::size_t{64} << 10U;

}  // namespace

void Output::Write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= kBuffer) {
    static_cast<void>(Flush());  // the error sticks
  }
}

base::Result<> Output::Flush() {
  if (status_ && !buffer_.empty()) {
    status_ = base::WriteAll(fd_, buffer_);
  }
  buffer_.clear();
  return status_;
}

void Output::AllowColour(bool no_colour_set) { colour_ = !no_colour_set && ::isatty(fd_) == 1; }

std::string Output::Painted(std::string_view code, std::string_view text) const {
  if (!colour_) {
    return std::string(text);
  }
  std::string painted("\x1b[");
  painted.append(code).append("m").append(text).append("\x1b[0m");
  return painted;
}

}  // namespace aegis::cli
