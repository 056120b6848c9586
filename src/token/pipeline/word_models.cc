/// WordPiece and WordLevel, as Hugging Face's models/wordpiece/mod.rs and models/wordlevel/mod.rs.

#include <algorithm>

#include "token/pipeline/model.h"
#include "token/pipeline/sentencepiece_steps.h"
#include "token/pipeline/settings.h"
#include "token/pipeline/text.h"
#include "token/pipeline/token_trie.h"

namespace ciyuan::token::pipeline {
namespace {

/// A piece that is too long to be anything but unknown, however it goes on.
class UnknownForGood : public GrowingTokens {
 public:
  std::unique_ptr<GrowingTokens> copy() const override { return std::make_unique<UnknownForGood>(); }
  void append(std::string_view) override {}
  std::uint64_t count() const override { return 1; }
  std::uint64_t least() const override { return 1; }
};

class WordPiece : public Model {
 public:
  TokenTrie trie;
  TokenTrie::Node after_prefix = TokenTrie::kRoot;
  std::uint32_t unknown = kNoId;
  std::size_t characters_max = 100;

  void encode(std::string_view piece, std::vector<Token>& tokens) const override {
    const std::size_t first = tokens.size();
    std::size_t begin = characters_of(piece) > characters_max ? kBad : 0;
    while (begin < piece.size()) {
      TokenTrie::Node node = begin > 0 ? after_prefix : TokenTrie::kRoot;
      std::uint32_t id = kNoId;
      std::size_t end = begin;
      for (std::size_t at = begin; at < piece.size() && node != TokenTrie::kNone;) {
        node = trie.child(node, piece[at++]);
        if (node != TokenTrie::kNone && trie.id(node) != kNoId) id = trie.id(node), end = at;
      }
      if (id == kNoId) begin = kBad;
      if (begin == kBad) break;
      tokens.push_back({id, begin, end});
      begin = end;
    }
    if (begin != kBad) return;
    tokens.resize(first);
    tokens.push_back({unknown, 0, piece.size()});
  }
  bool may_drop(std::string_view piece, std::size_t at, bool is_growing) const override {
    return is_growing || characters_of(piece.substr(0, at)) > characters_max;
  }
  std::unique_ptr<GrowingTokens> grow() const override { return std::make_unique<UnknownForGood>(); }

 private:
  static constexpr std::size_t kBad = static_cast<std::size_t>(-1);
  static std::size_t characters_of(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return !internal::continues_character(c); }));
  }
};

class WordLevel : public Model {
 public:
  TokenTrie trie;
  std::uint32_t unknown = kNoId;

  void encode(std::string_view piece, std::vector<Token>& tokens) const override {
    const std::uint32_t id = trie.find(piece);
    tokens.push_back({id == kNoId ? unknown : id, 0, piece.size()});
  }
  std::uint64_t count(std::string_view) const override { return 1; }
  bool may_drop(std::string_view, std::size_t, bool) const override { return true; }
  std::unique_ptr<GrowingTokens> grow() const override { return std::make_unique<UnknownForGood>(); }
};

template <class Made>
Status read_words(const Json& settings, const ModelParts& parts, const std::string& path, Made& made) {
  std::vector<std::pair<std::string_view, std::uint32_t>> texts;
  for (std::uint32_t id = 0; id < parts.tokens.size(); ++id)
    if (parts.is_token[id]) texts.emplace_back(parts.tokens[id], id);
  made.trie.build(std::move(texts));
  const Json unknown = settings.value("unk_token", Json());
  if (!unknown.is_string()) return not_supported(path + ".unk_token", unknown);
  made.unknown = made.trie.find(unknown.get_ref<const std::string&>());
  if (made.unknown == kNoId)
    return invalid(
        path + ".unk_token",
        unknown.dump() + " is not in the vocabulary (a text with an unknown word would have no tokens)");
  return {};
}

}  // namespace

Result<std::unique_ptr<Model>> make_model(const Json& settings, const ModelParts& parts,
                                          const std::string& path) {
  const std::string type = type_of(settings);
  if (type == "Unigram") return make_unigram(settings, parts, path);
  if (type == "BPE") return make_bpe(settings, parts, path);
  if (type == "SentencePieceUnigram") return make_sentencepiece_unigram(settings, parts, path);
  if (type == "SentencePieceBPE") return make_sentencepiece_bpe(settings, parts, path);
  if (type == "WordLevel") {
    auto made = std::make_unique<WordLevel>();
    CIYUAN_TRY_STATUS(read_words(settings, parts, path, *made));
    return std::unique_ptr<Model>(std::move(made));
  }
  if (type != "WordPiece") return invalid(path + ".type", "\"" + type + "\" is not supported");
  auto made = std::make_unique<WordPiece>();
  CIYUAN_TRY_STATUS(read_words(settings, parts, path, *made));
  const Json prefix = settings.value("continuing_subword_prefix", Json("##"));
  const Json most = settings.value("max_input_chars_per_word", Json(100));
  if (!prefix.is_string()) return not_supported(path + ".continuing_subword_prefix", prefix);
  if (!most.is_number_unsigned()) return not_supported(path + ".max_input_chars_per_word", most);
  made->characters_max = most;
  made->after_prefix = made->trie.walk(TokenTrie::kRoot, prefix.get_ref<const std::string&>());
  return std::unique_ptr<Model>(std::move(made));
}

}  // namespace ciyuan::token::pipeline
