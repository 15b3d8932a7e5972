// Verification on several threads: the same report as on one, also where chunks meet.

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ledger/test_forge.h"
#include "ledger/test_ledger.h"
#include "ledger/verify_chunk.h"

namespace aegis::ledger {
namespace {

constexpr std::int64_t kRows = 3 * kChunkRows + 100;

// Sessions that lie in one chunk, end or begin where two meet, or go through all of them.
std::string SessionAt(std::int64_t row) {
  if (row % 7 == 3) {
    return "through";
  }
  if (row > kChunkRows - 50 && row <= 2 * kChunkRows) {
    return row % 2 == 0 ? "border-to-border" : "beside-it";
  }
  if (row > 2 * kChunkRows && row < 2 * kChunkRows + 2000) {
    return "begins-with-a-chunk";
  }
  return "short-" + std::to_string(row / 11);
}

std::string PayloadAt(std::int64_t row) {
  return row % 5 == 0 ? R"({"action":"FileRead","decision":"deny"})"
                      : R"({"action":"FileRead","decision":"allow"})";
}

struct Original {
  Original() {
    EntryMaker maker;
    for (std::int64_t row = 1; row <= kRows; ++row) {
      maker.Add(SessionAt(row), row % 3 == 0 ? kActionDecided : kActionFinished, PayloadAt(row));
    }
    Ledger ledger = Get(Ledger::Open(directory.path(), Ledger::Mode::kCreate));
    StoreAll(ledger.store(), std::span(maker.entries()).first(kChunkRows));
    Get(ledger.CheckpointAll());
    StoreAll(ledger.store(), std::span(maker.entries()).subspan(kChunkRows, 1));
    Get(ledger.CheckpointAll());
    StoreAll(ledger.store(), std::span(maker.entries()).subspan(kChunkRows + 1));
    Get(ledger.CheckpointAll());
  }
  TempDirectory directory;
};

class VerifyPoolTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { original_ = std::make_unique<Original>(); }
  static void TearDownTestSuite() { original_.reset(); }

  VerifyPoolTest() { CopyLedger(original_->directory.path(), directory_.path()); }

  static VerifyReport VerifyWith(const std::string& directory, unsigned threads,
                                 VerifyOptions options = {}) {
    options.threads = threads;
    return Get(Get(Ledger::Open(directory, Ledger::Mode::kRead)).Verify(options));
  }

  // The report, which must not depend on the number of threads.
  VerifyReport Verify() {
    VerifyReport report = VerifyWith(directory_.path(), 1);
    for (const unsigned threads : {2U, 5U}) {
      const VerifyReport other = VerifyWith(directory_.path(), threads);
      EXPECT_EQ(other.entries, report.entries);
      EXPECT_EQ(other.sessions, report.sessions);
      EXPECT_EQ(other.checkpoints, report.checkpoints);
      EXPECT_EQ(other.signed_size, report.signed_size);
      EXPECT_EQ(other.findings.count(), report.findings.count());
      EXPECT_EQ(Texts(other), Texts(report));
    }
    return report;
  }
  VerifyReport After(const std::string& sql) {
    Tamper(directory_.File("audit.db")).Do(sql);
    return Verify();
  }
  static std::vector<std::string> Texts(const VerifyReport& report) {
    std::vector<std::string> texts;
    for (const Finding& finding : report.findings.first()) {
      texts.push_back(std::string(FindingKindName(finding.kind)) + " " + finding.session_id + ":" +
                      std::to_string(finding.seq.value_or(-1)) + " row " +
                      std::to_string(finding.id.value_or(-1)) + " " + finding.what);
    }
    return texts;
  }

  // NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables,readability-identifier-naming)
  inline static std::unique_ptr<Original> original_;
  TempDirectory directory_;
};

TEST_F(VerifyPoolTest, AWholeLedgerIsRightOnAnyNumberOfThreads) {
  const VerifyReport report = Verify();
  EXPECT_TRUE(report.ok()) << Texts(report)[0];
  EXPECT_EQ(report.entries, static_cast<std::uint64_t>(kRows));
  EXPECT_EQ(report.checkpoints, 4U);  // three stored, one noted
  EXPECT_EQ(report.signed_size, static_cast<std::uint64_t>(kRows));
  EXPECT_TRUE(VerifyWith(directory_.path(), 0).ok());
  EXPECT_TRUE(VerifyWith(directory_.path(), 1U << 31U).ok());
}

TEST_F(VerifyPoolTest, AnEditIsNamedWhereverItLies) {
  for (const std::int64_t row : {std::int64_t{1}, kChunkRows - 1, kChunkRows, kChunkRows + 1,
                                 2 * kChunkRows, 2 * kChunkRows + 1, kRows}) {
    const VerifyReport report =
        After("UPDATE entries SET payload = '{}' WHERE id = " + std::to_string(row));
    ASSERT_EQ(report.findings.count(), 1U) << row;
    EXPECT_EQ(report.findings.first()[0].id, row);
    EXPECT_EQ(report.findings.first()[0].session_id, SessionAt(row));
    Tamper(directory_.File("audit.db"))
        .Do("UPDATE entries SET payload = '" + PayloadAt(row) +
            "' WHERE id = " + std::to_string(row));
  }
}

TEST_F(VerifyPoolTest, ALinkThatIsBrokenBetweenChunksIsFound) {
  // The first entry behind the border whose session lies on both sides.
  const std::string row = std::to_string(kChunkRows + 1);
  const VerifyReport report =
      After("UPDATE entries SET prev_hash = zeroblob(32) WHERE id = " + row);
  ASSERT_EQ(report.findings.count(), 2U);
  EXPECT_EQ(report.findings.first()[0].kind, Finding::Kind::kEdited);
  EXPECT_EQ(report.findings.first()[1].kind, Finding::Kind::kForked);
  EXPECT_EQ(report.findings.first()[1].id, kChunkRows + 1);
}

TEST_F(VerifyPoolTest, MissingRowsAtBordersAreNamed) {
  for (const auto& [first, last] :
       std::vector<std::pair<std::int64_t, std::int64_t>>{{kChunkRows, kChunkRows},
                                                          {kChunkRows + 1, kChunkRows + 1},
                                                          {kChunkRows - 3, kChunkRows + 3},
                                                          {kChunkRows + 1, 2 * kChunkRows},
                                                          {kRows, kRows}}) {
    CopyLedger(original_->directory.path(), directory_.path());
    const VerifyReport report = After("DELETE FROM entries WHERE id BETWEEN " +
                                      std::to_string(first) + " AND " + std::to_string(last));
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.findings.first()[0].id, first);
    EXPECT_TRUE(report.findings.first()[0].kind == Finding::Kind::kMissing ||
                report.findings.first()[0].kind == Finding::Kind::kTruncated);
  }
}

TEST_F(VerifyPoolTest, RowsSwappedOverABorderAreNamed) {
  const std::string left = std::to_string(kChunkRows);
  const std::string right = std::to_string(kChunkRows + 1);
  const VerifyReport report =
      After("UPDATE entries SET id = -1 WHERE id = " + left + "; UPDATE entries SET id = " + left +
            " WHERE id = " + right + "; UPDATE entries SET id = " + right + " WHERE id = -1");
  ASSERT_FALSE(report.ok());
}

TEST_F(VerifyPoolTest, SessionsThatEndOrBeginAtBordersAreHeldAgainstTheirRows) {
  for (const std::string_view id :
       {"border-to-border", "beside-it", "begins-with-a-chunk", "through"}) {
    for (const std::string_view change :
         {"denials = denials + 1", "head_seq = head_seq - 1", "head_seq = head_seq + 1",
          "last_id = last_id - 1", "first_id = first_id + 1"}) {
      CopyLedger(original_->directory.path(), directory_.path());
      const VerifyReport report = After("UPDATE sessions SET " + std::string(change) +
                                        " WHERE session_id = '" + std::string(id) + "'");
      ASSERT_FALSE(report.ok()) << id << " " << change;
      EXPECT_EQ(report.findings.first()[0].session_id, id);
    }
  }
}

TEST_F(VerifyPoolTest, ManyFindingsInManyChunksAreCountedAlike) {
  const VerifyReport report = After("UPDATE entries SET payload = '{}' WHERE id % 1000 = 1");
  EXPECT_EQ(report.findings.count(), static_cast<std::uint64_t>((kRows + 999) / 1000));
  EXPECT_EQ(report.findings.first().size(), Findings::kMost);
  EXPECT_EQ(report.findings.first()[1].id, 1001);
}

TEST_F(VerifyPoolTest, ADamagedCheckpointSpeaksForItselfAlone) {
  const VerifyReport report =
      After("UPDATE checkpoints SET note = x'00' WHERE size = " + std::to_string(kChunkRows));
  ASSERT_EQ(report.findings.count(), 1U) << Texts(report)[1];
  EXPECT_EQ(report.findings.first()[0].kind, Finding::Kind::kSignature);
}

TEST_F(VerifyPoolTest, AStoreThatCannotBeReadIsAnErrorNotAReport) {
  Ledger ledger = Get(Ledger::Open(directory_.path(), Ledger::Mode::kRead));
  const auto snapshot = Get(ledger.store().OpenSnapshot());
  const StoreOpener fails = []() -> base::Result<std::unique_ptr<Store>> {
    return base::Fail(base::Errc::kDenied, "told to fail");
  };
  const auto report = VerifySnapshot(*snapshot, fails, {.threads = 4});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code(), base::Errc::kDenied);
}

// What is appended meanwhile belongs to no reading thread's part.
TEST_F(VerifyPoolTest, AStoreThatMovedOnIsReadAsItWas) {
  Ledger ledger = Get(Ledger::Open(directory_.path(), Ledger::Mode::kRead));
  const auto snapshot = Get(ledger.store().OpenSnapshot());
  {
    Ledger other = Get(Ledger::Open(directory_.path(), Ledger::Mode::kCreate));
    FilledLedger::AddSession(other, "later", 10);
    Get(other.CheckpointAll());
  }
  const std::string path = directory_.File("audit.db");
  const StoreOpener open = [&path] { return OpenSqliteStore(path, OpenMode::kReadWrite); };
  const VerifyReport report = Get(VerifySnapshot(*snapshot, open, {.threads = 4}));
  EXPECT_TRUE(report.ok()) << Texts(report)[0];
  EXPECT_EQ(report.entries, static_cast<std::uint64_t>(kRows));
}

TEST_F(VerifyPoolTest, ProgressIsToldToTheEnd) {
  std::uint64_t last = 0;
  VerifyOptions options;
  options.progress = [&last](std::uint64_t done, std::uint64_t total) {
    EXPECT_GT(done, last);
    EXPECT_EQ(total, static_cast<std::uint64_t>(kRows));
    last = done;
  };
  EXPECT_TRUE(VerifyWith(directory_.path(), 2, options).ok());
  EXPECT_EQ(last, static_cast<std::uint64_t>(kRows));
}

}  // namespace
}  // namespace aegis::ledger
