#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/host_view.h"
#include "sandbox/mode.h"

namespace aegis::sandbox {

// One step in the making of the agent's view of files. Targets are absolute paths inside.
struct Mount {
  enum class Kind : std::uint8_t {
    kBind,       // the host's tree or file at `source`, with everything mounted below it
    kTmpfs,      // a fresh empty directory tree of mode `mode`
    kMaskDir,    // an empty directory that stays empty
    kMaskFile,   // an empty file of mode 0000
    kDevpts,     // a new instance of pseudo terminals
    kReadOnly,   // the mount that stands at `target`, and those below, become read-only
    kDirectory,  // a directory made in a tmpfs of ours
    kText,       // a file of ours with the text `source`, read-only, over what stands at `target`
    kFile,       // an empty file made in a tmpfs of ours (something is bound onto it)
    kSymlink,    // a symlink made in a tmpfs of ours; `source` is its text
  };
  Kind kind = Kind::kBind;
  std::string source;
  std::string target;
  unsigned mode = 0755;
  bool read_only = false;
  bool optional = false;  // left out when source or target does not exist

  bool operator==(const Mount&) const = default;
};

// What to execute, once everything stands.
struct Command {
  std::string program;            // absolute path, resolved by the caller
  std::vector<std::string> argv;  // argv[0] included
  std::vector<std::string> env;   // NAME=value
  std::string cwd;                // absolute; must exist inside
};

// What the kernel lets the command do by itself with a file, or with all below a directory.
struct NativeGrant {
  std::string path;
  bool directory = false;  // what it is; another kind of thing of that name gets nothing
  bool read = false;       // files
  bool list = false;       // directories
  bool execute = false;    // files that are read

  bool operator==(const NativeGrant&) const = default;
};

// A file whose text inside is another one than the host's.
struct SuppliedFile {
  std::string path;  // may be, or lie behind, a link
  std::string text;
};

struct PlanInput {
  Mode mode = Mode::kRun;
  // policy::PolicySet::Bound: absolute bytes without overlaps; {"/"} = everything.
  std::vector<std::string> visible;
  std::vector<std::string> executable;
  std::vector<std::string> hidden;
  std::string home;                       // canonical
  std::string dir;                        // canonical
  std::string aegis_home;                 // masked in every mode
  std::vector<std::string> private_dirs;  // fresh for the run: /tmp, /var/tmp, /dev/shm (kRun only)
  std::vector<SuppliedFile> supplied;     // kRun: what stands inside in the place of the host's
  Level level = Level::kFull;
  std::vector<NativeGrant> native;  // at kWrites; to be exact together with `hidden`
  std::string terminal;  // the pts device behind descriptors 0-2 ("/dev/pts/3"), empty if none
  Command command;
};

// The sandbox of one run as a value. `mounts` are made by the supervisor in this order, in its own
// mount namespace; then init mounts a fresh /proc and makes `proc_mounts`.
struct Plan {
  Mode mode = Mode::kRun;
  bool whole_root = false;  // the host's root stays in place; otherwise a composed one replaces it
  std::vector<Mount> mounts;
  std::vector<Mount> proc_mounts;
  std::vector<std::string> masked;      // targets of masks, as the host names them
  std::vector<std::string> executable;  // subtrees and files of Landlock rules; {"/"} = everywhere
  Level level = Level::kFull;
  std::vector<NativeGrant> native;  // at kWrites the Landlock rules, instead of `executable`
  bool private_network = true;
  bool private_ipc = true;
  bool private_uts = true;
  Command command;
};

// What the command may execute without being asked about by Landlock: `executable`, and the loaders
// that the kernel opens for it, by their canonical names.
std::vector<std::string> ExecutableOf(Mode mode, std::vector<std::string> executable,
                                      const HostView& host);

// Turns the static bound of a policy into a sandbox. Pure but for the questions to `host`.
//
// - visible == {"/"} or kWrap: whole root. Otherwise a composed root: each visible subtree at its
//   own path, host symlinks as symlinks, a minimal /dev, fresh private directories. A visible name
//   that does not exist yet shows its parent directory when that is home, dir, or at least two
//   levels deep (it may be created); otherwise it is left out.
// - --dir and $HOME stay visible inside a private directory if the policy shows them.
// - hidden subtrees and Aegis' state are masked; what is visible only below a mask is left out.
// - A supplied file stands where the host's is visible.
// - kWrites: what is hidden in /proc is masked there too.
// - kInvalid: `dir` lies in Aegis' state, or a path is not absolute and canonical in form.
base::Result<Plan> BuildPlan(const PlanInput& input, const HostView& host);

}  // namespace aegis::sandbox
