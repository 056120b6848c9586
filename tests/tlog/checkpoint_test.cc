#include "tlog/checkpoint.h"

#include <gtest/gtest.h>

#include "slow_tree.h"
#include "tlog/proof.h"
#include "tlog/tile.h"

namespace ciyuan::tlog {
namespace {

NoteSigner signer_of(std::string name, std::uint8_t seed = 1) {
  std::array<std::uint8_t, 32> bytes;
  bytes.fill(seed);
  return NoteSigner::make(std::move(name), SigningKey::from_seed(bytes)).value();
}

// The example text of C2SP tlog-checkpoint.md.
constexpr std::string_view kExample =
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

TEST(Checkpoint, reads_and_writes_the_example_of_the_format) {
  Checkpoint checkpoint = parse_checkpoint(kExample).value();
  EXPECT_EQ(checkpoint.origin, "example.com/behind-the-sofa");
  EXPECT_EQ(checkpoint.size, 20852163u);
  EXPECT_EQ(checkpoint.text(), kExample);
  checkpoint.extensions = {"one", "two"};
  EXPECT_EQ(parse_checkpoint(checkpoint.text()).value(), checkpoint);
}

TEST(Checkpoint, has_one_form_only) {
  const std::string root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
  for (const std::string& wrong : std::vector<std::string>{
           std::string(), std::string("\n"), "o\n" + root, "o\n1\n", "\n1\n" + root, "o\n01\n" + root,
           "o\n-1\n" + root, "o\n+1\n" + root, "o\n1 \n" + root, "o\n\n" + root, "o\n1\n" + root + "\n",
           "o\n1\n" + root + "x", std::string("o\n1\nAAAA\n"),
           "o\n1\n" + root.substr(0, root.size() - 2) + "\n", "o\n4611686018427387905\n" + root,
           "o\n99999999999999999999999\n" + root})
    EXPECT_FALSE(parse_checkpoint(wrong).ok()) << wrong;
  EXPECT_TRUE(parse_checkpoint("o\n4611686018427387904\n" + root).ok());
  EXPECT_TRUE(parse_checkpoint("o\n0\n" + root).ok());
}

TEST(Checkpoint, is_believed_only_from_a_key_named_for_its_log) {
  NoteSigner log = signer_of("example.com/log"), witness = signer_of("witness.example", 2);
  std::vector<VerifierKey> keys = {log.verifier(), witness.verifier()};
  std::string text = Checkpoint{"example.com/log", 0, empty_root(), {}}.text();
  EXPECT_TRUE(open_checkpoint(sign_note(text, log).value(), keys).ok());
  EXPECT_TRUE(open_checkpoint(sign_note(text, witness).value() + log.signature_line(text), keys).ok());
  EXPECT_EQ(open_checkpoint(sign_note(text, witness).value(), keys).error().code, ErrorCode::kRefused);
  std::string swapped = Checkpoint{"example.com/other", 0, empty_root(), {}}.text();
  EXPECT_EQ(open_checkpoint(sign_note(swapped, log).value(), keys).error().code, ErrorCode::kRefused);
}

class ProofFile : public testing::Test {
 protected:
  ProofFile() {
    for (const Hash& leaf : leaves_) writer_.append(leaf);
    for (const TileChange& change : writer_.take_changes())
      tiles_.insert(tiles_.end(), change.bytes.begin(), change.bytes.end());
    proof_.index = 73;
    proof_.hashes =
        prove_inclusion(
            73, 100, hashes_in_tiles(100, [this](unsigned, std::uint64_t) { return Result<Bytes>(tiles_); }))
            .value();
    proof_.checkpoint = note_of(100, writer_.root());
  }
  std::string note_of(std::uint64_t size, const Hash& root) {
    return sign_note(Checkpoint{"example.com/log", size, root, {}}.text(), log_).value();
  }
  Status verify(const Proof& proof, const Hash& leaf) {
    Result<Checkpoint> result = verify_proof(proof, leaf, {&log_.verifier(), 1});
    if (!result.ok()) return result.error();
    return {};
  }

  NoteSigner log_ = signer_of("example.com/log");
  std::vector<Hash> leaves_ = slow::leaves(100);
  TreeWriter writer_;
  Bytes tiles_;
  Proof proof_;
};

TEST_F(ProofFile, reads_back_what_it_writes) {
  for (std::optional<Bytes> extra :
       {std::optional<Bytes>(), std::optional<Bytes>(Bytes{}), std::optional<Bytes>({1, 2, 3})}) {
    proof_.extra = extra;
    Result<Proof> again = Proof::parse(proof_.text());
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again->extra, extra);
    EXPECT_EQ(again->index, 73u);
    EXPECT_EQ(again->hashes, proof_.hashes);
    EXPECT_EQ(again->checkpoint, proof_.checkpoint);
    EXPECT_TRUE(verify(*again, leaves_[73]).ok());
  }
}

TEST_F(ProofFile, keeps_cosignatures) {
  NoteSigner witness = signer_of("witness.example", 9);
  proof_.checkpoint += witness.signature_line("something else");
  EXPECT_TRUE(verify(Proof::parse(proof_.text()).value(), leaves_[73]).ok());
  EXPECT_NE(proof_.text().find("witness.example"), std::string::npos);
}

TEST_F(ProofFile, proves_nothing_else) {
  EXPECT_EQ(verify(proof_, leaves_[72]).error().code, ErrorCode::kCorrupt);
  Proof wrong = proof_;
  wrong.index = 72;
  EXPECT_EQ(verify(wrong, leaves_[73]).error().code, ErrorCode::kCorrupt);
  wrong.index = 100;
  EXPECT_EQ(verify(wrong, leaves_[73]).error().code, ErrorCode::kCorrupt);
  wrong = proof_;
  wrong.hashes.pop_back();
  EXPECT_EQ(verify(wrong, leaves_[73]).error().code, ErrorCode::kCorrupt);
  wrong = proof_;
  wrong.checkpoint = note_of(300, writer_.root());
  EXPECT_EQ(verify(wrong, leaves_[73]).error().code, ErrorCode::kCorrupt);
  wrong.checkpoint = note_of(100, leaves_[0]);
  EXPECT_EQ(verify(wrong, leaves_[73]).error().code, ErrorCode::kCorrupt);
  wrong = proof_;
  wrong.checkpoint.replace(0, 15, "example.com/mog");
  EXPECT_EQ(verify(wrong, leaves_[73]).error().code, ErrorCode::kRefused);
}

TEST_F(ProofFile, has_one_form_only) {
  std::string text = proof_.text();
  for (std::size_t length = 0; length < text.size(); ++length) {
    Result<Proof> cut = Proof::parse(text.substr(0, length));
    if (cut.ok()) {
      EXPECT_FALSE(verify(*cut, leaves_[73]).ok()) << length;
    }
  }
  auto replaced = [&](std::string_view from, std::string_view to) {
    std::string copy = text;
    copy.replace(copy.find(from), from.size(), to);
    return copy;
  };
  for (const std::string& wrong :
       std::vector<std::string>{replaced("@v1", "@v2"), replaced("index 73", "index 073"),
                                replaced("index 73", "index  73"), replaced("index 73", "index -1"),
                                replaced("index 73\n", ""), replaced("index 73", "extra A\nindex 73"),
                                replaced("index 73", "index 73\nextra AAAA"), replaced("\n", "\r\n"),
                                replaced("index 73\n", "index 73\nAAAA\n"), replaced("index 73", "Index 73")})
    EXPECT_FALSE(Proof::parse(wrong).ok()) << wrong;
}

TEST_F(ProofFile, has_limits) {
  proof_.hashes.assign(kProofHashesMax, Hash{});
  EXPECT_TRUE(Proof::parse(proof_.text()).ok());
  proof_.hashes.assign(1'000'000 / 45, Hash{});
  EXPECT_EQ(Proof::parse(proof_.text()).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(Proof::parse(std::string(kProofBytesMax + 1, 'x')).error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace ciyuan::tlog
