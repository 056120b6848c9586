/// Unigram: the tokens whose scores sum up highest. As encode_optimized of Hugging Face's
/// models/unigram/model.rs, in whose order sums are formed and compared, and for SentencePiece's models as
/// its EncodeOptimized, which keeps them in single precision.
///
/// The best way to a place in the text depends on what stands before it only, so that a text that grows costs
/// its new bytes, and only the places that a token may still begin at are kept.

#include <algorithm>
#include <cstdio>
#include <deque>
#include <unordered_map>

#include "token/internal/unicode.h"
#include "token/pipeline/model.h"
#include "token/pipeline/settings.h"
#include "token/pipeline/token_trie.h"

namespace ciyuan::token::pipeline {
namespace {

constexpr double kUnknownPenalty = 10;

class Unigram : public Model {
 public:
  TokenTrie trie;
  std::vector<double> scores;
  std::uint32_t unknown = kNoId;
  double unknown_score = 0;
  bool falls_back = false;  ///< to bytes
  bool has_single_precision = false;
  std::vector<std::uint32_t> bytes = std::vector<std::uint32_t>(256, kNoId);

  void encode(std::string_view piece, std::vector<Token>& tokens) const override {
    const std::vector<Place> places = best(piece);
    std::vector<Range> path;
    for (std::size_t end = piece.size(); end > 0; end = places[end].begin)
      path.push_back({places[end].begin, end, places[end].id});
    for (std::size_t i = path.size(); i-- > 0;) {
      std::size_t end = path[i].end;
      const std::size_t begin = path[i].begin;
      if (path[i].id != unknown) {
        tokens.push_back({path[i].id, begin, end});
        continue;
      }
      while (i > 0 && path[i - 1].id == unknown) end = path[--i].end;
      encode_unknown(piece, begin, end, tokens);
    }
  }

  std::uint64_t count(std::string_view piece) const override {
    const std::vector<Place> places = best(piece);
    std::uint64_t total = 0;
    for (std::size_t end = piece.size(); end > 0;) {
      const Place& place = places[end];
      std::size_t begin = place.begin;
      if (place.id != unknown) {
        ++total;
      } else {
        while (begin > 0 && places[begin].id == unknown) begin = places[begin].begin;
        total += count_unknown(piece.substr(begin, end - begin));
      }
      end = begin;
    }
    return total;
  }

  bool may_drop(std::string_view, std::size_t, bool) const override { return true; }
  std::unique_ptr<GrowingTokens> grow() const override;

  /// Of a run of unknown characters.
  std::uint64_t count_unknown(std::string_view run) const {
    if (run.size() <= trie.longest() && !has_single_precision && trie.find(run) != kNoId) return 1;
    return falls_back && has_all_bytes(run) ? run.size() : 1;
  }
  bool has_all_bytes(std::string_view run) const {
    return std::all_of(run.begin(), run.end(),
                       [this](char c) { return bytes[static_cast<unsigned char>(c)] != kNoId; });
  }
  double sum(double before, double score) const {
    return has_single_precision ? static_cast<double>(static_cast<float>(before + score)) : before + score;
  }
  /// SentencePiece compares the sum of a token before it is rounded.
  double compared(double before, double score, bool is_token) const {
    return is_token ? before + score : sum(before, score);
  }

 private:
  struct Place {
    double score = 0;
    std::size_t begin = static_cast<std::size_t>(-1);
    std::uint32_t id = 0;
  };
  struct Range {
    std::size_t begin, end;
    std::uint32_t id;
  };

  std::vector<Place> best(std::string_view piece) const {
    std::vector<Place> places(piece.size() + 1);
    const auto offer = [&](std::size_t begin, std::size_t end, double score, std::uint32_t id,
                           bool is_token) {
      Place& place = places[end];
      const double rounded = sum(places[begin].score, score);
      if (place.begin == static_cast<std::size_t>(-1) ||
          compared(places[begin].score, score, is_token) > place.score)
        place = {rounded, begin, id};
    };
    for (std::size_t begin = 0; begin < piece.size();) {
      const std::size_t length =
          std::min<std::size_t>(internal::character_length(piece[begin]), piece.size() - begin);
      bool has_single = false;
      TokenTrie::Node node = TokenTrie::kRoot;
      for (std::size_t at = begin; at < piece.size();) {
        node = trie.child(node, piece[at++]);
        if (node == TokenTrie::kNone) break;
        if (const std::uint32_t id = trie.id(node); id != kNoId) {
          offer(begin, at, scores[id], id, true);
          has_single = has_single || at - begin == length;
        }
      }
      if (!has_single) offer(begin, begin + length, unknown_score, unknown, false);
      begin += length;
    }
    return places;
  }

  void encode_unknown(std::string_view piece, std::size_t begin, std::size_t end,
                      std::vector<Token>& tokens) const {
    const std::string_view run = piece.substr(begin, end - begin);
    const std::uint32_t id = has_single_precision ? kNoId : trie.find(run);
    std::size_t last = end;
    if (id == kNoId && falls_back && has_all_bytes(run)) {
      // Of Hugging Face each byte stands for all of the run, of SentencePiece for its character.
      for (std::size_t at = begin; at < end; ++at) {
        if (has_single_precision && !internal::continues_character(piece[at]))
          begin = at, last = at + internal::character_length(piece[at]);
        tokens.push_back({bytes[static_cast<unsigned char>(piece[at])], begin, last});
      }
      return;
    }
    tokens.push_back({id == kNoId ? unknown : id, begin, end});
  }
};

class GrowingUnigram : public GrowingTokens {
 public:
  explicit GrowingUnigram(const Unigram& model) : model_(model) { places_.push_back({}); }

  std::unique_ptr<GrowingTokens> copy() const override { return std::make_unique<GrowingUnigram>(*this); }
  std::uint64_t count() const override { return places_.back().tokens + run_tokens(places_.back()); }
  std::uint64_t least() const override {
    std::uint64_t least = places_.back().tokens;
    for (const Open& open : open_) least = std::min(least, place(open.begin).tokens);
    return least;
  }

  std::uint64_t most() const override {
    std::uint64_t most = places_.back().tokens + places_.back().run;
    for (const Open& open : open_) most = std::max(most, place(open.begin).tokens + place(open.begin).run);
    return most;
  }

  void append(std::string_view text) override {
    for (const char c : text) add(c);
  }

 private:
  /// The best way to a place.
  struct Place {
    double score = 0;
    std::uint64_t tokens = 0;  ///< without the run of unknown characters that ends here
    std::size_t run = 0;       ///< bytes of that
    bool has_bytes = true;     ///< all of its bytes are tokens
    bool is_reached = false;
  };
  /// A place at which tokens begin that may end yet.
  struct Open {
    std::size_t begin;
    std::size_t length;  ///< of its character
    TokenTrie::Node node;
  };
  Place& place(std::size_t at) { return places_[at - first_]; }
  const Place& place(std::size_t at) const { return places_[at - first_]; }

  std::uint64_t run_tokens(const Place& place) const {
    if (place.run == 0) return 0;
    if (!model_.has_single_precision && place.run <= text_.size() && place.run <= model_.trie.longest() &&
        model_.trie.find(std::string_view(text_).substr(text_.size() - place.run)) != kNoId)
      return 1;
    return model_.falls_back && place.has_bytes ? place.run : 1;
  }

  void offer(const Open& open, Place& here, double score, bool is_token, bool is_unknown) {
    const Place& from = place(open.begin);
    if (here.is_reached && !(model_.compared(from.score, score, is_token) > here.score)) return;
    const std::size_t length = end_ - open.begin;
    Place made;
    made.score = model_.sum(from.score, score);
    made.is_reached = true;
    if (is_unknown) {
      const std::string_view added = std::string_view(text_).substr(text_.size() - length);
      made.tokens = from.tokens, made.run = from.run + length;
      made.has_bytes = from.has_bytes && model_.has_all_bytes(added);
    } else {
      made.tokens = from.tokens + 1 + closed_run(from, length);
    }
    here = made;
  }
  /// Tokens of the run that ends `length` bytes before here.
  std::uint64_t closed_run(const Place& from, std::size_t length) const {
    if (from.run == 0) return 0;
    const std::string_view before = std::string_view(text_).substr(0, text_.size() - length);
    if (!model_.has_single_precision && from.run <= model_.trie.longest() && from.run <= before.size() &&
        model_.trie.find(before.substr(before.size() - from.run)) != kNoId)
      return 1;
    return model_.falls_back && from.has_bytes ? from.run : 1;
  }

  void add(char c) {
    if (!internal::continues_character(c))
      open_.push_back({end_, internal::character_length(c), TokenTrie::kRoot});
    text_ += c;
    ++end_;
    Place here;
    for (Open& open : open_) {
      const std::size_t length = end_ - open.begin;
      if (open.node != TokenTrie::kNone) open.node = model_.trie.child(open.node, c);
      const std::uint32_t id = open.node == TokenTrie::kNone ? kNoId : model_.trie.id(open.node);
      if (id != kNoId)
        offer(open, here, model_.scores[id], true, id == model_.unknown);
      else if (length == open.length)
        offer(open, here, model_.unknown_score, false, true);
    }
    places_.push_back(here);
    std::erase_if(open_, [&](const Open& open) {
      return end_ - open.begin >= open.length &&
             (open.node == TokenTrie::kNone || model_.trie.is_leaf(open.node));
    });
    // The places that nothing begins at any more, and twice the longest token of text, for runs.
    const std::size_t needed = open_.empty() ? end_ : open_.front().begin;
    while (first_ < needed) places_.pop_front(), ++first_;
    const std::size_t kept = 2 * model_.trie.longest() + 8;
    if (text_.size() > 4 * kept) text_.erase(0, text_.size() - kept);
  }

  const Unigram& model_;
  std::deque<Place> places_;
  std::vector<Open> open_;
  std::size_t first_ = 0, end_ = 0;
  std::string text_;
};

std::unique_ptr<GrowingTokens> Unigram::grow() const { return std::make_unique<GrowingUnigram>(*this); }

}  // namespace

std::unique_ptr<Model> make_unigram(UnigramParts parts) {
  auto made = std::make_unique<Unigram>();
  made->trie.build(std::move(parts.texts));
  made->scores = std::move(parts.scores);
  made->unknown = parts.unknown;
  made->unknown_score = parts.unknown_score;
  made->falls_back = parts.falls_back;
  made->has_single_precision = parts.has_single_precision;
  if (!parts.bytes.empty()) made->bytes = std::move(parts.bytes);
  return made;
}

Result<std::unique_ptr<Model>> make_unigram(const Json& settings, const ModelParts& parts,
                                            const std::string& path) {
  UnigramParts made;
  double least = 0;
  std::unordered_map<std::string_view, std::uint32_t> ids;
  for (std::uint32_t id = 0; id < parts.tokens.size(); ++id) {
    made.texts.emplace_back(parts.tokens[id], id);
    ids[parts.tokens[id]] = id;
    least = id == 0 ? parts.scores[id] : std::min(least, parts.scores[id]);
  }
  const Json unknown = settings.value("unk_id", Json()),
             falls_back = settings.value("byte_fallback", Json(false));
  if (!unknown.is_number_unsigned() || unknown >= parts.tokens.size())
    return invalid(path + ".unk_id", "not supported: " + unknown.dump() +
                                         " (a text with an unknown character would have no tokens)");
  if (!falls_back.is_boolean()) return not_supported(path + ".byte_fallback", falls_back);
  made.unknown = unknown;
  made.unknown_score = least - kUnknownPenalty;
  made.scores = parts.scores;
  made.falls_back = falls_back;
  char name[8];
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::snprintf(name, sizeof name, "<0x%02X>", byte);
    const auto found = ids.find(name);
    made.bytes.push_back(found == ids.end() ? kNoId : found->second);
  }
  return make_unigram(std::move(made));
}

}  // namespace ciyuan::token::pipeline
