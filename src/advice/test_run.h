#pragma once

#include <string>
#include <vector>

#include "advice/test_file.h"
#include "decision/decision.h"

namespace aegis::advice {

// A decision as a test file names it: ask is a deny for want of a person who could be asked.
Answer AnswerOf(const decision::Decision& decision);

// How one case went.
struct TestResult {
  const TestCase* test = nullptr;  // of the file given
  decision::Decision got{};
  bool passed = false;
};

// What holds in a test file whatever its policies say.
decision::Guards GuardsOf(const TestFile& file);

// Asks the decision function about every case, in order. `file` must outlive the results.
std::vector<TestResult> RunTests(const TestFile& file, decision::Decider& decider);

// "expected deny, got allow (POLICY_PERMIT by a, b)": what differs, in one line; not escaped for a
// terminal.
std::string Difference(const TestResult& result);

}  // namespace aegis::advice
