#include "advice/test_run.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "advice/test_file.h"
#include "decision/decision.h"

namespace aegis::advice {
namespace {

using decision::Decision;
using decision::Reason;

std::vector<std::string> Sorted(std::vector<std::string> ids) {
  std::ranges::sort(ids);
  return ids;
}

bool Passed(const TestCase& test, const Decision& got) {
  return AnswerOf(got) == test.expect &&
         (!test.reason || *test.reason == decision::ReasonCode(got.reason)) &&
         (!test.policies || *test.policies == Sorted(*got.policies));
}

std::string By(const std::vector<std::string>& ids) {
  std::string text;
  for (const std::string& id : ids) {
    text.append(text.empty() ? " by " : ", ").append(id);
  }
  return text;
}

}  // namespace

Answer AnswerOf(const Decision& decision) {
  if (decision.allowed()) {
    return Answer::kAllow;
  }
  return decision.reason == Reason::kApprovalUnavailable ? Answer::kAsk : Answer::kDeny;
}

decision::Guards GuardsOf(const TestFile& file) {
  return {.network_closed = !file.network_open, .aegis_state = {file.aegis_home}};
}

std::vector<TestResult> RunTests(const TestFile& file, decision::Decider& decider) {
  std::vector<TestResult> results;
  results.reserve(file.cases.size());
  for (const TestCase& test : file.cases) {
    Decision got = decider.Decide(test.question.Request());
    const bool passed = Passed(test, got);
    results.push_back({.test = &test, .got = std::move(got), .passed = passed});
  }
  return results;
}

std::string Difference(const TestResult& result) {
  const TestCase& test = *result.test;
  std::string text = "expected ";
  text += AnswerName(test.expect);
  if (test.reason) {
    text += " " + *test.reason;
  }
  if (test.policies) {
    text += test.policies->empty() ? " by no policy" : By(*test.policies);
  }
  text.append(", got ").append(AnswerName(AnswerOf(result.got)));
  text.append(" (").append(decision::ReasonCode(result.got.reason));
  return text + By(*result.got.policies) + ")";
}

}  // namespace aegis::advice
