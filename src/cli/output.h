#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace aegis::cli {

// Buffered text to one descriptor, which it does not own. The first error sticks and is what Flush
// reports, so that a command whose output was cut short never ends well. One thread.
class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() = default;  // flushing is explicit: a destructor could not report

  void Write(std::string_view text);
  void Line(std::string_view text) {
    Write(text);
    Write("\n");
  }
  base::Result<> Flush();
  int fd() const { return fd_; }

  // Colours are for terminals only, and not for those who set NO_COLOR.
  void AllowColour(bool no_colour_set);
  // `text` in the colour of its meaning, or as it stands.
  std::string Good(std::string_view text) const { return Painted("32", text); }
  std::string Bad(std::string_view text) const { return Painted("31", text); }
  std::string Faint(std::string_view text) const { return Painted("2", text); }
  std::string Strong(std::string_view text) const { return Painted("1", text); }

 private:
  std::string Painted(std::string_view code, std::string_view text) const;

  int fd_;
  bool colour_ = false;
  std::string buffer_;
  base::Result<> status_;
};

}  // namespace aegis::cli
