#include "tlog/tree.h"

#include <bit>

#include "base/sha256_state.h"

namespace ciyuan::tlog {
namespace {

Error corrupt(std::string message) { return Error{ErrorCode::kCorrupt, std::move(message), ""}; }

// The largest power of two below n, for n >= 2.
std::uint64_t split_of(std::uint64_t n) { return std::bit_floor(n - 1); }

unsigned level_of(std::uint64_t power) { return static_cast<unsigned>(std::countr_zero(power)); }

// The hash over leaves [begin, end), where begin is aligned to the largest power of two within the range.
Result<Hash> range_hash(std::uint64_t begin, std::uint64_t end, const HashReader& read) {
  std::uint64_t count = end - begin;
  if (std::has_single_bit(count)) return read(Subtree{level_of(count), begin / count});
  std::uint64_t split = split_of(count);
  CIYUAN_TRY(Hash left, read(Subtree{level_of(split), begin / split}));
  CIYUAN_TRY(Hash right, range_hash(begin + split, end, read));
  return node_hash(left, right);
}

}  // namespace

Hash leaf_hash(ByteView entry) {
  static constexpr std::uint8_t kLeaf[1] = {0};
  return Sha256State().update(ByteView(kLeaf)).update(entry).digest();
}

Hash node_hash(const Hash& left, const Hash& right) {
  std::array<std::uint8_t, 65> node;
  node[0] = 1;
  std::copy(left.begin(), left.end(), node.begin() + 1);
  std::copy(right.begin(), right.end(), node.begin() + 33);
  return Sha256State().update(ByteView(node)).digest();
}

Hash empty_root() { return Sha256State().digest(); }

Result<CompactRange> CompactRange::from_hashes(std::uint64_t size, std::vector<Hash> hashes) {
  if (size > kTreeSizeMax) return invalid("size", "a tree has at most 2^62 leaves");
  if (hashes.size() != static_cast<std::size_t>(std::popcount(size)))
    return corrupt("a tree of " + std::to_string(size) + " leaves has " +
                   std::to_string(std::popcount(size)) + " complete subtrees at its edge, not " +
                   std::to_string(hashes.size()));
  CompactRange range;
  range.size_ = size;
  range.hashes_ = std::move(hashes);
  return range;
}

Hash CompactRange::root() const {
  if (hashes_.empty()) return empty_root();
  Hash hash = hashes_.back();
  for (std::size_t i = hashes_.size() - 1; i-- > 0;) hash = node_hash(hashes_[i], hash);
  return hash;
}

std::vector<Subtree> edge_subtrees(std::uint64_t size) {
  std::vector<Subtree> edge;
  for (unsigned level = 64; level-- > 0;)
    if (size >> level & 1) edge.push_back({level, (size >> level) - 1});
  return edge;
}

Result<Hash> read_root(std::uint64_t size, const HashReader& read) {
  if (size == 0) return empty_root();
  return range_hash(0, size, read);
}

Result<std::vector<Hash>> prove_inclusion(std::uint64_t index, std::uint64_t size, const HashReader& read) {
  if (index >= size || size > kTreeSizeMax)
    return invalid("index", "leaf " + std::to_string(index) + " is not in a tree of " + std::to_string(size));
  std::vector<Hash> proof;
  std::uint64_t begin = 0, end = size;
  while (end - begin > 1) {
    std::uint64_t middle = begin + split_of(end - begin);
    bool left = index < middle;
    CIYUAN_TRY(Hash sibling, left ? range_hash(middle, end, read) : range_hash(begin, middle, read));
    proof.push_back(sibling);
    (left ? end : begin) = middle;
  }
  return std::vector<Hash>(proof.rbegin(), proof.rend());
}

Result<std::vector<Hash>> prove_consistency(std::uint64_t old_size, std::uint64_t size,
                                            const HashReader& read) {
  if (old_size > size || size > kTreeSizeMax)
    return invalid("old_size", "a tree of " + std::to_string(size) + " leaves does not extend one of " +
                                   std::to_string(old_size));
  std::vector<Hash> proof;
  if (old_size == 0 || old_size == size) return proof;
  std::uint64_t begin = 0, end = size;
  while (end != old_size) {
    std::uint64_t middle = begin + split_of(end - begin);
    bool left = old_size <= middle;
    CIYUAN_TRY(Hash other, left ? range_hash(middle, end, read) : range_hash(begin, middle, read));
    proof.push_back(other);
    (left ? end : begin) = middle;
  }
  // What is left is a subtree of the old tree. Where it is the whole old tree, the verifier has its hash
  // already.
  if (begin != 0) {
    CIYUAN_TRY(Hash seed, range_hash(begin, end, read));
    proof.push_back(seed);
  }
  return std::vector<Hash>(proof.rbegin(), proof.rend());
}

Status verify_inclusion(std::uint64_t index, std::uint64_t size, const Hash& leaf, const Hash& root,
                        std::span<const Hash> proof) {
  if (size > kTreeSizeMax) return corrupt("tree size " + std::to_string(size) + " is beyond 2^62");
  if (index >= size)
    return corrupt("leaf " + std::to_string(index) + " is not in a tree of " + std::to_string(size));
  std::uint64_t at = index, last = size - 1;
  Hash hash = leaf;
  for (const Hash& sibling : proof) {
    if (last == 0) return corrupt("the inclusion proof has too many hashes");
    if ((at & 1) != 0 || at == last) {
      hash = node_hash(sibling, hash);
      while ((at & 1) == 0 && at != 0) {
        at >>= 1;
        last >>= 1;
      }
    } else {
      hash = node_hash(hash, sibling);
    }
    at >>= 1;
    last >>= 1;
  }
  if (last != 0) return corrupt("the inclusion proof has too few hashes");
  if (hash != root) return corrupt("the inclusion proof does not lead to the root");
  return {};
}

Status verify_consistency(std::uint64_t old_size, const Hash& old_root, std::uint64_t size, const Hash& root,
                          std::span<const Hash> proof) {
  if (size > kTreeSizeMax) return corrupt("tree size " + std::to_string(size) + " is beyond 2^62");
  if (old_size > size)
    return corrupt("a tree of " + std::to_string(size) + " leaves is smaller than one of " +
                   std::to_string(old_size));
  if (old_size == 0 || old_size == size) {
    if (!proof.empty()) return corrupt("a consistency proof that needs no hashes has some");
    if (old_size == 0 && old_root != empty_root()) return corrupt("the empty tree has another root");
    if (size == 0 && root != empty_root()) return corrupt("the empty tree has another root");
    if (old_size == size && old_root != root) return corrupt("two roots of the same size differ");
    return {};
  }
  std::uint64_t at = old_size - 1, last = size - 1;
  while ((at & 1) != 0) {
    at >>= 1;
    last >>= 1;
  }
  // Where the old tree is one complete subtree (at is 0 now), its root is the seed; else the proof begins
  // with it.
  std::size_t next = 0;
  Hash old_hash = old_root;
  if (at != 0) {
    if (proof.empty()) return corrupt("the consistency proof has too few hashes");
    old_hash = proof[next++];
  }
  Hash hash = old_hash;
  for (; next < proof.size(); ++next) {
    if (last == 0) return corrupt("the consistency proof has too many hashes");
    if ((at & 1) != 0 || at == last) {
      old_hash = node_hash(proof[next], old_hash);
      hash = node_hash(proof[next], hash);
      while ((at & 1) == 0 && at != 0) {
        at >>= 1;
        last >>= 1;
      }
    } else {
      hash = node_hash(hash, proof[next]);
    }
    at >>= 1;
    last >>= 1;
  }
  if (last != 0) return corrupt("the consistency proof has too few hashes");
  if (old_hash != old_root) return corrupt("the consistency proof does not lead to the old root");
  if (hash != root) return corrupt("the consistency proof does not lead to the new root");
  return {};
}

}  // namespace ciyuan::tlog
