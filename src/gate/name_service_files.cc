#include "gate/name_service_files.h"

#include <limits.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "sandbox/plan.h"

namespace aegis::gate {

namespace {

// nsswitch.conf(5) with "files dns" for hosts.
std::string WithOwnHosts(const std::string& text) {
  std::string changed;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find_first_not_of(" \t");
    const bool about_hosts = first != std::string::npos && line.compare(first, 6, "hosts:") == 0;
    changed += about_hosts ? "hosts: files dns" : line;
    changed += '\n';
  }
  return changed;
}

std::string OwnHosts() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  std::string text =
      "127.0.0.1 localhost\n"
      "::1 localhost ip6-localhost ip6-loopback\n";
  if (::gethostname(name.data(), HOST_NAME_MAX) == 0 && name[0] != '\0') {
    text += std::string("127.0.1.1 ") + name.data() + "\n";
  }
  return text;
}

}  // namespace

std::vector<sandbox::SuppliedFile> NameServiceFiles() {
  std::vector<sandbox::SuppliedFile> files = {
      {"/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:5 attempts:2\n"},
      {"/etc/hosts", OwnHosts()}};
  if (const auto switches = base::ReadFile("/etc/nsswitch.conf")) {
    files.push_back({"/etc/nsswitch.conf", WithOwnHosts(*switches)});
  }
  return files;
}

}  // namespace aegis::gate
