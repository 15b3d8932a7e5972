#include "gate/name_scan.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "gate/read_rights.h"
#include "gate/scan_cache.h"
#include "policy/policy.h"
#include "sandbox/host_view.h"
#include "sandbox/paths.h"

namespace aegis::gate {

namespace {

using policy::Action;
using policy::PolicySet;
using sandbox::FileKind;
using sandbox::IsWithin;

// Each costs a mount, and a step of each look-up on its way.
constexpr std::size_t kMostMasks = 256;

std::chrono::nanoseconds ProcessorTime() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// A forbid that is bounded to places takes nothing apart from them.
bool IsApart(const PolicySet::Info& forbid, std::string_view path) {
  return forbid.bounded && std::ranges::none_of(forbid.places, [&](const auto& place) {
           return place.name.starts_with("*/") || IsWithin(path, place.name) ||
                  IsWithin(place.name, path);
         });
}

bool Excludes(const PolicySet::Info& forbid, std::string_view path) {
  const auto holds = [path](const PolicySet::Place& place) {
    return place.name.starts_with('/') && IsWithin(path, place.name);
  };
  const auto touches = [path](const PolicySet::Place& place) {
    return !place.name.starts_with('/') || IsWithin(path, place.name) || IsWithin(place.name, path);
  };
  return std::ranges::any_of(forbid.excluded, holds) &&
         std::ranges::none_of(forbid.excluded_but, touches);
}

}  // namespace

NameRules::NameRules(const PolicySet& policies) {
  for (const PolicySet::Info& policy : policies.policies()) {
    if (policy.forbid && policy.applies && policy.by_name &&
        (policy.Covers(Action::kFileRead) || policy.Covers(Action::kDirList))) {
      forbids_.push_back(policy);
      for (const PolicySet::Place& place : policy.excluded) {
        excluded_.insert(place.name);
      }
    }
  }
}

bool NameRules::LeaveAlone(std::string_view path) const {
  return std::ranges::all_of(forbids_, [path](const PolicySet::Info& forbid) {
    return Excludes(forbid, path) || IsApart(forbid, path);
  });
}

NameScan::NameScan(const PolicySet& policies, const NameRules& rules, ReadRights& rights,
                   ScanCache& directories, const std::vector<std::string>& skipped,
                   ScanBudget budget, ScanNotice notice)
    : policies_(policies),
      rules_(rules),
      rights_(rights),
      directories_(directories),
      skipped_(skipped),
      entries_left_(budget.entries),
      processor_end_(ProcessorTime() + budget.processor),
      clock_end_(std::chrono::steady_clock::now() + budget.clock),
      notice_at_(std::chrono::steady_clock::now() + budget.notice),
      notice_(std::move(notice)) {}

bool NameScan::Run(const std::string& directory, unsigned rights) {
  if (rules_.LeaveAlone(base::EscapeName(directory))) {
    return true;
  }
  waiting_ = {directory};
  while (!waiting_.empty()) {
    const std::string next = std::move(waiting_.back());
    waiting_.pop_back();
    if (!LookInto(next, rights) || !HoldsOn(directory)) {
      return false;
    }
  }
  return true;
}

// Whether there is budget left for more of `root`.
bool NameScan::HoldsOn(const std::string& root) {
  if (entries_left_ == 0) {
    return Fail(base::EscapeName(root) + " holds too many files to look for the names of " +
                rules_.FirstId());
  }
  const auto now = std::chrono::steady_clock::now();
  if (now > clock_end_ || ProcessorTime() > processor_end_) {
    return Fail("looking through " + base::EscapeName(root) + " for the names of " +
                rules_.FirstId() + " took too long; a later run may be quicker");
  }
  if (notice_ && now > notice_at_) {
    std::exchange(notice_, nullptr)(root);
  }
  return true;
}

bool NameScan::IsSkipped(const std::string& path) const {
  if (std::ranges::find(skipped_, path) != skipped_.end()) {
    return true;
  }
  const std::string escaped = base::EscapeName(path);
  return rules_.Mention(escaped) && rules_.LeaveAlone(escaped);
}

bool NameScan::LookInto(const std::string& directory, unsigned rights) {
  std::vector<sandbox::DirectoryEntry> entries;
  std::size_t held = 0;
  switch (directories_.List(directory, entries, held)) {
    case sandbox::Listing::kWhole:
      break;
    case sandbox::Listing::kClosed:
      return true;
    case sandbox::Listing::kHidden:
      return Fail(base::EscapeName(directory) + " can't be looked through for the names of " +
                  rules_.FirstId());
  }
  entries_left_ -= std::min(entries_left_, held + 1);
  for (const sandbox::DirectoryEntry& entry : entries) {
    const bool named = policies_.IsGroupedName(base::EscapeName(entry.name));
    if (!named && entry.kind != FileKind::kDirectory) {
      continue;
    }
    const std::string path = Joined(directory, entry.name);
    if (entry.kind == FileKind::kDirectory && IsSkipped(path)) {
      continue;
    }
    if (!named) {
      waiting_.push_back(path);
    } else if (!Consider(path, entry.kind, rights)) {
      return false;
    }
  }
  return true;
}

// A link is judged by what it leads to. In a directory of such a name that is permitted the search
// goes on.
bool NameScan::Consider(const std::string& path, FileKind kind, unsigned rights) {
  if (kind == FileKind::kSymlink || kind == FileKind::kMissing) {
    return true;
  }
  const std::string escaped = base::EscapeName(path);
  const bool directory = kind == FileKind::kDirectory;
  const unsigned granted = directory ? rights : rights & (kReads | kExecutes);
  const unsigned permitted =
      directory ? rights_.Below(escaped) & (rights_.On(escaped) | kReads | kExecutes)
                : rights_.On(escaped);
  if ((granted & ~permitted) == 0) {
    if (directory) {
      waiting_.push_back(path);
    }
    return true;
  }
  if (!rights_.IsRefused(escaped)) {
    return Fail(escaped + " may not be read, but more than nothing may be done with it");
  }
  masks_.push_back(path);
  return masks_.size() <= kMostMasks ||
         Fail("more than " + std::to_string(kMostMasks) + " files must be masked");
}

bool NameScan::Fail(std::string why) {
  reason_ = std::move(why);
  return false;
}

}  // namespace aegis::gate
