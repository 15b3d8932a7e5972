#include "gate/lifecycle.h"

#include <fcntl.h>
#include <stdlib.h>  // WIFEXITED and kin
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "base/unique_fd.h"
#include "decision/decision.h"
#include "gate/executions.h"
#include "gate/judge.h"
#include "gate/process_table.h"
#include "gate/resolver.h"
#include "gate/roots.h"
#include "gate/tracee.h"
#include "ledger/entry.h"
#include "ledger/payload.h"
#include "policy/policy.h"

namespace aegis::gate {

namespace {

constexpr std::size_t kCommandLineRoom = std::size_t{64} * 1024;

// What the image was started with. It has not run yet, and nobody else can write its memory.
Arguments ArgumentsOf(const Roots& roots, pid_t pid) {
  const std::string path = std::to_string(pid) + "/cmdline";
  const base::UniqueFd fd(::openat(roots.host_proc.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(kCommandLineRoom, '\0');
  std::size_t have = 0;
  ssize_t got = 0;
  while (fd.valid() && have < text.size() &&
         (got = ::read(fd.get(), text.data() + have, text.size() - have)) > 0) {
    have += static_cast<std::size_t>(got);
  }
  return SplitArguments(std::string_view(text).substr(0, have), have < text.size());
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

bool Lifecycle::Started(pid_t child, pid_t parent) {
  const auto maker = processes_.find(parent);
  const std::string image = maker == processes_.end() ? std::string() : maker->second.image;
  processes_[child] = Known{parent, image};
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
  const std::vector<std::string> escaped = base::EscapeNames(actual.texts);
  Detail detail;
  detail.argv = escaped;
  if (judged == nullptr || !IsSameImage(*judged, image) || !IsSameScript(*judged, actual)) {
    return services_.judge.Refuse(process, policy::Action::kProcessSpawn, image.name,
                                  decision::Reason::kImageChanged, detail) == 0;
  }
  return AreSameArguments(*judged, actual) ||
         services_.judge.Ask(process, policy::Action::kProcessSpawn, judged->name, detail) == 0;
}

bool Lifecycle::Executed(pid_t pid, pid_t caller) {
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
  if (!IsAsJudged(process, judged ? &*judged : nullptr, image)) {
    return false;
  }
  const std::string name = base::EscapeName(image.name);
  const bool noted = NoteExecuted(pid, known, name);
  known.image = name;
  return noted;
}

bool Lifecycle::NoteExecuted(pid_t pid, const Known& before, std::string_view image) {
  ledger::ActionRecord record;
  record.action = policy::ActionName(policy::Action::kProcessSpawn);
  record.resource = image;
  record.context.pid = pid;
  record.context.parent = before.parent;
  record.context.exe = before.image;
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
  if (node.empty() || node.mapped().image.empty()) {
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
