#pragma once

// Helpers of the journal's tests.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {

inline constexpr std::string_view kPayload = R"({"action":"FileRead","decision":"allow"})";

struct Read {
  std::vector<std::string> payloads;
  std::string error;  // empty if all could be read
};

inline Read ReadAll(const std::string& path) {
  Read read;
  auto reader = JournalReader::Open(path);
  if (!reader) {
    read.error = reader.error().message();
    return read;
  }
  const auto marks = reader->marks();
  if (!marks) {
    read.error = marks.error().message();
    return read;
  }
  const auto result = reader->Read(marks->committed, [&](const EntryView& entry) {
    read.payloads.emplace_back(entry.payload);
    return base::Result<bool>(true);
  });
  read.error = result ? "" : result.error().message();
  return read;
}

inline std::string Numbered(int number) { return R"({"n":)" + std::to_string(number) + "}"; }

// A journal's file and its writers.
class JournalTest : public testing::Test {
 protected:
  JournalWriter NewWriter(JournalOptions options = TestOptions()) {
    return Get(JournalWriter::Create(path_, TestIdentity("s1"), std::move(options)));
  }
  TempDirectory directory_;
  std::string path_ = directory_.File("s1.journal");
};

}  // namespace aegis::ledger
