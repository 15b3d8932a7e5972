#include "policy/seatbelt.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "policy/policy.h"
#include "policy/seatbelt_filter.h"
#include "policy/seatbelt_network.h"

// How Seatbelt decides, as far as it is known (Apple documents nothing; measured by others with
// sandbox-exec up to macOS 27): filters of one rule are alternatives; of the rules with a filter
// the last one that matches decides; a rule without a filter never overrides one with a filter,
// wherever it stands; a rename asks for file-write-unlink of the old name and file-write-create of
// the new, and for no right to read; paths are compared after links were followed. So: every rule
// here has a filter, denials stand behind what is allowed and name the very operations that were
// allowed, and what is closed altogether is not allowed in the first place.

namespace aegis::policy {
namespace {

using seatbelt::Area;
using Note = SeatbeltProfile::Note;

constexpr unsigned Bit(Action action) { return 1U << static_cast<unsigned>(action); }

constexpr auto kFileActions =
    std::to_array<Action>({Action::kFileRead, Action::kDirList, Action::kFileWrite,
                           Action::kDirCreate, Action::kFileDelete, Action::kProcessSpawn});
constexpr unsigned kAllFileActions = Bit(Action::kFileRead) | Bit(Action::kDirList) |
                                     Bit(Action::kFileWrite) | Bit(Action::kDirCreate) |
                                     Bit(Action::kFileDelete) | Bit(Action::kProcessSpawn);

constexpr std::string_view kRead = "file-read-data file-read-xattr file-map-executable";
constexpr std::string_view kChange =
    "file-write-data file-write-flags file-write-mode\n"
    "    file-write-owner file-write-times file-write-xattr";
constexpr std::string_view kEverything =
    "file-read-data file-read-metadata file-read-xattr file-map-executable process-exec*\n"
    "    file-write-create file-write-data file-write-flags file-write-mode file-write-owner\n"
    "    file-write-times file-write-unlink file-write-xattr";

// What programs of macOS need to start, whatever they are. Listing "/" is asked for before main();
// without a rule for itself a program may not even learn about itself.
constexpr std::string_view kSystem = R"(
; What every program needs to start. This is not from the policies; their denials below hold for it.
(allow process-fork)
(deny process-info*)
(allow process-info* (target self))
(allow signal (target same-sandbox))
(allow sysctl-read)
(allow mach-lookup
  (global-name "com.apple.system.notification_center")
  (global-name "com.apple.system.opendirectoryd.libinfo"))
(allow file-ioctl
  (literal "/dev/tty")
  (regex #"^/dev/ttys[0-9]+$"))
(allow file-read-metadata
  (literal "/")
  (literal "/etc")
  (literal "/private")
  (literal "/tmp")
  (literal "/var"))
)";
constexpr std::string_view kSystemFiles =
    R"((allow file-read-data file-read-metadata file-read-xattr file-map-executable
  (subpath "/System/Cryptexes")
  (subpath "/System/Library")
  (subpath "/System/Volumes/Preboot/Cryptexes")
  (subpath "/private/var/db/dyld")
  (subpath "/usr/lib"))
)";
constexpr std::string_view kSystemDirectories = "(allow file-read-data (literal \"/\"))\n";
// The second name of most files, which is not the one that the kernel compares.
constexpr std::string_view kOtherNames = "/System/Volumes/Data";

// An area that is allowed, as the profile says it.
struct Allowed {
  Area area;
  std::string filter;
};

std::string AllOf(std::string_view one, std::string_view other) {
  return "(require-all " + std::string(one) + " " + std::string(other) + ")";
}

std::string OnlyDirectories(std::string_view filter) {
  return AllOf(filter, "(vnode-type DIRECTORY)");
}

std::string NoDirectories(std::string_view filter) {
  return AllOf(filter, "(require-not (vnode-type DIRECTORY))");
}

// Sorted by name, without what another area holds.
std::vector<Allowed> Outermost(std::vector<Allowed> areas) {
  std::ranges::sort(areas, {}, [](const Allowed& one) {
    return std::pair(one.area.name, one.area.kind == Area::Kind::kTree ? 0 : 1);
  });
  std::vector<Allowed> kept;
  for (Allowed& one : areas) {
    const auto holds = [&one](const Allowed& other) {
      return seatbelt::Holds(other.area, one.area);
    };
    if (std::ranges::none_of(kept, holds)) {
      kept.push_back(std::move(one));
    }
  }
  return kept;
}

// Where both allow.
std::vector<std::string> Both(const std::vector<Allowed>& ones,
                              const std::vector<Allowed>& others) {
  std::vector<std::string> filters;
  const auto add = [&filters](std::string filter) {
    if (std::ranges::find(filters, filter) == filters.end()) {
      filters.push_back(std::move(filter));
    }
  };
  for (const Allowed& one : ones) {
    for (const Allowed& other : others) {
      if (seatbelt::Holds(other.area, one.area)) {
        add(one.filter);
      } else if (seatbelt::Holds(one.area, other.area)) {
        add(other.filter);
      } else if (one.area.kind == Area::Kind::kGroup || other.area.kind == Area::Kind::kGroup) {
        add(AllOf(one.filter, other.filter));
      }
    }
  }
  return filters;
}

std::vector<std::string> Filters(const std::vector<Allowed>& areas) {
  std::vector<std::string> filters;
  filters.reserve(areas.size());
  for (const Allowed& one : areas) {
    filters.push_back(one.filter);
  }
  return filters;
}

template <typename Wrap>
std::vector<std::string> Each(std::vector<std::string> filters, Wrap wrap) {
  std::ranges::transform(filters, filters.begin(), wrap);
  return filters;
}

class Compiler {
 public:
  SeatbeltProfile Compile(const std::vector<PolicySet::Info>& policies,
                          const std::vector<std::string>& state) {
    for (const PolicySet::Info& policy : policies) {
      if (policy.applies) {
        Allow(policy);
        Deny(policy);
        Pin(policy);
        network_.Add(policy, notes_);
      }
    }
    for (std::vector<Allowed>& areas : allowed_) {
      areas = Outermost(std::move(areas));
    }
    return Write(state);
  }

 private:
  std::vector<Allowed>& Of(Action action) { return allowed_.at(static_cast<std::size_t>(action)); }
  bool Closed(Action action) const { return (closed_ & Bit(action)) != 0; }

  void Tell(const PolicySet::Info& policy, std::string what) {
    notes_.push_back({.policy = policy.id, .what = std::move(what)});
  }

  void Allow(const PolicySet::Info& policy) {
    const unsigned actions = policy.actions & kAllFileActions;
    if (policy.forbid || policy.ask || actions == 0) {
      return;
    }
    if (!policy.total) {
      Tell(policy, "left out: its conditions have no form here");
      return;
    }
    if (!policy.bounded) {
      Allow(actions, {.kind = Area::Kind::kTree, .name = "/"}, "(subpath \"/\")");
    }
    for (const PolicySet::Place& place : policy.places) {
      const auto area = seatbelt::AreaOf(place);
      if (!area) {
        continue;
      }
      if (const auto filter = seatbelt::ExactFilter(*area)) {
        Allow(actions, *area, *filter);
      } else {
        Tell(policy, "a place left out: a profile can't hold the name " + place.name);
      }
    }
  }

  void Allow(unsigned actions, const Area& area, const std::string& filter) {
    for (const Action action : kFileActions) {
      if ((actions & Bit(action)) != 0) {
        Of(action).push_back({area, filter});
      }
    }
  }

  // Forbids, permits that ask, and what could fail: each refuses.
  void Deny(const PolicySet::Info& policy) {
    const unsigned actions = policy.actions & kAllFileActions;
    const bool fails = policy.fails != PolicySet::Fails::kNowhere;
    if (actions == 0 || !(policy.forbid || policy.ask || fails)) {
      return;
    }
    if (!policy.forbid) {
      Tell(policy, policy.ask ? "taken for a forbid: a profile can't ask"
                              : "taken for a forbid: it could fail, which refuses");
    } else if (!policy.total) {
      Tell(policy, "holds without its conditions, which have no form here");
    }
    std::vector<std::string> filters;
    bool everywhere = !policy.bounded || policy.fails == PolicySet::Fails::kAnywhere;
    for (const PolicySet::Place& place : policy.places) {
      if (const auto area = seatbelt::AreaOf(place)) {
        filters.push_back(seatbelt::WideFilter(*area));
        everywhere = everywhere || (area->kind == Area::Kind::kTree && area->name == "/");
      }
    }
    if (everywhere) {
      closed_ |= actions;
    } else if (!filters.empty()) {
      denied_.push_back({&policy, actions, std::move(filters)});
    }
  }

  // A directory above a place that a policy names must neither go nor come: the rule would stay
  // behind.
  void Pin(const PolicySet::Info& policy) {
    for (const PolicySet::Place& place : policy.places) {
      if (const auto area = seatbelt::AreaOf(place); area && area->kind != Area::Kind::kGroup) {
        PinAbove(area->name);
      }
    }
  }

  void PinAbove(std::string_view path) {
    for (std::size_t slash = path.rfind('/'); slash != std::string_view::npos && slash > 0;
         slash = path.rfind('/')) {
      path = path.substr(0, slash);
      pinned_.emplace(path);
    }
  }

  // ---- The text

  void Rule(std::string_view effect, std::string_view operations,
            const std::vector<std::string>& filters) {
    if (filters.empty()) {
      return;
    }
    text_.append("(").append(effect).append(" ").append(operations);
    for (const std::string& filter : filters) {
      text_.append("\n  ").append(filter);
    }
    text_ += ")\n";
  }

  void Comment(std::string_view text) {
    // One line whatever is in it: what a comment holds must not begin a rule.
    text_.append("; ").append(base::ForDisplay(text)).append("\n");
  }

  std::vector<std::string> Open(Action action) {
    return Closed(action) ? std::vector<std::string>() : Filters(Of(action));
  }

  // A rename moves what may be unread to where it may be read, and makes directories without asking
  // for more: so removing asks for reading too, and making a directory for writing.
  std::vector<std::string> OpenBoth(Action one, Action other) {
    return Closed(one) || Closed(other) ? std::vector<std::string>() : Both(Of(one), Of(other));
  }

  void WriteAllowed() {
    text_ += "\n; What the policies permit.\n";
    Rule("allow", "file-read-metadata", Visible());
    Rule("allow", kRead, Each(Open(Action::kFileRead), NoDirectories));
    Rule("allow", "file-read-data file-read-xattr", Each(Open(Action::kDirList), OnlyDirectories));
    Rule("allow", "file-write-create", Each(Open(Action::kFileWrite), NoDirectories));
    Rule("allow", kChange, Open(Action::kFileWrite));
    Rule("allow", "file-write-create",
         Each(OpenBoth(Action::kDirCreate, Action::kFileWrite), OnlyDirectories));
    Rule("allow", "file-write-unlink", OpenBoth(Action::kFileDelete, Action::kFileRead));
    Rule("allow", "process-exec*", Open(Action::kProcessSpawn));
  }

  // Names and metadata of what is open to some action, and of the directories on the way.
  std::vector<std::string> Visible() {
    std::vector<Allowed> areas;
    std::set<std::string> above;
    for (const Action action : kFileActions) {
      if (Closed(action)) {
        continue;
      }
      for (const Allowed& one : Of(action)) {
        areas.push_back(one);
        for (std::size_t slash = one.area.name.rfind('/');
             one.area.kind != Area::Kind::kGroup && slash != std::string::npos && slash > 0;
             slash = one.area.name.rfind('/', slash - 1)) {
          above.insert(one.area.name.substr(0, slash));
        }
      }
    }
    for (const std::string& path : above) {
      Area area{.kind = Area::Kind::kPath, .name = path};
      if (auto filter = seatbelt::ExactFilter(area)) {
        areas.push_back({std::move(area), *std::move(filter)});
      }
    }
    return Filters(Outermost(std::move(areas)));
  }

  struct Denied {
    const PolicySet::Info* policy = nullptr;
    unsigned actions = 0;
    std::vector<std::string> filters;
  };

  void WriteDenied(const Denied& denied) {
    const auto has = [&denied](Action action) { return (denied.actions & Bit(action)) != 0; };
    Comment(denied.policy->id);
    if (denied.actions == kAllFileActions) {
      Rule("deny", kEverything, denied.filters);
      return;
    }
    std::string whole;
    const auto add = [&whole](bool wanted, std::string_view operations) {
      if (wanted) {
        whole.append(whole.empty() ? "" : " ").append(operations);
      }
    };
    add(has(Action::kFileRead) && has(Action::kDirList), kRead);
    add(has(Action::kProcessSpawn), "process-exec*");
    add(has(Action::kFileDelete) || has(Action::kFileRead), "file-write-unlink");
    add(has(Action::kFileWrite), "file-write-create");
    add(has(Action::kFileWrite), kChange);
    if (!whole.empty()) {
      Rule("deny", whole, denied.filters);
    }
    if (has(Action::kFileRead) != has(Action::kDirList)) {
      const bool files = has(Action::kFileRead);
      Rule("deny", files ? kRead : "file-read-data file-read-xattr",
           Each(denied.filters, files ? NoDirectories : OnlyDirectories));
    }
    if (has(Action::kDirCreate) && !has(Action::kFileWrite)) {
      Rule("deny", "file-write-create", Each(denied.filters, OnlyDirectories));
    }
  }

  void WriteState(const std::vector<std::string>& state) {
    std::vector<std::string> filters;
    for (const std::string& path : state) {
      const Area area{.kind = Area::Kind::kTree, .name = seatbelt::OnMac(base::UnescapeName(path))};
      filters.push_back(seatbelt::WideFilter(area));
      PinAbove(area.name);
    }
    text_ += "\n; Aegis' own state stays out of reach, whatever the policies say.\n";
    Rule("deny", kEverything, filters);
    Rule("deny", "network-outbound", filters);
  }

  void WriteNotes() {
    for (const Action action : kFileActions) {
      if (Closed(action)) {
        Comment(std::string(ActionName(action)) + " is allowed nowhere: it is refused everywhere");
      }
    }
    for (const Note& note : notes_) {
      Comment(note.policy + ": " + note.what);
    }
  }

  void WriteSystem() {
    if (Open(Action::kProcessSpawn).empty()) {
      return;
    }
    text_ += kSystem;
    if (!Closed(Action::kFileRead)) {
      text_ += kSystemFiles;
    }
    if (!Closed(Action::kDirList)) {
      text_ += kSystemDirectories;
    }
  }

  // Whether something in an area may be allowed.
  bool IsAllowedAt(const Area& area) const {
    return std::ranges::any_of(allowed_, [&](const std::vector<Allowed>& areas) {
      return std::ranges::any_of(areas, [&](const Allowed& one) {
        return one.area.kind == Area::Kind::kGroup || seatbelt::Holds(one.area, area) ||
               seatbelt::Holds(area, one.area);
      });
    });
  }

  void WritePinned() {
    std::vector<std::string> filters;
    for (const std::string& path : pinned_) {
      const Area area{.kind = Area::Kind::kPath, .name = path};
      if (IsAllowedAt(area)) {
        filters.push_back(seatbelt::WideFilter(area));
      }
    }
    if (!filters.empty()) {
      text_ +=
          "\n; Directories above a place of a rule stay where they are: the rule would stay.\n";
    }
    Rule("deny", "file-write-create file-write-unlink", filters);
  }

  SeatbeltProfile Write(const std::vector<std::string>& state) {
    text_ = "(version 1)\n(deny default)\n\n; Made by `aegis policy compile --target seatbelt`.\n";
    WriteNotes();
    WriteSystem();
    WriteAllowed();
    network_.Write(text_);
    text_ += "\n; What the policies refuse. Of several rules that match, the last one decides.\n";
    if (IsAllowedAt({.kind = Area::Kind::kTree, .name = std::string(kOtherNames)})) {
      Rule("deny", kEverything, {"(subpath " + seatbelt::Quoted(kOtherNames) + ")"});
    }
    for (const Denied& denied : denied_) {
      WriteDenied(denied);
    }
    WriteState(state);
    WritePinned();
    return {.text = std::move(text_), .notes = std::move(notes_)};
  }

  std::array<std::vector<Allowed>, kActionCount> allowed_;
  unsigned closed_ = 0;  // actions that are refused everywhere
  std::vector<Denied> denied_;
  std::set<std::string> pinned_;  // directories above places of rules
  seatbelt::Network network_;
  std::vector<Note> notes_;
  std::string text_;
};

}  // namespace

SeatbeltProfile CompileSeatbelt(const std::vector<PolicySet::Info>& policies,
                                const std::vector<std::string>& state) {
  return Compiler().Compile(policies, state);
}

}  // namespace aegis::policy
