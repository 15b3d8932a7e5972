#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "advice/document.h"
#include "advice/question.h"
#include "base/result.h"

namespace aegis::advice {

enum class Answer { kAllow, kDeny, kAsk };

std::string_view AnswerName(Answer answer);  // "allow"

// One question of a policy test file, and what its answer has to be.
struct TestCase {
  std::string name{};  // may be empty
  std::size_t line = 1;
  Question question{};
  Answer expect = Answer::kDeny;
  std::optional<std::string> reason{};                 // a reason code, e.g. "NO_PERMIT"
  std::optional<std::vector<std::string>> policies{};  // the ids that determine it, sorted
};

// A policy test file, by the names of docs/policy.md. Nothing of it refers to files of the machine
// but `policies`: names of templates, "programs", and files relative to the test file.
struct TestFile {
  std::vector<std::string> policies{};
  std::string agent = "agent";
  std::string home = "/home/user";
  std::string dir = "/home/user/project";
  std::string aegis_home{};  // Aegis' own state; unless given, .aegis in `home`
  bool network_open = true;  // false: as under `run --no-network`
  std::vector<TestCase> cases{};
};

// Reads a test file. A case with several actions or resources becomes one for each pair. kInvalid,
// "FILE:LINE:COLUMN: what", for whatever is not understood to the letter: keys that are not known
// (the nearest is named), values of another type, names that no request could have, no case.
base::Result<TestFile> ReadTestFile(std::string_view text, std::string_view file, Format format);

}  // namespace aegis::advice
