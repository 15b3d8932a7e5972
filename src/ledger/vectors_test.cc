// Files made by another implementation from docs/ledger-format.md.

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

constexpr const char* kSession = "018bcfe5-6800-7000-8000-000000000001";

std::string Vector(const std::string& name) { return std::string(AEGIS_TEST_VECTORS) + "/" + name; }

TEST(VectorsTest, PublishedCanonicalForms) {
  for (const char* name : {"values", "weird", "structures", "french"}) {
    const std::string file = Vector("jcs/") + name;
    const std::string out = Slurp(file + ".out.json");
    ASSERT_NE(out, "");
    EXPECT_EQ(Get(canon::Canonicalize(Slurp(file + ".in.json"))), out);
    EXPECT_TRUE(canon::IsCanonicalObject(out));
  }
}

TEST(VectorsTest, AForeignJournalIsDrainedAndExportedAsItsMakerSays) {
  const TempDirectory directory;
  std::filesystem::create_directory(directory.File("journal"));
  std::filesystem::copy_file(Vector("ledger/session.journal"),
                             directory.File("journal") + "/" + kSession + ".journal");
  Get(Ledger::Open(directory.path(), Ledger::Mode::kCreate));
  Ledger ledger = Get(Ledger::Open(directory.path(), Ledger::Mode::kRead));
  std::string text;
  ExportWriter writer(ExportFormat::kJsonLines, "1");
  Get(ledger.Export({}, writer, [&](std::string_view piece) -> base::Result<> {
    text += piece;
    return {};
  }));
  EXPECT_EQ(text, Slurp(Vector("ledger/session.jsonl")));
  EXPECT_TRUE(Get(ledger.Verify()).ok());
  const SessionInfo info = Get(ledger.FindSession(kSession));
  EXPECT_EQ(info.session.actions, 2);
  EXPECT_EQ(info.session.denials, 1);
  EXPECT_EQ(info.session.exit_code, 2);
  EXPECT_EQ(info.session.config, "default");
}

}  // namespace
}  // namespace aegis::ledger
