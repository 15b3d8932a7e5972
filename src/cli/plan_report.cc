#include "cli/plan_report.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cli/output.h"
#include "cli/text.h"
#include "sandbox/sandbox.h"

namespace aegis::cli {
namespace {

using Json = nlohmann::ordered_json;
using sandbox::Mount;
using sandbox::Treatment;

constexpr std::size_t kWidth = 96;  // of wrapped lists
constexpr std::size_t kKindWidth = 9;

std::string Name(std::string_view bytes) { return base::ForDisplay(base::EscapeName(bytes)); }

std::string_view KindName(Mount::Kind kind) {
  switch (kind) {
    case Mount::Kind::kBind:
      return "bind";
    case Mount::Kind::kTmpfs:
      return "tmpfs";
    case Mount::Kind::kMaskDir:
    case Mount::Kind::kMaskFile:
      return "mask";
    case Mount::Kind::kDevpts:
      return "devpts";
    case Mount::Kind::kReadOnly:
      return "read-only";
    case Mount::Kind::kDirectory:
      return "directory";
    case Mount::Kind::kFile:
      return "file";
    case Mount::Kind::kText:
      return "text";
    case Mount::Kind::kSymlink:
      return "symlink";
  }
  return "unknown";
}

std::string Octal(unsigned mode) {
  std::array<char, 16> text{};
  (void)std::snprintf(text.data(), text.size(), "%04o", mode);
  return text.data();
}

std::string MountLine(const Mount& mount) {
  std::string line = "  " + Padded(std::string(KindName(mount.kind)), kKindWidth) + "  ";
  line += Name(mount.target);
  if (mount.kind == Mount::Kind::kSymlink) {
    line += " -> " + Name(mount.source);
  } else if (mount.kind != Mount::Kind::kText && !mount.source.empty() &&
             mount.source != mount.target) {
    line += " from " + Name(mount.source);
  }
  if (mount.kind == Mount::Kind::kBind && mount.read_only) {
    line += ", read-only";
  }
  return mount.optional ? line + ", where it exists" : line;
}

Json MountJson(const Mount& mount) {
  return {{"kind", KindName(mount.kind)},
          {"target", base::EscapeName(mount.target)},
          {"source", base::EscapeName(mount.source)},
          {"mode", Octal(mount.mode)},
          {"read_only", mount.read_only},
          {"optional", mount.optional}};
}

Json MountsJson(const std::vector<Mount>& mounts) {
  auto list = Json::array();
  for (const Mount& mount : mounts) {
    list.push_back(MountJson(mount));
  }
  return list;
}

void PrintMounts(Output& out, const sandbox::Plan& plan) {
  out.Line(out.Strong("mounts") + (plan.whole_root
                                       ? "  the host's root stays; over it, in this order:"
                                       : "  a root of its own; in it, in this order, only:"));
  for (const Mount& mount : plan.mounts) {
    // Directories and empty files of ours on the way to the others say nothing more.
    if (mount.kind != Mount::Kind::kDirectory && mount.kind != Mount::Kind::kFile) {
      out.Line(MountLine(mount));
    }
  }
  out.Line("  proc       /proc");
  for (const Mount& mount : plan.proc_mounts) {
    out.Line(MountLine(mount));
  }
}

// ---- Landlock

constexpr auto kFileRights = std::to_array<std::string_view>(
    {"execute", "write_file", "read_file", "read_dir", "remove_dir", "remove_file", "make_char",
     "make_dir", "make_reg", "make_sock", "make_fifo", "make_block", "make_sym", "refer",
     "truncate", "ioctl_dev"});
constexpr auto kNetRights = std::to_array<std::string_view>({"bind_tcp", "connect_tcp"});
constexpr auto kScopes = std::to_array<std::string_view>({"abstract_unix_socket", "signal"});

// The names of the bits that are set, bit 0 first.
Json BitNames(std::uint64_t bits, std::span<const std::string_view> names) {
  auto list = Json::array();
  for (const std::string_view name : names) {
    if ((bits & 1U) != 0) {
      list.push_back(name);
    }
    bits >>= 1U;
  }
  return list;
}

Json LandlockJson(const sandbox::Plan& plan) {
  const int abi = sandbox::LandlockAbi();
  const auto attributes = sandbox::LandlockAttributes(plan.mode, abi);
  auto rules = Json::array();
  for (const std::string& path : plan.executable) {
    rules.push_back({{"path", base::EscapeName(path)},
                     {"rights", BitNames(sandbox::kExecutableRights, kFileRights)}});
  }
  return {{"abi", abi},
          {"handled_files", BitNames(attributes.handled_access_fs, kFileRights)},
          {"handled_network", BitNames(attributes.handled_access_net, kNetRights)},
          {"scoped", BitNames(attributes.scoped, kScopes)},
          {"rules", std::move(rules)}};
}

void PrintLandlock(Output& out, const sandbox::Plan& plan) {
  const int abi = sandbox::LandlockAbi();
  out.Line(out.Strong("landlock") + "  version " + std::to_string(abi) +
           ": no right of its own to files, " +
           (plan.executable.empty() ? "not even to execute" : "but to read and execute files in"));
  for (const std::string& path : plan.executable) {
    out.Line("  " + Name(path));
  }
}

// ---- seccomp

Json CallsJson(sandbox::Mode mode, Treatment treatment) {
  auto list = Json::array();
  for (const sandbox::SyscallRow& row : sandbox::SyscallTable()) {
    if (sandbox::TreatmentIn(row, mode) == treatment) {
      list.push_back({{"name", row.name},
                      {"number", sandbox::NumberOn(row, sandbox::kNativeArch)},
                      {"when", sandbox::Describe(row.when)}});
    }
  }
  return list;
}

Json SeccompJson(sandbox::Mode mode) {
  return {{"ask", CallsJson(mode, Treatment::kNotify)},
          {"refuse", CallsJson(mode, Treatment::kEperm)},
          {"unknown", CallsJson(mode, Treatment::kEnosys)},
          {"newest_known", sandbox::kNewestSyscall}};
}

void PrintCalls(Output& out, sandbox::Mode mode, Treatment treatment, std::string_view what) {
  std::string line = "  " + std::string(what) + ":";
  for (const sandbox::SyscallRow& row : sandbox::SyscallTable()) {
    if (sandbox::TreatmentIn(row, mode) != treatment) {
      continue;
    }
    std::string call(row.name);
    if (const std::string_view when = sandbox::Describe(row.when); !when.empty()) {
      call.append(" (").append(when).append(")");
    }
    if (line.size() + call.size() + 2 > kWidth) {
      out.Line(line);
      line = "   ";
    }
    line.append(" ").append(call).append(",");
  }
  line.back() = '.';
  out.Line(line);
}

void PrintSeccomp(Output& out, sandbox::Mode mode) {
  out.Line(out.Strong("seccomp") + "  for every policy the same:");
  PrintCalls(out, mode, Treatment::kNotify, "the policy is asked");
  PrintCalls(out, mode, Treatment::kEperm, "refused (EPERM)");
  PrintCalls(out, mode, Treatment::kEnosys, "not there (ENOSYS)");
  out.Line("  Calls that Aegis does not know, as all above number " +
           std::to_string(sandbox::kNewestSyscall) +
           ", are not there; other architectures are killed; the rest runs.");
}

void PrintNamespaces(Output& out, const sandbox::Plan& plan) {
  out.Line(out.Strong("namespaces") + "  user, mount, pid" +
           (plan.private_network ? ", network (closed)" : "") + (plan.private_ipc ? ", ipc" : "") +
           (plan.private_uts ? ", uts" : ""));
}

Json NamespacesJson(const sandbox::Plan& plan) {
  Json list = {"user", "mount", "pid"};
  const auto add = [&list](bool own, const char* name) {
    if (own) {
      list.push_back(name);
    }
  };
  add(plan.private_network, "network");
  add(plan.private_ipc, "ipc");
  add(plan.private_uts, "uts");
  return list;
}

}  // namespace

void PrintPlan(Output& out, const sandbox::Plan& plan, const PlanParts& parts) {
  if (parts.seccomp) {
    PrintNamespaces(out, plan);
  }
  if (parts.mounts) {
    PrintMounts(out, plan);
  }
  if (parts.landlock) {
    PrintLandlock(out, plan);
  }
  if (parts.seccomp) {
    PrintSeccomp(out, plan.mode);
  }
}

void AddPlan(Json& document, const sandbox::Plan& plan, const PlanParts& parts) {
  if (parts.seccomp) {
    document["namespaces"] = NamespacesJson(plan);
  }
  if (parts.mounts) {
    document["root"] = plan.whole_root ? "host" : "composed";
    document["mounts"] = MountsJson(plan.mounts);
    document["proc_mounts"] = MountsJson(plan.proc_mounts);
    auto masked = Json::array();
    for (const std::string& path : plan.masked) {
      masked.push_back(base::EscapeName(path));
    }
    document["masked"] = std::move(masked);
  }
  if (parts.landlock) {
    document["landlock"] = LandlockJson(plan);
  }
  if (parts.seccomp) {
    document["seccomp"] = SeccompJson(plan.mode);
  }
}

}  // namespace aegis::cli
