#include "gate/lifecycle.h"

#include <fcntl.h>
#include <stdlib.h>  // WIFEXITED and kin
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "base/unique_fd.h"
#include "decision/decision.h"
#include "gate/executions.h"
#include "gate/judge.h"
#include "gate/loader.h"
#include "gate/mappings.h"
#include "gate/process_table.h"
#include "gate/resolver.h"
#include "gate/roots.h"
#include "gate/tracee.h"
#include "ledger/entry.h"
#include "ledger/payload.h"
#include "policy/policy.h"

namespace aegis::gate {

namespace {

constexpr std::string_view kDeleted = " (deleted)";
constexpr std::size_t kMaxProcText = std::size_t{8} << 20U;  // more than execve(2) takes

// A file below /proc/<pid>, up to kMaxProcText.
std::string ReadProc(const Roots& roots, pid_t pid, const char* file) {
  const std::string path = std::to_string(pid) + "/" + file;
  const base::UniqueFd fd(::openat(roots.host_proc.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 4096> piece;
  ssize_t got = 0;
  while (fd.valid() && text.size() < kMaxProcText &&
         (got = ::read(fd.get(), piece.data(), piece.size())) > 0) {
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  return text;
}

// What the image was started with. It has not run yet, and nobody else can write its memory.
Arguments ArgumentsOf(const Roots& roots, pid_t pid) {
  const std::string text = ReadProc(roots, pid, "cmdline");
  return SplitArguments(text, text.size() < kMaxProcText);
}

base::UniqueFd OpenImage(const Roots& roots, pid_t pid) {
  const std::string path = std::to_string(pid) + "/exe";
  return base::UniqueFd(::openat(roots.host_proc.get(), path.c_str(), O_PATH | O_CLOEXEC));
}

bool IsSameImage(const Execution& judged, const Resolved& image) {
  return image.exists() && image.st.st_dev == judged.device && image.st.st_ino == judged.inode;
}

// Whether the interpreter was given the script that was judged.
bool IsSameScript(const Execution& judged, const Arguments& actual) {
  const std::size_t at = judged.script_name_at;
  return at == 0 || (at < judged.arguments.texts.size() && at < actual.texts.size() &&
                     actual.texts[at] == judged.arguments.texts[at]);
}

// execve(2) without arguments gives an empty one (Linux 5.18).
bool AreSameArguments(const Execution& judged, const Arguments& actual) {
  if (!judged.arguments.complete || !actual.complete) {
    return false;
  }
  return judged.arguments.texts.empty() ? actual.texts == std::vector<std::string>{""}
                                        : actual.texts == judged.arguments.texts;
}

}  // namespace

// A new process has its maker's image, unless that is dead already and another one its parent.
std::string Lifecycle::ImageOf(pid_t child, pid_t parent) const {
  const Roots& roots = services_.resolver.roots();
  const base::UniqueFd image = OpenImage(roots, child);
  const auto maker = processes_.find(parent);
  if (image.valid() || maker == processes_.end()) {
    return base::EscapeName(NameOf(roots, image.get()));
  }
  return maker->second.image;
}

bool Lifecycle::Started(pid_t child, pid_t parent) {
  const std::string image = ImageOf(child, parent);
  processes_[child] = Known{.parent = parent, .image = image, .begun = true};
  ledger::ProcessStart start;
  start.pid = child;
  start.parent = parent;
  start.image = image;
  payload_.clear();
  ledger::AppendProcessStartedPayload(payload_, start);
  return services_.judge.Note(ledger::kProcessStarted, payload_).has_value();
}

// What was judged is asked about again where more is known now: the arguments as they are. Another
// program than the one that was judged is refused, whatever the policies say about it: who
// exchanged it meant to be judged by the wrong name.
bool Lifecycle::IsAsJudged(const Process& process, const Execution* judged, const Resolved& image) {
  const Arguments actual = ArgumentsOf(services_.resolver.roots(), process.tgid);
  const bool same =
      judged != nullptr && IsSameImage(*judged, image) && IsSameScript(*judged, actual);
  if (same && AreSameArguments(*judged, actual)) {
    return true;
  }
  const std::vector<std::string> escaped = base::EscapeNames(actual.texts);
  const std::vector<std::string> shown = Shortened(escaped);
  Detail detail;
  if (!same) {
    detail.argv = shown;
    return services_.judge.Refuse(process, policy::Action::kProcessSpawn, image.name,
                                  decision::Reason::kImageChanged, detail) == 0;
  }
  detail.argv = escaped;
  const std::string name = base::EscapeName(judged->name);
  const decision::Decision decision =
      actual.complete ? services_.judge.Decide(process, policy::Action::kProcessSpawn, name, detail)
                      : decision::Deny(decision::Reason::kUnsupported);
  detail.argv = shown;
  return services_.judge.Settle(process, policy::Action::kProcessSpawn, name, decision, detail) ==
         0;
}

// What runs first of a program that names a loader in its ELF header is that loader, which may be
// any program. The system's loaders need no entry of their own at each start.
bool Lifecycle::AskAboutLoader(const Process& process, const Resolved& image, std::uint64_t start) {
  auto code = MappingAt(ReadProc(services_.resolver.roots(), process.tgid, "maps"), start);
  if (code && code->path.ends_with(kDeleted)) {
    code->path.resize(code->path.size() - kDeleted.size());
  }
  if (code && code->inode == image.st.st_ino && code->path == image.name) {
    return true;
  }
  const std::string name = code ? base::EscapeName(code->path) : std::string();
  const decision::Decision decision =
      services_.judge.Decide(process, policy::Action::kProcessSpawn, name);
  return (decision.allowed() && IsLoader(name)) ||
         services_.judge.Settle(process, policy::Action::kProcessSpawn, name, decision) == 0;
}

bool Lifecycle::Executed(pid_t pid, pid_t caller, std::uint64_t start) {
  services_.processes.ImageChanged(pid, caller);
  const std::optional<Execution> judged = services_.executions.Take(caller);
  const Roots& roots = services_.resolver.roots();
  Known& known = processes_[pid];
  Resolved image;
  image.object = OpenImage(roots, pid);
  if (image.exists() && ::fstat(image.object.get(), &image.st) != 0) {
    image.object.Reset();
  }
  const bool same = judged && IsSameImage(*judged, image);
  image.name = same ? judged->image : NameOf(roots, image.object.get());
  Process process;
  process.tid = pid;
  process.tgid = pid;
  process.exe = known.image;
  if (!IsAsJudged(process, judged ? &*judged : nullptr, image) ||
      !AskAboutLoader(process, image, start)) {
    return false;
  }
  const std::string name = base::EscapeName(image.name);
  const bool noted = NoteExecuted(pid, known, name, judged ? base::EscapeName(judged->name) : name);
  known.image = name;
  known.begun = true;
  return noted;
}

// `program`: what was asked for, if the image is not it but runs it: a script's interpreter, a
// loader.
bool Lifecycle::NoteExecuted(pid_t pid, const Known& before, std::string_view image,
                             std::string_view program) {
  ledger::ActionRecord record;
  record.action = policy::ActionName(policy::Action::kProcessSpawn);
  record.resource = image;
  record.context.pid = pid;
  record.context.parent = before.parent;
  record.context.exe = before.image;
  record.context.target = program == image ? std::string_view() : program;
  payload_.clear();
  ledger::AppendFinishedPayload(payload_, record, services_.judge.masker());
  return services_.judge.Note(ledger::kActionFinished, payload_).has_value();
}

void Lifecycle::Ended(pid_t tid, pid_t pid, int status) {
  services_.processes.Gone(tid);
  services_.executions.Forget(tid);
  if (tid != pid) {
    return;
  }
  const auto node = processes_.extract(pid);
  if (node.empty() || !node.mapped().begun) {
    return;  // the command could not be executed: nothing has run
  }
  ledger::ActionRecord record;
  record.action = policy::ActionName(policy::Action::kProcessExit);
  record.resource = node.mapped().image;
  record.context.pid = pid;
  record.context.parent = node.mapped().parent;
  if (WIFSIGNALED(status)) {
    record.context.signal = WTERMSIG(status);
  } else {
    record.context.exit_code = WEXITSTATUS(status);
  }
  payload_.clear();
  ledger::AppendFinishedPayload(payload_, record, services_.judge.masker());
  // There is nothing left to refuse; the journal that fails refuses whatever comes next.
  (void)services_.judge.Note(ledger::kActionFinished, payload_);
}

}  // namespace aegis::gate
