#include "ledger/merkle.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/result.h"
#include "canon/canon.h"

namespace aegis::ledger {
namespace {

using base::Errc;
using base::Fail;
using base::Result;
using canon::Sha256;

constexpr std::string_view kLeafPrefix("\0", 1);
constexpr std::string_view kNodePrefix("\1", 1);

// How a tree of `leaves` >= 2 leaves is cut in two: the largest power of 2 below it.
std::uint64_t LeftLeaves(std::uint64_t leaves) { return std::bit_floor(leaves - 1); }

// The hash over the leaves [begin, begin + leaves), where begin is a multiple of the smallest power
// of 2 that is not below `leaves`.
Result<Sha256> Subtree(std::uint64_t begin, std::uint64_t leaves, NodeSource& source,
                       MerkleHasher& hasher) {
  if (std::has_single_bit(leaves)) {
    const auto level = static_cast<unsigned>(std::countr_zero(leaves));
    return source.Node(level, begin >> level);
  }
  const std::uint64_t left = LeftLeaves(leaves);
  AEGIS_ASSIGN(const Sha256 left_hash, Subtree(begin, left, source, hasher));
  AEGIS_ASSIGN(const Sha256 right_hash, Subtree(begin + left, leaves - left, source, hasher));
  return hasher.Node(left_hash, right_hash);
}

// Climbs from a leaf or subtree to the root, as both verifications do.
class Climb {
 public:
  Climb(std::uint64_t index, std::uint64_t last, const Sha256& seed)
      : index_(index), last_(last), upper_(seed) {}

  // Takes the next hash of the proof; false: the proof is longer than the way.
  bool Step(const Sha256& hash) {
    if (last_ == 0) {
      return false;
    }
    if ((index_ & 1U) != 0 || index_ == last_) {
      lower_ = lower_ ? hasher_.Node(hash, *lower_) : lower_;
      upper_ = hasher_.Node(hash, upper_);
      while ((index_ & 1U) == 0 && index_ != 0) {
        Up();
      }
    } else {
      upper_ = hasher_.Node(upper_, hash);
    }
    Up();
    return true;
  }
  void FollowLower(const Sha256& seed) { lower_ = seed; }

  bool at_root() const { return last_ == 0; }
  const Sha256& upper() const { return upper_; }
  const std::optional<Sha256>& lower() const { return lower_; }

 private:
  void Up() {
    index_ >>= 1U;
    last_ >>= 1U;
  }
  std::uint64_t index_;
  std::uint64_t last_;
  Sha256 upper_;
  std::optional<Sha256> lower_;  // the root of the older tree, in consistency proofs
  MerkleHasher hasher_;
};

}  // namespace

Sha256 MerkleHasher::Leaf(std::string_view data) {
  hasher_.Begin();
  hasher_.Update(kLeafPrefix);
  hasher_.Update(data);
  return hasher_.Finish();
}

Sha256 MerkleHasher::Node(const Sha256& left, const Sha256& right) {
  hasher_.Begin();
  hasher_.Update(kNodePrefix);
  hasher_.Update(left.view());
  hasher_.Update(right.view());
  return hasher_.Finish();
}

Sha256 EmptyRoot() { return canon::HashSha256({}); }

Result<CompactRange> CompactRange::FromNodes(std::uint64_t size, std::vector<Sha256> nodes) {
  if (nodes.size() != static_cast<std::size_t>(std::popcount(size))) {
    return Fail(Errc::kCorrupt, "a tree of this size has another number of subtrees");
  }
  CompactRange range;
  range.size_ = size;
  range.nodes_ = std::move(nodes);
  return range;
}

void CompactRange::AppendSubtree(MerkleHasher& hasher, unsigned level, Sha256 hash,
                                 const NodeVisitor& on_node) {
  AEGIS_CHECK((size_ & ((std::uint64_t{1} << level) - 1)) == 0);
  const std::uint64_t begin = size_;
  size_ += std::uint64_t{1} << level;
  if (level > 0 && on_node) {
    on_node(level, begin >> level, hash);
  }
  // INVARIANT: nodes_ holds one subtree for each bit of the size, as in binary addition.
  while (((begin >> level) & 1U) != 0) {
    hash = hasher.Node(nodes_.back(), hash);
    nodes_.pop_back();
    ++level;
    if (on_node) {
      on_node(level, begin >> level, hash);
    }
  }
  nodes_.push_back(hash);
}

void CompactRange::Append(MerkleHasher& hasher, const Sha256& leaf_hash,
                          const NodeVisitor& on_node) {
  AppendSubtree(hasher, 0, leaf_hash, on_node);
}

void CompactRange::Join(MerkleHasher& hasher, const CompactRange& right,
                        const NodeVisitor& on_node) {
  std::uint64_t rest = right.size_;
  for (const Sha256& node : right.nodes_) {
    const std::uint64_t leaves = std::bit_floor(rest);
    AppendSubtree(hasher, static_cast<unsigned>(std::countr_zero(leaves)), node, on_node);
    rest -= leaves;
  }
}

Sha256 CompactRange::Root(MerkleHasher& hasher) const {
  if (nodes_.empty()) {
    return EmptyRoot();
  }
  Sha256 root = nodes_.back();
  for (std::size_t i = nodes_.size() - 1; i > 0; --i) {
    root = hasher.Node(nodes_[i - 1], root);
  }
  return root;
}

Result<Sha256> RootAt(std::uint64_t size, NodeSource& source) {
  if (size == 0) {
    return EmptyRoot();
  }
  MerkleHasher hasher;
  return Subtree(0, size, source, hasher);
}

Result<std::vector<Sha256>> ProveInclusion(std::uint64_t index, std::uint64_t size,
                                           NodeSource& source) {
  if (index >= size) {
    return Fail(Errc::kInvalid, "the tree has no entry of this index");
  }
  MerkleHasher hasher;
  std::vector<Sha256> siblings;  // from the root down
  std::uint64_t begin = 0;
  for (std::uint64_t leaves = size; leaves > 1;) {
    const std::uint64_t left = LeftLeaves(leaves);
    const bool go_left = index - begin < left;
    AEGIS_ASSIGN(const Sha256 sibling, go_left
                                           ? Subtree(begin + left, leaves - left, source, hasher)
                                           : Subtree(begin, left, source, hasher));
    siblings.push_back(sibling);
    begin += go_left ? 0 : left;
    leaves = go_left ? left : leaves - left;
  }
  return std::vector<Sha256>(siblings.rbegin(), siblings.rend());
}

Result<std::vector<Sha256>> ProveConsistency(std::uint64_t old_size, std::uint64_t size,
                                             NodeSource& source) {
  if (old_size > size) {
    return Fail(Errc::kInvalid, "the older tree is larger");
  }
  std::vector<Sha256> path;  // from the root down
  if (old_size == 0 || old_size == size) {
    return path;
  }
  MerkleHasher hasher;
  std::uint64_t begin = 0;
  std::uint64_t leaves = size;
  // Down to the subtree that ends where the older tree ends.
  while (begin + leaves != old_size) {
    const std::uint64_t left = LeftLeaves(leaves);
    const bool go_left = old_size - begin <= left;
    AEGIS_ASSIGN(const Sha256 sibling, go_left
                                           ? Subtree(begin + left, leaves - left, source, hasher)
                                           : Subtree(begin, left, source, hasher));
    path.push_back(sibling);
    begin += go_left ? 0 : left;
    leaves = go_left ? left : leaves - left;
  }
  // The verifier knows the older root, so that a subtree that is the whole of it is left out.
  if (begin > 0) {
    AEGIS_ASSIGN(const Sha256 seed, Subtree(begin, leaves, source, hasher));
    path.push_back(seed);
  }
  return std::vector<Sha256>(path.rbegin(), path.rend());
}

bool VerifyInclusion(const Sha256& leaf_hash, std::uint64_t index, std::uint64_t size,
                     std::span<const Sha256> proof, const Sha256& root) {
  if (index >= size) {
    return false;
  }
  Climb climb(index, size - 1, leaf_hash);
  for (const Sha256& hash : proof) {
    if (!climb.Step(hash)) {
      return false;
    }
  }
  return climb.at_root() && climb.upper() == root;
}

bool VerifyConsistency(std::uint64_t old_size, const Sha256& old_root, std::uint64_t size,
                       const Sha256& root, std::span<const Sha256> proof) {
  if (old_size == 0) {
    return proof.empty() && old_root == EmptyRoot();
  }
  if (old_size >= size) {
    return old_size == size && proof.empty() && old_root == root;
  }
  // A power of 2 is a subtree of its own, whose hash the proof leaves out.
  const bool whole = std::has_single_bit(old_size);
  if (!whole && proof.empty()) {
    return false;
  }
  const Sha256& seed = whole ? old_root : proof.front();
  const unsigned shift = static_cast<unsigned>(std::countr_one(old_size - 1));
  Climb climb((old_size - 1) >> shift, (size - 1) >> shift, seed);
  climb.FollowLower(seed);
  for (const Sha256& hash : proof.subspan(whole ? 0 : 1)) {
    if (!climb.Step(hash)) {
      return false;
    }
  }
  return climb.at_root() && climb.upper() == root && climb.lower() == old_root;
}

}  // namespace aegis::ledger
