#include "token/pipeline/token_trie.h"

#include <algorithm>

namespace ciyuan::token::pipeline {

void TokenTrie::build(std::vector<std::pair<std::string_view, std::uint32_t>> texts) {
  std::stable_sort(texts.begin(), texts.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  struct Part {
    std::size_t begin, end, depth;
  };
  nodes_.assign(1, {}), labels_.assign(1, 0);
  std::vector<Part> level{{0, texts.size(), 0}};
  // Level by level, so that children are neighbours.
  for (std::size_t node = 0; node < level.size(); ++node) {
    auto [begin, end, depth] = level[node];
    nodes_[node].first = static_cast<std::uint32_t>(nodes_.size());
    for (; begin < end && texts[begin].first.size() == depth; ++begin)
      if (depth > 0) nodes_[node].id = texts[begin].second;
    longest_ = std::max(longest_, begin < end || nodes_[node].id != kNoId ? depth : 0);
    while (begin < end) {
      const char label = texts[begin].first[depth];
      std::size_t next = begin;
      while (next < end && texts[next].first[depth] == label) ++next;
      if (node == kRoot) root_[static_cast<unsigned char>(label)] = static_cast<Node>(nodes_.size());
      nodes_.push_back({});
      labels_.push_back(static_cast<std::uint8_t>(label));
      level.push_back({begin, next, depth + 1});
      begin = next;
    }
  }
  nodes_.push_back({static_cast<std::uint32_t>(nodes_.size()), kNoId});
}

}  // namespace ciyuan::token::pipeline
