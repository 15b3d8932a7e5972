#include "gate/native_reads.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/text.h"
#include "gate/mount_names.h"
#include "gate/name_scan.h"
#include "gate/read_rights.h"
#include "gate/scan_cache.h"
#include "policy/policy.h"
#include "sandbox/host_view.h"
#include "sandbox/paths.h"
#include "sandbox/plan.h"

namespace aegis::gate {

namespace {

using policy::PolicySet;
using sandbox::FileKind;
using sandbox::IsWithin;
using sandbox::IsWithinAny;

// Rules are opened and added one by one when a run starts.
constexpr std::size_t kMostGrants = 8192;

// The paths that something is said about, as a tree. Names in escaped form.
struct Place {
  std::map<std::string, Place, std::less<>> parts;
};

void Insert(Place& root, std::string_view path) {
  Place* place = &root;
  for (std::size_t at = 1; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    place = &place->parts[std::string(path.substr(at, end - at))];
    at = end + 1;
  }
}

bool IsProcess(std::string_view name) {
  return name == "self" || name == "thread-self" ||
         name.find_first_not_of("0123456789") == std::string_view::npos;
}

// In /proc, and the same for all processes.
bool IsOfKernel(std::string_view path) {
  constexpr std::string_view kProc = "/proc/";
  return path.starts_with(kProc) &&
         !IsProcess(path.substr(kProc.size(), path.find('/', kProc.size()) - kProc.size()));
}

class Planner {
 public:
  Planner(const PolicySet& policies, const ReadInput& input, const sandbox::HostView& host)
      : policies_(policies),
        input_(input),
        host_(host),
        hidden_(EscapedSet(input.hidden)),
        rights_(policies, base::EscapeNames(input.executable), input.state) {}

  NativeReads Run() {
    NativeReads reads;
    reads.reason = WhyNotStatic(policies_);
    if (reads.reason.empty()) {
      CollectPlaces();
      Grant(places_, "/", 0);
      LookForNames();
      MaskOtherNames();
      reads.reason = std::move(reason_);
    }
    if (reads.reason.empty()) {
      reads.grants = std::move(grants_);
      reads.masks = std::move(masks_);
    }
    return reads;
  }

 private:
  static std::set<std::string, std::less<>> EscapedSet(const std::vector<std::string>& paths) {
    std::vector<std::string> escaped = base::EscapeNames(paths);
    return {std::make_move_iterator(escaped.begin()), std::make_move_iterator(escaped.end())};
  }

  void CollectPlaces() {
    std::vector<std::string> paths = policies_.mentions();
    std::ranges::move(policies_.link_targets(), std::back_inserter(paths));
    std::ranges::copy(input_.state, std::back_inserter(paths));
    std::ranges::move(base::EscapeNames(input_.executable), std::back_inserter(paths));
    std::ranges::move(base::EscapeNames(input_.private_dirs), std::back_inserter(paths));
    paths.insert(paths.end(),
                 {base::EscapeName(input_.home), base::EscapeName(input_.dir), "/proc", "/dev"});
    for (const std::string& path : paths) {
      if (path.starts_with('/')) {
        Insert(places_, path);
      }
    }
  }

  // What the host has of a name, as it was when it was asked for first.
  FileKind HostKindOf(const std::string& path) {
    const auto [known, added] = kinds_.try_emplace(path, FileKind::kMissing);
    if (added) {
      known->second = host_.KindOf(base::UnescapeName(path));
    }
    return known->second;
  }

  // A directory of ours is one, whatever the host has of that name.
  FileKind KindOf(const std::string& path) {
    return IsPrivate(path) ? FileKind::kDirectory : HostKindOf(path);
  }

  // In a private directory that is empty when the run starts: what the policy shows as a whole is.
  bool IsInOwnPrivate(const std::string& bytes) {
    return std::ranges::any_of(input_.private_dirs, [&](const std::string& directory) {
      return IsWithin(bytes, directory) && OnDirectory(base::EscapeName(directory)) != 0;
    });
  }

  // It is hidden by a mount. In /proc, where only the kernel makes names, also before it is there;
  // so in what is private to the run, where the gate judges each name.
  bool IsMasked(const std::string& path) {
    const auto known = masked_.find(path);
    return known != masked_.end() ? known->second
                                  : masked_.emplace(path, AskIfMasked(path)).first->second;
  }

  bool AskIfMasked(const std::string& path) {
    if (!hidden_.contains(path) && std::ranges::find(input_.state, path) == input_.state.end()) {
      return false;
    }
    const std::string bytes = base::UnescapeName(path);
    const bool ours = IsOfKernel(path) ||
                      (IsInOwnPrivate(bytes) && !IsWithinAny(bytes, {input_.dir, input_.home}));
    const FileKind kind = ours ? FileKind::kMissing : HostKindOf(path);
    return ours ||
           ((kind == FileKind::kDirectory || kind == FileKind::kFile || kind == FileKind::kOther) &&
            sandbox::ResolvePath(host_, bytes) == bytes);
  }

  // Nothing is permitted on or in what is hidden: no need to ask, which is dear.
  unsigned On(const std::string& path) { return hidden_.contains(path) ? 0 : rights_.On(path); }
  unsigned Below(const std::string& path) {
    return hidden_.contains(path) ? 0 : rights_.Below(path);
  }

  // What is permitted on a directory and all in it that is not named.
  unsigned OnDirectory(const std::string& path) {
    return Below(path) & (On(path) | kReads | kExecutes);
  }

  // What is permitted on a path whatever comes to stand there.
  unsigned OnWhatever(const std::string& path) {
    const unsigned on = On(path);
    return on == 0 ? 0 : on & Below(path);
  }

  // What is permitted everywhere at and below a path, whatever comes to stand there. What is masked
  // does not count, if `with_masks`; in /proc it never does.
  unsigned Everywhere(const Place& place, const std::string& path,  // NOLINT(misc-no-recursion)
                      bool with_masks) {
    if ((with_masks || IsOfKernel(path)) && IsMasked(path)) {
      return kAllRights;
    }
    if (hidden_.contains(path)) {
      return 0;
    }
    const bool directory = KindOf(path) == FileKind::kDirectory;
    unsigned rights = directory ? OnDirectory(path) : OnWhatever(path);
    for (const auto& [name, part] : place.parts) {
      if (rights == 0) {
        break;
      }
      rights &= Everywhere(part, Joined(path, name), with_masks);
    }
    return rights;
  }

  void Grant(const Place& place, const std::string& path,
             unsigned have) {  // NOLINT(misc-no-recursion)
    const FileKind kind = KindOf(path);
    if (!reason_.empty() || kind == FileKind::kSymlink) {
      return;
    }
    if (kind == FileKind::kMissing) {
      return GrantMissing(path, have);
    }
    if (kind != FileKind::kDirectory) {
      RequireReadable(path, On(path));
      Add(path, On(path) & (kReads | kExecutes), have, false);
      return;
    }
    const unsigned wanted = OnDirectory(path);
    unsigned granted = wanted & Everywhere(place, path, false);
    RequireReadable(path, wanted);
    if (granted != wanted && (rights_.MayMakeIn(path) || IsPrivate(path))) {
      granted = wanted & Everywhere(place, path, true);
      if (granted != wanted) {
        return Fail(path + ", in which the command may make files, holds what may not be read");
      }
    }
    Add(path, granted, have, true);
    have |= granted;
    for (const auto& [name, part] : place.parts) {
      const std::string below = Joined(path, name);
      if (path == "/proc" && IsProcess(name)) {
        RequireSame(part, below, wanted);
      } else {
        Grant(part, below, have);
      }
    }
    if ((wanted & ~have) != 0) {
      GrantEach(place, path, have);
    }
  }

  // The devices of a run are made by Aegis. Elsewhere a rule can only stand on what there is.
  void GrantMissing(const std::string& path, unsigned have) {
    if (IsWithin(path, "/dev")) {
      Add(path, OnWhatever(path) & kReads, have, false);
    } else if (rights_.MayMake(path) && (OnWhatever(path) & ~have) != 0) {
      Fail(path + ", which the command may make and read, does not exist yet");
    }
  }

  bool IsPrivate(const std::string& path) const {
    return std::ranges::find(input_.private_dirs, base::UnescapeName(path)) !=
           input_.private_dirs.end();
  }

  // A directory that can't be granted as a whole: what it holds now that nobody names.
  void GrantEach(const Place& place, const std::string& path, unsigned have) {
    std::vector<sandbox::DirectoryEntry> entries;
    const sandbox::Listing listing = IsWithin(path, "/proc")
                                         ? sandbox::Listing::kHidden
                                         : host_.List(base::UnescapeName(path), entries);
    if (listing == sandbox::Listing::kHidden) {
      return Fail(path + " holds what may not be read, and can't be looked through");
    }
    for (const sandbox::DirectoryEntry& entry : entries) {
      const std::string name = base::EscapeName(entry.name);
      const std::string below = Joined(path, name);
      if (place.parts.contains(name) || entry.kind == FileKind::kSymlink ||
          entry.kind == FileKind::kMissing) {
        continue;
      }
      const bool directory = entry.kind == FileKind::kDirectory;
      Add(below, directory ? OnDirectory(below) : On(below) & (kReads | kExecutes), have,
          directory);
    }
  }

  void Add(const std::string& path, unsigned rights, unsigned have, bool directory) {
    if ((rights & kReads) == 0) {
      rights &= ~kExecutes;
    }
    if ((rights & ~have) == 0) {
      return;
    }
    if (grants_.size() == kMostGrants) {
      return Fail("more than " + std::to_string(kMostGrants) + " places must be permitted");
    }
    grants_.push_back({.path = base::UnescapeName(path),
                       .directory = directory,
                       .read = (rights & kReads) != 0,
                       .list = (rights & kLists) != 0,
                       .execute = (rights & kExecutes) != 0});
  }

  // The kernel reads what it executes: where the gate may permit the one, Landlock must permit
  // both.
  void RequireReadable(const std::string& path, unsigned rights) {
    if (rights_.IsExecutable(path) && (rights & kReads) == 0 && !IsMasked(path) &&
        !IsWithinAny(base::UnescapeName(path), input_.hidden) && !IsWithinAny(path, input_.state)) {
      Fail(path + " may be executed, but not read");
    }
  }

  // A process' own entry has another name for each: no rule stands for it.
  void RequireSame(const Place& place, const std::string& path, unsigned wanted) {
    const auto differs = [&](unsigned rights) {
      return ((rights ^ wanted) & (kReads | kLists)) != 0;
    };
    if (differs(Everywhere(place, path, false)) || differs(On(path) | Below(path))) {
      Fail("a policy names " + path);
    }
  }

  void LookForNames() {
    const NameRules rules(policies_);
    if (!reason_.empty() || rules.empty()) {
      return;
    }
    std::vector<std::string> skipped = input_.private_dirs;
    skipped.emplace_back("/proc");
    ScanCache directories(policies_, host_, input_.keeping);
    NameScan scan(policies_, rules, rights_, directories, skipped, input_.budget, input_.notice);
    LookThrough(RootsToSearch(), rules, scan);
    directories.Save();
    masks_ = scan.TakeMasks();
  }

  void LookThrough(const std::vector<sandbox::NativeGrant>& roots, const NameRules& rules,
                   NameScan& scan) {
    std::vector<sandbox::NativeGrant> seen;
    for (const sandbox::NativeGrant& root : roots) {
      if (NeedsLook(root, rules, seen) && !scan.Run(root.path, RightsOf(root))) {
        return Fail(scan.reason());
      }
    }
  }

  // What is granted, and what stays the host's in a private directory.
  std::vector<sandbox::NativeGrant> RootsToSearch() {
    std::vector<sandbox::NativeGrant> roots = grants_;
    for (const std::string& kept : {input_.dir, input_.home}) {
      const bool read = IsWithinAny(kept, input_.private_dirs) &&
                        KindOf(base::EscapeName(kept)) == FileKind::kDirectory;
      if (read) {
        const unsigned rights = OnDirectory(base::EscapeName(kept));
        roots.push_back({.path = kept,
                         .directory = true,
                         .read = (rights & kReads) != 0,
                         .list = (rights & kLists) != 0});
      }
    }
    return roots;
  }

  static unsigned RightsOf(const sandbox::NativeGrant& grant) {
    return (grant.read ? kReads : 0U) | (grant.list ? kLists : 0U) |
           (grant.execute ? kExecutes : 0U);
  }

  bool NeedsLook(const sandbox::NativeGrant& root, const NameRules& rules,
                 std::vector<sandbox::NativeGrant>& seen) {
    if (!root.directory) {
      return false;  // it was judged by its own name
    }
    if (IsWithin(root.path, "/proc") || root.path == "/") {
      if (!rules.LeaveAlone("/proc")) {
        Fail("policy " + rules.FirstId() + " names files in /proc");
        return false;
      }
      if (root.path != "/") {
        return false;
      }
    }
    const auto covers = [&](const sandbox::NativeGrant& other) {
      return IsWithin(root.path, other.path) && (!root.read || other.read) &&
             (!root.list || other.list) && !IsBelowPrivate(root.path, other.path);
    };
    if (IsPrivate(base::EscapeName(root.path)) || std::ranges::any_of(seen, covers)) {
      return false;
    }
    seen.push_back(root);
    return true;
  }

  // A private directory stands between the two: a search of the upper one stops there.
  bool IsBelowPrivate(const std::string& path, const std::string& above) const {
    return std::ranges::any_of(input_.private_dirs, [&](const std::string& directory) {
      return IsWithin(path, directory) && IsWithin(directory, above) && directory != path;
    });
  }

  // The same files by other mounts, Aegis' own among them, and what another /proc tells.
  void MaskOtherNames() {
    if (!reason_.empty()) {
      return;
    }
    std::vector<std::string> others;
    std::vector<std::string> masked = masks_;
    std::ranges::copy_if(input_.hidden, std::back_inserter(masked), [&](const auto& hidden) {
      return std::ranges::any_of(grants_, [&](const auto& grant) {
        return grant.directory && IsWithin(hidden, grant.path) && !IsWithin(hidden, "/proc");
      });
    });
    for (const std::string& mask : masked) {
      std::ranges::move(NamesThroughMounts(input_.mountinfo, mask), std::back_inserter(others));
    }
    for (const std::string& state : input_.state) {
      others.push_back(base::UnescapeName(state));
    }
    std::ranges::move(OtherProcs(input_.mountinfo), std::back_inserter(others));
    for (std::string& other : others) {
      if (host_.KindOf(other) != FileKind::kMissing) {
        masks_.push_back(std::move(other));
      }
    }
    masks_ = sandbox::OutermostOf(std::move(masks_));
  }

  void Fail(std::string why) {
    if (reason_.empty()) {
      reason_ = std::move(why);
    }
  }

  const PolicySet& policies_;
  const ReadInput& input_;
  const sandbox::HostView& host_;
  std::set<std::string, std::less<>> hidden_;  // escaped
  ReadRights rights_;
  std::unordered_map<std::string, FileKind> kinds_;  // by name, escaped
  std::unordered_map<std::string, bool> masked_;     // the same
  Place places_;
  std::vector<sandbox::NativeGrant> grants_;
  std::vector<std::string> masks_;
  std::string reason_;
};

}  // namespace

NativeReads PlanNativeReads(const PolicySet& policies, const ReadInput& input,
                            const sandbox::HostView& host) {
  // Such a directory stays the host's (sandbox::BuildPlan).
  ReadInput shown = input;
  std::erase_if(shown.private_dirs, [&](const std::string& directory) {
    return IsWithin(directory, input.dir) || directory == input.home;
  });
  return Planner(policies, shown, host).Run();
}

}  // namespace aegis::gate
