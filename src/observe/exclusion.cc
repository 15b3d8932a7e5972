#include "observe/exclusion.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/text.h"
#include "ledger/ledger.h"

namespace aegis::observe {

base::Result<Exclusion> Exclusion::Make(std::span<const std::string> patterns, std::string state) {
  Exclusion exclusion;
  exclusion.state_ = std::move(state);
  for (std::string_view pattern : patterns) {
    const std::string shown = "--exclude \"" + std::string(pattern) + "\"";
    if (pattern.ends_with('/')) {
      pattern.remove_suffix(1);
    }
    const bool anywhere = !pattern.contains('/');
    if (pattern.starts_with('/')) {
      pattern.remove_prefix(1);
    }
    if (pattern.empty()) {
      return base::Fail(base::Errc::kInvalid, shown + " matches no name");
    }
    auto glob = ledger::Glob::Parse(pattern);
    if (!glob) {
      return base::Fail(std::move(glob).error().Within(shown));
    }
    (anywhere ? exclusion.components_ : exclusion.paths_).push_back(*std::move(glob));
  }
  return exclusion;
}

bool Exclusion::Covers(std::string_view name) const {
  if (!state_.empty() && name == state_) {
    return true;
  }
  if (components_.empty() && paths_.empty()) {
    return false;
  }
  const std::string escaped = base::EscapeName(name);
  const std::string last = escaped.substr(escaped.rfind('/') + 1);
  return std::ranges::any_of(components_,
                             [&last](const ledger::Glob& glob) { return glob.Matches(last); }) ||
         std::ranges::any_of(
             paths_, [&escaped](const ledger::Glob& glob) { return glob.Matches(escaped); });
}

bool Exclusion::CoversAnyOf(std::string_view name) const {
  for (std::size_t slash = name.find('/'); slash != std::string_view::npos;
       slash = name.find('/', slash + 1)) {
    if (Covers(name.substr(0, slash))) {
      return true;
    }
  }
  return Covers(name);
}

}  // namespace aegis::observe
