#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/result.h"
#include "decision/decision.h"
#include "gate/judge.h"
#include "gate/run.h"
#include "gate/test_roots.h"
#include "ledger/entry.h"
#include "ledger/journal.h"
#include "ledger/masker.h"
#include "policy/policy.h"

namespace aegis::gate {

// A judge with a policy and a journal of its own.
class TestJudge {
 public:
  explicit TestJudge(const std::string& policy, std::uint64_t journal_bytes = 1U << 24U)
      : journal_(MakeJournal(journal_bytes)),
        judge_(MakeDecider(policy), journal_, ledger::Masker(), Mode::kRun) {}

  Judge& judge() { return judge_; }
  TestRoots& files() { return files_; }

  // "TYPE payload" of each entry that was appended.
  std::vector<std::string> Recorded() const {
    std::vector<std::string> entries;
    auto reader = ledger::JournalReader::Open(files_.Path("journal"));
    AEGIS_CHECK(reader.has_value());
    const auto read = reader->Read(
        reader->marks()->committed, [&](const ledger::EntryView& entry) -> base::Result<bool> {
          entries.push_back(std::string(entry.event_type) + " " + std::string(entry.payload));
          return true;
        });
    AEGIS_CHECK(read.has_value());
    return entries;
  }

 private:
  ledger::JournalWriter MakeJournal(std::uint64_t bytes) const {
    ledger::JournalOptions options;
    options.max_bytes = bytes;
    auto journal =
        ledger::JournalWriter::Create(files_.Path("journal"), {"local", "u", "s1"}, options);
    AEGIS_CHECK(journal.has_value());
    return *std::move(journal);
  }
  static decision::Decider MakeDecider(const std::string& policy) {
    auto policies = policy::PolicySet::Load({{"test.cedar", policy}}, {"agent", "/home/u", "/srv"});
    AEGIS_CHECK(policies.has_value());
    return {*std::move(policies), {}};
  }

  TestRoots files_;
  ledger::JournalWriter journal_;
  Judge judge_;
};

}  // namespace aegis::gate
