#include "gate/policy_change.h"

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "decision/decision.h"
#include "gate/judge.h"
#include "gate/policy_update.h"
#include "gate/serving.h"
#include "ledger/entry.h"
#include "ledger/payload.h"
#include "policy/policy.h"

namespace aegis::gate {

namespace {

// The digest in force: nobody but this thread changes it.
std::string InForce(const Judge& judge) { return judge.decider().policies().digest(); }

base::Result<> RecordRefusal(const PolicyUpdate& update, Judge& judge, Serving& serving) {
  const std::string digest = InForce(judge);
  std::string payload;
  ledger::AppendPolicyKeptPayload(payload, {.digest = digest, .detail = update.refused},
                                  judge.masker());
  return serving.StandStill([&] { return judge.Note(ledger::kPolicyKept, payload); });
}

std::string ChangePayload(const PolicyUpdate& update, const std::string& from) {
  std::vector<std::string> files;
  files.reserve(update.sources.size());
  for (const policy::Source& source : update.sources) {
    files.push_back(source.file);
  }
  std::string payload;
  ledger::AppendPolicyChangedPayload(
      payload, {.from = from, .to = update.digest, .files = files, .outside = update.outside});
  return payload;
}

}  // namespace

base::Result<> ApplyPolicyUpdate(const base::UniqueFd& memory, Judge& judge, Serving& serving) {
  AEGIS_ASSIGN(const PolicyUpdate update, ReadPolicyUpdate(memory.get()));
  if (!update.refused.empty()) {
    return RecordRefusal(update, judge, serving);
  }
  AEGIS_ASSIGN(auto policies, policy::PolicySet::Load(update.sources, NamesOf(update)));
  if (policies.digest() != update.digest) {
    return base::Fail(base::Errc::kInternal, "the policies came as others than they were sent");
  }
  const std::string payload = ChangePayload(update, InForce(judge));
  decision::Decider decider(std::move(policies), judge.decider().guards());
  return serving.StandStill([&] { return judge.Adopt(decider, ledger::kPolicyChanged, payload); });
}

}  // namespace aegis::gate
