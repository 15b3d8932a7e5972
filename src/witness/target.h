#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"

namespace aegis::witness {

// A witness that is asked over HTTP (c2sp.org/tlog-witness).
struct HttpTarget {
  bool tls = false;
  std::string host{};  // a DNS name in lower case, or an IP address, IPv6 without brackets
  std::uint16_t port = 0;
  std::string prefix{};  // of all paths: empty, or "/a/b" without a slash at the end

  friend bool operator==(const HttpTarget&, const HttpTarget&) = default;
};

// A file that is appended to; best one that the machine's users can't change, or on another one.
struct FileTarget {
  std::string path{};  // bytes, as given: absolute or relative

  friend bool operator==(const FileTarget&, const FileTarget&) = default;
};

// The system's log.
struct SyslogTarget {
  friend bool operator==(const SyslogTarget&, const SyslogTarget&) = default;
};

// Where checkpoints go, so that they are out of reach of whoever changes the ledger.
using Target = std::variant<HttpTarget, FileTarget, SyslogTarget>;

// The word "syslog", an http:// or https:// URL with an optional path, or a file's path (also as
// file:///PATH). kInvalid, with what is wrong, for anything else: a URL with user information, a
// query or characters that belong in none, another scheme, a path with control characters or
// without a file's name. Neither files nor hosts are looked up.
base::Result<Target> ParseTarget(std::string_view text);

// The target as ParseTarget reads it; "HOST:PORT" is left at its default where it is one. For
// people it wants base::ForDisplay: paths are bytes.
std::string TargetText(const Target& target);

// "HOST" or "HOST:PORT", with brackets around IPv6, as in URLs and the header Host.
std::string Authority(const HttpTarget& target);

}  // namespace aegis::witness
