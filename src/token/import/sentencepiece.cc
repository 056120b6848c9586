/// SentencePiece models: sentencepiece_model.proto of github.com/google/sentencepiece, read by hand, since a
/// few members of it are all that is needed.

#include "token/import/sentencepiece.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <unordered_set>

#include "base/bytes.h"
#include "token/internal/bpe.h"
#include "token/internal/word_cutter.h"

namespace ciyuan::token::import {
namespace {

/// The fields of one message of a protocol buffer.
class Message {
 public:
  explicit Message(std::string_view bytes) : rest_(bytes) {}
  struct Field {
    std::uint64_t number = 0;
    std::uint64_t value = 0;  ///< of numbers, as they are written
    std::string_view bytes;   ///< of texts and messages
  };
  /// False at the end, and where the message is broken.
  bool next(Field& field) {
    if (rest_.empty() || is_broken_) return false;
    std::uint64_t key = 0;
    field = {};
    is_broken_ = !take_varint(key) || !take_value(key & 7, field);
    field.number = key >> 3;
    return !is_broken_;
  }
  bool is_broken() const { return is_broken_; }

 private:
  bool take_varint(std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool take_bytes(std::uint64_t size, std::string_view& bytes) {
    if (size > rest_.size()) return false;
    bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  bool take_value(std::uint64_t kind, Field& field) {
    std::uint64_t size = 0;
    if (kind == 0) return take_varint(field.value);
    if (kind == 2) return take_varint(size) && take_bytes(size, field.bytes);
    if (kind != 1 && kind != 5) return false;
    std::string_view fixed;
    if (!take_bytes(kind == 1 ? 8 : 4, fixed)) return false;
    for (std::size_t i = fixed.size(); i-- > 0;)
      field.value = field.value << 8 | static_cast<unsigned char>(fixed[i]);
    return true;
  }

  std::string_view rest_;
  bool is_broken_ = false;
};

struct Model {
  std::vector<SentencePiece> pieces;
  std::uint64_t kind = 1;  ///< TrainerSpec.ModelType; unigram where it is not said
  bool space_is_suffix = false, byte_fallback = false;
  bool has_prefix = true, removes_spaces = true, writes_space_signs = true;  ///< the defaults
  bool has_character_map = false, has_denormalizer = false;
  std::string_view character_map;
  std::string unknown_surface = " \xE2\x81\x87 ";  ///< what an unknown piece is decoded to
};

bool read_piece(std::string_view bytes, Model& model) {
  Message message(bytes);
  SentencePiece piece;
  for (Message::Field field; message.next(field);) {
    if (field.number == 1) piece.text = field.bytes;
    if (field.number == 2) piece.score = std::bit_cast<float>(static_cast<std::uint32_t>(field.value));
    if (field.number == 3) piece.type = static_cast<std::uint32_t>(field.value);
  }
  model.pieces.push_back(std::move(piece));
  return !message.is_broken();
}

bool read_trainer(std::string_view bytes, Model& model) {
  Message message(bytes);
  for (Message::Field field; message.next(field);) {
    if (field.number == 3) model.kind = field.value;
    if (field.number == 24) model.space_is_suffix = field.value != 0;
    if (field.number == 35) model.byte_fallback = field.value != 0;
    if (field.number == 44) model.unknown_surface = field.bytes;
  }
  return !message.is_broken();
}

bool read_normalizer(std::string_view bytes, Model& model) {
  Message message(bytes);
  for (Message::Field field; message.next(field);) {
    if (field.number == 2) model.has_character_map = !field.bytes.empty(), model.character_map = field.bytes;
    if (field.number == 3) model.has_prefix = field.value != 0;
    if (field.number == 4) model.removes_spaces = field.value != 0;
    if (field.number == 5) model.writes_space_signs = field.value != 0;
  }
  return !message.is_broken();
}

Result<Model> read_model(std::string_view bytes) {
  Model model;
  Message message(bytes);
  bool is_whole = true;
  for (Message::Field field; is_whole && message.next(field);) {
    if (field.number == 1)
      is_whole = model.pieces.size() < kListedTokensMax && read_piece(field.bytes, model);
    if (field.number == 2) is_whole = read_trainer(field.bytes, model);
    if (field.number == 3) is_whole = read_normalizer(field.bytes, model);
    if (field.number == 5) model.has_denormalizer = !field.bytes.empty();
  }
  if (!is_whole || message.is_broken()) return invalid("file", "not a SentencePiece model, or cut short");
  if (model.pieces.empty()) return invalid("pieces", "there are none");
  return model;
}

/// How good each token is, the best 0; tokens of the same score are equally good. Empty if that is the order
/// of their ids, all different.
std::vector<std::uint32_t> ranks_of(const std::vector<SentencePiece>& pieces) {
  std::vector<std::uint32_t> order, ranks(pieces.size());
  for (std::uint32_t id = 0; id < pieces.size(); ++id)
    if (pieces[id].type == SentencePiece::kNormal) order.push_back(id);
  const auto is_better = [&](std::uint32_t a, std::uint32_t b) { return pieces[a].score > pieces[b].score; };
  if (std::is_sorted(order.begin(), order.end(), is_better) &&
      std::adjacent_find(order.begin(), order.end(), std::not_fn(is_better)) == order.end())
    return {};
  std::stable_sort(order.begin(), order.end(), is_better);
  for (std::size_t i = 1; i < order.size(); ++i)
    ranks[order[i]] = ranks[order[i - 1]] + (is_better(order[i - 1], order[i]) ? 1 : 0);
  return ranks;
}

/// `total`: bytes of the pieces so far.
Status check_piece(const SentencePiece& piece, const std::string& at, std::size_t& total) {
  total += piece.text.size();
  if (total > kAllTokensBytesMax) return Error{ErrorCode::kTooLarge, "more than 8 MB of tokens", at};
  if (piece.text.empty() || !is_utf8(piece.text)) return invalid(at, "not text");
  if (!std::isfinite(piece.score)) return invalid(at, "its score is no number");
  return {};
}

}  // namespace

bool take_byte_token(std::string_view text, TokenId id, std::vector<TokenId>& byte_tokens) {
  const int byte = pipeline::byte_of_token(text);
  if (byte < 0) return false;
  byte_tokens.resize(256, internal::kNoToken);
  byte_tokens[static_cast<std::size_t>(byte)] = id;
  return true;
}

Status check_byte_tokens(const std::vector<TokenId>& byte_tokens, const std::string& where) {
  if (byte_tokens.size() == 256 &&
      std::find(byte_tokens.begin(), byte_tokens.end(), internal::kNoToken) == byte_tokens.end())
    return {};
  return invalid(where, "without a token for each byte (<0x00> to <0xFF>), which is not supported");
}

Result<RawTokenizer> bpe_of_pieces(const std::vector<SentencePiece>& pieces, const std::string& where) {
  RawTokenizer raw;
  raw.pretokenizer = "sentencepiece";
  raw.tokens.resize(pieces.size());
  std::size_t total = 0;
  for (std::uint32_t id = 0; id < pieces.size(); ++id) {
    const SentencePiece& piece = pieces[id];
    const std::string at = where + "[" + std::to_string(id) + "]";
    CIYUAN_TRY_STATUS(check_piece(piece, at, total));
    std::string text = piece.text;
    internal::fold_space_signs(text);
    switch (piece.type) {
      case SentencePiece::kNormal:
        raw.tokens[id] = std::move(text);
        break;
      case SentencePiece::kUnknown:
      case SentencePiece::kControl:
        raw.added.push_back({id, piece.text, true, false, false, false, false});
        break;
      case SentencePiece::kUserDefined:
        raw.added.push_back({id, std::move(text), false, false, false, false, true});
        break;
      case SentencePiece::kByte:
        if (!take_byte_token(piece.text, id, raw.byte_tokens))
          return invalid(at, "a byte, but not <0x00> to <0xFF>");
        break;
      default:
        return invalid(at, "its type " + std::to_string(piece.type) + " is not supported (5: unused)");
    }
  }
  CIYUAN_TRY_STATUS(check_byte_tokens(raw.byte_tokens, where));
  split_by_ranks(raw);
  const std::vector<std::uint32_t> ranks = ranks_of(pieces);
  raw.priority_is_token = ranks.empty();
  if (!ranks.empty())
    for (std::size_t id = 0; id < pieces.size(); ++id)
      raw.priorities.emplace_back(raw.splits[id].size(), ranks[id]);
  return raw;
}

Result<pipeline::ChainParts> sentencepiece_chain(const SentencePieceSettings& settings,
                                                 const std::vector<SentencePiece>& pieces,
                                                 const std::string& where) {
  pipeline::ChainParts parts;
  std::string kinds;
  Json symbols = Json::array();
  std::size_t total = 0, unknown = pieces.size();
  std::unordered_set<std::string_view> known, reserved;
  for (std::uint32_t id = 0; id < pieces.size(); ++id) {
    const SentencePiece& piece = pieces[id];
    const std::string at = where + "[" + std::to_string(id) + "]";
    CIYUAN_TRY_STATUS(check_piece(piece, at, total));
    if (piece.type < SentencePiece::kNormal || piece.type > SentencePiece::kByte ||
        (piece.type == SentencePiece::kUnused && settings.is_bpe))
      return invalid(at, "its type " + std::to_string(piece.type) + " is not supported (5: unused)");
    const bool is_piece = piece.type == SentencePiece::kNormal || piece.type == SentencePiece::kUserDefined ||
                          piece.type == SentencePiece::kUnused;
    if (!(is_piece ? known : reserved).insert(piece.text).second)
      return invalid(at, "its text is that of another");
    if (piece.type == SentencePiece::kUnknown) {
      if (unknown != pieces.size()) return invalid(at, "a second unknown piece");
      unknown = id;
    }
    if (piece.type == SentencePiece::kUnknown || piece.type == SentencePiece::kControl)
      parts.added.push_back({id, piece.text, true, false, false, false});
    if (piece.type == SentencePiece::kUserDefined) symbols.push_back(piece.text);
    kinds.push_back(static_cast<char>('0' + piece.type));
    parts.model.tokens.push_back(piece.text);
    parts.model.is_token.push_back(true);
    parts.model.scores.push_back(piece.score);
  }
  if (unknown == pieces.size()) return invalid(where, "without an unknown piece");
  const char* strip = settings.removes_spaces ? "all" : settings.has_prefix ? "one" : "none";
  parts.settings = {{"normalizer",
                     {{"type", "SentencePiece"},
                      {"precompiled_charsmap", to_base64(bytes_of(settings.character_map))},
                      {"add_dummy_prefix", settings.has_prefix},
                      {"remove_extra_whitespaces", settings.removes_spaces},
                      {"escape_whitespaces", settings.writes_space_signs},
                      {"treat_whitespace_as_suffix", settings.space_is_suffix},
                      {"symbols", symbols}}},
                    {"pre_tokenizer", nullptr},
                    {"post_processor", nullptr},
                    {"model",
                     {{"type", settings.is_bpe ? "SentencePieceBPE" : "SentencePieceUnigram"},
                      {"kinds", kinds},
                      {"unk_id", unknown},
                      {"byte_fallback", settings.byte_fallback}}},
                    {"decoder",
                     {{"type", "SentencePiece"},
                      {"strip", strip},
                      {"byte_fallback", settings.byte_fallback},
                      {"unk_piece", pieces[unknown].text},
                      {"unk_surface", settings.unknown_surface}}}};
  return parts;
}

Result<pipeline::ChainParts> read_sentencepiece_chain(std::string_view bytes) {
  CIYUAN_TRY(const Model model, read_model(bytes));
  constexpr std::uint64_t kUnigram = 1, kBpe = 2;
  if (model.kind != kUnigram && model.kind != kBpe)
    return invalid("trainer_spec.model_type",
                   std::to_string(model.kind) + " is not supported (only 1, unigram, and 2, BPE, are)");
  if (model.has_denormalizer) return invalid("denormalizer_spec", "it is not supported");
  if (!is_utf8(model.unknown_surface)) return invalid("trainer_spec.unk_surface", "not text");
  SentencePieceSettings settings;
  settings.is_bpe = model.kind == kBpe;
  settings.has_prefix = model.has_prefix, settings.removes_spaces = model.removes_spaces;
  settings.writes_space_signs = model.writes_space_signs, settings.space_is_suffix = model.space_is_suffix;
  settings.byte_fallback = model.byte_fallback;
  settings.character_map = model.character_map;
  settings.unknown_surface = model.unknown_surface;
  return sentencepiece_chain(settings, model.pieces, "pieces");
}

Result<RawTokenizer> read_sentencepiece_model(std::string_view bytes) {
  CIYUAN_TRY(const Model model, read_model(bytes));
  constexpr std::uint64_t kBpe = 2;
  if (model.kind != kBpe)
    return invalid("trainer_spec.model_type",
                   std::to_string(model.kind) + " is not supported (only 2, BPE, is)");
  if (!model.byte_fallback) return invalid("trainer_spec.byte_fallback", "false is not supported");
  if (model.space_is_suffix)
    return invalid("trainer_spec.treat_whitespace_as_suffix", "true is not supported");
  if (model.has_character_map) return invalid("normalizer_spec.precompiled_charsmap", "it is not supported");
  if (model.removes_spaces)
    return invalid("normalizer_spec.remove_extra_whitespaces", "true is not supported");
  if (!model.writes_space_signs)
    return invalid("normalizer_spec.escape_whitespaces", "false is not supported");
  CIYUAN_TRY(RawTokenizer raw, bpe_of_pieces(model.pieces, "pieces"));
  if (model.has_prefix) raw.prefix = "always";
  return raw;
}

}  // namespace ciyuan::token::import
