#include "token/pipeline/sentencepiece_steps.h"

#include <algorithm>
#include <limits>
#include <queue>
#include <unordered_set>

#include "base/bytes.h"
#include "token/internal/utf8_repair.h"
#include "token/internal/word_cutter.h"
#include "token/pipeline/charsmap.h"
#include "token/pipeline/settings.h"
#include "token/pipeline/text.h"
#include "token/pipeline/token_trie.h"

namespace ciyuan::token::pipeline {
namespace {

/// sentencepiece_model.proto, ModelProto.SentencePiece.Type.
enum class Kind { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

class SentencePieceNormalizer : public Normalizer {
 public:
  std::shared_ptr<const Charsmap> map;  ///< null: none
  std::vector<std::string> texts;       ///< of the symbols
  TokenTrie symbols;
  bool adds_prefix = true, removes_spaces = true, writes_signs = true, is_suffix = false;

  void apply(Text& text, Cuts* cuts, Ends ends) const override {
    const std::string from = text.bytes;
    Made made{*this, {}, {}};
    std::size_t at = 0;
    if (removes_spaces && !ends.continues)
      for (Chunk chunk; at < from.size() && (chunk = chunk_at(from, at)).text == " ";) at += chunk.length;
    if (cuts) cuts->begin();
    if (at < from.size()) {
      if (adds_prefix && !is_suffix && !ends.continues) made.add_space(at);
      write(from, at, ends.continues, made, cuts);
      at = from.size();
      if (removes_spaces)
        while (made.ends_with_space()) at = made.drop_space();
      if (adds_prefix && is_suffix && !ends.goes_on) made.add_space(at);
    }
    if (cuts) cuts->end();
    finish(std::move(made), at, text);
  }
  std::size_t growth() const override { return std::max<std::size_t>(3, 3 * (map ? map->growth_max() : 1)); }
  std::size_t added() const override { return internal::kSpaceSign.size(); }

 private:
  struct Chunk {
    std::string_view text;
    std::size_t length = 0;
    bool hit_end = false;
  };
  /// The text that is made, and for each byte where its chunk begins.
  struct Made {
    const SentencePieceNormalizer& normalizer;
    std::string bytes;
    std::vector<std::size_t> begins;
    std::string_view space() const { return normalizer.writes_signs ? internal::kSpaceSign : " "; }
    void add(std::string_view text, std::size_t at) {
      bytes += text;
      begins.resize(bytes.size(), at);
    }
    void add_space(std::size_t at) { add(space(), at); }
    bool ends_with_space() const { return bytes.ends_with(space()); }
    std::size_t drop_space() {
      bytes.resize(bytes.size() - space().size());
      const std::size_t at = begins[bytes.size()];
      begins.resize(bytes.size());
      return at;
    }
  };

  Chunk chunk_at(std::string_view text, std::size_t at) const {
    const std::string_view rest = text.substr(at);
    Chunk chunk;
    std::size_t length = 0;
    TokenTrie::Node node = TokenTrie::kRoot;
    for (std::size_t i = 0; !symbols.empty() && node != TokenTrie::kNone; ++i) {
      if (i == rest.size()) {
        chunk.hit_end = !symbols.is_leaf(node);
        break;
      }
      node = symbols.child(node, rest[i]);
      if (node != TokenTrie::kNone && symbols.id(node) != kNoId) length = i + 1;
    }
    if (length > 0) return {rest.substr(0, length), length, chunk.hit_end};
    const auto found = map ? map->longest(rest) : Charsmap::Found{};
    chunk.hit_end = chunk.hit_end || found.hit_end;
    if (found.length > 0) return {found.becomes, found.length, chunk.hit_end};
    length = internal::character_length(rest[0]);
    return {rest.substr(0, length), length, chunk.hit_end};
  }

  void write(std::string_view from, std::size_t at, bool continues, Made& made, Cuts* cuts) const {
    bool after_space = removes_spaces && !continues, is_final = true;
    const auto reach = [&] {
      if (cuts) cuts->reach(at, made.bytes.size(), is_final && !(removes_spaces && made.ends_with_space()));
    };
    while (at < from.size()) {
      reach();
      const Chunk chunk = chunk_at(from, at);
      is_final = is_final && !chunk.hit_end;
      std::string_view text = chunk.text;
      while (after_space && text.starts_with(' ')) text.remove_prefix(1);
      for (std::size_t i = 0; i < text.size(); ++i)
        text[i] == ' ' ? made.add_space(at) : made.add(text.substr(i, 1), at);
      if (!text.empty()) after_space = text.ends_with(' ');
      if (!removes_spaces) after_space = false;
      at += chunk.length;
    }
    reach();
  }

  /// A byte reaches to where the next begins, as in the reference.
  static void finish(Made made, std::size_t end, Text& text) {
    if (text.is_traced) {
      const std::vector<Span> before = std::move(text.spans);
      const auto place = [&](std::size_t at) {
        return at < before.size() ? before[at].begin : before.empty() ? 0 : before.back().end;
      };
      text.spans.clear();
      for (std::size_t i = 0; i < made.bytes.size(); ++i)
        text.spans.push_back(
            {place(made.begins[i]), place(i + 1 < made.begins.size() ? made.begins[i + 1] : end)});
    }
    text.bytes = std::move(made.bytes);
  }
};

/// Any two neighbours join whose texts together are a piece, the best score first, then the leftmost.
class SentencePieceBpe : public Model {
 public:
  TokenTrie pieces;   ///< what is joined
  TokenTrie all;      ///< and what a text can be in the end: control pieces have their ids first
  TokenTrie symbols;  ///< never joined
  std::vector<double> scores;
  std::uint32_t unknown = kNoId;
  bool falls_back = false;
  std::vector<std::uint32_t> bytes = std::vector<std::uint32_t>(256, kNoId);
  std::unordered_set<std::uint64_t> neighbours;

  void encode(std::string_view piece, std::vector<Token>& tokens) const override {
    bool after_unknown = false;
    std::size_t at = 0;
    for (const Symbol& symbol : joined(piece)) {
      if (symbol.length == 0) continue;
      const std::uint32_t found = all.find(piece.substr(at, symbol.length));
      const std::uint32_t id = found == kNoId ? unknown : found;
      const std::size_t end = at + symbol.length;
      if (id == unknown && falls_back)
        for (; at < end; ++at)
          tokens.push_back({bytes[static_cast<unsigned char>(piece[at])], end - symbol.length, end});
      else if (id == unknown && after_unknown)
        tokens.back().end = end;
      else
        tokens.push_back({id, at, end});
      after_unknown = id == unknown;
      at = end;
    }
  }
  bool may_drop(std::string_view piece, std::size_t at, bool) const override {
    if (at == 0 || at >= piece.size()) return false;
    const std::uint32_t before = character_before(piece, at), after = character_at(piece, at);
    std::size_t begin = at - 1;
    while (begin > 0 && internal::continues_character(piece[begin])) --begin;
    const std::size_t end = at + internal::character_length(piece[at]);
    return all.find(piece.substr(begin, at - begin)) != kNoId &&
           all.find(piece.substr(at, end - at)) != kNoId && neighbours.count(key(before, after)) == 0;
  }
  std::unique_ptr<GrowingTokens> grow() const override;
  static std::uint64_t key(std::uint32_t left, std::uint32_t right) {
    return static_cast<std::uint64_t>(left) << 32 | right;
  }

 private:
  static constexpr std::size_t kEnd = static_cast<std::size_t>(-1);
  struct Symbol {
    std::size_t begin, length, previous, next;
    bool is_frozen;
  };
  struct Candidate {
    double score;
    std::size_t left, right, length;
    bool operator<(const Candidate& other) const {
      return score != other.score ? score < other.score : left > other.left;
    }
  };

  std::vector<Symbol> joined(std::string_view piece) const {
    std::vector<Symbol> made;
    for (std::size_t at = 0; at < piece.size();) {
      std::size_t length = 0;
      TokenTrie::Node node = TokenTrie::kRoot;
      for (std::size_t i = at; i < piece.size() && !symbols.empty(); ++i) {
        if ((node = symbols.child(node, piece[i])) == TokenTrie::kNone) break;
        if (symbols.id(node) != kNoId) length = i + 1 - at;
      }
      const bool is_frozen = length > 0;
      if (!is_frozen) length = internal::character_length(piece[at]);
      if (!made.empty()) made.back().next = made.size();
      made.push_back({at, length, made.empty() ? kEnd : made.size() - 1, kEnd, is_frozen});
      at += length;
    }
    std::priority_queue<Candidate> queue;
    const auto offer = [&](std::size_t left, std::size_t right) {
      if (left == kEnd || right == kEnd || made[left].is_frozen || made[right].is_frozen) return;
      const std::size_t length = made[left].length + made[right].length;
      if (length > pieces.longest()) return;
      const std::uint32_t id = pieces.find(piece.substr(made[left].begin, length));
      if (id != kNoId) queue.push({scores[id], left, right, length});
    };
    for (std::size_t i = 1; i < made.size(); ++i) offer(i - 1, i);
    while (!queue.empty()) {
      const Candidate best = queue.top();
      queue.pop();
      Symbol& left = made[best.left];
      Symbol& right = made[best.right];
      if (left.length == 0 || right.length == 0 || left.length + right.length != best.length) continue;
      left.length = best.length;
      left.next = right.next;
      if (right.next != kEnd) made[right.next].previous = best.left;
      right.length = 0;
      offer(left.previous, best.left);
      offer(best.left, left.next);
    }
    return made;
  }
};

/// The parts between which nothing is joined.
class GrowingPieces : public GrowingTokens {
 public:
  explicit GrowingPieces(const SentencePieceBpe& model) : model_(model) {}
  std::unique_ptr<GrowingTokens> copy() const override { return std::make_unique<GrowingPieces>(*this); }
  void append(std::string_view text) override { count_ += model_.count(text); }
  std::uint64_t count() const override { return count_; }
  std::uint64_t least() const override { return count_; }

 private:
  const SentencePieceBpe& model_;
  std::uint64_t count_ = 0;
};

std::unique_ptr<GrowingTokens> SentencePieceBpe::grow() const {
  return std::make_unique<GrowingPieces>(*this);
}

class SentencePieceDecoder : public Decoder {
 public:
  bool strips_one = false, strips_all = false, falls_back = false;
  std::string unknown, surface;

  void apply(std::vector<std::string>& tokens) const override {
    std::string text, bytes, repaired;
    const auto flush = [&] {
      text += internal::repaired_utf8(bytes, repaired);
      bytes.clear();
    };
    bool is_first = true, was_stripped = false;
    for (std::string& token : tokens) {
      if (const int byte = byte_of_token(token); falls_back && byte >= 0) {
        bytes.push_back(static_cast<char>(byte));
        continue;
      }
      flush();
      if (was_stripped || !text.empty()) is_first = false;
      if (token == unknown) {
        text += surface, was_stripped = false;
        continue;
      }
      was_stripped = is_first && (strips_one || strips_all) && token.starts_with(internal::kSpaceSign);
      if (was_stripped) token.erase(0, internal::kSpaceSign.size());
      was_stripped = was_stripped && !strips_all;
      internal::fold_space_signs(token);
      text += token;
    }
    flush();
    tokens = {std::move(text)};
  }
};

Result<std::string> kinds_of(const Json& settings, const ModelParts& parts, const std::string& path) {
  const Json kinds = settings.value("kinds", Json());
  if (!kinds.is_string() || kinds.get_ref<const std::string&>().size() != parts.tokens.size() ||
      kinds.get_ref<const std::string&>().find_first_not_of("123456") != std::string::npos)
    return invalid(path + ".kinds", "not a kind that is known for each piece");
  const Json unknown = settings.value("unk_id", Json());
  if (!unknown.is_number_unsigned() || unknown >= parts.tokens.size())
    return invalid(path + ".unk_id", "there is no unknown piece");
  if (!settings.value("byte_fallback", Json()).is_boolean())
    return invalid(path + ".byte_fallback", "not a boolean");
  if (parts.scores.size() != parts.tokens.size()) return invalid(path, "without scores");
  return kinds.get<std::string>();
}

Kind kind_at(const std::string& kinds, std::size_t id) { return static_cast<Kind>(kinds[id] - '0'); }

Status read_bytes(const std::string& kinds, const ModelParts& parts, const std::string& path, bool falls_back,
                  std::vector<std::uint32_t>& bytes) {
  bytes.assign(256, kNoId);
  for (std::uint32_t id = 0; id < kinds.size(); ++id) {
    if (kind_at(kinds, id) != Kind::kByte) continue;
    const int byte = byte_of_token(parts.tokens[id]);
    if (byte < 0) return invalid(path, "a byte that is none: " + parts.tokens[id]);
    bytes[static_cast<std::size_t>(byte)] = id;
  }
  if (falls_back && std::find(bytes.begin(), bytes.end(), kNoId) != bytes.end())
    return invalid(path, "without a token for each byte (<0x00> to <0xFF>)");
  return {};
}

}  // namespace

Result<std::unique_ptr<Normalizer>> make_sentencepiece_normalizer(const Json& settings,
                                                                  const std::string& path) {
  auto made = std::make_unique<SentencePieceNormalizer>();
  const std::pair<const char*, bool*> flags[] = {{"add_dummy_prefix", &made->adds_prefix},
                                                 {"remove_extra_whitespaces", &made->removes_spaces},
                                                 {"escape_whitespaces", &made->writes_signs},
                                                 {"treat_whitespace_as_suffix", &made->is_suffix}};
  for (const auto& [name, flag] : flags) {
    const Json value = settings.value(name, Json());
    if (!value.is_boolean()) return not_supported(path + "." + name, value);
    *flag = value;
  }
  const Json packed = settings.value("precompiled_charsmap", Json()),
             symbols = settings.value("symbols", Json());
  if (!packed.is_string()) return not_supported(path + ".precompiled_charsmap", packed);
  if (packed != "") {
    const auto blob = from_base64(packed.get_ref<const std::string&>());
    if (!blob.ok()) return invalid(path + ".precompiled_charsmap", "not base64");
    CIYUAN_TRY(made->map, Charsmap::read(ciyuan::text_of(*blob)));
  }
  if (!symbols.is_array()) return not_supported(path + ".symbols", symbols);
  for (const Json& symbol : symbols) {
    if (!symbol.is_string() || symbol == "") return not_supported(path + ".symbols", symbol);
    made->texts.push_back(symbol);
  }
  std::vector<std::pair<std::string_view, std::uint32_t>> entries;
  for (std::uint32_t i = 0; i < made->texts.size(); ++i) entries.emplace_back(made->texts[i], i);
  made->symbols.build(std::move(entries));
  return std::unique_ptr<Normalizer>(std::move(made));
}

Result<std::unique_ptr<Model>> make_sentencepiece_unigram(const Json& settings, const ModelParts& parts,
                                                          const std::string& path) {
  CIYUAN_TRY(const std::string kinds, kinds_of(settings, parts, path));
  UnigramParts made;
  made.has_single_precision = true;
  made.unknown = settings["unk_id"];
  made.falls_back = settings["byte_fallback"];
  CIYUAN_TRY_STATUS(read_bytes(kinds, parts, path + ".kinds", made.falls_back, made.bytes));
  float least = std::numeric_limits<float>::max(), most = std::numeric_limits<float>::min();
  for (std::uint32_t id = 0; id < kinds.size(); ++id)
    if (kind_at(kinds, id) == Kind::kNormal) {
      least = std::min(least, static_cast<float>(parts.scores[id]));
      most = std::max(most, static_cast<float>(parts.scores[id]));
    }
  made.scores = parts.scores;
  for (std::uint32_t id = 0; id < kinds.size(); ++id) {
    const Kind kind = kind_at(kinds, id);
    if (kind == Kind::kNormal || kind == Kind::kUserDefined) made.texts.emplace_back(parts.tokens[id], id);
    // So that it is always taken: https://github.com/google/sentencepiece, unigram_model.cc.
    if (kind == Kind::kUserDefined)
      made.scores[id] = static_cast<float>(parts.tokens[id].size()) * most - 0.1;
  }
  constexpr float kUnknownPenalty = 10;
  made.unknown_score = least - kUnknownPenalty;
  return make_unigram(std::move(made));
}

Result<std::unique_ptr<Model>> make_sentencepiece_bpe(const Json& settings, const ModelParts& parts,
                                                      const std::string& path) {
  CIYUAN_TRY(const std::string kinds, kinds_of(settings, parts, path));
  if (kinds.find('5') != kinds.npos)
    return invalid(path + ".kinds", "unused pieces are not supported with BPE");
  auto made = std::make_unique<SentencePieceBpe>();
  made->unknown = settings["unk_id"];
  made->falls_back = settings["byte_fallback"];
  made->scores = parts.scores;
  CIYUAN_TRY_STATUS(read_bytes(kinds, parts, path + ".kinds", made->falls_back, made->bytes));
  std::vector<std::pair<std::string_view, std::uint32_t>> pieces, all, symbols;
  for (std::uint32_t id = 0; id < kinds.size(); ++id) {
    const std::string_view text = parts.tokens[id];
    const Kind kind = kind_at(kinds, id);
    const bool is_piece = kind == Kind::kNormal || kind == Kind::kUserDefined;
    if (is_piece) pieces.emplace_back(text, id), all.emplace_back(text, id);
    if (kind == Kind::kUserDefined) symbols.emplace_back(text, id);
    if (!is_piece) continue;
    for_each_character(text, [&](std::uint32_t c, std::size_t at, unsigned) {
      if (at > 0) made->neighbours.insert(SentencePieceBpe::key(character_before(text, at), c));
    });
  }
  // The last of two with one text counts.
  for (std::uint32_t id = 0; id < kinds.size(); ++id)
    if (kind_at(kinds, id) != Kind::kNormal && kind_at(kinds, id) != Kind::kUserDefined)
      all.emplace_back(parts.tokens[id], id);
  made->pieces.build(std::move(pieces));
  made->all.build(std::move(all));
  made->symbols.build(std::move(symbols));
  return std::unique_ptr<Model>(std::move(made));
}

Result<std::unique_ptr<Decoder>> make_sentencepiece_decoder(const Json& settings, const std::string& path) {
  auto made = std::make_unique<SentencePieceDecoder>();
  const Json strip = settings.value("strip", Json()), falls_back = settings.value("byte_fallback", Json());
  const Json unknown = settings.value("unk_piece", Json()), surface = settings.value("unk_surface", Json());
  if (strip != "none" && strip != "one" && strip != "all") return not_supported(path + ".strip", strip);
  if (!falls_back.is_boolean()) return not_supported(path + ".byte_fallback", falls_back);
  if (!unknown.is_string() || !surface.is_string()) return not_supported(path, settings);
  made->strips_one = strip == "one", made->strips_all = strip == "all";
  made->falls_back = falls_back;
  made->unknown = unknown, made->surface = surface;
  return std::unique_ptr<Decoder>(std::move(made));
}

}  // namespace ciyuan::token::pipeline
