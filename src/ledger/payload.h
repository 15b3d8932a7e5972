#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ledger/masker.h"

namespace aegis::ledger {

// Builders of the runtime's payloads: canonical JSON without a DOM, appended to a string that the
// caller reuses. Strings are valid UTF-8 in the escaped form of base::EscapeName (others are
// escaped on the way); empty optional fields are left out. Texts that people or agents wrote freely
// (arguments, command, tag, detail) are masked by `masker`; names of resources stand as they are.

// What stood around an action. Fields left at their defaults are not written.
struct ActionContext {
  std::int64_t pid = 0;
  std::int64_t parent = 0;  // process that made `pid`
  std::string_view exe{};
  std::span<const std::string> argv{};  // ProcessSpawn; masked
  std::string_view host{};              // NetConnect
  std::int64_t port = -1;               // written when >= 0
  std::string_view protocol{};
  std::string_view address{};               // that the host, a name, was reached at
  std::string_view inspection{};            // of a permitted connection to a name: "name", "none"
  std::string_view operation{};             // the system call, e.g. "openat"
  std::string_view target{};                // the other name of a rename or link
  std::string_view detail{};                // error text of a POLICY_ERROR and the like; masked
  bool enforced = true;                     // written only when false: a would-be denial under wrap
  std::optional<std::int64_t> exit_code{};  // ACTION_FINISHED
  std::optional<std::int64_t> signal{};
  std::optional<std::int64_t> bytes_sent{};  // of a connection that has ended
  std::optional<std::int64_t> bytes_received{};
  std::optional<std::int64_t> duration_ms{};
};

struct ActionRecord {
  std::string_view action{};    // "FileRead", ...
  std::string_view resource{};  // canonical name, escaped form
  std::string_view decision{};  // "allow" or "deny"
  std::string_view reason{};    // a reason code
  std::span<const std::string> policies{};
  ActionContext context{};
};

// ACTION_DECIDED: {action, context, decision, policies, reason, resource}.
void AppendActionPayload(std::string& out, const ActionRecord& record, const Masker& masker);

// ACTION_FINISHED: {action, context, resource}; never a decision.
void AppendFinishedPayload(std::string& out, const ActionRecord& record, const Masker& masker);

// A process of the agent was made by another one, and runs the same image until it executes one.
struct ProcessStart {
  std::int64_t pid = 0;
  std::int64_t parent = 0;
  std::string_view image{};  // canonical name, escaped form
};
// PROCESS_STARTED: {image, parent, pid}.
void AppendProcessStartedPayload(std::string& out, const ProcessStart& start);

struct SessionStart {
  std::string_view mode{};              // "run" or "wrap"
  std::string_view command{};           // the program as it was asked for; masked
  std::span<const std::string> argv{};  // masked
  std::string_view config{};            // name of the configuration, which is the agent's name
  std::string_view dir{};
  std::string_view tag{};  // masked
  std::string_view policy_digest{};
  bool policy_stored = false;  // the set is in the store before the session's next entry
  std::span<const std::string> policies{};     // files or template
  std::span<const std::string> protections{};  // names of those in force
  std::span<const std::string> env_dropped{};  // names of variables withheld
  std::string_view level{};         // "writes": plain reads leave no entries; else empty or "full"
  std::string_view level_detail{};  // why not the level that was asked for
  std::span<const std::string> published_ports{};  // "127.0.0.1:8080:3000": ADDRESS:HOSTPORT:PORT
};
void AppendSessionStartedPayload(std::string& out, const SessionStart& start, const Masker& masker);

// The set in force was replaced by another one, which is stored.
struct PolicyChange {
  std::string_view from{};  // digests
  std::string_view to{};
  std::span<const std::string> files{};
  std::string_view outside{};  // the first place that it permits and the run cannot reach
};
// POLICY_CHANGED: {files, from, outside?, to}.
void AppendPolicyChangedPayload(std::string& out, const PolicyChange& change);

// An edit was not taken; `digest` stays in force.
struct PolicyKept {
  std::string_view digest{};
  std::string_view detail{};  // why; masked
};
// POLICY_KEPT: {detail, digest}.
void AppendPolicyKeptPayload(std::string& out, const PolicyKept& kept, const Masker& masker);

struct SessionEnd {
  std::optional<std::int64_t> exit_code{};
  std::optional<std::int64_t> signal{};
  std::int64_t actions = 0;
  std::int64_t denials = 0;
  std::string_view detail{};                            // why it ended, if not by itself; masked
  std::optional<std::int64_t> published_connections{};  // to published ports, where there were some
};
void AppendSessionEndedPayload(std::string& out, const SessionEnd& end, const Masker& masker);

}  // namespace aegis::ledger
