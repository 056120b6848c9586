/// GGUF metadata (format versions 2 and 3): https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

#include <cstring>
#include <map>
#include <unordered_map>

#include "base/bytes.h"
#include "token/import/gguf_names.h"
#include "token/import/raw_tokenizer.h"
#include "token/import/sentencepiece.h"

namespace ciyuan::token::import {
namespace {

constexpr std::uint64_t kEntriesMax = 4096;  ///< of metadata; models have some 40
constexpr std::uint32_t kFloat = 6, kBool = 7, kString = 8, kArray = 9;
enum : std::int32_t { kNormal = 1, kUserDefined = 4 };  // tokenizer.ggml.token_type

/// Little-endian values off the front; after a failure everything fails.
class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}
  template <class Number>
  bool take(Number& value) {
    if (rest_.size() < sizeof value) return false;
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return true;
  }
  bool skip(std::uint64_t size) {
    if (size > rest_.size()) return false;
    rest_.remove_prefix(size);
    return true;
  }
  bool text(std::string_view& value) {
    std::uint64_t size = 0;
    if (!take(size) || size > rest_.size()) return false;
    value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  std::size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
};

std::uint64_t size_of(std::uint32_t kind) {
  constexpr std::uint64_t kSizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return kind < std::size(kSizes) ? kSizes[kind] : 0;
}

struct Metadata {
  std::map<std::string, std::string, std::less<>> texts;
  std::vector<std::string_view> tokens, merges;
  std::vector<std::int32_t> kinds;
  std::vector<float> scores;
  bool adds_space = true;  ///< llama.cpp's default for SentencePiece's kind
  bool removes_spaces = false;
  std::vector<char> character_map;
};

template <class Number>
bool read_numbers(Reader& reader, std::uint64_t count, std::vector<Number>& numbers) {
  if (count > reader.left() / sizeof(Number)) return false;
  numbers.resize(count);
  for (Number& each : numbers)
    if (!reader.take(each)) return false;
  return true;
}

bool read_array(Reader& reader, std::string_view key, Metadata& data) {
  std::uint32_t kind = 0;
  std::uint64_t count = 0;
  if (!reader.take(kind) || !reader.take(count) || kind == kArray) return false;
  if (kind == kString) {
    std::vector<std::string_view> texts;
    if (count > reader.left() / 8) return false;
    for (std::uint64_t i = 0; i < count; ++i) {
      std::string_view text;
      if (!reader.text(text)) return false;
      texts.push_back(text);
    }
    if (key == "tokenizer.ggml.tokens") data.tokens = std::move(texts);
    if (key == "tokenizer.ggml.merges") data.merges = std::move(texts);
    return true;
  }
  if (key == "tokenizer.ggml.token_type" && size_of(kind) == 4)
    return read_numbers(reader, count, data.kinds);
  if (key == "tokenizer.ggml.precompiled_charsmap" && size_of(kind) == 1)
    return read_numbers(reader, count, data.character_map);
  if (key == "tokenizer.ggml.scores" && kind == kFloat) return read_numbers(reader, count, data.scores);
  return size_of(kind) != 0 && count <= reader.left() && reader.skip(count * size_of(kind));
}

Result<Metadata> read_metadata(std::string_view bytes) {
  Reader reader(bytes);
  std::uint32_t magic = 0, version = 0;
  std::uint64_t tensors = 0, entries = 0;
  if (!reader.take(magic) || !reader.take(version) || !reader.take(tensors) || !reader.take(entries))
    return invalid("file", "it ends in the header");
  if (version != 2 && version != 3) return invalid("version", std::to_string(version) + " is not supported");
  if (entries > kEntriesMax) return invalid("metadata", std::to_string(entries) + " entries are too many");
  Metadata data;
  for (std::uint64_t i = 0; i < entries; ++i) {
    std::string_view key, text;
    std::uint32_t kind = 0;
    const bool named = reader.text(key) && reader.take(kind);
    bool read = named;
    if (named && kind == kString) {
      read = reader.text(text);
      if (read && key.starts_with("tokenizer.ggml.")) data.texts[std::string(key)] = text;
    } else if (named && kind == kArray) {
      read = read_array(reader, key, data);
    } else if (named && kind == kBool) {
      std::uint8_t value = 0;
      read = reader.take(value);
      if (key == "tokenizer.ggml.add_space_prefix") data.adds_space = value != 0;
      if (key == "tokenizer.ggml.remove_extra_whitespaces") data.removes_spaces = value != 0;
    } else if (named) {
      read = size_of(kind) != 0 && reader.skip(size_of(kind));
    }
    if (!read)
      return invalid("metadata[" + std::to_string(i) + "]",
                     "the file ends in it, or it is not of a known type");
  }
  return data;
}

Result<std::vector<SentencePiece>> pieces_of(const Metadata& data) {
  if (data.scores.size() != data.tokens.size())
    return invalid("tokenizer.ggml.scores", "not as many as tokens");
  std::vector<SentencePiece> pieces;
  for (std::size_t id = 0; id < data.tokens.size(); ++id)
    pieces.push_back(
        {std::string(data.tokens[id]), data.scores[id], static_cast<std::uint32_t>(data.kinds[id])});
  return pieces;
}

/// SentencePiece's kind, which llama.cpp calls "llama": pieces with scores.
Result<RawTokenizer> sentencepiece_of(const Metadata& data) {
  CIYUAN_TRY(const std::vector<SentencePiece> pieces, pieces_of(data));
  CIYUAN_TRY(RawTokenizer raw, bpe_of_pieces(pieces, "tokenizer.ggml.tokens"));
  if (data.adds_space) raw.prefix = "always";
  return raw;
}

}  // namespace

Result<pipeline::ChainParts> read_gguf_chain(std::string_view bytes, const Error& why_not_fast) {
  CIYUAN_TRY(const Metadata data, read_metadata(bytes));
  const auto model = data.texts.find("tokenizer.ggml.model");
  if (model == data.texts.end() || model->second != "t5") return why_not_fast;
  if (data.tokens.empty() || data.tokens.size() > kListedTokensMax || data.kinds.size() != data.tokens.size())
    return why_not_fast;
  CIYUAN_TRY(const std::vector<SentencePiece> pieces, pieces_of(data));
  SentencePieceSettings settings;
  settings.has_prefix = data.adds_space, settings.removes_spaces = data.removes_spaces;
  settings.character_map = std::string_view(data.character_map.data(), data.character_map.size());
  settings.unknown_surface = " \xE2\x81\x87 ";
  return sentencepiece_chain(settings, pieces, "tokenizer.ggml.tokens");
}

Result<RawTokenizer> read_gguf(std::string_view bytes, const std::string& pretokenizer) {
  CIYUAN_TRY(const Metadata data, read_metadata(bytes));
  const auto text_of = [&](const char* key) {
    const auto found = data.texts.find(key);
    return found == data.texts.end() ? std::string() : found->second;
  };
  const std::string model = text_of("tokenizer.ggml.model");
  if (data.tokens.empty() || data.tokens.size() > kListedTokensMax || data.kinds.size() != data.tokens.size())
    return invalid("tokenizer.ggml.tokens", "there are none, too many, or not as many as types");
  if (model == "llama" && pretokenizer.empty()) return sentencepiece_of(data);
  if (model != "gpt2")
    return invalid(
        "tokenizer.ggml.model",
        "\"" + model + "\" is not supported (only gpt2, byte-level BPE, llama and t5, SentencePiece's, are)");
  RawTokenizer raw;
  const std::string pre = text_of("tokenizer.ggml.pre");
  if (const GgufPre* known = gguf_pre(pre)) {
    raw.nfc = known->nfc;
    raw.whole_piece = known->whole_piece;
    raw.pretokenizer = known->pretokenizer;
    raw.expressions = known->expressions;
  }
  if (!pretokenizer.empty()) raw.pretokenizer = pretokenizer;
  if (raw.pretokenizer.empty())
    return invalid("tokenizer.ggml.pre", "\"" + pre + "\" is not known: name the pretokenizer");
  std::unordered_map<std::string_view, std::uint32_t> ids;
  std::size_t total = 0;
  raw.tokens.resize(data.tokens.size());
  raw.splits.resize(data.tokens.size());
  for (std::uint32_t id = 0; id < data.tokens.size(); ++id) {
    const std::string_view text = data.tokens[id];
    const std::string where = "tokenizer.ggml.tokens[" + std::to_string(id) + "]";
    total += text.size();
    if (total > kAllTokensBytesMax) return Error{ErrorCode::kTooLarge, "more than 8 MB of tokens", where};
    if (!is_utf8(text) || text.empty()) return invalid(where, "not text");
    ids.emplace(text, id);
    if (data.kinds[id] != kNormal)
      raw.added.push_back({id, std::string(text), data.kinds[id] != kUserDefined, false, false, false});
    else if (!bytes_of_alphabet(text, raw.tokens[id]))
      return invalid(where, "not in the byte-level alphabet");
  }
  CIYUAN_TRY_STATUS(check_literals(raw));
  std::uint32_t last = 0;
  std::string left_bytes;
  for (std::size_t i = 0; i < data.merges.size(); ++i) {
    const std::string where = "tokenizer.ggml.merges[" + std::to_string(i) + "]";
    const std::string_view merge = data.merges[i];
    const std::size_t space = merge.find(' ');
    if (space == merge.npos) return invalid(where, "not two tokens");
    const std::string made_text = std::string(merge.substr(0, space)).append(merge.substr(space + 1));
    const auto left = ids.find(merge.substr(0, space)), right = ids.find(merge.substr(space + 1));
    const auto made = ids.find(made_text);
    if (left == ids.end() || right == ids.end() || made == ids.end() || raw.tokens[made->second].empty() ||
        !bytes_of_alphabet(left->first, left_bytes))
      return invalid(where, "it joins or makes what is no token");
    CIYUAN_TRY_STATUS(add_join(raw, made->second, last, left_bytes.size(), where));
  }
  return raw;
}

}  // namespace ciyuan::token::import
