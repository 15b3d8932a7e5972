#include "ledger/tree_reader.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/test_forge.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

// The definition: RFC 6962 section 2.1.
canon::Sha256 RootOf(std::span<const std::string> leaves) {
  if (leaves.empty()) {
    return canon::HashSha256({});
  }
  if (leaves.size() == 1) {
    return canon::HashSha256(std::string(1, '\0') + leaves[0]);
  }
  const std::size_t left = std::bit_floor(leaves.size() - 1);
  return canon::HashSha256(std::string(1, '\1') + std::string(RootOf(leaves.first(left)).view()) +
                           std::string(RootOf(leaves.subspan(left)).view()));
}

class TreeReaderTest : public testing::Test {
 protected:
  // A store with so many entries, and their leaves as the format says.
  void Fill(int entries) {
    EntryMaker maker;
    for (int i = 0; i < entries; ++i) {
      maker.Add(i % 3 == 0 ? "a" : "b", "E", R"({"n":)" + std::to_string(i) + "}");
    }
    StoreAll(*store_, maker.entries());
    for (const Entry& entry : maker.entries()) {
      leaves_.push_back(R"({"hash":")" + canon::HexEncode(entry.hash.view()) + R"(","seq":)" +
                        std::to_string(entry.seq) + R"(,"session_id":")" +
                        entry.identity.session_id + R"(","tenant_id":"local"})");
    }
  }
  std::span<const std::string> Leaves(std::uint64_t first, std::uint64_t count) const {
    return std::span(leaves_).subspan(first, count);
  }

  TempDirectory directory_;
  std::string path_ = directory_.File("audit.db");
  std::unique_ptr<Store> store_ = Get(OpenSqliteStore(path_, OpenMode::kCreate));
  std::vector<std::string> leaves_;
};

TEST_F(TreeReaderTest, EveryNodeIsTheHashOfItsLeaves) {
  constexpr int kEntries = 1100;
  Fill(kEntries);
  const auto snapshot = Get(store_->OpenSnapshot());
  TreeReader reader(*snapshot);
  for (unsigned level = 0; (1U << level) <= kEntries; ++level) {
    const std::uint64_t width = std::uint64_t{1} << level;
    for (std::uint64_t index = 0; (index + 1) * width <= kEntries; index += level < 5 ? 37 : 1) {
      EXPECT_EQ(Get(reader.Node(level, index)), RootOf(Leaves(index * width, width)))
          << level << " " << index;
    }
  }
}

TEST_F(TreeReaderTest, LeavesAreAsTheFormatSays) {
  Fill(300);
  const auto snapshot = Get(store_->OpenSnapshot());
  TreeReader reader(*snapshot);
  EXPECT_EQ(Get(reader.Leaves(0, 300)), leaves_);
  EXPECT_EQ(Get(reader.Leaves(255, 2)), std::vector<std::string>({leaves_[255], leaves_[256]}));
  EXPECT_TRUE(Get(reader.Leaves(7, 0)).empty());
}

TEST_F(TreeReaderTest, WhatIsNotThereIsDamage) {
  Fill(600);
  const auto expect_corrupt = [this](unsigned level, std::uint64_t index) {
    const auto snapshot = Get(store_->OpenSnapshot());
    TreeReader reader(*snapshot);
    const auto node = reader.Node(level, index);
    ASSERT_FALSE(node) << level << " " << index;
    EXPECT_EQ(node.error().code(), base::Errc::kCorrupt);
  };
  expect_corrupt(0, 600);
  expect_corrupt(0, std::uint64_t{1} << 62U);
  expect_corrupt(5, 18);  // its last leaves are missing
  expect_corrupt(8, 2);
  expect_corrupt(9, 1);
  expect_corrupt(61, 0);
  Tamper(path_).Do("UPDATE entries SET hash = x'00' WHERE id = 100");
  expect_corrupt(0, 99);
  expect_corrupt(7, 0);
  Tamper(path_).Do("DELETE FROM entries WHERE id = 300");
  expect_corrupt(3, 37);
  Tamper(path_).Do("UPDATE tiles SET hashes = substr(hashes, 1, 40)");
  expect_corrupt(8, 1);
  Tamper(path_).Do("UPDATE tiles SET hashes = CAST(hashes AS TEXT)");
  expect_corrupt(8, 0);
}

}  // namespace
}  // namespace aegis::ledger
