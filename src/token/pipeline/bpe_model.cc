/// BPE with all that a tokenizer.json may ask of it, as Hugging Face's models/bpe/model.rs and word.rs. The
/// engine beside this one (internal/bpe.h) is faster, and does byte-level and SentencePiece's kinds only.

#include <algorithm>
#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "token/pipeline/model.h"
#include "token/pipeline/settings.h"
#include "token/pipeline/text.h"
#include "token/pipeline/token_trie.h"

namespace ciyuan::token::pipeline {
namespace {

class Bpe : public Model {
 public:
  TokenTrie trie;
  std::string prefix, suffix;
  std::uint32_t unknown = kNoId;
  bool fuses_unknown = false, falls_back = false, ignores_merges = false;
  std::vector<std::uint32_t> bytes = std::vector<std::uint32_t>(256, kNoId);
  struct Join {
    std::uint32_t rank, made;
  };
  std::unordered_map<std::uint64_t, Join> joins;
  std::unordered_set<std::uint64_t> neighbours;  ///< characters that some token holds one behind the other

  void encode(std::string_view piece, std::vector<Token>& tokens) const override {
    if (ignores_merges)
      if (const std::uint32_t id = trie.find(piece); id != kNoId)
        return tokens.push_back({id, 0, piece.size()});
    std::size_t at = 0;
    for (const Symbol& symbol : joined(piece)) {
      if (symbol.length == 0) continue;
      tokens.push_back({symbol.id, at, at + symbol.length});
      at += symbol.length;
    }
  }
  std::uint64_t count_part(std::string_view part) const {
    const std::vector<Symbol> symbols = joined(part);
    return static_cast<std::uint64_t>(std::count_if(symbols.begin(), symbols.end(),
                                                    [](const Symbol& symbol) { return symbol.length != 0; }));
  }
  bool may_drop(std::string_view piece, std::size_t at, bool) const override {
    if (!prefix.empty() || !suffix.empty() || at == 0 || at >= piece.size()) return false;
    const std::uint32_t before = character_before(piece, at), after = character_at(piece, at);
    const auto is_known = [&](std::size_t begin, std::size_t end) {
      return trie.find(piece.substr(begin, end - begin)) != kNoId;
    };
    std::size_t begin = at - 1;
    while (begin > 0 && internal::continues_character(piece[begin])) --begin;
    return is_known(begin, at) && is_known(at, at + internal::character_length(piece[at])) &&
           neighbours.count(key(before, after)) == 0;
  }
  std::unique_ptr<GrowingTokens> grow() const override;
  std::size_t tokens_of_byte() const override { return 1 + prefix.size() + suffix.size(); }

  static std::uint64_t key(std::uint32_t left, std::uint32_t right) {
    return static_cast<std::uint64_t>(left) << 32 | right;
  }

 private:
  static constexpr std::size_t kEnd = static_cast<std::size_t>(-1);
  struct Symbol {
    std::uint32_t id;
    std::size_t length;  ///< 0: it has been joined to the one before
    std::size_t previous, next;
  };
  struct Candidate {
    std::uint32_t rank, made;
    std::size_t at;
    bool operator<(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };

  std::vector<Symbol> symbols_of(std::string_view piece) const {
    std::vector<Symbol> symbols;
    const auto add = [&](std::uint32_t id, std::size_t length) {
      if (!symbols.empty()) symbols.back().next = symbols.size();
      symbols.push_back({id, length, symbols.empty() ? kEnd : symbols.size() - 1, kEnd});
    };
    std::size_t waiting = 0;  // bytes of an unknown token that is not added yet
    const auto flush = [&] {
      if (waiting > 0) add(unknown, waiting);
      waiting = 0;
    };
    std::string text;
    for_each_character(piece, [&](std::uint32_t, std::size_t at, unsigned length) {
      text.clear();
      if (at > 0) text += prefix;
      text += piece.substr(at, length);
      if (at + length == piece.size()) text += suffix;
      if (const std::uint32_t id = trie.find(text); id != kNoId) {
        flush();
        return add(id, length);
      }
      // Bytes do not end a run of unknown characters: the reference adds it behind them.
      if (falls_back && std::all_of(text.begin(), text.end(), [this](char c) {
            return bytes[static_cast<unsigned char>(c)] != kNoId;
          })) {
        for (const char c : text) add(bytes[static_cast<unsigned char>(c)], 1);
        return;
      }
      if (unknown == kNoId) return;
      if (!fuses_unknown) flush();
      waiting += length;
    });
    flush();
    return symbols;
  }

  std::vector<Symbol> joined(std::string_view piece) const {
    std::vector<Symbol> symbols = symbols_of(piece);
    std::priority_queue<Candidate> queue;
    const auto offer = [&](std::size_t left, std::size_t right) {
      const auto found = joins.find(key(symbols[left].id, symbols[right].id));
      if (found != joins.end()) queue.push({found->second.rank, found->second.made, left});
    };
    for (std::size_t i = 1; i < symbols.size(); ++i) offer(i - 1, i);
    while (!queue.empty()) {
      const Candidate best = queue.top();
      queue.pop();
      Symbol& left = symbols[best.at];
      if (left.length == 0 || left.next == kEnd) continue;
      Symbol& right = symbols[left.next];
      const auto found = joins.find(key(left.id, right.id));
      if (found == joins.end() || found->second.made != best.made) continue;
      left.id = best.made;
      left.length += right.length;
      left.next = right.next;
      right.length = 0;
      if (left.next != kEnd) symbols[left.next].previous = best.at;
      if (left.previous != kEnd) offer(left.previous, best.at);
      if (left.next != kEnd) offer(best.at, left.next);
    }
    return symbols;
  }
};

/// The parts between which nothing is joined, each counted once.
class GrowingBpe : public GrowingTokens {
 public:
  explicit GrowingBpe(const Bpe& model) : model_(model) {}
  std::unique_ptr<GrowingTokens> copy() const override { return std::make_unique<GrowingBpe>(*this); }
  void append(std::string_view text) override { count_ += model_.count_part(text); }
  std::uint64_t count() const override { return count_; }
  std::uint64_t least() const override { return count_; }

 private:
  const Bpe& model_;
  std::uint64_t count_ = 0;
};

std::unique_ptr<GrowingTokens> Bpe::grow() const { return std::make_unique<GrowingBpe>(*this); }

Status read_settings(const Json& settings, const std::string& path, Bpe& model) {
  const Json dropout = settings.value("dropout", Json());
  if (!dropout.is_null() && dropout != 0) return not_supported(path + ".dropout", dropout);
  const auto text = [&](const char* name, std::string& into) -> Status {
    const Json value = settings.value(name, Json());
    if (value.is_null()) return {};
    if (!value.is_string()) return not_supported(path + "." + name, value);
    return into = value.get<std::string>(), Status();
  };
  const auto flag = [&](const char* name, bool& into) -> Status {
    const Json value = settings.value(name, Json());
    if (value.is_null()) return {};
    if (!value.is_boolean()) return not_supported(path + "." + name, value);
    return into = value.get<bool>(), Status();
  };
  std::string unknown;
  CIYUAN_TRY_STATUS(text("continuing_subword_prefix", model.prefix));
  CIYUAN_TRY_STATUS(text("end_of_word_suffix", model.suffix));
  CIYUAN_TRY_STATUS(text("unk_token", unknown));
  CIYUAN_TRY_STATUS(flag("fuse_unk", model.fuses_unknown));
  CIYUAN_TRY_STATUS(flag("byte_fallback", model.falls_back));
  CIYUAN_TRY_STATUS(flag("ignore_merges", model.ignores_merges));
  if (settings.value("unk_token", Json()).is_null()) return {};
  model.unknown = model.trie.find(unknown);
  if (model.unknown == kNoId)
    return invalid(path + ".unk_token", "\"" + unknown + "\" is not in the vocabulary");
  return {};
}

}  // namespace

Result<std::unique_ptr<Model>> make_bpe(const Json& settings, const ModelParts& parts,
                                        const std::string& path) {
  auto made = std::make_unique<Bpe>();
  std::vector<std::pair<std::string_view, std::uint32_t>> texts;
  for (std::uint32_t id = 0; id < parts.tokens.size(); ++id)
    if (parts.is_token[id]) texts.emplace_back(parts.tokens[id], id);
  made->trie.build(std::move(texts));
  CIYUAN_TRY_STATUS(read_settings(settings, path, *made));
  char name[8];
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::snprintf(name, sizeof name, "<0x%02X>", byte);
    made->bytes[byte] = made->trie.find(name);
  }
  for (std::uint32_t rank = 0; rank < parts.merges.size(); ++rank) {
    const auto [left, right] = parts.merges[rank];
    const std::string where = path + ".merges[" + std::to_string(rank) + "]";
    const std::string_view second = parts.tokens[right];
    if (second.size() < made->prefix.size())
      return invalid(where, "its second token is shorter than the prefix");
    const std::string text = parts.tokens[left] + std::string(second.substr(made->prefix.size()));
    const std::uint32_t id = made->trie.find(text);
    if (id == kNoId) return invalid(where, "it makes \"" + text + "\", which is no token");
    made->joins[Bpe::key(left, right)] = {rank, id};
    // What an unknown character's token joins is never cut: unknown ones are not.
    for_each_character(text, [&](std::uint32_t c, std::size_t at, unsigned) {
      if (at > 0) made->neighbours.insert(Bpe::key(character_before(text, at), c));
    });
  }
  return std::unique_ptr<Model>(std::move(made));
}

}  // namespace ciyuan::token::pipeline
