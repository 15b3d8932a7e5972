#include "gate/tracee.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace aegis::gate {
namespace {

std::uint64_t At(const void* pointer) { return reinterpret_cast<std::uint64_t>(pointer); }

// Two pages, the second of which may not be read.
class PagePair {
 public:
  PagePair()
      : pages_(static_cast<char*>(
            ::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    EXPECT_EQ(::mprotect(pages_ + 4096, 4096, PROT_NONE), 0);
  }
  PagePair(const PagePair&) = delete;
  PagePair& operator=(const PagePair&) = delete;
  ~PagePair() { ::munmap(pages_, 8192); }
  char* end() const { return pages_ + 4096; }

 private:
  char* pages_;
};

TEST(TraceeTest, ReadsAPathUpToTheEndOfAPage) {
  const PagePair pages;
  PathBuffer buffer;
  for (std::size_t length = 1; length < 600; length += 37) {
    char* start = pages.end() - length - 1;
    std::memset(start, 'x', length);
    start[length] = '\0';
    const auto path = ReadPath(::getpid(), At(start), buffer);
    ASSERT_TRUE(path.has_value());
    EXPECT_EQ(*path, std::string(length, 'x'));
  }
}

TEST(TraceeTest, AnUnterminatedPathIsEfault) {
  const PagePair pages;
  PathBuffer buffer;
  std::memset(pages.end() - 10, 'x', 10);
  const auto path = ReadPath(::getpid(), At(pages.end() - 10), buffer);
  ASSERT_FALSE(path.has_value());
  EXPECT_EQ(path.error(), EFAULT);
}

TEST(TraceeTest, ALongPathIsRefused) {
  const std::string longest(4095, 'a');
  const std::string too_long(4096, 'a');
  PathBuffer buffer;
  EXPECT_TRUE(ReadPath(::getpid(), At(longest.c_str()), buffer).has_value());
  const auto refused = ReadPath(::getpid(), At(too_long.c_str()), buffer);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error(), ENAMETOOLONG);
}

TEST(TraceeTest, NullIsEfault) {
  PathBuffer buffer;
  EXPECT_EQ(ReadPath(::getpid(), 0, buffer).error(), EFAULT);
  int value = 0;
  EXPECT_EQ(ReadMemory(::getpid(), 0, &value, sizeof(value)), EFAULT);
}

TEST(TraceeTest, ReadsArguments) {
  const std::array<const char*, 4> argv{"git", "commit", "-m", nullptr};
  EXPECT_EQ(ReadArguments(::getpid(), At(static_cast<const void*>(argv.data()))),
            (Arguments{.texts = {"git", "commit", "-m"}, .complete = true}));
  EXPECT_EQ(ReadArguments(::getpid(), 0), Arguments{});
}

TEST(TraceeTest, ManyArgumentsAreCut) {
  std::vector<const char*> argv(5000, "argument");
  argv.push_back(nullptr);
  const auto arguments = ReadArguments(::getpid(), At(static_cast<const void*>(argv.data())));
  EXPECT_LT(arguments.texts.size(), 300U);
  EXPECT_EQ(arguments.texts.back(), "(further arguments left out)");
  EXPECT_FALSE(arguments.complete);
}

TEST(TraceeTest, AnArgumentThatIsTooLongIsNotComplete) {
  const std::string too_long(5000, 'a');
  const std::array<const char*, 3> argv{"sh", too_long.c_str(), nullptr};
  const auto arguments = ReadArguments(::getpid(), At(static_cast<const void*>(argv.data())));
  EXPECT_FALSE(arguments.complete);
  EXPECT_EQ(arguments.texts.size(), 2U);
}

TEST(TraceeTest, SplitsACommandLine) {
  using std::string_view_literals::operator""sv;
  EXPECT_EQ(SplitArguments("sh\0-c\0\0"sv, true),
            (Arguments{.texts = {"sh", "-c", ""}, .complete = true}));
  EXPECT_EQ(SplitArguments("\0"sv, true), (Arguments{.texts = {""}, .complete = true}));
  EXPECT_EQ(SplitArguments("", true), Arguments{});
  EXPECT_FALSE(SplitArguments("sh\0-c\0cut"sv, false).complete);
}

}  // namespace
}  // namespace aegis::gate
