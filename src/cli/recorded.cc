#include "cli/recorded.h"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "advice/question.h"
#include "base/result.h"
#include "cli/context.h"
#include "cli/entries.h"
#include "config/config.h"
#include "ledger/ledger.h"
#include "policy/policy.h"

namespace aegis::cli {
namespace {

using nlohmann::json;

// A string member, or "" where there is none: entries may hold anything.
std::string Text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t Number(const json& object, const char* key, std::int64_t otherwise) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>()
                                                             : otherwise;
}

json Parsed(std::string_view payload) {
  json value = json::parse(payload, nullptr, false);
  return value.is_object() ? value : json::object();
}

void ReadContext(const json& payload, advice::Question& question) {
  const auto around = payload.find("context");
  if (around == payload.end() || !around->is_object()) {
    return;
  }
  question.pid = Number(*around, "pid", 1);
  question.exe = Text(*around, "exe");
  question.host = Text(*around, "host");
  question.port = Number(*around, "port", -1);
  question.protocol = Text(*around, "protocol");
  const auto argv = around->find("argv");
  if (argv == around->end() || !argv->is_array()) {
    return;
  }
  for (const json& word : *argv) {
    if (word.is_string()) {
      question.argv.push_back(word.get<std::string>());
    }
  }
}

// The entries of a filter, the first that `wanted` accepts.
template <typename Wanted>
base::Result<std::optional<RecordedDecision>> First(ledger::Ledger& ledger,
                                                    const ledger::QueryFilter& filter,
                                                    const Wanted& wanted) {
  std::optional<RecordedDecision> found;
  AEGIS_TRY(ledger.Query(filter, [&](const ledger::EntryView& entry) -> base::Result<bool> {
    if (!wanted(entry)) {
      return true;
    }
    AEGIS_ASSIGN(found, DecisionOf(entry));
    return false;
  }));
  return found;
}

base::Result<std::optional<RecordedDecision>> Named(ledger::Ledger& ledger, const std::string& id) {
  const std::size_t colon = id.rfind(':');
  std::uint64_t seq = 0;
  const std::string_view digits =
      colon == std::string::npos ? std::string_view() : std::string_view(id).substr(colon + 1);
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), seq);
  if (digits.empty() || read.ec != std::errc() || read.ptr != digits.data() + digits.size()) {
    return base::Fail(base::Errc::kInvalid, "--entry wants SESSION:SEQ, not \"" + id + "\"");
  }
  AEGIS_ASSIGN(const auto session, ledger.FindSession(id.substr(0, colon)));
  return First(ledger, {.session_id = session.session.session_id},
               [seq](const ledger::EntryView& entry) { return entry.seq == seq; });
}

// The set that was in force at the decision, if an edit had put it there.
base::Result<> ReadEdits(ledger::Ledger& ledger, RecordedDecision& recorded) {
  const ledger::QueryFilter filter{.session_id = recorded.session_id,
                                   .event_type = std::string(ledger::kPolicyChanged)};
  AEGIS_TRY(ledger.Query(filter, [&](const ledger::EntryView& entry) -> base::Result<bool> {
    if (entry.seq < recorded.seq) {
      recorded.policy_digest = Text(Parsed(entry.payload), "to");
    }
    return entry.seq < recorded.seq;
  }));
  return {};
}

// How the session began in which a decision was made.
base::Result<> ReadStart(ledger::Ledger& ledger, RecordedDecision& recorded) {
  const ledger::QueryFilter filter{.session_id = recorded.session_id,
                                   .event_type = std::string(ledger::kSessionStarted)};
  AEGIS_TRY(ledger.Query(filter, [&](const ledger::EntryView& entry) -> base::Result<bool> {
    const json payload = Parsed(entry.payload);
    recorded.dir = Text(payload, "dir");
    recorded.policy_digest = Text(payload, "policy_digest");
    return false;
  }));
  return {};
}

}  // namespace

base::Result<RecordedDecision> DecisionOf(const ledger::EntryView& entry) {
  RecordedDecision recorded{.session_id = std::string(entry.session_id),
                            .seq = entry.seq,
                            .ts_unix_ms = entry.ts_unix_ms};
  const std::string name = recorded.session_id + ":" + std::to_string(entry.seq);
  if (entry.erased) {
    return base::Fail(base::Errc::kInvalid, "entry " + name + ": its content was erased");
  }
  const json payload = Parsed(entry.payload);
  const auto action = policy::ParseAction(Text(payload, "action"));
  if (!ledger::HasDecision(entry.event_type) || !action) {
    return base::Fail(base::Errc::kInvalid, "entry " + name + " is no decision");
  }
  recorded.decision = Text(payload, "decision");
  recorded.reason = Text(payload, "reason");
  recorded.question.action = *action;
  recorded.question.resource = Text(payload, "resource");
  ReadContext(payload, recorded.question);
  return recorded;
}

base::Result<RecordedDecision> FindRecorded(Context& context,
                                            const config::Configuration& configuration,
                                            const std::optional<std::string>& id) {
  AEGIS_ASSIGN(ledger::Ledger ledger, OpenLedger(context, configuration));
  const ledger::QueryFilter denied{.last = 1, .decision = "deny"};
  AEGIS_ASSIGN(auto found,
               id ? Named(ledger, *id)
                  : First(ledger, denied, [](const ledger::EntryView&) { return true; }));
  if (!found) {
    return base::Fail(base::Errc::kNotFound,
                      id ? "the ledger of \"" + configuration.name + "\" has no entry " + *id
                         : "nothing was denied in the ledger of \"" + configuration.name + "\"");
  }
  AEGIS_TRY(ReadStart(ledger, *found));
  AEGIS_TRY(ReadEdits(ledger, *found));
  return *std::move(found);
}

}  // namespace aegis::cli
