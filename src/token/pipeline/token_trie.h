#pragma once

/// The texts of a vocabulary as a tree of bytes: what begins at a place, shortest first.
///
/// A node's children lie one after the other, in order of their bytes, so that a node costs 12 bytes.
/// Threads: immutable after building.

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace ciyuan::token::pipeline {

constexpr std::uint32_t kNoId = 0xFFFFFFFF;

class TokenTrie {
 public:
  using Node = std::uint32_t;
  static constexpr Node kRoot = 0, kNone = 0xFFFFFFFF;

  /// The last of several ids with one text is taken. Empty texts are left out.
  void build(std::vector<std::pair<std::string_view, std::uint32_t>> texts);

  Node child(Node node, char byte) const {
    const auto wanted = static_cast<unsigned char>(byte);
    if (node == kRoot) return root_[wanted];
    std::uint32_t low = nodes_[node].first, high = nodes_[node + 1].first;
    while (high - low > 8) {
      const std::uint32_t middle = (low + high) / 2;
      (labels_[middle] <= wanted ? low : high) = middle;
    }
    for (; low < high; ++low)
      if (labels_[low] == wanted) return low;
    return kNone;
  }
  std::uint32_t id(Node node) const { return nodes_[node].id; }
  bool is_leaf(Node node) const { return nodes_[node].first == nodes_[node + 1].first; }
  Node walk(Node node, std::string_view text) const {
    for (const char c : text)
      if (node == kNone || (node = child(node, c)) == kNone) return kNone;
    return node;
  }
  /// The id of the whole text, or kNoId.
  std::uint32_t find(std::string_view text) const {
    const Node node = walk(kRoot, text);
    return node == kNone || text.empty() ? kNoId : id(node);
  }
  std::size_t longest() const { return longest_; }
  bool empty() const { return longest_ == 0; }

 private:
  struct Entry {
    std::uint32_t first = 0;  ///< child; the next node's is the end
    std::uint32_t id = kNoId;
  };
  std::vector<Entry> nodes_;
  std::vector<std::uint8_t> labels_;
  std::vector<Node> root_ = std::vector<Node>(256, kNone);
  std::size_t longest_ = 0;
};

}  // namespace ciyuan::token::pipeline
