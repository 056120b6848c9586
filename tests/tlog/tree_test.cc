#include "tlog/tree.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "slow_tree.h"

namespace ciyuan::tlog {
namespace {

Hash hash_of_hex(std::string_view hex) {
  Bytes bytes = from_hex(hex).value();
  Hash hash;
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

// All complete subtrees of a growing tree, by name.
class MemoryTree {
 public:
  explicit MemoryTree(std::span<const Hash> leaves) {
    for (const Hash& leaf : leaves)
      range_.append(leaf, [this](const Subtree& s, const Hash& hash) { hashes_[{s.level, s.index}] = hash; });
  }
  HashReader reader() const {
    return [this](const Subtree& s) -> Result<Hash> {
      auto found = hashes_.find({s.level, s.index});
      if (found == hashes_.end()) return Error{ErrorCode::kNotFound, "no such subtree", ""};
      return found->second;
    };
  }
  const CompactRange& range() const { return range_; }

 private:
  CompactRange range_;
  std::map<std::pair<unsigned, std::uint64_t>, Hash> hashes_;
};

// Leaves, their hashes and the root: github.com/transparency-dev/merkle, testonly/constants.go and
// rfc6962/rfc6962_test.go (values first published with the certificate-transparency reference code).
TEST(Tree, has_the_published_hashes) {
  EXPECT_EQ(to_hex(empty_root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(leaf_hash({})), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  EXPECT_EQ(to_hex(leaf_hash(bytes_of("L123456"))),
            "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56");
  const std::vector<std::string> inputs = {
      "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
  const std::vector<std::string> roots = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                                          "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                                          "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                                          "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                                          "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                                          "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                                          "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                                          "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                                          "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  CompactRange range;
  EXPECT_EQ(range.root(), hash_of_hex(roots[0]));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    range.append(leaf_hash(from_hex(inputs[i]).value()));
    EXPECT_EQ(range.root(), hash_of_hex(roots[i + 1])) << "size " << i + 1;
  }
}

TEST(Tree, agrees_with_its_slow_twin_at_every_size_up_to_300) {
  std::vector<Hash> leaves = slow::leaves(300);
  CompactRange range;
  for (std::size_t size = 0; size <= leaves.size(); ++size) {
    ASSERT_EQ(range.root(), slow::root(std::span(leaves).first(size)));
    std::vector<Hash> edge(range.hashes().begin(), range.hashes().end());
    ASSERT_EQ(CompactRange::from_hashes(size, edge)->root(), range.root());
    if (size < leaves.size()) range.append(leaves[size]);
  }
}

TEST(Tree, proves_every_leaf_in_every_tree_up_to_300_and_no_other_claim) {
  std::vector<Hash> leaves = slow::leaves(300);
  MemoryTree tree(leaves);
  HashReader read = tree.reader();
  for (std::size_t size = 1; size <= leaves.size(); ++size) {
    Hash root = read_root(size, read).value();
    for (std::size_t index = 0; index < size; ++index) {
      std::vector<Hash> proof = prove_inclusion(index, size, read).value();
      ASSERT_TRUE(verify_inclusion(index, size, leaves[index], root, proof).ok());
      if ((size * 31 + index) % 13 != 0)
        continue;  // the twin and the mutations are slow: a thirteenth of them
      ASSERT_EQ(proof, slow::inclusion(index, std::span(leaves).first(size)));
      // The same claim about another index, tree or leaf must fail.
      ASSERT_FALSE(verify_inclusion(size, size, leaves[index], root, proof).ok());
      if (size > 1) {
        ASSERT_FALSE(verify_inclusion((index + 1) % size, size, leaves[index], root, proof).ok());
        ASSERT_FALSE(verify_inclusion(index, size, leaves[(index + 1) % size], root, proof).ok());
      }
      for (std::size_t i = 0; i < proof.size(); ++i) {
        std::vector<Hash> wrong = proof;
        wrong[i][(index + i) % 32] ^= 1;
        ASSERT_FALSE(verify_inclusion(index, size, leaves[index], root, wrong).ok());
      }
      std::vector<Hash> longer = proof;
      longer.push_back(root);
      ASSERT_FALSE(verify_inclusion(index, size, leaves[index], root, longer).ok());
      if (!proof.empty()) {
        longer = proof;
        longer.pop_back();
        ASSERT_FALSE(verify_inclusion(index, size, leaves[index], root, longer).ok());
      }
    }
  }
}

TEST(Tree, proves_every_pair_of_sizes_up_to_300_consistent_and_no_other_claim) {
  std::vector<Hash> leaves = slow::leaves(300);
  MemoryTree tree(leaves);
  HashReader read = tree.reader();
  std::vector<Hash> roots;
  for (std::size_t size = 0; size <= leaves.size(); ++size) roots.push_back(read_root(size, read).value());
  for (std::size_t size = 0; size <= leaves.size(); ++size) {
    for (std::size_t old_size = 0; old_size <= size; ++old_size) {
      std::vector<Hash> proof = prove_consistency(old_size, size, read).value();
      ASSERT_TRUE(verify_consistency(old_size, roots[old_size], size, roots[size], proof).ok())
          << old_size << " to " << size;
      if (old_size > 0 && old_size < size && (size * 31 + old_size) % 13 == 0) {
        ASSERT_EQ(proof, slow::subproof(old_size, std::span(leaves).first(size), true));
        ASSERT_FALSE(verify_consistency(old_size, roots[old_size - 1], size, roots[size], proof).ok());
        ASSERT_FALSE(verify_consistency(old_size, roots[old_size], size, roots[size - 1], proof).ok());
        ASSERT_FALSE(verify_consistency(old_size - 1, roots[old_size], size, roots[size], proof).ok());
        for (std::size_t i = 0; i < proof.size(); ++i) {
          std::vector<Hash> wrong = proof;
          wrong[i][(size + i) % 32] ^= 0x80;
          ASSERT_FALSE(verify_consistency(old_size, roots[old_size], size, roots[size], wrong).ok());
        }
        std::vector<Hash> other = proof;
        other.push_back(roots[1]);
        ASSERT_FALSE(verify_consistency(old_size, roots[old_size], size, roots[size], other).ok());
        other = proof;
        other.pop_back();
        ASSERT_FALSE(verify_consistency(old_size, roots[old_size], size, roots[size], other).ok());
      }
    }
  }
}

TEST(Tree, proves_and_verifies_at_random_larger_sizes) {
  std::vector<Hash> leaves = slow::leaves(20'000);
  MemoryTree tree(leaves);
  HashReader read = tree.reader();
  std::mt19937_64 random(20261123);
  for (int round = 0; round < 200; ++round) {
    std::uint64_t size = 1 + random() % leaves.size(), index = random() % size,
                  old_size = random() % (size + 1);
    Hash root = read_root(size, read).value(), old_root = read_root(old_size, read).value();
    std::vector<Hash> inclusion = prove_inclusion(index, size, read).value();
    std::vector<Hash> consistency = prove_consistency(old_size, size, read).value();
    EXPECT_TRUE(verify_inclusion(index, size, leaves[index], root, inclusion).ok());
    EXPECT_TRUE(verify_consistency(old_size, old_root, size, root, consistency).ok());
    EXPECT_FALSE(
        verify_inclusion(index, size, leaves[index] == root ? empty_root() : root, root, inclusion).ok());
  }
  EXPECT_EQ(tree.range().root(), read_root(leaves.size(), read).value());
}

TEST(Tree, refuses_claims_outside_the_tree) {
  std::vector<Hash> leaves = slow::leaves(4);
  MemoryTree tree(leaves);
  EXPECT_FALSE(prove_inclusion(4, 4, tree.reader()).ok());
  EXPECT_FALSE(prove_consistency(5, 4, tree.reader()).ok());
  EXPECT_FALSE(prove_inclusion(0, 5, tree.reader()).ok()) << "the reader has no such leaf";
  EXPECT_FALSE(verify_inclusion(0, 0, leaves[0], leaves[0], {}).ok());
  EXPECT_FALSE(verify_inclusion(~0ULL, ~0ULL, leaves[0], leaves[0], {}).ok());
  EXPECT_FALSE(verify_consistency(~0ULL - 1, leaves[0], ~0ULL, leaves[0], {}).ok());
  EXPECT_FALSE(verify_consistency(0, leaves[0], 4, tree.range().root(), {}).ok()) << "not the empty root";
  EXPECT_FALSE(CompactRange::from_hashes(3, {leaves[0]}).ok());
}

}  // namespace
}  // namespace ciyuan::tlog
