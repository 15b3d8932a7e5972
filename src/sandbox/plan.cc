#include "sandbox/plan.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "sandbox/composer.h"
#include "sandbox/host_view.h"
#include "sandbox/mode.h"
#include "sandbox/paths.h"

namespace aegis::sandbox {
namespace {

using Kind = Mount::Kind;

// What the kernel itself opens to start a dynamically linked program. Executing it judged is still
// the gate's; without this right no program that is permitted could start.
constexpr std::array<std::string_view, 2> kLoaders = {"/lib64/ld-linux-x86-64.so.2",
                                                      "/lib/ld-musl-x86_64.so.1"};
constexpr std::array<std::string_view, 5> kProcReadOnly = {"/proc/sys", "/proc/sysrq-trigger",
                                                           "/proc/irq", "/proc/bus", "/proc/fs"};
constexpr std::array<std::string_view, 4> kProcMasked = {"/proc/kcore", "/proc/keys",
                                                         "/proc/timer_list", "/proc/sched_debug"};

base::Result<> CheckPaths(const std::vector<std::string>& paths, std::string_view what) {
  for (const std::string& path : paths) {
    if (!IsPlainPath(path)) {
      return base::Fail(base::Errc::kInvalid, "plan the sandbox: " + std::string(what) + " \"" +
                                                  base::EscapeName(path) +
                                                  "\" is not an absolute plain path");
    }
  }
  return {};
}

base::Result<> CheckInput(const PlanInput& input) {
  AEGIS_TRY(CheckPaths(input.visible, "visible path"));
  AEGIS_TRY(CheckPaths(input.executable, "executable path"));
  AEGIS_TRY(CheckPaths(input.hidden, "hidden path"));
  for (const NativeGrant& grant : input.native) {
    AEGIS_TRY(CheckPaths({grant.path}, "readable path"));
  }
  AEGIS_TRY(CheckPaths(input.private_dirs, "private directory"));
  AEGIS_TRY(CheckPaths({input.dir}, "project directory"));
  AEGIS_TRY(CheckPaths({input.aegis_home}, "Aegis' directory"));
  AEGIS_TRY(CheckPaths({input.command.cwd}, "working directory"));
  AEGIS_TRY(CheckPaths({input.command.program}, "program"));
  if (!input.home.empty()) {
    AEGIS_TRY(CheckPaths({input.home}, "home directory"));
  }
  if (!input.terminal.empty()) {
    AEGIS_TRY(CheckPaths({input.terminal}, "terminal"));
  }
  return {};
}

std::string CanonicalOrSame(const HostView& host, const std::string& path) {
  std::string canonical = ResolvePath(host, path);
  return canonical.empty() ? path : canonical;
}

// The existing subtrees that are to be masked, under their canonical names. What lies in /proc is
// not masked: its /proc is a fresh one.
std::vector<std::string> MasksOf(const PlanInput& input, const HostView& host) {
  std::vector<std::string> masks;
  const auto add = [&](const std::string& path) {
    const std::string canonical = ResolvePath(host, path);
    if (!canonical.empty() && canonical != "/" && !IsWithin(canonical, "/proc")) {
      masks.push_back(canonical);
    }
  };
  add(input.aegis_home);
  if (input.mode == Mode::kRun) {
    std::ranges::for_each(input.hidden, add);
  }
  return OutermostOf(std::move(masks));
}

void PlanWholeRoot(const PlanInput& input, const HostView& host, Plan& plan) {
  std::vector<std::string> fresh;
  for (const std::string& path : input.private_dirs) {
    if (!IsWithin(path, input.dir) && host.KindOf(path) == FileKind::kDirectory) {
      fresh.push_back(path);
    }
  }
  fresh = OutermostOf(std::move(fresh));
  for (const std::string& path : fresh) {
    plan.mounts.push_back({.kind = Kind::kTmpfs, .source = {}, .target = path, .mode = 01777});
  }
  std::vector<std::string> kept;
  for (const std::string& path : {input.dir, input.home}) {
    if (!path.empty() && IsWithinAny(path, fresh) && !IsWithinAny(path, plan.masked) &&
        host.KindOf(path) == FileKind::kDirectory) {
      kept.push_back(path);
    }
  }
  kept = OutermostOf(std::move(kept));
  std::vector<std::string> made = fresh;
  const auto make = [&](const std::string& path) {
    for (const std::string& prefix : PrefixesOf(path)) {
      if (IsWithinAny(prefix, fresh) && std::ranges::find(made, prefix) == made.end()) {
        made.push_back(prefix);
        plan.mounts.push_back({.kind = Kind::kDirectory, .source = {}, .target = prefix});
      }
    }
  };
  for (const std::string& path : kept) {
    make(path);
    plan.mounts.push_back({.kind = Kind::kBind, .source = path, .target = path});
  }
  if (!IsWithinAny(input.command.cwd, kept)) {
    make(input.command.cwd);
  }
  for (const std::string& mask : plan.masked) {
    if (!IsWithinAny(mask, fresh) || IsWithinAny(mask, kept)) {
      plan.mounts.push_back(MaskOf(mask, host));
    }
  }
  if (input.mode == Mode::kRun) {
    plan.mounts.push_back(
        {.kind = Kind::kReadOnly, .source = {}, .target = "/sys", .optional = true});
  }
}

void PlanProc(Plan& plan) {
  if (plan.mode == Mode::kWrap) {
    return;
  }
  for (const std::string_view path : kProcReadOnly) {
    plan.proc_mounts.push_back({.kind = Kind::kBind,
                                .source = std::string(path),
                                .target = std::string(path),
                                .read_only = true,
                                .optional = true});
  }
  for (const std::string_view path : kProcMasked) {
    plan.proc_mounts.push_back({.kind = Kind::kBind,
                                .source = "/dev/null",
                                .target = std::string(path),
                                .read_only = true,
                                .optional = true});
  }
}

// What a policy hides in /proc. The gate refuses it as well, where it is asked.
void MaskProc(const PlanInput& input, const HostView& host, Plan& plan) {
  for (const std::string& path : input.hidden) {
    const FileKind kind =
        path != "/proc" && IsWithin(path, "/proc") ? host.KindOf(path) : FileKind::kMissing;
    if (kind == FileKind::kDirectory) {
      plan.proc_mounts.push_back(
          {.kind = Kind::kMaskDir, .source = {}, .target = path, .read_only = true});
    } else if (kind != FileKind::kMissing) {
      plan.proc_mounts.push_back(
          {.kind = Kind::kMaskFile, .source = "/dev/null", .target = path, .read_only = true});
    }
  }
}

// Where the policy shows the host's file. What the run's own directories hide is left alone.
void Supply(const PlanInput& input, const HostView& host, Plan& plan) {
  for (const SuppliedFile& file : input.supplied) {
    const std::string path = ResolvePath(host, file.path);
    if (!path.empty() && host.KindOf(path) == FileKind::kFile &&
        !IsWithinAny(path, input.private_dirs) && !IsWithinAny(path, plan.masked)) {
      plan.mounts.push_back({.kind = Kind::kText,
                             .source = file.text,
                             .target = path,
                             .read_only = true,
                             .optional = true});
    }
  }
}

}  // namespace

std::vector<std::string> ExecutableOf(Mode mode, std::vector<std::string> executable,
                                      const HostView& host) {
  if (mode == Mode::kWrap) {
    return {"/"};
  }
  if (!executable.empty()) {
    for (const std::string_view loader : kLoaders) {
      std::string canonical = ResolvePath(host, std::string(loader));
      if (!canonical.empty()) {
        executable.push_back(std::move(canonical));
      }
    }
  }
  return OutermostOf(std::move(executable));
}

base::Result<Plan> BuildPlan(const PlanInput& input, const HostView& host) {
  AEGIS_TRY(CheckInput(input));
  if (IsWithin(CanonicalOrSame(host, input.dir), CanonicalOrSame(host, input.aegis_home))) {
    return base::Fail(base::Errc::kInvalid, "the project directory \"" +
                                                base::EscapeName(input.dir) +
                                                "\" lies in Aegis' own directory");
  }
  Plan plan;
  plan.mode = input.mode;
  plan.command = input.command;
  plan.private_network = plan.private_ipc = plan.private_uts = input.mode == Mode::kRun;
  plan.masked = MasksOf(input, host);
  plan.executable = ExecutableOf(input.mode, input.executable, host);
  plan.level = input.level;
  plan.native = input.native;
  const bool all_hidden = std::ranges::find(input.hidden, "/") != input.hidden.end();
  plan.whole_root = input.mode == Mode::kWrap ||
                    (!all_hidden && std::ranges::find(input.visible, "/") != input.visible.end());
  if (plan.whole_root) {
    PlanWholeRoot(input, host, plan);
  } else {
    Compose(input, all_hidden ? std::vector<std::string>() : input.visible, host, plan);
  }
  if (input.mode == Mode::kRun) {
    Supply(input, host, plan);
  }
  PlanProc(plan);
  if (plan.level == Level::kWrites) {
    MaskProc(input, host, plan);
  }
  return plan;
}

}  // namespace aegis::sandbox
