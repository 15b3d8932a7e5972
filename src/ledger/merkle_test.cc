#include "ledger/merkle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"
#include "ledger/test_ledger.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using canon::HashSha256;
using canon::Sha256;
using Proof = std::vector<Sha256>;

constexpr std::uint64_t kLargest = 300;

Sha256 FromHex(std::string_view hex) { return canon::Sha256FromHex(hex).value(); }

// RFC 6962 section 2.1 as it stands there: recursive, over the leaves themselves.
class Reference {
 public:
  explicit Reference(std::vector<std::string> leaves) : leaves_(std::move(leaves)) {}

  Sha256 Root(std::uint64_t size) { return Mth(0, size); }
  Sha256 LeafHash(std::uint64_t index) { return Mth(index, index + 1); }
  Proof Path(std::uint64_t index, std::uint64_t size) { return Path(index, 0, size); }
  Proof Consistency(std::uint64_t old_size, std::uint64_t size) {
    return Subproof(old_size, 0, size, true);
  }

  Sha256 Mth(std::uint64_t begin, std::uint64_t end) {
    const auto known = hashes_.find({begin, end});
    if (known != hashes_.end()) {
      return known->second;
    }
    Sha256 hash = HashSha256("");
    if (end - begin == 1) {
      hash = HashSha256(std::string(1, '\0') + leaves_.at(begin));
    } else if (end > begin) {
      const std::uint64_t k = Split(end - begin);
      hash = HashSha256('\1' + std::string(Mth(begin, begin + k).view()) +
                        std::string(Mth(begin + k, end).view()));
    }
    hashes_[{begin, end}] = hash;
    return hash;
  }

 private:
  // The largest power of two smaller than n.
  static std::uint64_t Split(std::uint64_t n) {
    std::uint64_t k = 1;
    while (k * 2 < n) {
      k *= 2;
    }
    return k;
  }
  Proof Path(std::uint64_t m, std::uint64_t begin, std::uint64_t end) {
    if (end - begin == 1) {
      return {};
    }
    const std::uint64_t k = Split(end - begin);
    Proof path = m < k ? Path(m, begin, begin + k) : Path(m - k, begin + k, end);
    path.push_back(m < k ? Mth(begin + k, end) : Mth(begin, begin + k));
    return path;
  }
  Proof Subproof(std::uint64_t m, std::uint64_t begin, std::uint64_t end, bool whole) {
    if (m == end - begin) {
      return whole ? Proof{} : Proof{Mth(begin, end)};
    }
    const std::uint64_t k = Split(end - begin);
    Proof proof =
        m <= k ? Subproof(m, begin, begin + k, whole) : Subproof(m - k, begin + k, end, false);
    proof.push_back(m <= k ? Mth(begin + k, end) : Mth(begin, begin + k));
    return proof;
  }

  std::vector<std::string> leaves_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Sha256> hashes_;
};

Reference NumberedLeaves() {
  std::vector<std::string> leaves;
  leaves.reserve(kLargest);
  for (std::uint64_t i = 0; i < kLargest; ++i) {
    leaves.push_back("leaf " + std::to_string(i));
  }
  return Reference(std::move(leaves));
}

// The nodes of a tree of `size` leaves; asking for one that is not wholly in it fails the test.
class TreeNodes final : public NodeSource {
 public:
  TreeNodes(Reference& reference, std::uint64_t size) : reference_(reference), size_(size) {}
  base::Result<Sha256> Node(unsigned level, std::uint64_t index) override {
    const std::uint64_t end = (index + 1) << level;
    if (end > size_) {
      ADD_FAILURE() << "asked for node " << level << '/' << index << " of a tree of " << size_;
      return base::Fail(Errc::kInternal, "no such node");
    }
    return reference_.Mth(index << level, end);
  }

 private:
  Reference& reference_;
  std::uint64_t size_;
};

// The published leaves that several implementations are tested with, and the roots over them.
Reference PublishedLeaves() {
  std::vector<std::string> leaves;
  for (const char* hex : {"", "00", "10", "2021", "3031", "40414243", "5051525354555657",
                          "606162636465666768696a6b6c6d6e6f"}) {
    leaves.push_back(canon::HexDecode(hex).value());
  }
  return Reference(std::move(leaves));
}
constexpr std::string_view kPublishedRoots[] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

TEST(MerkleTest, RootsAreThePublishedOnes) {
  Reference reference = PublishedLeaves();
  MerkleHasher hasher;
  CompactRange range;
  for (std::uint64_t size = 0; size < std::size(kPublishedRoots); ++size) {
    const Sha256 root = FromHex(kPublishedRoots[size]);
    TreeNodes nodes(reference, size);
    EXPECT_EQ(reference.Root(size), root);
    EXPECT_EQ(range.Root(hasher), root);
    EXPECT_EQ(Get(RootAt(size, nodes)), root);
    if (size + 1 < std::size(kPublishedRoots)) {
      range.Append(hasher, reference.LeafHash(size));
    }
  }
  EXPECT_EQ(EmptyRoot(), FromHex(kPublishedRoots[0]));
  EXPECT_EQ(hasher.Leaf(""), FromHex(kPublishedRoots[1]));
  EXPECT_EQ(hasher.Leaf("L123456"),
            FromHex("395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"));
  EXPECT_EQ(hasher.Node(hasher.Leaf(""), hasher.Leaf(std::string(1, '\0'))),
            FromHex(kPublishedRoots[2]));
}

// The hashes of a published probe; nullopt if one is not 32 bytes, which the types can't hold.
std::optional<Proof> ProofOf(const std::string& text) {
  Proof proof;
  std::istringstream in(text == "none" ? "" : text);
  for (std::string hex; std::getline(in, hex, ',');) {
    const auto hash = canon::Sha256FromHex(hex);
    if (!hash) {
      return std::nullopt;
    }
    proof.push_back(*hash);
  }
  return proof;
}

// Calls check(good, a, b, first hash, second hash, proof) for each published probe that can be
// said; returns how many were good and bad.
template <typename Check>
std::pair<int, int> ForEachProbe(const std::string& name, const Check& check) {
  std::ifstream in(std::string(AEGIS_TEST_VECTORS) + "/merkle/" + name);
  std::pair<int, int> counts;
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  for (std::string verdict, first, second, text, what;
       in >> verdict >> a >> b >> first >> second >> text >> what;) {
    const auto first_hash = canon::Sha256FromHex(first);
    const auto second_hash = canon::Sha256FromHex(second);
    const auto proof = ProofOf(text);
    if (first_hash && second_hash && proof) {
      const bool good = verdict == "good";
      ++(good ? counts.first : counts.second);
      EXPECT_EQ(check(a, b, *first_hash, *second_hash, *proof), good)
          << what << ' ' << a << ' ' << b;
    }
  }
  return counts;
}

TEST(MerkleTest, PublishedInclusionProofsHoldAndCorruptedOnesDoNot) {
  const auto counts = ForEachProbe(
      "inclusion.txt",
      [](std::uint64_t index, std::uint64_t size, const Sha256& leaf, const Sha256& root,
         const Proof& proof) { return VerifyInclusion(leaf, index, size, proof, root); });
  EXPECT_EQ(counts, std::pair(6, 66));
}

TEST(MerkleTest, PublishedConsistencyProofsHoldAndCorruptedOnesDoNot) {
  const auto counts = ForEachProbe(
      "consistency.txt",
      [](std::uint64_t old_size, std::uint64_t size, const Sha256& old_root, const Sha256& root,
         const Proof& proof) { return VerifyConsistency(old_size, old_root, size, root, proof); });
  EXPECT_EQ(counts, std::pair(5, 66));
}

TEST(MerkleTest, InclusionProofsOfAllTreesAreThoseOfTheDefinition) {
  Reference reference = NumberedLeaves();
  for (std::uint64_t size = 1; size <= kLargest; ++size) {
    TreeNodes nodes(reference, size);
    const Sha256 root = reference.Root(size);
    for (std::uint64_t index = 0; index < size; ++index) {
      const Proof proof = Get(ProveInclusion(index, size, nodes));
      ASSERT_EQ(proof, reference.Path(index, size)) << index << ' ' << size;
      const Sha256 leaf = reference.LeafHash(index);
      ASSERT_TRUE(VerifyInclusion(leaf, index, size, proof, root)) << index << ' ' << size;
      // For no other leaf, place or root.
      ASSERT_FALSE(VerifyInclusion(leaf, (index + 1) % (size + 1), size, proof, root));
      ASSERT_FALSE(VerifyInclusion(leaf, index, size, proof, reference.Root(size - 1)));
      ASSERT_FALSE(VerifyInclusion(root, index, size, proof, root) && size > 1);
    }
    EXPECT_FALSE(ProveInclusion(size, size, nodes));
  }
}

TEST(MerkleTest, ConsistencyProofsOfAllTreesAreThoseOfTheDefinition) {
  Reference reference = NumberedLeaves();
  for (std::uint64_t size = 1; size <= kLargest; ++size) {
    TreeNodes nodes(reference, size);
    const Sha256 root = reference.Root(size);
    for (std::uint64_t old_size = 1; old_size <= size; ++old_size) {
      const Proof proof = Get(ProveConsistency(old_size, size, nodes));
      ASSERT_EQ(proof, reference.Consistency(old_size, size)) << old_size << ' ' << size;
      const Sha256 old_root = reference.Root(old_size);
      ASSERT_TRUE(VerifyConsistency(old_size, old_root, size, root, proof));
      // For no other tree.
      ASSERT_FALSE(VerifyConsistency(old_size, reference.Root(old_size - 1), size, root, proof));
      ASSERT_FALSE(VerifyConsistency(old_size, old_root, size, reference.Root(size - 1), proof));
      ASSERT_FALSE(VerifyConsistency(old_size - 1, old_root, size, root, proof));
    }
    EXPECT_TRUE(Get(ProveConsistency(0, size, nodes)).empty());
    EXPECT_TRUE(VerifyConsistency(0, EmptyRoot(), size, root, {}));
    EXPECT_FALSE(VerifyConsistency(0, root, size, root, {}));
    EXPECT_FALSE(VerifyConsistency(0, EmptyRoot(), size, root, Proof{root}));
    EXPECT_FALSE(ProveConsistency(size + 1, size, nodes));
  }
  EXPECT_TRUE(VerifyConsistency(0, EmptyRoot(), 0, EmptyRoot(), {}));
}

// All that a proof can be turned into by one change of its hashes.
std::vector<Proof> Corrupted(const Proof& proof, std::mt19937_64& random) {
  std::vector<Proof> all;
  const Sha256 other = HashSha256(std::to_string(random()));
  for (std::size_t i = 0; i <= proof.size(); ++i) {
    Proof longer = proof;
    longer.insert(longer.begin() + static_cast<std::ptrdiff_t>(i), other);
    all.push_back(longer);
    if (i == proof.size()) {
      break;
    }
    Proof changed = proof;
    changed[i].bytes[random() % 32] ^= static_cast<std::uint8_t>(1U << (random() % 8));
    all.push_back(changed);
    Proof shorter = proof;
    shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(i));
    all.push_back(shorter);
    if (i > 0) {
      Proof swapped = proof;
      std::swap(swapped[i - 1], swapped[i]);
      all.push_back(swapped);
    }
  }
  return all;
}

TEST(MerkleTest, AProofWithAnyOtherHashFails) {
  std::mt19937_64 random(17);  // NOLINT(bugprone-random-generator-seed): the same on every run
  Reference reference = NumberedLeaves();
  for (int round = 0; round < 1000; ++round) {
    const std::uint64_t size = 1 + random() % kLargest;
    const std::uint64_t index = random() % size;
    const Sha256 root = reference.Root(size);
    const Sha256 leaf = reference.LeafHash(index);
    for (const Proof& proof : Corrupted(reference.Path(index, size), random)) {
      EXPECT_FALSE(VerifyInclusion(leaf, index, size, proof, root)) << index << ' ' << size;
    }
    const std::uint64_t old_size = index + 1;
    const Sha256 old_root = reference.Root(old_size);
    for (const Proof& proof : Corrupted(reference.Consistency(old_size, size), random)) {
      EXPECT_FALSE(VerifyConsistency(old_size, old_root, size, root, proof))
          << old_size << ' ' << size;
    }
  }
}

// A tree whose leaves are all alike: as large as one likes.
class EqualLeaves final : public NodeSource {
 public:
  EqualLeaves() {
    MerkleHasher hasher;
    hashes_.push_back(hasher.Leaf("the same"));
    while (hashes_.size() < 64) {
      hashes_.push_back(hasher.Node(hashes_.back(), hashes_.back()));
    }
  }
  base::Result<Sha256> Node(unsigned level, std::uint64_t /*index*/) override {
    return hashes_.at(level);
  }

 private:
  std::vector<Sha256> hashes_;
};

TEST(MerkleTest, VeryLargeTreesAreProvedAlike) {
  std::mt19937_64 random(19);  // NOLINT(bugprone-random-generator-seed): the same on every run
  EqualLeaves nodes;
  const Sha256 leaf = Get(nodes.Node(0, 0));
  for (int round = 0; round < 300; ++round) {
    const std::uint64_t size = round == 0 ? UINT64_MAX : (random() >> (random() % 40)) | 1U;
    const std::uint64_t index = round == 0 ? size - 1 : random() % size;
    const Sha256 root = Get(RootAt(size, nodes));
    const Proof path = Get(ProveInclusion(index, size, nodes));
    EXPECT_LE(path.size(), 64U);
    EXPECT_TRUE(VerifyInclusion(leaf, index, size, path, root)) << index << ' ' << size;
    EXPECT_FALSE(VerifyInclusion(root, index, size, path, root) && size > 1);
    const std::uint64_t old_size = index + 1;
    const Sha256 old_root = Get(RootAt(old_size, nodes));
    const Proof proof = Get(ProveConsistency(old_size, size, nodes));
    EXPECT_TRUE(VerifyConsistency(old_size, old_root, size, root, proof))
        << old_size << ' ' << size;
    EXPECT_FALSE(VerifyConsistency(old_size, leaf, size, root, proof) && old_size > 1);
  }
}

TEST(MerkleTest, ASourceThatFailsIsAnError) {
  class Broken final : public NodeSource {
    base::Result<Sha256> Node(unsigned /*level*/, std::uint64_t /*index*/) override {
      return base::Fail(Errc::kCorrupt, "gone");
    }
  } broken;
  EXPECT_FALSE(RootAt(3, broken));
  EXPECT_FALSE(ProveInclusion(1, 3, broken));
  EXPECT_FALSE(ProveConsistency(1, 3, broken));
  EXPECT_EQ(Get(RootAt(0, broken)), EmptyRoot());
}

TEST(CompactRangeTest, ShowsEachPerfectSubtreeOnce) {
  Reference reference = NumberedLeaves();
  MerkleHasher hasher;
  CompactRange range;
  std::map<std::pair<unsigned, std::uint64_t>, Sha256> seen;
  for (std::uint64_t size = 0; size < kLargest; ++size) {
    range.Append(hasher, reference.LeafHash(size),
                 [&](unsigned level, std::uint64_t index, const Sha256& hash) {
                   EXPECT_TRUE(seen.emplace(std::pair(level, index), hash).second);
                   EXPECT_EQ((index + 1) << level, size + 1);  // at once, when its last leaf came
                   EXPECT_EQ(hash, reference.Mth(index << level, (index + 1) << level));
                 });
    EXPECT_EQ(range.size(), size + 1);
    EXPECT_EQ(range.Root(hasher), reference.Root(size + 1));
    EXPECT_EQ(Get(CompactRange::FromNodes(range.size(), range.nodes())), range);
  }
  std::size_t subtrees = 0;
  for (unsigned level = 1; (kLargest >> level) > 0; ++level) {
    subtrees += kLargest >> level;
  }
  EXPECT_EQ(seen.size(), subtrees);
}

TEST(CompactRangeTest, JoinsAtAnyPlaceThatFits) {
  Reference reference = NumberedLeaves();
  MerkleHasher hasher;
  for (std::uint64_t middle = 1; middle < kLargest; ++middle) {
    CompactRange left;
    for (std::uint64_t i = 0; i < middle; ++i) {
      left.Append(hasher, reference.LeafHash(i));
    }
    const std::uint64_t fits = middle & (~middle + 1);  // the largest power of 2 that divides it
    CompactRange right;
    for (std::uint64_t i = middle; i < std::min(middle + fits, kLargest); ++i) {
      right.Append(hasher, reference.LeafHash(i));
      CompactRange joined = left;
      std::map<std::pair<unsigned, std::uint64_t>, Sha256> seen;
      joined.Join(hasher, right, [&](unsigned level, std::uint64_t index, const Sha256& hash) {
        EXPECT_TRUE(seen.emplace(std::pair(level, index), hash).second);
        EXPECT_EQ(hash, reference.Mth(index << level, (index + 1) << level));
      });
      ASSERT_EQ(joined.size(), i + 1);
      ASSERT_EQ(joined.Root(hasher), reference.Root(i + 1)) << middle << ' ' << i;
    }
  }
  CompactRange empty;
  CompactRange same;
  same.Append(hasher, reference.LeafHash(0));
  CompactRange joined = same;
  joined.Join(hasher, empty);
  EXPECT_EQ(joined, same);
  empty.Join(hasher, same);
  EXPECT_EQ(empty, same);
}

TEST(CompactRangeTest, NeedsOneNodeForEachBit) {
  const Sha256 hash = EmptyRoot();
  EXPECT_TRUE(CompactRange::FromNodes(0, {}));
  EXPECT_TRUE(CompactRange::FromNodes(6, {hash, hash}));
  EXPECT_FALSE(CompactRange::FromNodes(6, {hash}));
  EXPECT_FALSE(CompactRange::FromNodes(6, {hash, hash, hash}));
  EXPECT_FALSE(CompactRange::FromNodes(0, {hash}));
}

}  // namespace
}  // namespace aegis::ledger
