#include "observe/watch.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "decision/decision.h"
#include "ledger/ledger.h"
#include "ledger/new_journal.h"
#include "observe/diff.h"
#include "observe/event.h"
#include "observe/exclusion.h"
#include "observe/gap.h"
#include "observe/recorder.h"
#include "observe/snapshot.h"
#include "observe/source.h"
#include "observe/watch_lock.h"
#include "policy/policy.h"
#include "witness/recording.h"

namespace aegis::observe {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kGroup(40);   // entries are stored in groups
constexpr std::chrono::milliseconds kLook(1000);  // whether the directory is still there

// While it lives, signals that end a watch are read from a descriptor.
class EndSignals {
 public:
  EndSignals() {
    sigset_t set{};
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
      sigaddset(&set, signal);
    }
    (void)::pthread_sigmask(SIG_BLOCK, &set, &before_);
    fd_.Reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    // A file size limit is an error of Append, not a death.
    ignored_ = ::signal(SIGXFSZ, SIG_IGN);
  }
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;
  ~EndSignals() {
    Came();  // taken, so that they don't take effect now
    (void)::signal(SIGXFSZ, ignored_);
    (void)::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

  int fd() const { return fd_.get(); }
  bool Came() {
    signalfd_siginfo info{};
    while (::read(fd_.get(), &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
      came_ = true;
    }
    return came_;
  }

 private:
  base::UniqueFd fd_;
  sigset_t before_{};
  sighandler_t ignored_ = SIG_DFL;
  bool came_ = false;
};

// Aegis' own state as a name below the watched directory; empty if it lies elsewhere.
std::string StateBelow(const WatchSpec& spec) {
  const std::string below = spec.dir == "/" ? spec.dir : spec.dir + "/";
  return spec.aegis_home.starts_with(below) ? spec.aegis_home.substr(below.size()) : "";
}

base::Result<decision::Decider> MakeDecider(const WatchSpec& spec) {
  policy::Names names;
  names.agent = spec.config_name;
  names.home = base::EscapeName(spec.home);
  names.dir = base::EscapeName(spec.dir);
  names.leads_to = policy::LeadsTo;
  AEGIS_ASSIGN(auto policies, policy::PolicySet::Load(spec.policies, names));
  decision::Guards guards;
  guards.aegis_state = {base::EscapeName(spec.aegis_home)};
  return decision::Decider(std::move(policies), std::move(guards));
}

WatchStart StartOf(const WatchSpec& spec, std::string_view source) {
  WatchStart start{.config = spec.config_name,
                   .tag = spec.tag,
                   .policy_files = {},
                   .exclude = spec.exclude,
                   .source = std::string(source),
                   .reads = spec.reads,
                   .idle_timeout = spec.idle_timeout};
  for (const policy::Source& policy : spec.policies) {
    start.policy_files.push_back(base::EscapeName(policy.file));
  }
  return start;
}

// One watch, from its first entry to its last. Members are in the order in which they are needed.
class Session {
 public:
  explicit Session(const WatchSpec& spec) : spec_(spec) {}

  base::Result<> Begin();
  base::Result<std::string> UntilOver(EndSignals& signals);
  base::Result<> End(const std::string& why);
  const WatchReport& report();

 private:
  base::Result<> OpenLedger();
  base::Result<> Take(bool last);
  bool DirectoryGone() const;
  void Drain();
  SnapshotOptions Options() const { return {.across_mounts = spec_.across_mounts}; }

  const WatchSpec& spec_;
  std::optional<WatchLock> lock_;
  base::UniqueFd root_;
  Exclusion exclusion_;
  std::unique_ptr<EventSource> source_;
  std::optional<witness::Recording> recording_;
  std::optional<ledger::NewJournal> journal_;
  std::optional<ledger::Sequencer> sequencer_;
  std::optional<Recorder> recorder_;
  Snapshot before_;
  WatchReport report_;
  Clock::time_point last_event_ = Clock::now();
  Clock::time_point next_drain_ = Clock::now();
};

base::Result<> Session::OpenLedger() {
  AEGIS_ASSIGN(auto decider, MakeDecider(spec_));
  AEGIS_ASSIGN(auto recording, witness::Recording::Open(spec_.state_dir, spec_.witness));
  recording_.emplace(std::move(recording));
  AEGIS_ASSIGN(auto journal, ledger::NewJournal::Make(spec_.state_dir));
  journal_.emplace(std::move(journal));
  AEGIS_ASSIGN(auto sequencer, ledger::Sequencer::Attach(journal_->writer(), recording_->store()));
  sequencer_.emplace(std::move(sequencer));
  recorder_.emplace(std::move(decider), journal_->writer(), spec_.masker, spec_.dir,
                    [this] { Drain(); });
  return {};
}

// Nothing is stored before the end of this: until then the session never was.
base::Result<> Session::Begin() {
  AEGIS_ASSIGN(auto lock, WatchLock::Take(spec_.state_dir));
  lock_.emplace(std::move(lock));
  AEGIS_ASSIGN(root_, base::Open(spec_.dir, O_PATH | O_DIRECTORY | O_NOFOLLOW));
  AEGIS_ASSIGN(exclusion_, Exclusion::Make(spec_.exclude, StateBelow(spec_)));
  // Events first: what happens while the snapshot is taken is in one of them.
  Batch start;
  AEGIS_ASSIGN(source_, ChooseSource(root_.get(),
                                     {.dir = spec_.dir,
                                      .exclusion = exclusion_,
                                      .reads = spec_.reads,
                                      .across_mounts = spec_.across_mounts},
                                     start));
  AEGIS_TRY(OpenLedger());
  AEGIS_TRY(recorder_->Started(StartOf(spec_, source_->name())));
  before_ = TakeSnapshot(root_.get(), exclusion_, Options());
  AEGIS_TRY(recorder_->Taken("before", before_));
  for (const Gap& gap : start.gaps) {
    // What may not be read the snapshot has told of.
    if (gap.kind != GapKind::kUnreadable || !before_.gaps.Hides(gap.name)) {
      AEGIS_TRY(recorder_->Missing(gap));
    }
  }
  AEGIS_TRY(lock_->Announce(journal_->writer().identity().session_id));
  journal_->Keep();
  Drain();
  report_.session_id = journal_->writer().identity().session_id;
  report_.source = source_->name();
  report_.names = before_.names.size();
  last_event_ = Clock::now();
  return {};
}

const WatchReport& Session::report() {
  report_.gaps = recorder_->gaps();
  report_.actions = recorder_->actions();
  report_.denials = recorder_->denials();
  return report_;
}

void Session::Drain() {
  recording_->Drain(*sequencer_);
  next_drain_ = Clock::now() + kGroup;
}

base::Result<> Session::Take(bool last) {
  Batch batch;
  AEGIS_TRY(source_->Read(batch, last));
  for (const Gap& gap : batch.gaps) {
    AEGIS_TRY(recorder_->Missing(gap));
  }
  AEGIS_TRY(recorder_->Observed(batch.events));
  if (!batch.events.empty()) {
    last_event_ = Clock::now();
  }
  return {};
}

// Its name may lead elsewhere by now: that is another directory.
bool Session::DirectoryGone() const {
  struct stat held{};
  struct stat named{};
  return ::fstat(root_.get(), &held) != 0 ||
         ::fstatat(AT_FDCWD, spec_.dir.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0 ||
         held.st_dev != named.st_dev || held.st_ino != named.st_ino;
}

base::Result<std::string> Session::UntilOver(EndSignals& signals) {
  const auto idle = spec_.idle_timeout;
  while (!signals.Came()) {
    std::array<pollfd, 2> ready = {{{.fd = source_->fd(), .events = POLLIN, .revents = 0},
                                    {.fd = signals.fd(), .events = POLLIN, .revents = 0}}};
    const bool stored = sequencer_->position().next_seq == journal_->writer().next_seq();
    (void)::poll(ready.data(), ready.size(), static_cast<int>((stored ? kLook : kGroup).count()));
    AEGIS_TRY(Take(false));
    if (Clock::now() >= next_drain_) {
      Drain();
    }
    if (DirectoryGone()) {
      return "the directory was removed or renamed";
    }
    if (idle.count() > 0 && Clock::now() - last_event_ >= idle) {
      return "nothing happened for " + std::to_string(idle.count()) + " s";
    }
  }
  return "stopped";
}

base::Result<> Session::End(const std::string& why) {
  AEGIS_TRY(Take(true));
  const Snapshot after = TakeSnapshot(root_.get(), exclusion_, Options());
  AEGIS_TRY(Take(true));
  const std::vector<Change> changes = Diff(before_, after);
  for (const Change& change : changes) {
    ++report_.changes[change.kind];
  }
  AEGIS_TRY(recorder_->Taken("after", after, report_.changes));
  for (const Change& change : changes) {
    AEGIS_TRY(recorder_->Changed(change));
  }
  AEGIS_TRY(recorder_->Ended(why));
  report_.why = why;
  report_.names = after.names.size();
  AEGIS_ASSIGN(report_.warnings, recording_->Finish(*sequencer_));
  return {};
}

}  // namespace

base::Result<WatchReport> Watch(const WatchSpec& spec,
                                const std::function<void(const WatchReport&)>& ready) {
  EndSignals signals;
  Session session(spec);
  AEGIS_TRY(session.Begin());
  ready(session.report());
  AEGIS_ASSIGN(const std::string why, session.UntilOver(signals));
  AEGIS_TRY(session.End(why));
  return session.report();
}

}  // namespace aegis::observe
