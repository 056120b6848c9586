#include "token/pipeline/chain.h"

#include <algorithm>
#include <limits>
#include <set>

namespace ciyuan::token::pipeline {
namespace {

constexpr std::uint64_t kTokensOfByteMax = 1 << 16;
/// A longer token is not text that anybody wrote: and what looks for it from each place reads so far.
constexpr std::size_t kTokenBytesMax = 1 << 12;
constexpr std::size_t kDropTriesMax = 64;  ///< places inside a piece that are looked at
constexpr std::uint32_t kIdsMax = 1 << 24;

}  // namespace

Result<std::unique_ptr<Chain>> Chain::make(ChainParts parts) {
  std::unique_ptr<Chain> made(new Chain);
  made->parts_ = std::move(parts);
  const Json& settings = made->parts_.settings;
  if (!settings.is_object()) return invalid("settings", "not an object");
  CIYUAN_TRY_STATUS(read_normalizer(settings.value("normalizer", Json()), "normalizer", made->normalizers_));
  CIYUAN_TRY_STATUS(
      read_pre_tokenizer(settings.value("pre_tokenizer", Json()), "pre_tokenizer", made->pre_tokenizers_));
  CIYUAN_TRY_STATUS(read_decoder(settings.value("decoder", Json()), "decoder", made->decoders_));
  CIYUAN_TRY(made->post_processor_,
             PostProcessor::read(settings.value("post_processor", Json()), "post_processor"));
  const Json model = settings.value("model", Json());
  CIYUAN_TRY(made->model_, make_model(model, made->parts_.model, "model"));
  std::uint64_t most = made->model_->tokens_of_byte();
  const auto grow = [&](const auto& step) -> Status {
    most *= step->growth() + step->added();
    if (most <= kTokensOfByteMax) return {};
    return invalid("settings", "its steps together make more than " + std::to_string(kTokensOfByteMax) +
                                   " tokens of one byte");
  };
  for (const auto& step : made->normalizers_) CIYUAN_TRY_STATUS(grow(step));
  for (const auto& step : made->pre_tokenizers_) {
    CIYUAN_TRY_STATUS(grow(step));
    made->asks_for_spans_ = made->asks_for_spans_ || step->asks_for_spans();
  }
  made->tokens_of_byte_ = most;
  made->size_ = static_cast<std::uint32_t>(made->parts_.model.tokens.size());
  for (const std::string& token : made->parts_.model.tokens)
    if (token.size() > kTokenBytesMax)
      return Error{ErrorCode::kTooLarge,
                   "a token of " + std::to_string(token.size()) + " bytes: more than " +
                       std::to_string(kTokenBytesMax),
                   "model"};
  CIYUAN_TRY_STATUS(made->read_added());
  return made;
}

Status Chain::read_added() {
  std::vector<const AddedToken*> raw, normalized;
  std::set<std::pair<bool, std::string>> seen;
  for (std::size_t i = 0; i < parts_.added.size(); ++i) {
    const AddedToken& token = parts_.added[i];
    const std::string path = "added_tokens[" + std::to_string(i) + "]";
    if (token.content.empty()) return invalid(path, "it is empty");
    if (token.content.size() > kTokenBytesMax)
      return invalid(path, "it has more than " + std::to_string(kTokenBytesMax) + " bytes");
    if (token.id >= kIdsMax) return invalid(path, "its id is out of range");
    std::string text = token.content;
    if (token.normalized) {
      Text normal = Text::of(text, 0, false);
      for (const auto& normalizer : normalizers_) normalizer->apply(normal, nullptr, {});
      text = normal.bytes;
    }
    decoded_added_.emplace_back(token.id, text);
    auto& texts = token.normalized ? normalized_texts_ : raw_texts_;
    if (text.empty()) return invalid(path, "the normalizer leaves nothing of it");
    if (!seen.insert({token.normalized, text}).second)
      return invalid(path, "its text \"" + text + "\" is that of another");
    texts.push_back(text);
    (token.normalized ? normalized : raw).push_back(&token);
    size_ = std::max(size_, token.id + 1);
  }
  raw_.build(raw_texts_, std::move(raw));
  normalized_.build(normalized_texts_, std::move(normalized));
  std::stable_sort(decoded_added_.begin(), decoded_added_.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  return {};
}

std::uint64_t Chain::count_piece(std::string_view piece) const {
  if (piece.size() > internal::PieceTable::kPieceMax) return model_->count(piece);
  const internal::PieceTable::Entry key = internal::PieceTable::key_of(piece);
  if (const std::uint32_t known = table_.find(key)) return known;
  const std::uint64_t count = model_->count(piece);
  if (count > 0) table_.put(key, static_cast<std::uint32_t>(count));
  return count;
}

std::uint64_t Chain::count(std::string_view text, const Wanted& wanted) const {
  std::uint64_t total = 0;
  run(
      text, {}, false, asks_for_spans_, wanted,
      [&](const Text& whole, Range range) {
        total += count_piece(std::string_view(whole.bytes).substr(range.begin, range.end - range.begin));
      },
      [&](const AddedToken&, std::size_t) { ++total; });
  return total;
}

std::vector<TokenId> Chain::encode(std::string_view text, const Wanted& wanted) const {
  std::vector<TokenId> ids;
  std::vector<Token> tokens;
  run(
      text, {}, false, asks_for_spans_, wanted,
      [&](const Text& whole, Range range) {
        tokens.clear();
        model_->encode(std::string_view(whole.bytes).substr(range.begin, range.end - range.begin), tokens);
        for (const Token& token : tokens) ids.push_back(token.id);
      },
      [&](const AddedToken& token, std::size_t) { ids.push_back(token.id); });
  return ids;
}

std::vector<Piece> Chain::encode_with_ends(std::string_view text, const Wanted& wanted) const {
  std::vector<Piece> pieces;
  std::vector<Token> tokens;
  run(
      text, {}, false, true, wanted,
      [&](const Text& whole, Range range) {
        tokens.clear();
        model_->encode(std::string_view(whole.bytes).substr(range.begin, range.end - range.begin), tokens);
        for (const Token& token : tokens) {
          // What stands for nothing ends where the piece begins.
          const bool is_empty = token.end == token.begin;
          pieces.push_back({token.id, is_empty ? whole.spans[range.begin].begin + token.end
                                               : whole.spans[range.begin + token.end - 1].end});
        }
      },
      [&](const AddedToken& token, std::size_t end) {
        pieces.push_back({token.id, end});
      });
  return pieces;
}

std::string_view Chain::text_of(TokenId id) const {
  const auto found = std::lower_bound(decoded_added_.begin(), decoded_added_.end(), id,
                                      [](const auto& entry, TokenId wanted) { return entry.first < wanted; });
  if (found != decoded_added_.end() && found->first == id) return found->second;
  return id < parts_.model.tokens.size() ? std::string_view(parts_.model.tokens[id]) : std::string_view();
}

Result<std::string> Chain::decode(std::span<const TokenId> ids) const {
  std::vector<std::string> texts;
  for (const TokenId id : ids) {
    const std::string_view text = text_of(id);
    if (text.empty() && !(id < parts_.model.is_token.size() && parts_.model.is_token[id]))
      return invalid("token " + std::to_string(id), "not in the vocabulary");
    texts.emplace_back(text);
  }
  if (texts.empty()) return std::string();
  for (const auto& decoder : decoders_) decoder->apply(texts);
  std::string all;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i > 0 && decoders_.empty()) all += ' ';
    all += texts[i];
  }
  return all;
}

std::optional<Chain::Restart> Chain::inside(const Pieces& pieces, const BorderSearch& search,
                                            bool is_growing) const {
  const auto& places = search.cuts.places();
  std::size_t tries = 0;
  for (std::size_t i = places.size(); i-- > 0 && tries < kDropTriesMax; ++tries) {
    if (!places[i].is_inside) continue;
    const auto range = std::find_if(pieces.ranges.begin(), pieces.ranges.end(), [&](const Range& each) {
      return each.begin < places[i].here && places[i].here < each.end;
    });
    if (range == pieces.ranges.end()) continue;
    const std::string_view piece =
        std::string_view(pieces.text.bytes).substr(range->begin, range->end - range->begin);
    if (model_->may_drop(piece, places[i].here - range->begin, is_growing && range->begin == 0))
      return Restart{places[i].original, 2 + normalizers_.size() + pre_tokenizers_.size(), true};
  }
  return std::nullopt;
}

std::optional<Chain::Restart> Chain::restart(std::string_view text, const Start& start,
                                             std::size_t keeps) const {
  std::optional<Restart> best;
  const std::size_t until = raw_.final_until(text, is_literal);
  std::size_t from = 0;
  for (const AddedTokens::Part& part : raw_.cut(text, is_literal))
    if (part.token != nullptr && part.end <= until && raw_.may_begin_at(text, part.end))
      best = Restart{from = part.end, 1, false};
  for (const AddedTokens::Part& part : raw_.cut(text, is_literal))
    if (part.token != nullptr && part.begin >= from && part.end <= until) return best;
  if (from >= until) return best;

  const std::string_view rest = text.substr(from, until - from);
  Text normal = Text::of(rest, start.offset + from, asks_for_spans_);
  BorderSearch search{Cuts::of(rest), {}};
  for (Cuts::Place& place : search.cuts.places()) place.original += from;
  raw_.drop_places(rest, search.cuts);
  const auto continues = [&](std::size_t step) { return from == 0 && step < start.continued; };
  std::size_t step = 1;
  for (const auto& normalizer : normalizers_)
    normalizer->apply(normal, &search.cuts, {continues(step++), true});

  // Only what is final of it is looked at any further.
  const std::size_t final =
      normalized_.final_until(std::string_view(normal.bytes).substr(0, search.cuts.horizon()), is_literal);
  const std::string known = normal.bytes.substr(0, final);
  std::size_t begin = 0;
  for (const AddedTokens::Part& part : normalized_.cut(known, is_literal))
    if (part.token != nullptr) begin = part.end;
  search.cuts.filter([&](std::size_t here) { return here <= final; });
  normalized_.drop_places(known, search.cuts);
  ++step;
  if (begin > 0) {
    // The last token's end is a border, if it is a place at all; before it nothing is looked for.
    std::erase_if(search.cuts.places(), [&](const Cuts::Place& place) { return place.here < begin; });
    if (search.cuts.empty() || search.cuts.places().front().here != begin) return best;
    best = Restart{search.cuts.places().front().original, step, false};
    std::erase_if(search.cuts.places(), [&](const Cuts::Place& place) { return place.here == begin; });
  }
  if (search.cuts.empty()) return best;
  Pieces pieces;
  pieces.text.is_traced = asks_for_spans_;
  pieces.text.bytes = known.substr(begin);
  if (asks_for_spans_)
    pieces.text.spans.assign(normal.spans.begin() + static_cast<std::ptrdiff_t>(begin),
                             normal.spans.begin() + static_cast<std::ptrdiff_t>(final));
  for (Cuts::Place& place : search.cuts.places()) {
    place.here -= begin;
    // A token could begin here yet.
    place.is_inside = place.here + begin < final;
  }
  pieces.ranges.push_back({0, pieces.text.bytes.size()});
  for (std::size_t i = 0; i < pre_tokenizers_.size(); ++i)
    pre_tokenizers_[i]->apply(pieces, &search, begin == 0 && continues(step + i), i);
  if (search.last) best = Restart{search.last->original, step + search.last->step + 1, false};
  if (best || text.size() <= keeps) return best;
  return inside(pieces, search, start.is_inside);
}

}  // namespace ciyuan::token::pipeline
