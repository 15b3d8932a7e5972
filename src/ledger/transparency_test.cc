#include "ledger/transparency.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/test_forge.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using canon::Sha256;
using Files = std::map<std::string, std::string>;

constexpr std::uint64_t kLargest = 65537;
constexpr std::uint64_t kAlone = 1000;  // entries of session "alone", which has its rows for itself

// All nodes of the tree of the leaves, straight from the definition: level by level.
class NaiveTree {
 public:
  explicit NaiveTree(const std::vector<std::string>& leaves) {
    levels_.emplace_back();
    for (const std::string& leaf : leaves) {
      levels_[0].push_back(hasher_.Leaf(leaf));
    }
    while (levels_.back().size() > 1) {
      const std::vector<Sha256>& below = levels_.back();
      std::vector<Sha256> level;
      for (std::size_t i = 0; i + 1 < below.size(); i += 2) {
        level.push_back(hasher_.Node(below[i], below[i + 1]));
      }
      levels_.push_back(std::move(level));
    }
  }
  const Sha256& At(unsigned level, std::uint64_t index) const {
    return levels_.at(level).at(index);
  }
  Sha256 Root(std::uint64_t size, std::uint64_t begin = 0) {
    if (std::has_single_bit(size)) {
      const auto level = static_cast<unsigned>(std::countr_zero(size));
      return At(level, begin >> level);
    }
    const std::uint64_t left = std::bit_floor(size);
    const Sha256 first = Root(left, begin);
    return hasher_.Node(first, Root(size - left, begin + left));
  }

 private:
  MerkleHasher hasher_;
  std::vector<std::vector<Sha256>> levels_;
};

// One ledger for all tests, which only read it.
struct Shared {
  Shared() {
    EntryMaker maker;
    for (std::uint64_t i = 0; i < kAlone; ++i) {
      maker.Add("alone", "E", R"({"n":1})");
    }
    for (std::uint64_t i = kAlone; i < kLargest; ++i) {
      maker.Add("mixed-" + std::to_string(i % 3), "E", "{}");
    }
    entries = std::move(maker.entries());
    StoreAll(*store, entries);
    for (const Entry& entry : entries) {
      AppendLeaf(leaves.emplace_back(), entry.view());
    }
  }
  TempDirectory directory;
  std::unique_ptr<Store> store =
      Get(OpenSqliteStore(directory.File("audit.db"), OpenMode::kCreate));
  LedgerSigner signer = Get(LedgerSigner::Open(directory.path(), *store));
  std::vector<Entry> entries;
  std::vector<std::string> leaves;
};

class TransparencyTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_ = std::make_unique<Shared>();
    tree_ = std::make_unique<NaiveTree>(shared_->leaves);
  }
  static void TearDownTestSuite() {
    tree_.reset();
    shared_.reset();
  }
  // The checkpoint that the ledger had when it had so many entries.
  static StoredCheckpoint CheckpointAt(std::uint64_t size) {
    return {.size = size, .note = Get(shared_->signer.Sign(size, tree_->Root(size)))};
  }
  static Sha256 LeafHash(std::uint64_t index) { return tree_->At(0, index); }

  // NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables,readability-identifier-naming)
  inline static std::unique_ptr<Shared> shared_;
  inline static std::unique_ptr<NaiveTree> tree_;
  // NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables,readability-identifier-naming)
  std::unique_ptr<Snapshot> snapshot_ = Get(shared_->store->OpenSnapshot());
};

const std::vector<std::uint64_t>& Sizes() {
  static const std::vector<std::uint64_t> kSizes = {1,   2,   3,   255,  256,   257,   258,
                                                    511, 512, 513, 1000, 65535, 65536, 65537};
  return kSizes;
}

// Some indexes of a tree: all of a small one, else those at borders.
std::set<std::uint64_t> IndexesIn(std::uint64_t size) {
  std::set<std::uint64_t> indexes;
  for (std::uint64_t index = 0; index < size; index += size < 300 ? 1 : size / 13) {
    indexes.insert(index);
  }
  for (const std::uint64_t border : {256U, 512U, 65536U}) {
    for (std::uint64_t index = border - 2; index < border + 2; ++index) {
      if (index < size) {
        indexes.insert(index);
      }
    }
  }
  indexes.insert(size - 1);
  return indexes;
}

TEST_F(TransparencyTest, EntriesAreProvedInTreesOfAllShapes) {
  for (const std::uint64_t size : Sizes()) {
    const StoredCheckpoint checkpoint = CheckpointAt(size);
    for (const std::uint64_t index : IndexesIn(size)) {
      const LogProof proof = Get(LogProof::Parse(Get(ProveEntry(*snapshot_, index, checkpoint))));
      EXPECT_EQ(proof.index, index);
      EXPECT_EQ(proof.checkpoint.Text(), checkpoint.note);
      EXPECT_EQ(proof.extra, "");
      EXPECT_TRUE(VerifyInclusion(LeafHash(index), index, size, proof.hashes, tree_->Root(size)))
          << index << " of " << size;
    }
  }
}

TEST_F(TransparencyTest, WhatIsNotInTheTreeIsNotProved) {
  for (const std::uint64_t size : {std::uint64_t{1}, std::uint64_t{256}, kLargest}) {
    for (const std::uint64_t index : {size, size + 1, UINT64_MAX, std::uint64_t{1} << 63U}) {
      const auto proof = ProveEntry(*snapshot_, index, CheckpointAt(size));
      ASSERT_FALSE(proof);
      EXPECT_EQ(proof.error().code(), Errc::kInvalid);
    }
  }
}

TEST_F(TransparencyTest, EveryTreeExtendsEverySmallerOne) {
  for (const std::uint64_t size : Sizes()) {
    const StoredCheckpoint checkpoint = CheckpointAt(size);
    for (const std::uint64_t old : Sizes()) {
      const auto text = ProveExtension(*snapshot_, CheckpointAt(old).note, checkpoint);
      ASSERT_EQ(text.has_value(), old <= size);
      if (text) {
        EXPECT_TRUE(VerifyConsistency(old, tree_->Root(old), size, tree_->Root(size),
                                      Get(ParseHashList(*text))))
            << old << " " << size;
        EXPECT_EQ(text->empty(), old == size);
      } else {
        EXPECT_EQ(text.error().code(), Errc::kInvalid);
      }
    }
  }
}

TEST_F(TransparencyTest, TheEmptyTreeIsExtendedByAll) {
  const std::string empty = Get(shared_->signer.Sign(0, EmptyRoot()));
  EXPECT_EQ(Get(ProveExtension(*snapshot_, empty, CheckpointAt(7))), "");
  const std::string wrong = Get(shared_->signer.Sign(0, tree_->Root(1)));
  EXPECT_FALSE(ProveExtension(*snapshot_, wrong, CheckpointAt(7)));
}

TEST_F(TransparencyTest, OtherTreesAreNotExtended) {
  const StoredCheckpoint now = CheckpointAt(kLargest);
  const auto code = [&](const std::string& older) {
    const auto proof = ProveExtension(*snapshot_, older, now);
    return proof ? std::nullopt : std::optional(proof.error().code());
  };
  EXPECT_EQ(code(Get(shared_->signer.Sign(300, tree_->Root(299)))), Errc::kInvalid);
  EXPECT_EQ(code(Get(shared_->signer.Sign(kLargest, tree_->Root(299)))), Errc::kInvalid);
  const Checkpoint foreign{.origin = "other", .size = 300, .root = tree_->Root(300)};
  EXPECT_EQ(code(foreign.BodyText() + "\n— other AAAAAAAA\n"), Errc::kInvalid);
  for (const std::string& text : {std::string(), std::string("x"), now.note.substr(0, 50)}) {
    EXPECT_EQ(code(text), Errc::kInvalid) << text;
  }
}

TEST_F(TransparencyTest, AnEntryIsFoundBySessionAndSeq) {
  std::map<std::string, std::uint64_t> begins;
  for (std::uint64_t i = 0; i < shared_->entries.size();
       i += i < kAlone + 10 || i > kLargest - 10 ? 1 : 997) {
    const Entry& entry = shared_->entries[i];
    EXPECT_EQ(
        Get(FindIndex(*snapshot_, entry.identity.session_id + ":" + std::to_string(entry.seq))), i);
  }
  EXPECT_EQ(Get(FindIndex(*snapshot_, "al:7")), 7U);  // the beginning will do
}

TEST_F(TransparencyTest, AnEntryIsFoundByItsHash) {
  for (const std::uint64_t index : {std::uint64_t{0}, kAlone, kLargest - 1}) {
    EXPECT_EQ(Get(FindIndex(*snapshot_, canon::HexEncode(shared_->entries[index].hash.view()))),
              index);
  }
}

TEST_F(TransparencyTest, WhatNamesNoEntryIsNotFound) {
  const auto code = [this](std::string_view name) {
    const auto found = FindIndex(*snapshot_, name);
    return found ? std::nullopt : std::optional(found.error().code());
  };
  for (const std::string_view name :
       {"", ":", ":0", "alone", "alone:", "alone:x", "alone:-1", "alone:1.5", "alone:1 ",
        "alone:99999999999999999999999", "mixed:0", "mixed-:0", "m:0"}) {
    EXPECT_EQ(code(name), Errc::kInvalid) << name;
  }
  for (const std::string_view name :
       {"alone:1000", "alone:18446744073709551615", "nobody:0", "alone:alone:0"}) {
    EXPECT_EQ(code(name), Errc::kNotFound) << name;
  }
  EXPECT_EQ(code(std::string(64, '0')), Errc::kNotFound);
  EXPECT_EQ(code(std::string(63, '0')), Errc::kInvalid);
}

// What the tree of so many entries is as files.
Files FilesOf(const NaiveTree& tree, const std::vector<std::string>& leaves, std::uint64_t size) {
  Files files;
  for (unsigned level = 0; (size >> (8 * level)) > 0; ++level) {
    const std::uint64_t nodes = size >> (8 * level);
    for (std::uint64_t first = 0; first < nodes; first += 256) {
      const std::uint64_t width = std::min<std::uint64_t>(256, nodes - first);
      TileId tile{.level = level, .index = first / 256, .width = static_cast<unsigned>(width)};
      for (std::uint64_t i = first; i < first + width; ++i) {
        files[tile.Path()] += tree.At(8 * level, i).view();
        if (level == 0) {
          TileId bundle = tile;
          bundle.kind = TileId::Kind::kEntries;
          const std::string& leaf = leaves[i];
          std::string& file = files[bundle.Path()];
          file += static_cast<char>(leaf.size() / 256);
          file += static_cast<char>(leaf.size() % 256);
          file += leaf;
        }
      }
    }
  }
  return files;
}

TEST_F(TransparencyTest, TilesAreTheTree) {
  for (const std::uint64_t size : Sizes()) {
    Files expected = FilesOf(*tree_, shared_->leaves, size);
    const StoredCheckpoint checkpoint = CheckpointAt(size);
    expected["checkpoint"] = checkpoint.note;
    Files files;
    std::string last;
    Get(ExportTiles(*snapshot_, 0, checkpoint,
                    [&](const std::string& path, std::string_view content) -> base::Result<> {
                      EXPECT_TRUE(files.emplace(path, content).second) << path;
                      last = path;
                      return {};
                    }));
    EXPECT_TRUE(files == expected) << size;
    EXPECT_EQ(last, "checkpoint");
  }
}

TEST_F(TransparencyTest, ALaterExportAddsWhatIsNew) {
  for (const std::uint64_t old : Sizes()) {
    for (const std::uint64_t size : Sizes()) {
      if (old > size) {
        continue;
      }
      const Files before = FilesOf(*tree_, shared_->leaves, old);
      Files files = before;
      Get(ExportTiles(*snapshot_, old, CheckpointAt(size),
                      [&](const std::string& path, std::string_view content) -> base::Result<> {
                        EXPECT_FALSE(before.contains(path)) << path << " was there";
                        files.insert_or_assign(path, content);
                        return {};
                      }));
      for (const auto& [path, content] : FilesOf(*tree_, shared_->leaves, size)) {
        EXPECT_TRUE(files[path] == content) << old << " " << size << " " << path;
      }
    }
  }
}

TEST_F(TransparencyTest, AFileThatCannotBeWrittenEndsTheExport) {
  for (const int failing : {1, 2, 5}) {
    int files = 0;
    const auto exported = ExportTiles(
        *snapshot_, 0, CheckpointAt(600), [&](const std::string& path, std::string_view) {
          EXPECT_NE(path, "checkpoint");
          return ++files == failing ? base::Fail(Errc::kExhausted, "full") : base::Result<>();
        });
    ASSERT_FALSE(exported);
    EXPECT_EQ(exported.error().code(), Errc::kExhausted);
    EXPECT_EQ(files, failing);
  }
}

// A ledger that a test may change.
class CheckpointOfAllTest : public testing::Test {
 protected:
  StoredCheckpoint Newest() {
    return Get(NewestCheckpoint(*Get(ledger_.store().OpenSnapshot()))).value_or(StoredCheckpoint());
  }
  TempDirectory directory_;
  Ledger ledger_ = Get(Ledger::Open(directory_.path(), Ledger::Mode::kCreate));
  LedgerSigner& signer_ = *Get(ledger_.Signer());
};

TEST_F(CheckpointOfAllTest, IsMadeWhenEntriesCame) {
  EXPECT_EQ(Get(NewestCheckpoint(*Get(ledger_.store().OpenSnapshot()))).has_value(), false);
  const StoredCheckpoint empty = Get(CheckpointOfAll(ledger_.store(), signer_));
  EXPECT_EQ(empty.size, 0U);
  FilledLedger::AddSession(ledger_, "s1", 4);
  const StoredCheckpoint four = Get(CheckpointOfAll(ledger_.store(), signer_));
  EXPECT_EQ(four.size, 4U);
  EXPECT_EQ(Newest().note, four.note);
  EXPECT_EQ(Get(CheckpointOfAll(ledger_.store(), signer_)).note, four.note);
  EXPECT_TRUE(Get(ledger_.Verify()).ok());
  const auto checkpoint = Get(Checkpoint::Parse(Get(canon::SignedNote::Parse(four.note)).text));
  MerkleHasher hasher;
  EXPECT_EQ(checkpoint.root, Get(Get(ledger_.store().OpenSnapshot())->Tree()).Root(hasher));
}

TEST_F(CheckpointOfAllTest, AnEmptyOrCutLedgerIsNotSignedAgain) {
  FilledLedger::AddSession(ledger_, "s1", 4);
  Get(CheckpointOfAll(ledger_.store(), signer_));
  Tamper(directory_.File("audit.db")).Do("UPDATE tree SET size = 0, nodes = x''");
  const auto again = CheckpointOfAll(ledger_.store(), signer_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Errc::kCorrupt);
}

TEST_F(CheckpointOfAllTest, ADamagedLedgerGivesNoProof) {
  FilledLedger::AddSession(ledger_, "s1", 400);
  const StoredCheckpoint older = Get(CheckpointOfAll(ledger_.store(), signer_));
  FilledLedger::AddSession(ledger_, "s2", 400);
  const StoredCheckpoint all = Get(CheckpointOfAll(ledger_.store(), signer_));
  const auto prove = [&](std::uint64_t index) {
    const auto proof = ProveEntry(*Get(ledger_.store().OpenSnapshot()), index, all);
    return proof ? std::nullopt : std::optional(proof.error().code());
  };
  const auto extend = [&] {
    const auto proof = ProveExtension(*Get(ledger_.store().OpenSnapshot()), older.note, all);
    return proof ? std::nullopt : std::optional(proof.error().code());
  };
  EXPECT_EQ(prove(5), std::nullopt);
  EXPECT_EQ(extend(), std::nullopt);
  Tamper tamper(directory_.File("audit.db"));
  tamper.Do("UPDATE entries SET hash = zeroblob(32) WHERE id = 790");
  EXPECT_EQ(prove(789), Errc::kCorrupt);  // the leaf itself
  EXPECT_EQ(prove(780), Errc::kCorrupt);  // a leaf beside it
  EXPECT_EQ(prove(5), Errc::kCorrupt);    // under another tile
  EXPECT_EQ(extend(), Errc::kCorrupt);
  tamper.Do("UPDATE entries SET hash = zeroblob(32) WHERE id = 399");
  EXPECT_EQ(extend(), Errc::kInvalid);
  tamper.Do("UPDATE sessions SET first_id = 9223372036854775807, head_seq = 9223372036854775807");
  EXPECT_EQ(FindIndex(*Get(ledger_.store().OpenSnapshot()), "s1:7").error().code(), Errc::kCorrupt);
}

}  // namespace
}  // namespace aegis::ledger
