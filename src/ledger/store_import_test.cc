
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ledger/ledger.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

std::string Exported(Ledger& ledger) {
  std::string text;
  ExportWriter writer(ExportFormat::kJsonLines, "1");
  Get(ledger.Export({}, writer, [&text](std::string_view piece) -> base::Result<> {
    text += piece;
    return {};
  }));
  return text;
}

class StoreImportTest : public testing::Test {
 protected:
  Ledger Open() { return Get(Ledger::Open(directory_.path(), Ledger::Mode::kCreate)); }

  // The error, or "".
  std::string Import(Ledger& ledger, std::string_view text, std::size_t piece = 1000) {
    const auto done = ledger.Import(
        [&]() -> base::Result<std::string_view> {
          const std::string_view front = text.substr(0, piece);
          text.remove_prefix(front.size());
          return front;
        },
        report_);
    return done ? "" : done.error().message();
  }

  TempDirectory directory_;
  ImportReport report_;
};

TEST_F(StoreImportTest, AnImportedLedgerIsTheSame) {
  const FilledLedger source({"s1", "s2", "s3"}, 2000);
  Ledger from = Get(Ledger::Open(source.directory.path(), Ledger::Mode::kRead));
  const std::string text = Exported(from);
  Ledger into = Open();
  EXPECT_EQ(Import(into, text), "");
  EXPECT_EQ(report_.stored, 6000U);
  EXPECT_EQ(Exported(into), text);
  const auto root = [](Ledger& ledger) {
    MerkleHasher hasher;
    return Get(Get(ledger.store().OpenSnapshot())->Tree()).Root(hasher);
  };
  EXPECT_EQ(root(into), root(from));
  EXPECT_TRUE(Get(into.Verify()).ok());
  EXPECT_TRUE(Get(Get(into.store().OpenSnapshot())->Block(0))) << "it has summaries";
  EXPECT_EQ(Import(into, text, 70'000), "");
  EXPECT_EQ(report_.stored, 0U);
  EXPECT_EQ(report_.present, 6000U);
}

TEST_F(StoreImportTest, AnOlderExportIsPassedOverAndAnotherHistoryRefused) {
  const FilledLedger source({"s1"}, 10);
  Ledger from = Get(Ledger::Open(source.directory.path(), Ledger::Mode::kRead));
  const std::string text = Exported(from);
  Ledger into = Open();
  EXPECT_EQ(Import(into, text), "");
  const std::string older = text.substr(0, text.find('\n') + 1);
  EXPECT_EQ(Import(into, older), "");
  EXPECT_EQ(report_.present, 1U);
  const TempDirectory elsewhere;
  Ledger other = Get(Ledger::Open(elsewhere.path(), Ledger::Mode::kCreate));
  JournalWriter writer =
      Get(JournalWriter::Create(other.JournalPath("s1"), TestIdentity("s1"), TestOptions()));
  Get(writer.Append(kActionDecided, "{}", Durability::kOrdered));
  EXPECT_TRUE(Import(into, Exported(other)).contains("holds other entries"));
  EXPECT_EQ(Exported(into), text);
}

TEST_F(StoreImportTest, SessionsWithAJournalGetNothing) {
  Ledger ledger = Open();
  JournalWriter writer =
      Get(JournalWriter::Create(ledger.JournalPath("s1"), TestIdentity("s1"), TestOptions()));
  Sequencer sequencer = Get(Sequencer::Attach(writer, ledger.store()));
  Get(writer.Append(kActionDecided, "{}", Durability::kOrdered));
  Get(sequencer.Drain());
  Get(writer.Append(kActionDecided, "{}", Durability::kOrdered));
  const std::string text = Exported(ledger);
  EXPECT_TRUE(Import(ledger, text).contains("has a journal here"));
  EXPECT_EQ(report_.stored, 0U);
  Get(writer.Append(kActionDecided, "{}", Durability::kOrdered));
  Get(sequencer.Finish());
  EXPECT_EQ(Import(ledger, text), "");
  EXPECT_EQ(report_.present, 2U);
}

TEST_F(StoreImportTest, AnInputThatFailsIsTheErrorAndWhatCameBeforeIsKept) {
  const FilledLedger source({"s1"}, 10);
  Ledger from = Get(Ledger::Open(source.directory.path(), Ledger::Mode::kRead));
  const std::string text = Exported(from);
  Ledger into = Open();
  bool first = true;
  const auto done = into.Import(
      [&]() -> base::Result<std::string_view> {
        if (!first) {
          return base::Fail(base::Errc::kUnavailable, "the disk is gone");
        }
        first = false;
        return text;
      },
      report_);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message(), "the disk is gone");
  EXPECT_EQ(report_.stored, 10U);
}

}  // namespace
}  // namespace aegis::ledger
