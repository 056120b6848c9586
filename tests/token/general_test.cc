/// The general tokenizer: its models against slow twins, and its way to count what grows against counting
/// anew.

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>

#include "token/import/chain_json.h"
#include "token/importer.h"
#include "token/incremental_counter.h"
#include "token/internal/engine.h"
#include "token/pipeline/chain.h"
#include "token/pipeline/characters.h"
#include "token/pipeline/open_text.h"
#include "token/vocabulary.h"

namespace ciyuan::token {
namespace {

std::shared_ptr<const Vocabulary> made(const Json& normalizer, const Json& pre_tokenizer, const Json& model,
                                       const Json& added = Json::array()) {
  const Json tree = {{"normalizer", normalizer},
                     {"pre_tokenizer", pre_tokenizer},
                     {"model", model},
                     {"added_tokens", added}};
  const auto content = import_vocabulary(tree.dump(), {.name = "made", .pretokenizer = "", .specials = {}});
  EXPECT_TRUE(content.ok()) << content.error().text();
  return Vocabulary::parse(*content).value();
}

Json word_piece(std::size_t longest = 100) {
  return {{"type", "WordPiece"},
          {"unk_token", "?"},
          {"continuing_subword_prefix", "##"},
          {"max_input_chars_per_word", longest},
          {"vocab", {{"?", 0}, {"un", 1}, {"##aff", 2}, {"##able", 3}, {"##a", 4}, {"a", 5}, {"!", 6}}}};
}

Json unigram(const Json& vocabulary, bool falls_back = false) {
  return {{"type", "Unigram"}, {"unk_id", 0}, {"byte_fallback", falls_back}, {"vocab", vocabulary}};
}

const Json kBert = {{"type", "BertPreTokenizer"}};

TEST(General, cuts_words_into_the_longest_pieces) {
  const auto vocabulary = made(nullptr, kBert, word_piece());
  EXPECT_EQ(vocabulary->encode("unaffable!"), (std::vector<TokenId>{1, 2, 3, 6}));
  EXPECT_EQ(vocabulary->encode("un aff unx a"), (std::vector<TokenId>{1, 0, 0, 5}));
  EXPECT_EQ(vocabulary->count(""), Tokens{0});
  EXPECT_EQ(vocabulary->encode(std::string(101, 'a')), std::vector<TokenId>{0});
  EXPECT_EQ(vocabulary->count(std::string(100, 'a')), Tokens{100});
}

TEST(General, says_where_tokens_end_in_the_text_itself) {
  const auto vocabulary = made({{"type", "BertNormalizer"}}, kBert, word_piece());
  const auto pieces = vocabulary->encode_with_ends("  U\xCC\x88N\xC3\xA1!");  // Ü of two characters, á of one
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(pieces[0].id, 1u);
  EXPECT_EQ(pieces[0].end, 6u);
  EXPECT_EQ(pieces[1].end, 8u);
  EXPECT_EQ(pieces[2].end, 9u);
}

TEST(General, takes_special_tokens_for_text_unless_it_is_told_otherwise) {
  const auto token = [](TokenId id, const char* content, bool special) {
    return Json{{"id", id},        {"content", content},  {"special", special},  {"lstrip", false},
                {"rstrip", false}, {"normalized", false}, {"single_word", false}};
  };
  const auto vocabulary =
      made(nullptr, kBert, word_piece(), {token(7, "[CLS]", true), token(8, "<kept>", false)});
  EXPECT_EQ(vocabulary->encode("a[CLS]a<kept>"), (std::vector<TokenId>{5, 0, 0, 0, 5, 8}));
  EXPECT_EQ(vocabulary->encode_with_specials("a[CLS]a<kept>"), (std::vector<TokenId>{5, 7, 5, 8}));
  EXPECT_EQ(vocabulary->encode_with_specials("[CLS]a", std::array<std::string_view, 0>{}),
            (std::vector<TokenId>{0, 0, 0, 5}));
  EXPECT_EQ(vocabulary->decode(std::array<TokenId, 2>{1, 2}).value(), "un ##aff");
  EXPECT_FALSE(vocabulary->decode(std::array<TokenId, 1>{9}).ok());
}

/// All ways to cut a text into tokens, the best first found by its sum from the left.
std::uint64_t best_by_trial(const std::map<std::string, double>& scores, double unknown,
                            std::string_view text) {
  double best = -1e300;
  std::uint64_t tokens = 0;
  const std::function<void(std::size_t, double, std::uint64_t, bool)> go =
      [&](std::size_t at, double sum, std::uint64_t count, bool after_unknown) {
        if (at == text.size()) {
          if (sum > best) best = sum, tokens = count;
          return;
        }
        bool has_single = false;
        for (std::size_t end = at + 1; end <= text.size(); ++end) {
          const auto found = scores.find(std::string(text.substr(at, end - at)));
          if (found == scores.end()) continue;
          has_single = has_single || end == at + 1;
          go(end, sum + found->second, count + 1, false);
        }
        if (!has_single) go(at + 1, sum + unknown, count + (after_unknown ? 0 : 1), true);
      };
  go(0, 0, 0, false);
  return tokens;
}

TEST(General, finds_the_best_sum_of_scores_as_trying_all_does) {
  // Powers of two apart, so that no two ways are equally good.
  const std::map<std::string, double> scores = {{"a", -3.0001},  {"b", -3.0203},  {"ab", -5.0407},
                                                {"ba", -4.9103}, {"aba", -6.501}, {"bb", -7.2011},
                                                {"abab", -9.703}};
  Json vocabulary = Json::array({Json::array({"?", -9.0})});
  for (const auto& [text, score] : scores) vocabulary.push_back({text, score});
  const auto fast = made(nullptr, nullptr, unigram(vocabulary));
  std::mt19937_64 random(5);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::size_t length = random() % 12; text.size() < length;) text += "aabbx"[random() % 5];
    ASSERT_EQ(fast->count(text).value, static_cast<std::int64_t>(best_by_trial(scores, -9.703 - 10, text)))
        << text;
  }
}

const std::vector<std::string> kParts = {"a",
                                         "un",
                                         "aff",
                                         "able",
                                         "ab",
                                         " ",
                                         "  ",
                                         "\n",
                                         "!",
                                         "<kept>",
                                         "<ke",
                                         "\xC3\xA9",
                                         "e\xCC\x81",
                                         "\xCC\xB8",
                                         "=",
                                         "12",
                                         "?",
                                         "A",
                                         "Una",
                                         "\xE4\xB8\xAD",
                                         "\xE3\x81\x82",
                                         "\xE1\x84\x80",
                                         "\xE1\x85\xA1",
                                         "\xE2\x96\x81",
                                         "\xFF",
                                         "x",
                                         "aaaaaaaaaaaa"};

/// Of many kinds: what must hold for all.
std::vector<std::shared_ptr<const Vocabulary>> all_kinds() {
  const Json metaspace = {{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "first"}};
  Json whole = metaspace;
  whole["split"] = false;
  const Json pairs = {{"?", -9.0},       {"a", -3.0},  {"ab", -5.0}, {"\u2581", -2.0},
                      {"\u2581a", -4.0}, {"un", -4.5}, {"aff", -6.0}};
  Json list = Json::array();
  for (const auto& [text, score] : pairs.items()) list.push_back({text, score});
  const Json bpe = {{"type", "BPE"},
                    {"unk_token", "?"},
                    {"fuse_unk", true},
                    {"vocab", {{"?", 0}, {"a", 1}, {"b", 2}, {"u", 3}, {"n", 4}, {"ab", 5}, {"un", 6}}},
                    {"merges", {"u n", "a b"}}};
  Json suffixed = bpe;
  suffixed["end_of_word_suffix"] = "n";
  const Json kept = {{{"id", 7},
                      {"content", "<kept>"},
                      {"special", false},
                      {"lstrip", true},
                      {"rstrip", true},
                      {"normalized", true},
                      {"single_word", true}}};
  const Json nfkc = {
      {"type", "Sequence"},
      {"normalizers",
       {{{"type", "NFKC"}}, {{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}}}}};
  const Json replace = {{"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", " "}};
  const Json merged = {{"type", "Punctuation"}, {"behavior", "MergedWithPrevious"}};
  return {
      made({{"type", "BertNormalizer"}}, kBert, word_piece(4), kept),
      made(nfkc, metaspace, unigram(list)),
      made(replace, whole, unigram(list), kept),
      made(nfkc, nullptr, unigram(list)),
      made({{"type", "NFD"}}, merged, bpe, kept),
      made(nullptr, nullptr, bpe),
      made({{"type", "Lowercase"}}, {{"type", "Whitespace"}}, suffixed),
      made({{"type", "Prepend"}, {"prepend", "a"}}, {{"type", "FixedLength"}, {"length", 3}}, word_piece())};
}

std::string some_text(std::mt19937_64& random, std::size_t parts) {
  std::string text;
  for (std::size_t i = 0; i < parts; ++i) text += kParts[random() % kParts.size()];
  return text;
}

TEST(General, counts_a_text_in_pieces_as_the_whole_at_any_moment) {
  std::mt19937_64 random(11);
  for (const auto& vocabulary : all_kinds())
    for (int round = 0; round < 400; ++round) {
      const std::string text = some_text(random, round % 20 == 0 ? 150 : 1 + random() % 15);
      IncrementalCounter counter(vocabulary);
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t size = std::min<std::size_t>(1 + random() % 5, text.size() - at);
        counter.append(std::string_view(text).substr(at, size));
        at += size;
        const Tokens count = vocabulary->count(std::string_view(text).substr(0, at));
        ASSERT_EQ(counter.count(), count) << testing::PrintToString(text.substr(0, at));
        ASSERT_LE(counter.settled(), count);
        ASSERT_GE(counter.upper_bound(), count);
      }
      ASSERT_EQ(counter.count().value, static_cast<std::int64_t>(vocabulary->encode(text).size()));
    }
}

TEST(General, finds_the_longest_prefix_that_trying_each_does) {
  std::mt19937_64 random(12);
  for (const auto& vocabulary : all_kinds())
    for (int round = 0; round < 60; ++round) {
      const std::string before = some_text(random, random() % 4), delta = some_text(random, 1 + random() % 8);
      const Tokens limit{vocabulary->count(before).value + static_cast<std::int64_t>(random() % 4)};
      IncrementalCounter counter(vocabulary);
      counter.append(before);
      std::size_t longest = 0;
      for (std::size_t size = 1; size <= delta.size(); ++size)
        if ((size == delta.size() || (static_cast<unsigned char>(delta[size]) & 0xC0) != 0x80) &&
            vocabulary->count(before + delta.substr(0, size)) <= limit)
          longest = size;
      ASSERT_EQ(counter.longest_prefix(delta, limit), longest)
          << testing::PrintToString(before + "|" + delta);
    }
}

TEST(General, lets_go_of_a_text_that_has_no_end) {
  const auto kinds = all_kinds();
  for (const std::size_t kind : {0, 1, 2, 5}) {
    pipeline::OpenText open(*kinds[kind]->engine().chain);
    std::size_t most = 0;
    for (int i = 0; i < 20000; ++i) {
      open.append(kind == 5 ? "una" : "a");
      most = std::max(most, open.kept());
    }
    EXPECT_LT(most, 1000u) << kind;
  }
}

TEST(General, refuses_steps_that_blow_a_text_up_and_tokens_that_no_text_has) {
  auto error = [](const Json& tree) {
    auto made = import_vocabulary(tree.dump(), {.name = "made", .pretokenizer = "", .specials = {}});
    if (!made.ok()) return made.error().text();
    auto parsed = Vocabulary::parse(*made);
    return parsed.ok() ? std::string("accepted") : parsed.error().text();
  };
  Json steps = Json::array();
  for (int i = 0; i < 20; ++i)
    steps.push_back({{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aa"}});
  Json tree = {{"model", word_piece()}, {"normalizer", {{"type", "Sequence"}, {"normalizers", steps}}}};
  EXPECT_NE(error(tree).find("its steps together make more than 65536 tokens of one byte"), std::string::npos)
      << error(tree);
  tree = {{"model", word_piece()}};
  tree["model"]["vocab"][std::string(5000, 'a')] = tree["model"]["vocab"].size();
  EXPECT_NE(error(tree).find("a token of 5000 bytes: more than 4096"), std::string::npos) << error(tree);
}

TEST(General, refuses_a_vocabulary_file_that_contradicts_itself) {
  const Json tree = {{"model", word_piece()}};
  const std::string file =
      import_vocabulary(tree.dump(), {.name = "made", .pretokenizer = "", .specials = {}}).value();
  ASSERT_TRUE(Vocabulary::parse(file).ok());
  EXPECT_FALSE(Vocabulary::parse(file + "x").ok());
  for (std::size_t size = 0; size < file.size(); ++size) {
    const auto cut = Vocabulary::parse(std::string_view(file).substr(0, size));
    ASSERT_FALSE(cut.ok()) << size;
    EXPECT_EQ(cut.error().code == ErrorCode::kCorrupt || cut.error().code == ErrorCode::kInvalid, true);
  }
}

}  // namespace
}  // namespace ciyuan::token
