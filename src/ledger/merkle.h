#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "canon/canon.h"

// The Merkle tree of RFC 6962 section 2.1 (RFC 9162 section 2.1 hashes alike). Leaves are counted
// from 0. A node of level l and index i is the root of the perfect subtree over the leaves
// [i * 2^l, (i + 1) * 2^l).
namespace aegis::ledger {

// The two hashes of the tree. One thread; keep one for many hashes.
class MerkleHasher {
 public:
  canon::Sha256 Leaf(std::string_view data);
  canon::Sha256 Node(const canon::Sha256& left, const canon::Sha256& right);

 private:
  canon::Sha256Hasher hasher_;
};

// The root of the tree without leaves.
canon::Sha256 EmptyRoot();

// The root hashes of the perfect subtrees that make up a run of leaves, largest first: all that is
// needed to append more leaves and to name the root. A value; 32 bytes for each bit of its size.
class CompactRange {
 public:
  CompactRange() = default;
  // A range of `size` leaves from its subtree hashes; kCorrupt if their number is not that of the
  // bits in `size`.
  static base::Result<CompactRange> FromNodes(std::uint64_t size, std::vector<canon::Sha256> nodes);

  // Sees each perfect subtree of level >= 1 as its last leaf is appended.
  using NodeVisitor =
      std::function<void(unsigned level, std::uint64_t index, const canon::Sha256& hash)>;
  void Append(MerkleHasher& hasher, const canon::Sha256& leaf_hash,
              const NodeVisitor& on_node = nullptr);
  // Appends another range, which was counted from 0; its size must divide into this one's: every
  // subtree of it is at most as large as the largest power of 2 that divides size().
  void Join(MerkleHasher& hasher, const CompactRange& right, const NodeVisitor& on_node = nullptr);

  std::uint64_t size() const { return size_; }
  const std::vector<canon::Sha256>& nodes() const { return nodes_; }
  canon::Sha256 Root(MerkleHasher& hasher) const;

  friend bool operator==(const CompactRange&, const CompactRange&) = default;

 private:
  void AppendSubtree(MerkleHasher& hasher, unsigned level, canon::Sha256 hash,
                     const NodeVisitor& on_node);
  std::uint64_t size_ = 0;
  std::vector<canon::Sha256> nodes_;
};

// Where hashes of nodes come from. Only nodes whose leaves are all in the tree are asked for.
class NodeSource {
 public:
  NodeSource() = default;
  NodeSource(const NodeSource&) = delete;
  NodeSource& operator=(const NodeSource&) = delete;
  virtual ~NodeSource() = default;
  virtual base::Result<canon::Sha256> Node(unsigned level, std::uint64_t index) = 0;
};

// The root of the tree over the first `size` leaves.
base::Result<canon::Sha256> RootAt(std::uint64_t size, NodeSource& source);

// RFC 6962 section 2.1.1, from the leaf's sibling up; kInvalid unless index < size.
base::Result<std::vector<canon::Sha256>> ProveInclusion(std::uint64_t index, std::uint64_t size,
                                                        NodeSource& source);
// RFC 6962 section 2.1.2; kInvalid unless old_size <= size. Empty for 0 and for equal sizes.
base::Result<std::vector<canon::Sha256>> ProveConsistency(std::uint64_t old_size,
                                                          std::uint64_t size, NodeSource& source);

// Whether a proof holds: RFC 9162 sections 2.1.3.2 and 2.1.4.2. Any input is safe. A tree of size 0
// has no entries, and is a prefix of every tree if its root is EmptyRoot().
bool VerifyInclusion(const canon::Sha256& leaf_hash, std::uint64_t index, std::uint64_t size,
                     std::span<const canon::Sha256> proof, const canon::Sha256& root);
bool VerifyConsistency(std::uint64_t old_size, const canon::Sha256& old_root, std::uint64_t size,
                       const canon::Sha256& root, std::span<const canon::Sha256> proof);

}  // namespace aegis::ledger
