#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <functional>

namespace aegis::observe {

// Another process that has done something and lives until the object dies. For tests only.
class TestChild {
 public:
  explicit TestChild(const std::function<void()>& act) {
    std::array<int, 2> done{};
    EXPECT_EQ(::pipe2(done.data(), O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(end_.data(), O_CLOEXEC), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(end_[1]);
      act();
      char byte = 'x';
      ::_exit(::write(done[1], &byte, 1) == 1 && ::read(end_[0], &byte, 1) == 0 ? 0 : 1);
    }
    char byte = 0;
    EXPECT_EQ(::read(done[0], &byte, 1), 1);
    ::close(done[0]);
    ::close(done[1]);
  }
  TestChild(const TestChild&) = delete;
  TestChild& operator=(const TestChild&) = delete;
  ~TestChild() {
    ::close(end_[1]);
    ::close(end_[0]);
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    EXPECT_EQ(status, 0);
  }

  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
  std::array<int, 2> end_{};
};

inline void RunInChild(const std::function<void()>& act) { const TestChild child(act); }

}  // namespace aegis::observe
