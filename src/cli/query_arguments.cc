#include "cli/query_arguments.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
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

base::Result<std::optional<ledger::Glob>> PathArgument(const Args& args) {
  const auto pattern = args.Text("--path");
  if (!pattern) {
    return std::nullopt;
  }
  auto glob = ledger::Glob::Parse(*pattern);
  if (!glob) {
    return base::Fail(std::move(glob).error().Within("--path"));
  }
  return std::move(*glob);
}

}  // namespace

base::Result<> TakeContentFilter(const Args& args, ledger::QueryFilter& filter) {
  filter.action = args.Text("--action");
  filter.decision = args.Text("--decision");
  AEGIS_ASSIGN(filter.path, PathArgument(args));
  return {};
}

base::Result<> TakeTimeFilter(const Args& args, ledger::QueryFilter& filter) {
  AEGIS_ASSIGN(filter.from_ms, TimeArgument(args, "--from"));
  AEGIS_ASSIGN(filter.to_ms, TimeArgument(args, "--to"));
  return {};
}

}  // namespace aegis::cli
