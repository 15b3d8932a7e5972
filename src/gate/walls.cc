#include "gate/walls.h"

#include <linux/limits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "gate/name_service_files.h"
#include "gate/native_reads.h"
#include "gate/run.h"
#include "gate/scan_store.h"
#include "gate/state_guard.h"
#include "gate/terminal.h"
#include "policy/policy.h"
#include "sandbox/host_view.h"
#include "sandbox/plan.h"

namespace aegis::gate {

namespace {

base::Result<std::string> WorkingDirectory() {
  std::array<char, PATH_MAX> buffer{};
  if (::getcwd(buffer.data(), buffer.size()) == nullptr) {
    return base::FailErrno("get the working directory");
  }
  return std::string(buffer.data());
}

// The program as an absolute path whose directory is canonical; a link in the last component stays,
// since programs look at the name they were started by.
base::Result<std::string> AbsoluteProgram(const std::string& program, const std::string& cwd) {
  const std::string path = program.starts_with('/') ? program : cwd + "/" + program;
  const std::size_t slash = path.rfind('/');
  AEGIS_ASSIGN(const std::string directory, base::CanonicalPath(path.substr(0, slash + 1)));
  return (directory == "/" ? "" : directory) + path.substr(slash);
}

// Leaves reading to the kernel where the policies allow for it; else why not.
base::Result<std::string> PlanReads(const RunSpec& spec, const policy::PolicySet& policies,
                                    const std::vector<std::string>& state,
                                    const sandbox::HostView& host, sandbox::PlanInput& input) {
  ReadInput wanted;
  wanted.home = input.home;
  wanted.dir = input.dir;
  wanted.private_dirs = input.private_dirs;
  wanted.state = state;
  wanted.executable = sandbox::ExecutableOf(input.mode, input.executable, host);
  wanted.hidden = input.hidden;
  AEGIS_ASSIGN(wanted.mountinfo, base::ReadFile("/proc/self/mountinfo"));
  FileScanStore store(spec.state_dir + "/searched");
  wanted.notice = spec.scan_notice;
  wanted.keeping = {
      .store = &store,
      .epoch = ScanEpoch(),
      .begun = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())};
  NativeReads reads = PlanNativeReads(policies, wanted, host);
  if (reads.reason.empty()) {
    input.level = Level::kWrites;
    input.native = std::move(reads.grants);
    std::ranges::move(reads.masks, std::back_inserter(input.hidden));
  }
  return std::move(reads.reason);
}

base::Result<sandbox::Plan> MakePlan(const RunSpec& spec, const policy::PolicySet& policies,
                                     const policy::PolicySet::Bound& bound,
                                     const std::vector<std::string>& state,
                                     std::string& level_detail) {
  AEGIS_ASSIGN(const std::string cwd, WorkingDirectory());
  sandbox::PlanInput input;
  input.mode = spec.mode;
  input.visible = bound.visible;
  input.executable = bound.executable;
  input.hidden = bound.hidden;
  input.home = spec.home;
  input.dir = spec.dir;
  input.aegis_home = spec.aegis_home;
  input.private_dirs = spec.private_dirs;
  input.terminal = TerminalDevice();
  AEGIS_ASSIGN(input.command.program, AbsoluteProgram(spec.program, cwd));
  input.command.argv = spec.argv;
  input.command.env = spec.env;
  input.command.cwd = cwd;
  if (spec.mode == Mode::kRun) {
    input.supplied = NameServiceFiles();
  }
  const sandbox::SystemHostView host;
  if (spec.mode == Mode::kRun && spec.level == Level::kWrites) {
    AEGIS_ASSIGN(level_detail, PlanReads(spec, policies, state, host, input));
  }
  return sandbox::BuildPlan(input, host);
}

}  // namespace

base::Result<Walls> RaiseWalls(const RunSpec& spec) {
  policy::Names names;
  names.agent = spec.config_name;
  names.home = base::EscapeName(spec.home);
  names.dir = base::EscapeName(spec.dir);
  std::map<std::string, std::string> links;
  names.leads_to = [&links](const std::string& path) {
    return links.emplace(path, policy::LeadsTo(path)).first->second;
  };
  AEGIS_ASSIGN(auto policies, policy::PolicySet::Load(spec.policies, names));
  AEGIS_ASSIGN(auto state, NamesOfState(spec.aegis_home));
  AEGIS_TRY(RequireGuardedState(policies, state));
  policy::PolicySet::Bound bound = policies.bound();
  std::string level_detail;
  AEGIS_ASSIGN(auto plan, MakePlan(spec, policies, bound, state, level_detail));
  return Walls{std::move(policies), std::move(bound), std::move(plan),
               std::move(state),    std::move(links), std::move(level_detail)};
}

}  // namespace aegis::gate
