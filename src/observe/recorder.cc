#include "observe/recorder.h"

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/text.h"
#include "canon/canon.h"
#include "decision/decision.h"
#include "ledger/ledger.h"
#include "ledger/watch_events.h"
#include "observe/diff.h"
#include "observe/directory_tree.h"
#include "observe/event.h"
#include "observe/gap.h"
#include "observe/snapshot.h"
#include "policy/policy.h"

namespace aegis::observe {
namespace {

using nlohmann::json;
using policy::Action;

constexpr std::uint64_t kMaxBacklog = std::uint64_t{16} << 20U;
constexpr std::int64_t kNanoseconds = 1'000'000'000;
constexpr std::uint64_t kLargestExact = std::uint64_t{1} << 53U;  // of a JSON number

// Members come sorted and without blanks: all keys are ASCII, so this is canonical.
std::string Text(const json& payload) { return payload.dump(); }

std::string Octal(std::uint32_t mode) {
  std::string text = "0000";
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, mode >>= 3U) {
    *digit = static_cast<char>('0' + (mode & 7U));
  }
  return text;
}

// "1700000000.123456789"
std::string Seconds(std::int64_t ns) {
  std::int64_t seconds = ns / kNanoseconds;
  std::int64_t rest = ns % kNanoseconds;
  if (rest < 0) {
    rest += kNanoseconds;
    --seconds;
  }
  return std::to_string(seconds) + "." + std::to_string(kNanoseconds + rest).substr(1);
}

json NodeJson(const Node& node) {
  json out = {{"type", NodeTypeName(node.type)},
              {"mode", Octal(node.mode)},
              {"uid", node.uid},
              {"gid", node.gid},
              {"mtime", Seconds(node.mtime_ns)}};
  if (node.type != NodeType::kDirectory && node.size <= kLargestExact) {
    out["size"] = node.size;
  }
  if (node.inode <= kLargestExact) {
    out["inode"] = node.inode;
  }
  if (node.digest) {
    out["digest"] = canon::HexEncode(node.digest->view());
  }
  return out;
}

json CountsJson(const ChangeCounts& changes) {
  json out = json::object();
  for (const auto& [kind, count] : changes) {
    out[std::string(ChangeKindName(kind))] = count;
  }
  return out;
}

Action ActionOf(const Event& event) {
  switch (event.kind) {
    case EventKind::kCreate:
      return event.directory ? Action::kDirCreate : Action::kFileWrite;
    case EventKind::kDelete:
      return Action::kFileDelete;
    case EventKind::kRead:
      return Action::kFileRead;
    default:
      return Action::kFileWrite;
  }
}

std::string_view OperationOf(EventKind kind) {
  constexpr std::array<std::string_view, 6> kNames = {"create", "write",  "metadata",
                                                      "delete", "rename", "read"};
  return kNames.at(static_cast<std::size_t>(kind));
}

}  // namespace

Recorder::Recorder(decision::Decider decider, ledger::JournalWriter& journal, ledger::Masker masker,
                   std::string dir, std::function<void()> relieve)
    : decider_(std::move(decider)),
      journal_(journal),
      masker_(std::move(masker)),
      dir_(std::move(dir)),
      relieve_(std::move(relieve)) {}

// The journal is the queue to the store, and bounded.
base::Result<> Recorder::Append(std::string_view event_type, std::string_view payload) {
  if (journal_.backlog() > kMaxBacklog) {
    relieve_();
  }
  return journal_.Append(event_type, payload, ledger::Durability::kOrdered);
}

std::string Recorder::Absolute(std::string_view name) const {
  return base::EscapeName(name.empty() ? dir_ : JoinName(dir_, name));
}

base::Result<> Recorder::Started(const WatchStart& start) {
  const std::string dir = base::EscapeName(dir_);
  const std::string tag = base::EscapeName(start.tag);
  ledger::SessionStart session;
  session.mode = "watch";
  session.config = start.config;
  session.dir = dir;
  session.tag = tag;
  session.policy_digest = decider_.policies().digest();
  session.policies = start.policy_files;
  payload_.clear();
  ledger::AppendSessionStartedPayload(payload_, session, masker_);
  AEGIS_TRY(Append(ledger::kSessionStarted, payload_));
  json exclude = json::array();
  for (const std::string& pattern : start.exclude) {
    exclude.push_back(base::EscapeName(pattern));
  }
  return Append(ledger::kWatchStarted, Text({{"dir", dir},
                                             {"exclude", exclude},
                                             {"idle_timeout_s", start.idle_timeout.count()},
                                             {"reads", start.reads},
                                             {"source", start.source}}));
}

base::Result<> Recorder::Taken(std::string_view phase, const Snapshot& snapshot,
                               const ChangeCounts& changes) {
  json payload = {{"digest", canon::HexEncode(RootDigest(snapshot).view())},
                  {"dir", base::EscapeName(dir_)},
                  {"gaps", snapshot.gaps.total()},
                  {"names", snapshot.names.size()},
                  {"phase", phase}};
  if (phase == "after") {
    payload["changes"] = CountsJson(changes);
  }
  AEGIS_TRY(Append(ledger::kSnapshotTaken, Text(payload)));
  for (const Gap& gap : snapshot.gaps.named()) {
    AEGIS_TRY(Missing(gap));
  }
  if (const std::uint64_t rest = snapshot.gaps.total() - snapshot.gaps.named().size(); rest > 0) {
    return Append(ledger::kWatchGap,
                  Text({{"detail", "gaps too many to name: " + std::to_string(rest)},
                        {"kind", GapKindName(GapKind::kBound)},
                        {"resource", base::EscapeName(dir_)}}));
  }
  return {};
}

base::Result<> Recorder::Missing(const Gap& gap) {
  gaps_.Add(gap);
  return Append(ledger::kWatchGap, Text({{"detail", base::EscapeName(gap.detail)},
                                         {"kind", GapKindName(gap.kind)},
                                         {"resource", Absolute(gap.name)}}));
}

base::Result<> Recorder::Changed(const Change& change) {
  json payload = {{"change", ChangeKindName(change.kind)}, {"resource", Absolute(change.name)}};
  if (!change.target.empty()) {
    payload["context"] = {{"target", Absolute(change.target)}};
  }
  if (change.before) {
    payload["before"] = NodeJson(*change.before);
  }
  if (change.after) {
    payload["after"] = NodeJson(*change.after);
  }
  if (!change.what.empty()) {
    payload["what"] = change.what;
  }
  return Append(ledger::kNameChanged, Text(payload));
}

base::Result<> Recorder::Act(const Event& event, Action action, const std::string& name,
                             const std::string& other, LastAction& last) {
  const std::string escaped = base::EscapeName(name);
  const auto [place, fresh] = last.try_emplace(escaped, action, event.pid);
  if (!fresh && place->second == std::pair(action, event.pid) && other.empty()) {
    return {};
  }
  place->second = {action, event.pid};
  policy::Request request;
  request.action = action;
  request.resource = escaped;
  request.context.pid = event.pid;
  request.context.exe = event.exe;
  const decision::Decision decision = decider_.Decide(request);
  const std::string target = base::EscapeName(other);
  ledger::ActionRecord record;
  record.action = policy::ActionName(action);
  record.resource = escaped;
  record.decision = decision.allowed() ? "allow" : "deny";
  record.reason = decision::ReasonCode(decision.reason);
  record.policies = *decision.policies;
  record.context.pid = event.pid;
  record.context.exe = event.exe;
  record.context.operation = OperationOf(event.kind);
  record.context.target = target;
  record.context.enforced = decision.allowed();  // it has happened all the same
  payload_.clear();
  ledger::AppendActionPayload(payload_, record, masker_);
  AEGIS_TRY(Append(ledger::kActionObserved, payload_));
  ++actions_;
  denials_ += decision.allowed() ? 0U : 1U;
  return {};
}

base::Result<> Recorder::Observed(std::span<const Event> events) {
  LastAction last;
  for (const Event& event : events) {
    if (event.kind != EventKind::kRename) {
      AEGIS_TRY(Act(event, ActionOf(event), event.path, "", last));
      continue;
    }
    if (!event.path.empty()) {
      AEGIS_TRY(Act(event, Action::kFileDelete, event.path, event.target, last));
    }
    if (!event.target.empty()) {
      AEGIS_TRY(Act(event, Action::kFileWrite, event.target, event.path, last));
    }
  }
  return {};
}

base::Result<> Recorder::Ended(std::string_view why) {
  ledger::SessionEnd end;
  end.actions = static_cast<std::int64_t>(actions_);
  end.denials = static_cast<std::int64_t>(denials_);
  end.detail = why;
  payload_.clear();
  ledger::AppendSessionEndedPayload(payload_, end, masker_);
  return Append(ledger::kSessionEnded, payload_);
}

}  // namespace aegis::observe
