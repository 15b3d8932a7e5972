// What can be done to a ledger by who can write it, and that each is found and named; beside each,
// that the untouched ledger verifies.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>  // WEXITSTATUS
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/test_forge.h"
#include "ledger/test_ledger.h"
#include "ledger/verify.h"

// NOLINTBEGIN(performance-inefficient-string-concatenation,bugprone-suspicious-missing-comma): the
// texts of SQL statements
namespace aegis::ledger {
namespace {

using Kind = Finding::Kind;

std::string Texts(const VerifyReport& report) {
  std::string text;
  for (const Finding& finding : report.findings.first()) {
    text += std::string(FindingKindName(finding.kind)) + ": " + finding.session_id + " row " +
            std::to_string(finding.id.value_or(-1)) + " " + finding.what + "\n";
  }
  return text;
}

bool Has(const VerifyReport& report, Kind kind) {
  for (const Finding& finding : report.findings.first()) {
    if (finding.kind == kind) {
      return true;
    }
  }
  return false;
}

VerifyOptions Pinned(const std::string& key) {
  VerifyOptions options;
  options.pinned_keys.push_back(key);
  return options;
}

class TamperTest : public testing::Test {
 protected:
  TamperTest() {
    first_ = ledger_.AddSession("s1");
    ledger_.AddSession("s2", 300);
    kept_ = ledger_.AddSession("s3");
    key_ = ledger_.KeyText();
    EXPECT_TRUE(ledger_.Verify(Against(kept_)).ok());
    EXPECT_TRUE(ledger_.Verify(Pinned(key_)).ok());
  }

  VerifyReport After(const std::string& sql) {
    Tamper(ledger_.database()).Do(sql);
    return ledger_.Verify();
  }
  // As After; the change is undone.
  VerifyReport Tried(const std::string& sql) {
    const std::string before = Slurp(ledger_.database());
    VerifyReport report = After(sql);
    Spill(ledger_.database(), before);
    return report;
  }
  // Every trace in the ledger itself agrees; only what is signed or kept elsewhere tells.
  void ExpectFoundBy(const VerifyOptions& options, Kind kind) {
    const VerifyReport report = ledger_.Verify(options);
    EXPECT_TRUE(Has(report, kind)) << FindingKindName(kind) << ", but: " << Texts(report);
  }
  std::vector<Entry> Entries() { return EntriesOf(ledger_.directory.path()); }
  static void Edit(std::vector<Entry>& entries) {
    entries[4].payload = R"({"action":"FileRead","decision":"allow","resource":"/forged"})";
  }

  SignedLedger ledger_{{}};
  StoredCheckpoint first_;
  StoredCheckpoint kept_;
  std::string key_;
};

// --- edits ---

TEST_F(TamperTest, AnEditWithItsHashBreaksTheChainAndTheTree) {
  std::vector<Entry> entries = Entries();
  Edit(entries);
  Reseal(entries);
  const VerifyReport report =
      After("UPDATE entries SET payload = '" + entries[4].payload + "', hash = x'" +
            canon::HexEncode(entries[4].hash.view()) + "' WHERE id = 5");
  ASSERT_GE(report.findings.count(), 2U);
  EXPECT_EQ(report.findings.first()[0].kind, Kind::kForked);
  EXPECT_EQ(report.findings.first()[0].id, 6);
  EXPECT_EQ(report.findings.first()[0].session_id, "s1");
  EXPECT_TRUE(Has(report, Kind::kDerived));
}

TEST_F(TamperTest, AnEditWithTheWholeChainIsFoundByHeadTreeAndCheckpoint) {
  std::vector<Entry> entries = Entries();
  Edit(entries);
  Reseal(entries);
  std::string sql;
  for (std::size_t i = 4; i < 10; ++i) {
    sql += "UPDATE entries SET payload = '" + entries[i].payload + "', hash = x'" +
           canon::HexEncode(entries[i].hash.view()) + "', prev_hash = x'" +
           canon::HexEncode(entries[i].prev_hash->view()) +
           "' WHERE id = " + std::to_string(i + 1) + ";";
  }
  const VerifyReport report = After(sql);
  EXPECT_TRUE(Has(report, Kind::kForked)) << Texts(report);   // the checkpoints
  EXPECT_TRUE(Has(report, Kind::kDerived)) << Texts(report);  // session, tile, tree
}

TEST_F(TamperTest, AnEditWithEverythingRecomputedIsFoundByEachCheckpoint) {
  std::vector<Entry> entries = Entries();
  Edit(entries);
  Reseal(entries);
  ledger_.Rebuild(entries);
  const VerifyReport report = ledger_.Verify();
  EXPECT_EQ(report.findings.count(), 4U) << Texts(report);  // three stored, one noted
  for (const Finding& finding : report.findings.first()) {
    EXPECT_EQ(finding.kind, Kind::kForked);
  }
  // Nor can it go on.
  const auto opened = Ledger::Open(ledger_.directory.path(), Ledger::Mode::kCreate);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), base::Errc::kCorrupt);
}

TEST_F(TamperTest, WithoutItsCheckpointsTheNotedOneTells) {
  std::vector<Entry> entries = Entries();
  Edit(entries);
  Reseal(entries);
  ledger_.Rebuild(entries, "0");
  ExpectFoundBy({}, Kind::kForked);
  std::filesystem::remove(ledger_.noted());
  EXPECT_TRUE(ledger_.Verify().ok());  // nothing in it can tell any more
  EXPECT_EQ(ledger_.Verify().signed_size, std::nullopt);
  ExpectFoundBy(Against(kept_), Kind::kForked);
  ExpectFoundBy(Against(first_), Kind::kForked);
  ExpectFoundBy(Pinned(key_), Kind::kSignature);
}

// Who has the key as well can sign another history. Only who kept a checkpoint can tell.
TEST_F(TamperTest, WithTheKeyOnlyAKeptCheckpointTells) {
  std::vector<Entry> entries = Entries();
  Edit(entries);
  Reseal(entries);
  ledger_.Rebuild(entries, "0");
  std::filesystem::remove(ledger_.noted());
  Get(Get(Ledger::Open(ledger_.directory.path(), Ledger::Mode::kCreate)).CheckpointAll());
  EXPECT_TRUE(ledger_.Verify(Pinned(key_)).ok());
  ExpectFoundBy(Against(kept_), Kind::kForked);
  ExpectFoundBy(Against(first_), Kind::kForked);
}

TEST_F(TamperTest, AnEditBehindAKeptCheckpointIsOutsideOfIt) {
  std::vector<Entry> entries = Entries();
  entries.back().payload = R"({"actions":1,"denials":0})";
  Reseal(entries);
  ledger_.Rebuild(entries, "0");
  std::filesystem::remove(ledger_.noted());
  EXPECT_TRUE(ledger_.Verify(Against(first_)).ok());
  ExpectFoundBy(Against(kept_), Kind::kForked);
}

// --- missing, moved and added ---

TEST_F(TamperTest, ADeletedRowIsMissing) {
  for (const std::int64_t row : {1, 5, 10, 11, 256, 257, 320}) {
    const VerifyReport report = Tried("DELETE FROM entries WHERE id = " + std::to_string(row));
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.findings.first()[0].id, row);
    EXPECT_EQ(report.findings.first()[0].kind, row == 320 ? Kind::kTruncated : Kind::kMissing);
  }
}

TEST_F(TamperTest, ADeletedRowWithTheOthersMovedUpIsFound) {
  const VerifyReport report = Tried(
      "DELETE FROM entries WHERE id = 5; UPDATE entries SET id = -id WHERE id > 5;"
      "UPDATE entries SET id = -id - 1 WHERE id < 0");
  EXPECT_EQ(report.findings.first()[0].kind, Kind::kTruncated);
  EXPECT_TRUE(Has(report, Kind::kMissing)) << Texts(report);
}

TEST_F(TamperTest, ADeletedSessionIsFound) {
  const VerifyReport traces = Tried("DELETE FROM entries WHERE session_id = 's1'");
  EXPECT_EQ(traces.findings.first()[0].kind, Kind::kMissing);
  // All of its traces, with everything recomputed.
  std::vector<Entry> entries = Entries();
  std::erase_if(entries, [](const Entry& entry) { return entry.identity.session_id == "s2"; });
  ledger_.Rebuild(entries, "size <= 20");
  ExpectFoundBy({}, Kind::kRolledBack);
  std::filesystem::remove(ledger_.noted());
  EXPECT_TRUE(ledger_.Verify().ok());  // the first session's checkpoint holds
  ExpectFoundBy(Against(kept_), Kind::kTruncated);
}

TEST_F(TamperTest, SwappedRowsAreFound) {
  for (const std::string_view other : {"6", "11", "200"}) {
    const VerifyReport report = Tried(
        "UPDATE entries SET id = -1 WHERE id = 5;"
        "UPDATE entries SET id = 5 WHERE id = " +
        std::string(other) + ";UPDATE entries SET id = " + std::string(other) + " WHERE id = -1");
    ASSERT_FALSE(report.ok());
    // Row 5, or the one behind it, which lacks its predecessor.
    EXPECT_EQ(report.findings.first()[0].id, other == "6" ? 5 : 6);
  }
  // Two sessions that changed places, everything recomputed: each chain is whole.
  std::vector<Entry> entries = Entries();
  std::rotate(entries.begin(), entries.begin() + 10, entries.end());
  ledger_.Rebuild(entries);
  ExpectFoundBy({}, Kind::kForked);
}

TEST_F(TamperTest, AnAddedEntryIsFound) {
  std::vector<Entry> entries = Entries();
  Entry more = entries[9];
  more.payload = "{}";
  entries.insert(entries.begin() + 10, more);
  Reseal(entries);
  ledger_.Rebuild(entries);
  ExpectFoundBy({}, Kind::kForked);
}

TEST_F(TamperTest, RowsThatNobodyShowsAreFound) {
  for (const std::string_view id : {"0", "-1", "-9223372036854775808", "9223372036854775807",
                                    "1000000000000", "4611686018427387904"}) {
    const auto begun = std::chrono::steady_clock::now();
    const VerifyReport report = Tried(
        "INSERT INTO entries SELECT " + std::string(id) +
        ", tenant_id, user_id, session_id, seq, ts_unix_ms, event_type, payload, hash, prev_hash "
        "FROM entries WHERE id = 3");
    ASSERT_FALSE(report.ok()) << id;
    bool named = false;
    for (const Finding& finding : report.findings.first()) {
      named |= finding.id == std::stoll(std::string(id));
    }
    EXPECT_TRUE(named) << id << ": " << Texts(report);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
  }
}

// --- cut, rolled back, forked ---

TEST_F(TamperTest, ACutTailIsFoundByTheNotedCheckpointOrAKeptOne) {
  std::vector<Entry> entries = Entries();
  entries.resize(10);
  ledger_.Rebuild(entries, "size <= 10");
  ExpectFoundBy({}, Kind::kRolledBack);
  EXPECT_FALSE(Ledger::Open(ledger_.directory.path(), Ledger::Mode::kCreate));
  std::filesystem::remove(ledger_.noted());
  EXPECT_TRUE(ledger_.Verify().ok());
  EXPECT_TRUE(ledger_.Verify(Against(first_)).ok());
  ExpectFoundBy(Against(kept_), Kind::kTruncated);
  Get(Ledger::Open(ledger_.directory.path(), Ledger::Mode::kCreate));  // nobody can know
}

TEST_F(TamperTest, ACutSessionIsFound) {
  std::vector<Entry> entries = Entries();
  entries.resize(entries.size() - 1);  // the last entry alone
  ledger_.Rebuild(entries, "size < 320");
  ExpectFoundBy({}, Kind::kRolledBack);
}

TEST_F(TamperTest, ALedgerThatWasCutIsNotSignedAndItsNoteStays) {
  std::vector<Entry> entries = Entries();
  entries.resize(10);
  ledger_.Rebuild(entries, "size <= 10");
  const std::string noted = Slurp(ledger_.noted());
  {
    Ledger ledger = Get(Ledger::Open(ledger_.directory.path(), Ledger::Mode::kRead));
    EXPECT_FALSE(ledger.Signer());
    EXPECT_FALSE(ledger.CheckpointAll());
  }
  EXPECT_EQ(Slurp(ledger_.noted()), noted);
  ExpectFoundBy({}, Kind::kRolledBack);
}

TEST_F(TamperTest, AnEmptiedLedgerIsRefused) {
  ledger_.Rebuild({}, "0");
  ExpectFoundBy({}, Kind::kRolledBack);
  const auto opened = Ledger::Open(ledger_.directory.path(), Ledger::Mode::kCreate);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message().find("rolled back"), std::string::npos);
}

TEST_F(TamperTest, AnOlderCopyIsFound) {
  const TempDirectory old;
  CopyLedger(ledger_.directory.path(), old.path());
  const StoredCheckpoint newer = ledger_.AddSession("s4");
  EXPECT_TRUE(ledger_.Verify(Against(newer)).ok());
  // The store alone.
  std::filesystem::copy_file(old.File("audit.db"), ledger_.database(),
                             std::filesystem::copy_options::overwrite_existing);
  ExpectFoundBy({}, Kind::kRolledBack);
  EXPECT_FALSE(Ledger::Open(ledger_.directory.path(), Ledger::Mode::kCreate));
  // All of it.
  CopyLedger(old.path(), ledger_.directory.path());
  EXPECT_TRUE(ledger_.Verify().ok());
  ExpectFoundBy(Against(newer), Kind::kTruncated);
}

TEST_F(TamperTest, CopiesThatWentDifferentWaysAreForked) {
  SignedLedger other{{}};
  CopyLedger(ledger_.directory.path(), other.directory.path());
  const StoredCheckpoint mine = ledger_.AddSession("mine");
  const StoredCheckpoint theirs = other.AddSession("theirs");
  const StoredCheckpoint longer = other.AddSession("more");
  EXPECT_TRUE(ledger_.Verify(Against(mine)).ok());
  EXPECT_TRUE(other.Verify(Against(theirs)).ok());
  EXPECT_TRUE(other.Verify(Against(longer)).ok());
  EXPECT_TRUE(Has(ledger_.Verify(Against(theirs)), Kind::kForked));
  EXPECT_TRUE(Has(ledger_.Verify(Against(longer)), Kind::kTruncated));
  EXPECT_TRUE(Has(other.Verify(Against(mine)), Kind::kForked));
  // The other copy's store with this one's note: longer, and yet another.
  std::filesystem::copy_file(other.database(), ledger_.database(),
                             std::filesystem::copy_options::overwrite_existing);
  ExpectFoundBy({}, Kind::kForked);
  EXPECT_FALSE(Ledger::Open(ledger_.directory.path(), Ledger::Mode::kCreate));
}

// --- keys ---

TEST_F(TamperTest, AForeignKeyIsFoundByThePinnedOneAndByKeptCheckpoints) {
  const std::vector<Entry> entries = Entries();
  SignedLedger forged{{}};
  {
    Ledger ledger = Get(Ledger::Open(forged.directory.path(), Ledger::Mode::kCreate));
    StoreAll(ledger.store(), entries);
    Get(ledger.CheckpointAll());
  }
  EXPECT_TRUE(forged.Verify().ok());
  EXPECT_TRUE(Has(forged.Verify(Pinned(key_)), Kind::kSignature));
  EXPECT_TRUE(Has(forged.Verify(Against(kept_)), Kind::kSignature));
  EXPECT_TRUE(forged.Verify(Pinned(forged.KeyText())).ok());
}

// The pinned key is public: a forger can endorse it, and sign with his own.
TEST_F(TamperTest, APinnedKeyThatSignedNothingVouchesForNothing) {
  SignedLedger forged{{}};
  {
    Ledger ledger = Get(Ledger::Open(forged.directory.path(), Ledger::Mode::kCreate));
    StoreAll(ledger.store(), Entries());
    Get(ledger.CheckpointAll());
    const canon::VerifierKey pinned = Get(canon::VerifierKey::Parse(key_));
    const canon::NoteSigner mine = Get(canon::NoteSigner::Generate(pinned.name));
    Tamper(forged.database()).Do("DELETE FROM keys; DELETE FROM checkpoints");
    std::filesystem::remove(forged.noted());
    const auto tree = Get(Get(ledger.store().OpenSnapshot())->Tree());
    MerkleHasher hasher;
    const auto sign = [&mine](const std::string& text) {
      canon::SignedNote note{.text = text, .signatures = {Get(mine.Sign(text))}};
      return note.Text();
    };
    Get(ledger.store().AddKey({.id = 1, .role = "log", .verifier = mine.verifier().Text()}));
    Get(ledger.store().AddKey({.id = 2,
                               .role = "log",
                               .verifier = key_,
                               .endorsement = sign(EndorsementText(pinned, 1U << 30U))}));
    const Checkpoint checkpoint{
        .origin = mine.verifier().name, .size = tree.size(), .root = tree.Root(hasher)};
    Get(ledger.store().PutCheckpoint({.size = tree.size(), .note = sign(checkpoint.BodyText())}));
    EXPECT_TRUE(Get(ledger.Verify()).ok()) << Texts(Get(ledger.Verify()));
    EXPECT_TRUE(Has(Get(ledger.Verify(Pinned(key_))), Kind::kSignature));
    EXPECT_TRUE(Get(ledger.Verify(Pinned(mine.verifier().Text()))).ok());
  }
}

TEST_F(TamperTest, ARotatedLedgerIsVouchedForByItsOldAndNewKeys) {
  Ledger ledger = Get(Ledger::Open(ledger_.directory.path(), Ledger::Mode::kCreate));
  LedgerSigner& signer = *Get(ledger.Signer());
  Get(signer.Rotate(ledger.directory(), ledger.store()));
  const std::string second = signer.verifier().Text();
  EXPECT_TRUE(Has(Get(ledger.Verify(Pinned(second))), Kind::kSignature));  // not used yet
  FilledLedger::AddSession(ledger, "s4", 10);
  const StoredCheckpoint newer = Get(ledger.CheckpointAll());
  EXPECT_TRUE(Get(ledger.Verify(Pinned(second))).ok());
  EXPECT_TRUE(Get(ledger.Verify(Pinned(key_))).ok());
  EXPECT_TRUE(Get(ledger.Verify(Against(kept_))).ok());
  EXPECT_TRUE(Get(ledger.Verify(Against(newer))).ok());
  // Its new key is forgotten: what it signed is by nobody.
  Tamper(ledger_.database()).Do("DELETE FROM keys WHERE id = 2");
  ExpectFoundBy({}, Kind::kSignature);
}

TEST_F(TamperTest, ACheckpointByTheWrongOfTwoKeysIsFound) {
  Ledger ledger = Get(Ledger::Open(ledger_.directory.path(), Ledger::Mode::kCreate));
  const std::string old_key = Slurp(ledger_.directory.File("ledger.key"));
  LedgerSigner& signer = *Get(ledger.Signer());
  Get(signer.Rotate(ledger.directory(), ledger.store()));
  const auto tree = Get(Get(ledger.store().OpenSnapshot())->Tree());
  MerkleHasher hasher;
  Get(ledger.store().PutCheckpoint(
      {.size = tree.size(), .note = Get(signer.Sign(tree.size(), tree.Root(hasher)))}));
  ExpectFoundBy({}, Kind::kSignature);  // the old key's tree, signed by the new one
  Tamper(ledger_.database()).Do("DELETE FROM checkpoints WHERE size = 320");
  FilledLedger::AddSession(ledger, "s4", 10);
  const auto grown = Get(Get(ledger.store().OpenSnapshot())->Tree());
  const auto old = Get(canon::NoteSigner::Parse(old_key.substr(0, old_key.size() - 1)));
  const Checkpoint checkpoint{
      .origin = old.verifier().name, .size = grown.size(), .root = grown.Root(hasher)};
  canon::SignedNote note{.text = checkpoint.BodyText(), .signatures = {}};
  note.signatures.push_back(Get(old.Sign(note.text)));
  EXPECT_TRUE(Get(ledger.Verify()).ok());
  Get(ledger.store().PutCheckpoint({.size = grown.size(), .note = note.Text()}));
  ExpectFoundBy({}, Kind::kSignature);
}

TEST_F(TamperTest, KeptFilesThatAreNoCheckpointOfTheLedgerAreFound) {
  SignedLedger other({"s1"});
  const StoredCheckpoint foreign = other.AddSession("s2");
  const std::size_t signature =
      kept_.note.rfind("— ") + kept_.note.substr(kept_.note.rfind("— ")).rfind(' ') + 20;
  std::string flipped = kept_.note;
  flipped[signature] = flipped[signature] == 'A' ? 'B' : 'A';
  const canon::SignedNote parsed = Get(canon::SignedNote::Parse(kept_.note));
  for (const std::string& note :
       {std::string(), std::string("x"), foreign.note, flipped, kept_.note.substr(0, 60),
        parsed.text + "\n— " + foreign.note.substr(0, foreign.note.find('\n')) + " AAAAAAAA\n"}) {
    VerifyOptions options;
    options.kept.push_back({.note = note, .from = "kept"});
    const VerifyReport report = ledger_.Verify(options);
    ASSERT_EQ(report.findings.count(), 1U) << note << Texts(report);
    EXPECT_EQ(report.findings.first()[0].kind, Kind::kSignature);
    EXPECT_TRUE(report.findings.first()[0].what.starts_with("kept: "));
  }
  for (const std::string_view key : {"", "x", "a+b+c"}) {
    EXPECT_TRUE(Has(ledger_.Verify(Pinned(std::string(key))), Kind::kSignature));
  }
}

// --- witnesses ---

class WitnessedTest : public TamperTest {
 protected:
  void SetUp() override {
    Ledger ledger = Get(Ledger::Open(ledger_.directory.path(), Ledger::Mode::kCreate));
    Get(ledger.store().AddKey(
        {.id = 2, .role = "witness", .verifier = witness_.cosigner().Text()}));
    Cosign(kept_, 1700000000);
  }
  void Cosign(const StoredCheckpoint& checkpoint, std::uint64_t time) {
    canon::SignedNote note = Get(canon::SignedNote::Parse(checkpoint.note));
    note.signatures.push_back(Get(witness_.Cosign(note.text, time)));
    Get(Get(OpenSqliteStore(ledger_.database(), OpenMode::kReadWrite))
            ->PutCheckpoint({.size = checkpoint.size, .note = note.Text()}));
  }
  canon::NoteSigner witness_ = Get(canon::NoteSigner::Generate("witness.example/w"));
};

TEST_F(WitnessedTest, TheNewestCosignatureIsReported) {
  Cosign(first_, 1800000000);
  const VerifyReport report = ledger_.Verify();
  ASSERT_TRUE(report.ok()) << Texts(report);
  ASSERT_TRUE(report.witnessed);
  EXPECT_EQ(*report.witnessed,
            (Witnessed{.size = kept_.size, .time = 1700000000, .name = "witness.example/w"}));
}

TEST_F(WitnessedTest, AWitnessThatTheLedgerForgotIsFound) {
  const VerifyReport report = After("DELETE FROM keys WHERE id = 2");
  ASSERT_EQ(report.findings.count(), 1U) << Texts(report);
  EXPECT_EQ(report.findings.first()[0].kind, Kind::kSignature);
  EXPECT_FALSE(report.witnessed);
}

TEST_F(WitnessedTest, ACosignatureForAnotherTreeIsFound) {
  canon::SignedNote note = Get(canon::SignedNote::Parse(first_.note));
  note.signatures.push_back(
      Get(witness_.Cosign(Get(canon::SignedNote::Parse(kept_.note)).text, 1700000000)));
  Get(Get(OpenSqliteStore(ledger_.database(), OpenMode::kReadWrite))
          ->PutCheckpoint({.size = first_.size, .note = note.Text()}));
  ExpectFoundBy({}, Kind::kSignature);
}

// --- bit flips ---

struct Cell {
  std::string table;
  std::string column;
  std::int64_t row = 0;  // how-manieth
};

class BitFlipTest : public WitnessedTest {
 protected:
  void SetUp() override {
    WitnessedTest::SetUp();
    Ledger ledger = Get(Ledger::Open(ledger_.directory.path(), Ledger::Mode::kCreate));
    Get(Get(ledger.Signer())->Rotate(ledger.directory(), ledger.store()));
    FilledLedger::AddSession(ledger, "s4", 250);
    Get(ledger.CheckpointAll());
    EXPECT_TRUE(Get(ledger.Verify()).ok());
  }
};

// Every table, every column, some of its rows and bits: by SQL, so that only the value changes.
TEST_F(BitFlipTest, EveryFlippedBitOfAValueIsFound) {
  constexpr int kFlips = 2000;
  Tamper tamper(ledger_.database());
  std::vector<Cell> columns;
  for (const auto& table : tamper.Rows("SELECT name FROM sqlite_schema WHERE type = 'table'")) {
    const std::int64_t rows = std::stoll(tamper.Rows("SELECT count(*) FROM " + table[0])[0][0]);
    for (const auto& column : tamper.Rows("PRAGMA table_info(" + table[0] + ")")) {
      if (rows > 0) {
        columns.push_back({.table = table[0], .column = column[1], .row = rows});
      }
    }
  }
  EXPECT_EQ(columns.size(), 10U + 21 + 3 + 3 + 4 + 2);  // blocks holds none yet
  Ledger ledger = Get(Ledger::Open(ledger_.directory.path(), Ledger::Mode::kRead));
  std::mt19937_64 random(7);
  int flips = 0;
  for (int attempt = 0; flips < kFlips && attempt < 4 * kFlips; ++attempt) {
    const Cell& cell = columns[static_cast<std::size_t>(attempt) % columns.size()];
    const std::string nth = std::to_string(random() % static_cast<std::uint64_t>(cell.row));
    const std::string from = " FROM " + cell.table + " LIMIT 1 OFFSET " + nth;
    const auto found = tamper.Rows("SELECT typeof(" + cell.column + "), CAST(" + cell.column +
                                   " AS BLOB), length(CAST(" + cell.column + " AS BLOB))" + from);
    const std::string type = found[0][0];
    std::string bytes = found[0][1];
    std::string flipped;
    if (type == "integer") {
      const auto value = static_cast<std::uint64_t>(std::stoll(bytes));
      flipped =
          std::to_string(static_cast<std::int64_t>(value ^ (std::uint64_t{1} << (random() % 64))));
    } else if (!bytes.empty()) {
      char& byte = bytes[random() % bytes.size()];
      byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << (random() % 8)));
      flipped = "x'" + canon::HexEncode(bytes) + "'";
      flipped = type == "text" ? "CAST(" + flipped + " AS TEXT)" : flipped;
    } else {
      continue;  // NULL or empty: it has no bits
    }
    tamper.Do("BEGIN; CREATE TEMP TABLE kept AS SELECT * FROM " + cell.table + "; COMMIT");
    const auto refused =
        tamper.Try("UPDATE " + cell.table + " SET " + cell.column + " = " + flipped + " WHERE (" +
                   cell.column + ") IN (SELECT " + cell.column + from + ")");
    if (!refused) {
      const VerifyReport report = Get(ledger.Verify());
      ASSERT_FALSE(report.ok()) << cell.table << "." << cell.column << " row " << nth << " became "
                                << flipped;
      EXPECT_NE(report.findings.first().at(0).what, "");
      ++flips;
    }
    tamper.Do("BEGIN; DELETE FROM " + cell.table + "; INSERT INTO " + cell.table +
              " SELECT * FROM temp.kept; DROP TABLE temp.kept; COMMIT");
  }
  EXPECT_EQ(flips, kFlips);
  const VerifyReport report = Get(ledger.Verify());
  EXPECT_TRUE(report.ok()) << Texts(report);
}

// Whatever bit of the file it is: an error, a finding, or the same content as before.
TEST_F(BitFlipTest, NoFlippedBitOfTheFileIsTakenForContent) {
  const auto content = [this]() -> base::Result<std::string> {
    AEGIS_ASSIGN(Ledger ledger, Ledger::Open(ledger_.directory.path(), Ledger::Mode::kRead));
    AEGIS_ASSIGN(const VerifyReport report, ledger.Verify());
    if (!report.ok()) {
      return base::Fail(base::Errc::kCorrupt, report.findings.first()[0].what);
    }
    std::string text;
    ExportWriter writer(ExportFormat::kJsonLines, "test");
    AEGIS_TRY(ledger.Export({}, writer, [&text](std::string_view piece) {
      text += piece;
      return base::Result<>();
    }));
    AEGIS_ASSIGN(const auto snapshot, ledger.store().OpenSnapshot());
    AEGIS_TRY(snapshot->Keys([&text](const base::Result<StoredKey>& key) -> base::Result<bool> {
      text += key ? key->verifier + key->endorsement : "?";
      return true;
    }));
    AEGIS_TRY(snapshot->Checkpoints({.first = 0}, StoreOrder::kLedger,
                                    [&text](const auto& stored) -> base::Result<bool> {
                                      text += stored ? stored->note : "?";
                                      return true;
                                    }));
    return text;
  };
  const std::string before = Get(content());
  const std::string whole = Slurp(ledger_.database());
  std::mt19937 random(29);
  int noticed = 0;
  constexpr int kFlips = 1000;
  for (int round = 0; round < kFlips; ++round) {
    std::string damaged = whole;
    char& byte = damaged[random() % damaged.size()];
    byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << (random() % 8)));
    Spill(ledger_.database(), damaged);
    const auto after = content();
    noticed += after ? 0 : 1;
    if (after) {
      ASSERT_EQ(*after, before) << round;
    }
  }
  EXPECT_GT(noticed, kFlips / 3);
  Spill(ledger_.database(), whole);
  EXPECT_EQ(Get(content()), before);
}

// --- hostile rows ---

TEST_F(TamperTest, HostileValuesAreFindings) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) {
    deep += R"({"a":)";
  }
  const std::vector<std::string> payloads = {R"({"a":NaN})",
                                             R"({"a":1e999})",
                                             R"({"a":-1e999})",
                                             R"({"a":9007199254740993})",
                                             R"({"a":1.0})",
                                             R"({"a":1E2})",
                                             R"({"a":-0})",
                                             R"({"a":Infinity})",
                                             R"({"a":01})",
                                             R"({"a":1,"a":1})",
                                             R"({"a":1,"\u0061":2})",
                                             R"({"b":1,"a":2})",
                                             R"({"a":"\ud800"})",
                                             R"({"a":"\/"})",
                                             R"({"a":undefined})",
                                             R"({"a":1,})",
                                             R"({"a":1}{})",
                                             R"({"a":1} )",
                                             "\xef\xbb\xbf{}",
                                             deep,
                                             std::string(5U << 20U, ' '),
                                             ""};
  for (const std::string& payload : payloads) {
    const VerifyReport report = Tried("UPDATE entries SET payload = CAST(x'" +
                                      canon::HexEncode(payload) + "' AS TEXT) WHERE id = 5");
    ASSERT_EQ(report.findings.count(), 1U) << payload.substr(0, 50) << Texts(report);
    EXPECT_EQ(report.findings.first()[0].id, 5);
    EXPECT_EQ(report.findings.first()[0].kind, Kind::kEdited);
  }
  // Twins: whatever is canonical is content, with its own hash.
  EntryMaker maker;
  for (const std::string_view payload :
       {R"({"a":1e+21,"unknown":{"x":[null,true,"é"]}})", R"({"a":9007199254740992})", "{}"}) {
    maker.Add("fine", "SOMETHING_ELSE", payload);
  }
  Ledger ledger = Get(Ledger::Open(ledger_.directory.path(), Ledger::Mode::kCreate));
  StoreAll(ledger.store(), maker.entries());
  EXPECT_TRUE(Get(ledger.Verify()).ok());
}

TEST_F(TamperTest, HostileRowsOfEveryTableAreFindings) {
  const std::string big = "zeroblob(33554432)";  // more than SQLite is allowed to hand out
  for (const std::string& sql : std::vector<std::string>{
           "UPDATE entries SET id = 9223372036854775807 WHERE id = 320",
           "UPDATE entries SET id = -9223372036854775808 WHERE id = 320",
           "UPDATE entries SET seq = -9223372036854775808 WHERE id = 5",
           "UPDATE entries SET seq = 9007199254740993 WHERE id = 5",
           "UPDATE entries SET ts_unix_ms = 1e300 WHERE id = 5",
           "UPDATE entries SET session_id = '' WHERE id = 5",
           "UPDATE entries SET tenant_id = CAST(x'fffe' AS TEXT) WHERE id = 5",
           "UPDATE entries SET event_type = printf('%.*c', 300, 'x') WHERE id = 5",
           "UPDATE entries SET hash = " + big + " WHERE id = 5",
           "UPDATE tree SET size = 4611686018427387904, nodes = zeroblob(32)",
           "UPDATE tree SET size = 9223372036854775807, nodes = zeroblob(2016)",
           "UPDATE tree SET size = -1",
           "UPDATE tree SET size = 'x'",
           "UPDATE tree SET nodes = zeroblob(31)",
           "UPDATE tree SET nodes = " + big,
           "UPDATE tree SET id = 2",
           "DELETE FROM tree",
           "INSERT INTO tree VALUES (2, 0, x'')",
           "INSERT INTO tree VALUES (-1, 320, x'')",
           "UPDATE tiles SET hashes = substr(hashes, 1, 31)",
           "UPDATE tiles SET hashes = hashes || x'00'",
           "UPDATE tiles SET hashes = CAST(hashes AS TEXT)",
           "UPDATE tiles SET hashes = " + big,
           "UPDATE tiles SET hashes = 7",
           "UPDATE tiles SET level = 'x'",
           "DELETE FROM tiles",
           "INSERT INTO tiles VALUES (1099511627776, 0, zeroblob(32))",
           "INSERT INTO tiles VALUES (-1, 0, zeroblob(32))",
           "INSERT INTO tiles VALUES (0, 0, zeroblob(8192))",
           "INSERT INTO tiles VALUES (1, 9223372036854775807, zeroblob(32))",
           "INSERT INTO tiles VALUES ('x', x'', 'y')",
           "UPDATE keys SET verifier = " + big,
           "UPDATE keys SET verifier = 'x'",
           "UPDATE keys SET verifier = 7",
           "UPDATE keys SET role = x'6c6f67'",
           "UPDATE keys SET endorsement = 'x'",
           "UPDATE keys SET id = 9223372036854775807",
           "UPDATE keys SET id = -1",
           "DELETE FROM keys",
           "INSERT INTO keys VALUES (2, 'log', 'x', '')",
           "INSERT INTO keys SELECT 2, role, verifier, '' FROM keys",
           "INSERT INTO keys SELECT 0, role, verifier, '' FROM keys",
           "INSERT INTO checkpoints VALUES (7, 'garbage')",
           "INSERT INTO checkpoints VALUES (7, '')",
           "INSERT INTO checkpoints VALUES (7, 7)",
           "INSERT INTO checkpoints VALUES (7, " + big + ")",
           "INSERT INTO checkpoints VALUES (-7, 'garbage')",
           "INSERT INTO checkpoints VALUES (0, 'garbage')",
           "INSERT INTO checkpoints VALUES (-9223372036854775808, 'garbage')",
           "INSERT INTO checkpoints VALUES (9223372036854775807, 'garbage')",
           "INSERT INTO checkpoints SELECT 11, note FROM checkpoints WHERE size = 10",
           "INSERT INTO checkpoints SELECT 500, note FROM checkpoints WHERE size = 10",
           "UPDATE checkpoints SET note = note || '— other AAAAAAAA' || char(10)",
           "UPDATE checkpoints SET note = CAST(x'ff' AS TEXT)",
           "UPDATE sessions SET head_hash = " + big + " WHERE session_id = 's1'",
           "UPDATE sessions SET first_id = -9223372036854775808 WHERE session_id = 's1'",
           "UPDATE sessions SET head_seq = 9223372036854775807 WHERE session_id = 's1'",
           "UPDATE sessions SET session_id = x'7331' WHERE session_id = 's1'",
           "UPDATE sessions SET tag = CAST(x'ff' AS TEXT) WHERE session_id = 's1'",
           "INSERT INTO sessions SELECT 'ghost', tenant_id, user_id, mode, command, argv, config, "
           "dir, tag, policy_digest, started_ms, ended_ms, exit_code, signal, actions, denials, "
           "erased, head_seq, head_hash, first_id, last_id FROM sessions WHERE session_id = 's1'",
       }) {
    const auto begun = std::chrono::steady_clock::now();
    const VerifyReport report = Tried(sql);
    EXPECT_FALSE(report.ok()) << sql;
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5)) << sql;
  }
  EXPECT_TRUE(ledger_.Verify().ok());
}

TEST_F(TamperTest, AForgedTreeOfAnySizeEndsQuickly) {
  const auto begun = std::chrono::steady_clock::now();
  for (const std::string_view id : {"4611686018427387904", "1000000000000", "1000000"}) {
    // Its last row is there.
    const VerifyReport report =
        Tried("INSERT INTO entries SELECT " + std::string(id) +
              ", tenant_id, user_id, 'far', 0, ts_unix_ms, event_type, payload, hash, NULL "
              "FROM entries WHERE id = 3; UPDATE tree SET size = " +
              std::string(id) + ", nodes = zeroblob(32 * " +
              std::to_string(std::popcount(std::stoull(std::string(id)))) + ")");
    EXPECT_TRUE(Has(report, Kind::kMissing) || Has(report, Kind::kTruncated)) << Texts(report);
    EXPECT_TRUE(Has(report, Kind::kReordered)) << Texts(report);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
}

// A store of 700,000 rows' worth of bytes of which most rows are missing.
TEST_F(TamperTest, AMillionMissingRowsAreFewFindings) {
  const auto begun = std::chrono::steady_clock::now();
  const VerifyReport report = Tried(
      "INSERT INTO blocks VALUES (1, 0, 0, zeroblob(15000000), zeroblob(15000000), x'', x'', x'');"
      "INSERT INTO blocks VALUES (2, 0, 0, zeroblob(15000000), x'', x'', x'', x'');"
      "UPDATE entries SET id = 1000000 WHERE id = 320");
  EXPECT_LT(report.findings.count(), 150U);
  EXPECT_EQ(report.findings.first()[0].kind, Kind::kMissing);
  EXPECT_EQ(report.findings.first()[0].id, 320);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
}

// A value of 200 MB is refused before it takes memory: the process may have 64 MB more.
TEST_F(TamperTest, AHugePayloadTakesNoMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers have their own idea of memory";
#endif
  Tamper(ledger_.database()).Do("UPDATE entries SET payload = zeroblob(200000000) WHERE id = 5");
  const pid_t child = fork();
  if (child == 0) {
    const std::string pages = Slurp("/proc/self/statm");
    const auto now = static_cast<rlim_t>(std::stoull(pages)) * 4096;
    const rlimit limit{.rlim_cur = now + (64U << 20U), .rlim_max = now + (64U << 20U)};
    if (setrlimit(RLIMIT_AS, &limit) != 0) {
      _exit(3);
    }
    const VerifyReport report = ledger_.Verify({.threads = 1});
    _exit(report.findings.count() == 1 && report.findings.first()[0].id == 5 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

// The end of table entries can't be read, and nothing else speaks of entries any more.
TEST_F(TamperTest, AnUnreadableEndIsNotAnEmptyLedger) {
  Tamper tamper(ledger_.database());
  tamper.Do(
      "DELETE FROM sessions; DELETE FROM tiles; DELETE FROM checkpoints;"
      "UPDATE tree SET size = 0, nodes = x''");
  std::filesystem::remove(ledger_.noted());
  tamper.Do("PRAGMA wal_checkpoint(TRUNCATE)");
  const auto root =
      std::stoull(tamper.Rows("SELECT rootpage FROM sqlite_schema WHERE name = 'entries'")[0][0]);
  std::string bytes = Slurp(ledger_.database());
  // The right-most child of the table's root: a page that is none.
  bytes.replace((root - 1) * 4096 + 8, 4, std::string("\x7f\0\0\0", 4));
  Spill(ledger_.database(), bytes);
  const VerifyReport report = ledger_.Verify();
  EXPECT_FALSE(report.ok());
}

// The beginning can't be read, where rows with any id below that of an entry could be; and the tree
// claims as many entries as there can be ids.
TEST_F(TamperTest, AnUnreadableBeginningIsNamedAndLeft) {
  Tamper tamper(ledger_.database());
  for (const std::string_view size : {"(SELECT size FROM tree)", "4611686018427387904"}) {
    tamper.Do("UPDATE tree SET size = " + std::string(size));
    tamper.Do("PRAGMA wal_checkpoint(TRUNCATE)");
    const auto root =
        std::stoull(tamper.Rows("SELECT rootpage FROM sqlite_schema WHERE name = 'entries'")[0][0]);
    const std::string whole = Slurp(ledger_.database());
    const std::size_t page = (root - 1) * 4096;
    const auto first_cell =
        static_cast<std::size_t>(static_cast<unsigned char>(whole[page + 12])) * 256 +
        static_cast<unsigned char>(whole[page + 13]);
    std::string bytes = whole;
    // The left-most child of the table's root: a page that is none.
    bytes.replace(page + first_cell, 4, std::string("\x7f\0\0\0", 4));
    Spill(ledger_.database(), bytes);
    EXPECT_FALSE(ledger_.Verify().ok());
    Spill(ledger_.database(), whole);
  }
}

}  // namespace
}  // namespace aegis::ledger

// NOLINTEND(performance-inefficient-string-concatenation,bugprone-suspicious-missing-comma)
