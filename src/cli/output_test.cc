#include "cli/output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>  // posix_openpt
#include <unistd.h>

#include <array>
#include <cstddef>
#include <string>

#include "base/unique_fd.h"

namespace aegis::cli {
namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    read.Reset(ends[0]);
    write.Reset(ends[1]);
  }
  std::string Take() {
    write.Reset();
    std::string text(1000, '\0');
    const ssize_t size = ::read(read.get(), text.data(), text.size());
    text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return text;
  }
  base::UniqueFd read;
  base::UniqueFd write;
};

TEST(Output, WritesWhenFlushed) {
  Pipe pipe;
  Output out(pipe.write.get());
  out.Write("a");
  out.Line("b");
  ASSERT_TRUE(out.Flush().has_value());
  EXPECT_EQ(pipe.Take(), "ab\n");
}

TEST(Output, ErrorsStick) {
  const base::UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  Output out(full.get());
  out.Line("lost");
  EXPECT_FALSE(out.Flush().has_value());
  EXPECT_FALSE(out.Flush().has_value()) << "what was lost stays lost";
}

TEST(Output, NothingToWriteIsNoError) {
  Output out(-1);
  EXPECT_TRUE(out.Flush().has_value());
}

TEST(Output, LargeOutputDoesNotWaitForTheEnd) {
  const base::UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  Output out(full.get());
  out.Write(std::string(1'000'000, 'x'));
  out.Write("y");
  EXPECT_FALSE(out.Flush().has_value());
}

TEST(Output, NoColoursOnPipes) {
  const Pipe pipe;
  Output out(pipe.write.get());
  out.AllowColour(false);
  EXPECT_EQ(out.Bad("x"), "x");
}

TEST(Output, ColoursOnTerminalsUnlessForbidden) {
  const base::UniqueFd terminal(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.valid()) {
    GTEST_SKIP() << "no pseudo terminal here";
  }
  Output out(terminal.get());
  EXPECT_EQ(out.Good("x"), "x") << "not before it is allowed";
  out.AllowColour(true);
  EXPECT_EQ(out.Good("x"), "x");
  out.AllowColour(false);
  EXPECT_EQ(out.Good("x"), "\x1b[32mx\x1b[0m");
}

}  // namespace
}  // namespace aegis::cli
