#include "cli/query_arguments.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/text.h"
#include "ledger/ledger.h"

namespace aegis::cli {
namespace {

base::Result<std::optional<std::int64_t>> TimeArgument(const Args& args, std::string_view key) {
  const auto text = args.Text(key);
  if (!text) {
    return std::nullopt;
  }
  const auto time = ParseTime(*text);
  if (!time) {
    return base::Fail(base::Errc::kInvalid, std::string(key) + ": \"" + *text +
                                                "\" is no time like 2026-11-21T14:03:07Z");
  }
  return time;
}

// A name, escaped, as a pattern that matches it alone.
std::string Literally(std::string_view name) {
  std::string pattern;
  for (const char c : name) {
    pattern.append(c == '*' || c == '?' ? "\\" : "").append(1, c);
  }
  return pattern;
}

// What no recorded name has.
bool IsNoName(std::string_view pattern) {
  const std::size_t first = pattern.find('/');
  if (first == std::string_view::npos) {
    return pattern == "." || pattern == "..";
  }
  std::string_view rest = pattern == "/" ? std::string_view() : pattern;
  for (bool begins = true; !rest.empty(); begins = false) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view component = rest.substr(0, end);
    if (component == "." || component == ".." || (component.empty() && !begins) ||
        end + 1 == rest.size()) {
      return true;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

base::Result<std::optional<ledger::Glob>> PathArgument(const Args& args, const std::string& home) {
  const auto text = args.Text("--path");
  if (!text) {
    return std::nullopt;
  }
  AEGIS_ASSIGN(ledger::Glob glob, PathPattern(*text, home));
  return glob;
}

}  // namespace

base::Result<ledger::Glob> PathPattern(const std::string& text, const std::string& home) {
  const bool below_home = text == "~" || text.starts_with("~/");
  const std::string pattern =
      below_home ? Literally(base::EscapeName(home)) + text.substr(1) : text;
  if (IsNoName(pattern)) {
    return base::Fail(base::Errc::kInvalid,
                      "--path: \"" + text +
                          "\" can match no name: what is recorded has no ., .. or // and no / at "
                          "its end");
  }
  auto glob = ledger::Glob::Parse(pattern);
  if (!glob) {
    return base::Fail(std::move(glob).error().Within("--path"));
  }
  return std::move(*glob);
}

base::Result<> TakeContentFilter(const Args& args, const std::string& home,
                                 ledger::QueryFilter& filter) {
  filter.action = args.Text("--action");
  filter.decision = args.Text("--decision");
  AEGIS_ASSIGN(filter.path, PathArgument(args, home));
  return {};
}

base::Result<> TakeTimeFilter(const Args& args, ledger::QueryFilter& filter) {
  AEGIS_ASSIGN(filter.from_ms, TimeArgument(args, "--from"));
  AEGIS_ASSIGN(filter.to_ms, TimeArgument(args, "--to"));
  return {};
}

}  // namespace aegis::cli
