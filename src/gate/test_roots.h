#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/check.h"
#include "gate/process_table.h"
#include "gate/roots.h"

namespace aegis::gate {

// A temporary directory, and the roots of a supervisor whose agent is the test itself: no
// namespaces, so that lookups can be compared with the kernel's own.
class TestRoots {
 public:
  TestRoots() {
    char text[] = "/tmp/aegis-gate-XXXXXX";
    AEGIS_CHECK(::mkdtemp(text) != nullptr);
    directory_ = text;
    before_ = ::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    auto opened = OpenHostRoots();
    AEGIS_CHECK(opened.has_value());
    roots = std::move(*opened);
    AEGIS_CHECK(EnterOwnFds(roots).has_value());
    AEGIS_CHECK(LearnDevices(roots, false, {}).has_value());
  }
  TestRoots(const TestRoots&) = delete;
  TestRoots& operator=(const TestRoots&) = delete;
  ~TestRoots() {
    AEGIS_CHECK(::fchdir(before_) == 0);
    ::close(before_);
    const std::string command = "rm -rf '" + directory_ + "'";
    AEGIS_CHECK(std::system(command.c_str()) == 0);  // NOLINT(cert-env33-c,concurrency-mt-unsafe)
  }

  const std::string& directory() const { return directory_; }
  std::string Path(const std::string& name) const { return directory_ + "/" + name; }
  void File(const std::string& name) const {
    const int fd = ::open(Path(name).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    AEGIS_CHECK(fd >= 0);
    ::close(fd);
  }
  void Directory(const std::string& name) const {
    AEGIS_CHECK(::mkdir(Path(name).c_str(), 0700) == 0);
  }
  void Symlink(const std::string& text, const std::string& name) const {
    AEGIS_CHECK(::symlink(text.c_str(), Path(name).c_str()) == 0);
  }

  Roots roots;

 private:
  std::string directory_;
  int before_ = -1;
};

}  // namespace aegis::gate
