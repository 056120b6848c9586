#pragma once

/// The Merkle tree of RFC 6962 §2.1 (unchanged in RFC 9162): hashing, growth at the right edge, inclusion and
/// consistency proofs. A tree of n leaves has the split at the largest power of two below n, so all that ever
/// changes is the right edge; every complete subtree (2^k leaves, aligned) keeps its hash for good.
///
///   CompactRange range;
///   range.append(leaf_hash(bytes_of("first")));
///   range.append(leaf_hash(bytes_of("second")));
///   Hash root = range.root();
///
/// Functions here are pure: any thread. Proofs read complete subtrees through a HashReader, which decides
/// where they are stored (tile.h reads them from tiles).

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/result.h"

namespace ciyuan::tlog {

using Hash = Digest;

/// Trees stay below 2^62 leaves, so that no index computation can overflow.
constexpr std::uint64_t kTreeSizeMax = std::uint64_t{1} << 62;
/// A proof in the largest tree has no more hashes than this.
constexpr std::size_t kProofHashesMax = 63;

/// SHA-256(0x00 ‖ entry).
Hash leaf_hash(ByteView entry);
/// SHA-256(0x01 ‖ left ‖ right).
Hash node_hash(const Hash& left, const Hash& right);
/// The root of no leaves: SHA-256 of nothing.
Hash empty_root();

/// Names a complete subtree: leaves [index·2^level, (index+1)·2^level). Level 0 is a leaf.
struct Subtree {
  unsigned level = 0;
  std::uint64_t index = 0;
  constexpr bool operator==(const Subtree&) const = default;
};

/// The right edge of a tree: the roots of the complete subtrees that its size, read in binary, is made of.
/// That is all one needs to append and to know the root. At most 62 hashes.
class CompactRange {
 public:
  CompactRange() = default;
  /// The edge of a tree of `size` leaves, from its complete subtrees, largest first (as edge_subtrees names
  /// them).
  static Result<CompactRange> from_hashes(std::uint64_t size, std::vector<Hash> hashes);

  std::uint64_t size() const { return size_; }
  /// One hash for each bit set in size, largest subtree first.
  std::span<const Hash> hashes() const { return hashes_; }

  /// Appends a leaf and calls `completed` for each subtree it completes, leaf first, upwards. One hash
  /// amortised.
  template <class Completed>
  void append(const Hash& leaf, Completed&& completed) {
    CIYUAN_CHECK(size_ < kTreeSizeMax, "a tree stays below 2^62 leaves");
    Hash hash = leaf;
    unsigned level = 0;
    completed(Subtree{0, size_}, hash);
    for (std::uint64_t bits = size_; bits & 1; bits >>= 1) {
      hash = node_hash(hashes_.back(), hash);
      hashes_.pop_back();
      completed(Subtree{++level, bits >> 1}, hash);
    }
    hashes_.push_back(hash);
    ++size_;
  }
  void append(const Hash& leaf) {
    append(leaf, [](const Subtree&, const Hash&) {});
  }

  /// O(log size).
  Hash root() const;

 private:
  std::uint64_t size_ = 0;
  std::vector<Hash> hashes_;
};

/// The complete subtrees a tree of `size` leaves is made of, largest (leftmost) first.
std::vector<Subtree> edge_subtrees(std::uint64_t size);

/// Gives the hash of a complete subtree of the tree, or an Error that says what could not be read.
using HashReader = std::function<Result<Hash>(const Subtree&)>;

/// The root of the first `size` leaves, for any size up to the tree's.
Result<Hash> read_root(std::uint64_t size, const HashReader& read);

/// Hashes from the leaf's sibling up to the root's child (RFC 6962 §2.1.1). kInvalid unless index < size.
Result<std::vector<Hash>> prove_inclusion(std::uint64_t index, std::uint64_t size, const HashReader& read);

/// Proof that the first `old_size` leaves of `size` are the tree of that size (RFC 6962 §2.1.2). Empty for
/// old_size = 0 and old_size = size. kInvalid unless old_size <= size.
Result<std::vector<Hash>> prove_consistency(std::uint64_t old_size, std::uint64_t size,
                                            const HashReader& read);

/// Ok, or kCorrupt with the reason. RFC 9162 §2.1.3.2.
Status verify_inclusion(std::uint64_t index, std::uint64_t size, const Hash& leaf, const Hash& root,
                        std::span<const Hash> proof);

/// Ok, or kCorrupt with the reason. RFC 9162 §2.1.4.2; any tree extends the empty one, by an empty proof.
Status verify_consistency(std::uint64_t old_size, const Hash& old_root, std::uint64_t size, const Hash& root,
                          std::span<const Hash> proof);

}  // namespace ciyuan::tlog
