#pragma once

/// The obvious twin of the tree: RFC 6962 §2.1 as it is written, by recursion over all leaves.

#include <bit>
#include <span>
#include <string>
#include <vector>

#include "tlog/tree.h"

namespace ciyuan::tlog::slow {

inline Hash concat_hash(std::uint8_t tag, std::initializer_list<ByteView> parts) {
  Bytes all{tag};
  for (ByteView part : parts) all.insert(all.end(), part.begin(), part.end());
  return sha256(all);
}

inline Hash root(std::span<const Hash> leaves) {
  if (leaves.empty()) return sha256(std::string_view());
  if (leaves.size() == 1) return leaves[0];
  std::size_t split = std::bit_floor(leaves.size() - 1);
  return concat_hash(1, {root(leaves.first(split)), root(leaves.subspan(split))});
}

inline std::vector<Hash> inclusion(std::size_t index, std::span<const Hash> leaves) {
  if (leaves.size() <= 1) return {};
  std::size_t split = std::bit_floor(leaves.size() - 1);
  std::vector<Hash> path =
      index < split ? inclusion(index, leaves.first(split)) : inclusion(index - split, leaves.subspan(split));
  path.push_back(index < split ? root(leaves.subspan(split)) : root(leaves.first(split)));
  return path;
}

inline std::vector<Hash> subproof(std::size_t old_size, std::span<const Hash> leaves, bool whole) {
  if (old_size == leaves.size()) return whole ? std::vector<Hash>{} : std::vector<Hash>{root(leaves)};
  std::size_t split = std::bit_floor(leaves.size() - 1);
  std::vector<Hash> path = old_size <= split ? subproof(old_size, leaves.first(split), whole)
                                             : subproof(old_size - split, leaves.subspan(split), false);
  path.push_back(old_size <= split ? root(leaves.subspan(split)) : root(leaves.first(split)));
  return path;
}

/// `count` distinct leaves.
inline std::vector<Hash> leaves(std::size_t count) {
  std::vector<Hash> all;
  for (std::size_t i = 0; i < count; ++i) {
    std::string entry = "entry " + std::to_string(i);
    all.push_back(concat_hash(0, {bytes_of(entry)}));
  }
  return all;
}

}  // namespace ciyuan::tlog::slow
