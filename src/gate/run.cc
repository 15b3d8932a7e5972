#include "gate/run.h"

#include <signal.h>
#include <stdlib.h>  // WIFSIGNALED and kin
#include <string.h>  // sigdescr_np
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <future>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "canon/canon.h"
#include "decision/decision.h"
#include "gate/follow.h"
#include "gate/job_stop.h"
#include "gate/live_policies.h"
#include "gate/messages.h"
#include "gate/policy_candidate.h"
#include "gate/policy_places.h"
#include "gate/policy_texts.h"
#include "gate/published_ports.h"
#include "gate/roots.h"
#include "gate/supervisor.h"
#include "gate/terminal.h"
#include "gate/walls.h"
#include "ledger/ledger.h"
#include "ledger/new_journal.h"
#include "policy/policy.h"
#include "proxy/proxy.h"
#include "sandbox/init.h"
#include "sandbox/namespaces.h"
#include "sandbox/paths.h"
#include "sandbox/plan.h"
#include "sandbox/protections.h"
#include "sandbox/uapi.h"
#include "witness/recording.h"

namespace aegis::gate {

namespace {

constexpr std::size_t kShownDenials = 5;
constexpr std::uint64_t kMuch = 128;  // entries of one drain after which the next one is due soon
constexpr int kNotExecutable = 126;
constexpr int kCommandNotFound = 127;
constexpr int kAegisFailed = 125;

struct Sockets {
  base::UniqueFd launcher;
  base::UniqueFd supervisor;
};

base::Result<Sockets> MakeSockets() {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0) {
    return base::FailErrno("socketpair");
  }
  return Sockets{base::UniqueFd(pair[0]), base::UniqueFd(pair[1])};
}

base::Result<> RecordStart(ledger::JournalWriter& journal, const RunSpec& spec, const Walls& walls,
                           const SupervisorInput& input) {
  std::vector<std::string> files;
  files.reserve(spec.policies.size());
  for (const policy::Source& source : spec.policies) {
    files.push_back(base::EscapeName(source.file));
  }
  const std::vector<std::string> argv = base::EscapeNames(spec.argv);
  const std::vector<std::string> dropped = base::EscapeNames(spec.dropped_env);
  const std::string command = base::EscapeName(input.plan.command.program);
  const std::string dir = base::EscapeName(spec.dir);
  const std::string tag = base::EscapeName(spec.tag);
  ledger::SessionStart start;
  start.mode = spec.mode == Mode::kRun ? "run" : "wrap";
  start.command = command;
  start.argv = argv;
  start.config = spec.config_name;
  start.dir = dir;
  start.tag = tag;
  start.policy_digest = walls.policies.digest();
  start.policy_stored = true;
  start.policies = files;
  start.env_dropped = dropped;
  if (spec.mode == Mode::kRun && spec.level != Level::kFull) {
    start.level = input.plan.level == Level::kWrites ? "writes" : "full";
    start.level_detail = walls.level_detail;
  }
  std::vector<std::string> published;
  published.reserve(input.published.size());
  for (const OpenPort& open : input.published) {
    published.push_back(TextOf(open.where));
  }
  start.published_ports = published;
  std::string payload;
  ledger::AppendSessionStartedPayload(payload, start, spec.masker);
  return journal.Append(ledger::kSessionStarted, payload, ledger::Durability::kOrdered);
}

struct Supervisor {
  pid_t pid = 0;
  base::UniqueFd socket;
  base::UniqueFd control;
};

// Kills a supervisor that has not come to run anything, and with it what it has started.
void Abandon(const Supervisor& supervisor) {
  ::kill(supervisor.pid, SIGKILL);
  while (::waitpid(supervisor.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

base::Result<Supervisor> ForkSupervisor(SupervisorInput& input) {
  AEGIS_ASSIGN(Sockets talk, MakeSockets());
  AEGIS_ASSIGN(Sockets control, MakeSockets());
  input.launcher = ::getpid();
  input.root = ::geteuid() == 0;
  const pid_t pid = ::fork();
  if (pid < 0) {
    return base::FailErrno("fork the supervisor");
  }
  if (pid == 0) {
    talk.launcher.Reset();
    control.launcher.Reset();
    input.launcher_socket = std::move(talk.supervisor);
    input.init_control = std::move(control.supervisor);
    RunSupervisor(std::move(input));
  }
  input.published.clear();  // they are open as long as the supervisor, or the proxy, has them
  return Supervisor{pid, std::move(talk.launcher), std::move(control.launcher)};
}

// Maps the supervisor's user ids, or says why it could not come so far: in its own words, where it
// had some.
base::Result<> MapSupervisor(const Supervisor& supervisor) {
  auto mapped = sandbox::WriteIdMaps(supervisor.pid, supervisor.socket.get());
  if (!mapped && mapped.error().code() == base::Errc::kInternal) {
    AEGIS_TRY(ReceiveMessage(supervisor.socket.get()));
  }
  return mapped;
}

// Before anything is decided under them. Most runs find them there.
base::Result<> StorePolicies(ledger::Store& store, const RunSpec& spec) {
  constexpr int kAttempts = 10;
  const auto texts = TextsOf(spec.policies);
  auto stored = store.PutPolicySet(texts);
  for (int attempt = 1;
       attempt < kAttempts && !stored && stored.error().code() == base::Errc::kUnavailable;
       ++attempt) {
    stored = store.PutPolicySet(texts);
  }
  if (!stored) {
    return base::Fail(std::move(stored).error().Within("store the policies"));
  }
  return {};
}

// Does on a thread of its own what would else be waited for at the end: OpenSSL takes 2 ms for its
// first signature, and the disk its time to free the journal of the last run.
std::future<void> PrepareEnd(const std::string& state_dir) {
  return std::async(std::launch::async | std::launch::deferred,
                    [journals = state_dir + "/journal"] {
                      canon::PrepareToSign();
                      ledger::RemoveDoneJournals(journals);
                    });
}

// Up to the moment before the command is let go; meanwhile the ledger is opened.
base::Result<witness::Recording> StartSupervisor(const RunSpec& spec, const Supervisor& supervisor,
                                                 SupervisorInput& input) {
  AEGIS_TRY(MapSupervisor(supervisor));
  AEGIS_ASSIGN(witness::Recording recording,
               witness::Recording::Open(spec.state_dir, spec.witness));
  AEGIS_TRY(StorePolicies(recording.store(), spec));
  input.decider.reset();  // the supervisor has its own; there is time to free this one now
  AEGIS_ASSIGN(const Message ready, ReceiveMessage(supervisor.socket.get()));
  if (ready != Message::kReady) {
    return base::Fail(base::Errc::kInternal, "the supervisor spoke out of turn");
  }
  return recording;
}

// The command executes.
base::Result<> LetRun(const Supervisor& supervisor) {
  AEGIS_TRY(Send(supervisor.socket.get(), Message::kGo));
  AEGIS_ASSIGN(const Message listening, ReceiveMessage(supervisor.socket.get()));
  if (listening != Message::kListening) {
    return base::Fail(base::Errc::kInternal, "the supervisor spoke out of turn");
  }
  return {};
}

void CollectDenial(const ledger::EntryView& entry, std::vector<Denied>& denials) {
  if (entry.event_type != ledger::kActionDecided ||
      entry.payload.find(R"("decision":"deny")") == std::string_view::npos) {
    return;
  }
  const auto action = canon::StringMember(entry.payload, "action");
  const auto resource = canon::StringMember(entry.payload, "resource");
  const auto reason = canon::StringMember(entry.payload, "reason");
  const auto same = std::ranges::find_if(denials, [&](const Denied& known) {
    return known.action == action && known.resource == resource && known.reason == reason;
  });
  if (same != denials.end()) {
    ++same->times;
    return;
  }
  if (denials.size() >= kShownDenials) {
    return;
  }
  const auto payload = nlohmann::json::parse(entry.payload, nullptr, false);
  if (!payload.is_object() || payload.value("decision", "") != "deny") {
    return;
  }
  Denied denied;
  denied.action = payload.value("action", "");
  denied.resource = payload.value("resource", "");
  denied.reason = payload.value("reason", "");
  denied.policies = payload.value("policies", std::vector<std::string>{});
  denied.target = payload.value(nlohmann::json::json_pointer("/context/target"), "");
  denials.push_back(std::move(denied));
}

int ExitCode(const CommandEnd& end) {
  if (end.exec_error) {
    return *end.exec_error == ENOENT ? kCommandNotFound : kNotExecutable;
  }
  if (!end.status) {
    return kAegisFailed;
  }
  return WIFSIGNALED(*end.status) ? 128 + WTERMSIG(*end.status) : WEXITSTATUS(*end.status);
}

// Why the supervisor died, as far as its end tells; `status` as from waitpid(2).
std::string CauseOfDeath(int status) {
  if (WIFEXITED(status)) {
    return WEXITSTATUS(status) == kOutOfMemory ? "out of memory" : "it could not go on";
  }
  const int signal = WTERMSIG(status);
  if (signal == SIGBUS) {
    return "its journal was cut short, or can't be read";
  }
  const char* const description = ::sigdescr_np(signal);
  return std::string("signal ") + std::to_string(signal) + ", " +
         (description == nullptr ? "unknown" : description);
}

base::Error SupervisorDied(const CommandEnd& end, const std::string& session_id) {
  const std::string who = end.supervisor_status == 0
                              ? "the sandbox's init died"
                              : "the supervisor died (" + CauseOfDeath(end.supervisor_status) + ")";
  return {base::Errc::kInternal,
          who + "; the agent was killed with it (session " + session_id + ")"};
}

base::Result<> RecordEnd(ledger::JournalWriter& journal, const RunSpec& spec, const CommandEnd& end,
                         const std::optional<ledger::Session>& so_far) {
  std::string payload;
  ledger::SessionEnd session_end;
  if (end.status && WIFSIGNALED(*end.status)) {
    session_end.signal = WTERMSIG(*end.status);
  } else if (end.status) {
    session_end.exit_code = WEXITSTATUS(*end.status);
  } else {
    session_end.detail = "the supervisor died";
  }
  if (so_far) {
    session_end.actions = so_far->actions;
    session_end.denials = so_far->denials;
  }
  if (end.status && !spec.published.empty()) {
    session_end.published_connections = static_cast<std::int64_t>(end.published_connections);
  }
  ledger::AppendSessionEndedPayload(payload, session_end, spec.masker);
  return journal.Append(ledger::kSessionEnded, payload, ledger::Durability::kOrdered);
}

// The sequencer wakes while the agent waits for the supervisor. A long time slice gives the
// launcher its full share of the CPU, and the others the first turn (Linux 6.12; older kernels
// ignore it).
void TakeLaterTurns() {
  constexpr std::uint64_t kLongestSliceNs = 100'000'000;
  sandbox::uapi::SchedAttr attributes;
  if (sandbox::uapi::SchedGetattr(0, attributes) == 0 && attributes.runtime != 0) {
    attributes.flags = 0;
    attributes.runtime = kLongestSliceNs;
    sandbox::uapi::SchedSetattr(0, attributes);
  }
}

// Continues the journal where the supervisor has left it: what the session is so far.
base::Result<std::optional<ledger::Session>> ResumeJournal(ledger::JournalWriter& journal,
                                                           const ledger::Sequencer& sequencer,
                                                           ledger::Store& store) {
  AEGIS_ASSIGN(auto session, store.FindSession(journal.identity().session_id));
  journal.ResumeAt(sequencer.position(), [&session](const ledger::EntryView& entry) {
    if (session) {
      ledger::Advance(*session, entry);
    } else {
      session = ledger::BeginSession(entry);
    }
  });
  return session;
}

// What a run began with.
struct Begun {
  PolicyRules rules;
  std::string digest;  // of the policies
  bool live = false;   // edits of the policies take effect
};

// Nothing if edits don't count, or can't be noticed.
std::optional<LivePolicies> FollowPolicies(const RunSpec& spec, const Begun& begun,
                                           ledger::Store& store, int supervisor_socket) {
  if (!begun.live) {
    return std::nullopt;
  }
  auto live =
      LivePolicies::Start(begun.rules, begun.digest, store, supervisor_socket, spec.policy_notice);
  if (!live) {
    spec.policy_notice(true,
                       "edits of the policies will not be noticed: " + live.error().message());
    return std::nullopt;
  }
  return *std::move(live);
}

// Starts the proxy when the agent first uses the network, or at once where ports are published, and
// ends it with the run.
class ProxyOnDemand {
 public:
  ProxyOnDemand(int supervisor_socket, bool publishes, std::vector<std::string>& warnings)
      : supervisor_socket_(supervisor_socket), publishes_(publishes) {
    if (publishes_) {
      Start(warnings);
    }
  }

  void Start(std::vector<std::string>& warnings) {
    if (std::exchange(wanted_, true)) {
      return;
    }
    auto started =
        proxy::StartProxy({.program = "/proc/self/exe", .argv = {std::string(proxy::kProxyName)}});
    if (!started) {
      warnings.push_back((publishes_ ? "ports were not published, nor names of hosts resolved: "
                                     : "names of hosts were not resolved: ") +
                         started.error().message());
      (void)Send(supervisor_socket_, Message::kProxy);
      return;
    }
    process_.emplace(*std::move(started));
    const base::UniqueFd socket = process_->TakeSocket();  // the supervisor's alone from now on
    (void)SendWithFd(supervisor_socket_, Message::kProxy, socket.get());
  }

 private:
  int supervisor_socket_;
  bool publishes_;
  bool wanted_ = false;
  std::optional<proxy::ProxyProcess> process_;
};

// Everything between the command's execve and its last entry in the store, which is closed then.
base::Result<RunOutcome> FollowRun(Follower& follower, const Supervisor& supervisor,
                                   const RunSpec& spec, const Begun& begun,
                                   witness::Recording recording, ledger::JournalWriter& journal) {
  RunOutcome outcome;
  outcome.session_id = journal.identity().session_id;
  auto sequencer = ledger::Sequencer::Attach(
      journal, recording.store(),
      [&outcome](const ledger::EntryView& entry) { CollectDenial(entry, outcome.first_denials); });
  if (!sequencer) {
    Abandon(supervisor);
    return base::Fail(std::move(sequencer).error());
  }
  std::vector<std::string> proxy_warnings;
  ProxyOnDemand network_proxy(supervisor.socket.get(), !spec.published.empty(), proxy_warnings);
  const Foreground foreground;
  TakeLaterTurns();
  const Followed followed{supervisor.pid, supervisor.socket.get(), supervisor.control.get(),
                          [&sequencer] { return sequencer->failed(); },
                          [&] { network_proxy.Start(proxy_warnings); }};
  auto live = FollowPolicies(spec, begun, recording.store(), supervisor.socket.get());
  const auto drain = [&recording, &sequencer] {
    const std::uint64_t before = sequencer->entries();
    recording.Drain(*sequencer);
    return sequencer->entries() - before >= kMuch;
  };
  const CommandEnd end = follower.Follow(followed, drain, live ? &*live : nullptr);
  const auto so_far = ResumeJournal(journal, *sequencer, recording.store());
  const auto recorded =
      so_far ? RecordEnd(journal, spec, end, *so_far) : base::Fail(so_far.error());
  auto warnings = recording.Finish(*sequencer);
  if (!warnings) {
    return base::Fail(std::move(warnings).error().Within(
        "write to the ledger " + base::EscapeName(spec.state_dir) + "/audit.db (session " +
        outcome.session_id + ", whose journal has the rest)"));
  }
  outcome.warnings = *std::move(warnings);
  std::ranges::move(proxy_warnings, std::back_inserter(outcome.warnings));
  AEGIS_TRY(recorded);
  if (!end.status) {
    return base::Fail(SupervisorDied(end, outcome.session_id));
  }
  outcome.exit_code = ExitCode(end);
  outcome.exec_error = end.exec_error;
  if (so_far->has_value()) {
    outcome.actions = static_cast<std::uint64_t>((*so_far)->actions);
    outcome.denials = static_cast<std::uint64_t>((*so_far)->denials);
  }
  return outcome;
}

PolicyRules RulesOf(const RunSpec& spec, Walls& walls) {
  PolicyRules rules;
  rules.mode = spec.mode;
  rules.names = {.agent = spec.config_name,
                 .home = base::EscapeName(spec.home),
                 .dir = base::EscapeName(spec.dir)};
  rules.state = walls.state;
  rules.links = walls.links;
  rules.start = std::move(walls.bound);
  if (walls.plan.level == Level::kWrites) {
    rules.reading = ReadingTexts(walls.policies);
  }
  rules.places = spec.policy_places;
  rules.read = spec.read_policies;
  return rules;
}

// Whether edits of the policies take effect in this run. Where nobody would see why not by the
// names of the files, it is said.
bool FollowsEdits(const RunSpec& spec, const PolicyRules& rules,
                  const policy::PolicySet& policies) {
  if (rules.places.empty()) {
    return false;
  }
  std::string why;
  const auto changeable = ChangeablePlace(rules, policies, spec.policies);
  if (const auto own = RequireOwnNames(rules.places); !own) {
    why = own.error().message();
  } else if (changeable && !sandbox::IsWithinAny(*changeable, base::EscapeNames(rules.places))) {
    why = *changeable + ", another name of them, may be changed by the command";
  }
  if (!why.empty() && spec.mode == Mode::kRun) {
    spec.policy_notice(false, "edits of the policies will not be followed: " + why);
  }
  return why.empty() && !changeable;
}

// Opens the published ports, and says which they are where that is asked for.
base::Result<> Publish(const RunSpec& spec, SupervisorInput& input) {
  AEGIS_ASSIGN(input.published, OpenPublishedPorts(spec.published));
  for (std::size_t i = 0; i < input.published.size(); ++i) {
    spec.published_notice(input.published[i].where, spec.published[i].host_port == 0);
  }
  return {};
}

}  // namespace

base::Result<RunOutcome> RunAgent(const RunSpec& spec) {
  SupervisorInput input{};
  input.signals = sandbox::CaptureSignals();
  FillStandardDescriptors();
  if (spec.mode == Mode::kRun) {
    AEGIS_TRY(CheckStandardSockets());
  }
  AEGIS_TRY(sandbox::CheckProtections());
  AEGIS_ASSIGN(auto walls, RaiseWalls(spec));
  if (!walls.level_detail.empty()) {
    spec.level_notice(walls.level_detail);
  }
  PolicyRules rules = RulesOf(spec, walls);
  input.plan = std::move(walls.plan);
  AEGIS_TRY(Publish(spec, input));
  AEGIS_ASSIGN(input.roots, OpenHostRoots());
  AEGIS_ASSIGN(ledger::NewJournal journal, ledger::NewJournal::Make(spec.state_dir));
  AEGIS_TRY(RecordStart(journal.writer(), spec, walls, input));
  decision::Guards guards;
  guards.network_closed = spec.no_network;
  guards.aegis_state = std::move(walls.state);
  const bool live = FollowsEdits(spec, rules, walls.policies);
  const Begun begun{std::move(rules), walls.policies.digest(), live};
  input.decider.emplace(std::move(walls.policies), std::move(guards));
  input.journal = &journal.writer();
  input.masker = spec.masker;
  input.network_ordered = spec.network_ordered;
  AEGIS_ASSIGN(Follower follower, Follower::Start());
  AEGIS_ASSIGN(const Supervisor supervisor, ForkSupervisor(input));
  const std::future<void> preparing = PrepareEnd(spec.state_dir);
  auto recording = StartSupervisor(spec, supervisor, input);
  if (!recording) {
    Abandon(supervisor);
    return base::Fail(std::move(recording).error());
  }
  const IgnoredStops terminal_stops;
  if (auto runs = LetRun(supervisor); !runs) {
    Abandon(supervisor);
    return base::Fail(std::move(runs).error());
  }
  journal.Keep();
  auto outcome =
      FollowRun(follower, supervisor, spec, begun, std::move(*recording), journal.writer());
  follower.AwaitDeath(supervisor.pid);
  preparing.wait();
  return outcome;
}

}  // namespace aegis::gate
