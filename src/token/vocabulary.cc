#include "token/vocabulary.h"

#include <simdjson.h>

#include <algorithm>
#include <bit>

#include "token/internal/engine.h"
#include "token/internal/matcher.h"
#include "token/internal/nfc.h"
#include "token/internal/utf8_repair.h"
#include "token/vocabulary_file.h"

namespace ciyuan::token {

namespace internal {

std::string_view Engine::prepare(std::string_view text, std::string& buffer) const {
  std::string repaired;
  if (!simdjson::validate_utf8(text.data(), text.size())) {
    const std::size_t consumed = repair_utf8(text, repaired);
    if (consumed < text.size()) repaired.append(kReplacement);
    text = repaired;
  }
  const bool changes = nfc && nfc_untouched_prefix(text) < text.size();
  if (!changes && repaired.empty()) return text;
  buffer.clear();
  changes ? append_nfc(text, buffer) : buffer.swap(repaired);
  return buffer;
}

void Engine::prepare_counting() {
  // The tokens alone would fill three of four places, at most.
  std::size_t tokens = 0;
  for (TokenId id = 0; id < bpe.size(); ++id) tokens += bpe.bytes_of(id).size() <= PieceTable::kPieceMax;
  table = std::make_unique<PieceTable>(std::bit_ceil(std::max<std::size_t>(tokens / 4, 1 << 16)));
  long_pieces = std::make_unique<LongPieceTable>();
  // The oldest tokens first: they are the commonest, and get the best places.
  for (TokenId id = 0; id < bpe.size(); ++id) {
    const std::string_view text = bpe.bytes_of(id);
    borders.add(text);
    if (!text.empty() && text.size() <= PieceTable::kPieceMax && bpe.comes_out(id))
      table->put_where_free(PieceTable::key_of(text), 1);
  }
  constexpr std::uint32_t kFirst = 0x4E00, kEnd = 0xA000;
  character_tokens.resize(kEnd - kFirst + 4);  // tokens are gathered four bytes at a time
  for (std::uint32_t c = kFirst; c < kEnd; ++c) {
    const char text[] = {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3F)),
                         static_cast<char>(0x80 | (c & 0x3F))};
    character_tokens[c - kFirst] = static_cast<std::uint8_t>(bpe.count_joined({text, 3}));
  }
  has_all_bytes = true;
  for (int byte = 0; byte < 0x80; ++byte) {
    const char text = static_cast<char>(byte);
    has_all_bytes &= bpe.count_joined({&text, 1}) == 1;
  }
  count_blocks = block_counter(best_tier(), pretokenizer);
}

std::uint32_t Engine::count_pretoken(std::string_view piece) const {
  if (piece.size() <= PieceTable::kPieceMax)
    if (const std::uint32_t count = table->find(PieceTable::key_of(piece))) return count;
  return count_piece(piece, true);
}

std::uint32_t Engine::count_piece(std::string_view piece, bool is_whole) const {
  // What is one token as a pretoken only is not kept: a part of a pretoken may be the same text.
  if (is_whole && bpe.is_token_only_whole(piece)) return 1;
  std::uint32_t count = 0;
  std::size_t begin = 0;
  for (std::size_t at = 3; at + 3 <= piece.size(); ++at) {
    if (!Borders::is_known(static_cast<unsigned char>(piece[at]))) continue;
    const char* here = piece.data() + at;
    if (!Borders::is_known(static_cast<unsigned char>(here[-3])) ||
        borders.may_be_crossed(Borders::character(here - 3), Borders::character(here)))
      continue;
    count += count_part(piece.substr(begin, at - begin));
    begin = at;
  }
  return count + count_part(piece.substr(begin));
}

std::uint32_t Engine::count_cut_piece(std::string_view piece, bool is_whole) const {
  return is_whole && bpe.is_token_only_whole(piece) ? 1 : count_part(piece);
}

std::uint32_t Engine::count_part(std::string_view part) const {
  if (part.size() <= PieceTable::kPieceMax) {
    const PieceTable::Entry key = PieceTable::key_of(part);
    if (const std::uint32_t known = table->find(key)) return known;
    const std::uint32_t count = bpe.count_joined(part);
    table->put(key, count);
    return count;
  }
  if (part.size() > LongPieceTable::kPieceMax) return bpe.count_joined(part);
  if (const std::uint32_t known = long_pieces->find(part)) return known;
  const std::uint32_t count = bpe.count_joined(part);
  long_pieces->put(part, count);
  return count;
}

Match Engine::next_pretoken(std::string_view prepared, RunMemo* memo) const {
  if (!regex) return internal::next_pretoken(pretokenizer, prepared, memo);
  const RegexPretokenizer::Part part = regex->first(prepared);
  return {part.length, part.hit_end, part.step == regex->steps() ? Match::kWhole : part.step};
}

std::uint64_t Engine::count_match(std::string_view piece, const Match& match) const {
  if (match.step == Match::kWhole) return count_pretoken(piece);
  std::uint64_t total = 0;
  regex->cut(piece, match.step, [&](std::string_view part) { total += count_pretoken(part); });
  return total;
}

std::uint64_t Engine::count(std::string_view prepared) const {
  if (count_blocks == nullptr) return count_by_matchers(prepared);
  return count_blocks(*this, prepared.data(), prepared.data() + prepared.size());
}

std::uint64_t Engine::count_by_matchers(std::string_view prepared) const {
  std::uint64_t total = 0;
  if (regex) {
    regex->cut(prepared, 0, [&](std::string_view piece) { total += count_pretoken(piece); });
    return total;
  }
  with_family(pretokenizer, [&]<Pretokenizer kFamily>() {
    for_each_pretoken<kFamily>(prepared, [&](const char* from, const char* to) {
      total += count_pretoken({from, static_cast<std::size_t>(to - from)});
    });
  });
  return total;
}

void Engine::encode(std::string_view prepared, std::vector<TokenId>& out) const {
  if (regex) return regex->cut(prepared, 0, [&](std::string_view piece) { bpe.encode(piece, out); });
  with_family(pretokenizer, [&]<Pretokenizer kFamily>() {
    for_each_pretoken<kFamily>(prepared, [&](const char* from, const char* to) {
      bpe.encode({from, static_cast<std::size_t>(to - from)}, out);
    });
  });
}

}  // namespace internal

namespace {

/// Calls text(piece) and token(added token) for the parts of `text`, in order.
template <class OnText, class OnToken>
void split(std::string_view text, const internal::AddedTokenIndex& index, OnText on_text, OnToken on_token) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto found = index.find(text, at);
    const std::size_t stop = found.token ? found.begin : text.size();
    if (stop > at) on_text(text.substr(at, stop - at));
    if (!found.token) return;
    on_token(*found.token);
    at = found.end;
  }
}

template <class OnText, class OnToken>
void split_twice(const internal::Engine& engine, std::string_view text, const internal::AddedTokenIndex& raw,
                 const internal::AddedTokenIndex& normalized, OnText on_text, OnToken on_token) {
  std::string valid;
  if (!simdjson::validate_utf8(text.data(), text.size())) {
    if (internal::repair_utf8(text, valid) < text.size()) valid.append(internal::kReplacement);
    text = valid;
  }
  std::string buffer;
  split(
      text, raw,
      [&](std::string_view part) { split(engine.prepare(part, buffer), normalized, on_text, on_token); },
      on_token);
}

}  // namespace

Vocabulary::Vocabulary(std::unique_ptr<internal::Engine> engine) : engine_(std::move(engine)) {}
Vocabulary::~Vocabulary() = default;

Result<std::shared_ptr<const Vocabulary>> Vocabulary::parse(std::string_view packed) {
  CIYUAN_TRY(const std::string content, unpack_vocabulary(packed));
  CIYUAN_TRY(VocabularyFile file, parse_vocabulary_file(content));
  auto engine = std::make_unique<internal::Engine>();
  engine->name = std::move(file.name);
  engine->digest = sha256(content);
  engine->pretokenizer = file.pretokenizer;
  if (file.pretokenizer == internal::Pretokenizer::kRegex) {
    CIYUAN_TRY(engine->regex, internal::RegexPretokenizer::compile(file.expressions));
  }
  engine->nfc = file.nfc;
  engine->added = std::move(file.added_tokens);
  if (!engine->bpe.build(std::move(file.bpe)))
    return Error{ErrorCode::kCorrupt, "a join of the vocabulary joins no tokens", engine->name};
  for (const AddedToken& token : engine->added)
    (token.normalized ? engine->normalized_added : engine->raw_added).add(token);
  engine->prepare_counting();
  return std::shared_ptr<const Vocabulary>(new Vocabulary(std::move(engine)));
}

const std::string& Vocabulary::name() const { return engine_->name; }
const Digest& Vocabulary::digest() const { return engine_->digest; }
const std::vector<AddedToken>& Vocabulary::added_tokens() const { return engine_->added; }

std::uint32_t Vocabulary::size() const {
  std::uint32_t size = engine_->bpe.size();
  for (const AddedToken& token : engine_->added) size = std::max(size, token.id + 1);
  return size;
}

Tokens Vocabulary::count(std::string_view text) const {
  std::string buffer;
  return Tokens{static_cast<std::int64_t>(engine_->count(engine_->prepare(text, buffer)))};
}

std::vector<TokenId> Vocabulary::encode(std::string_view text) const {
  std::string buffer;
  std::vector<TokenId> ids;
  engine_->encode(engine_->prepare(text, buffer), ids);
  return ids;
}

std::vector<Piece> Vocabulary::encode_with_ends(std::string_view text) const {
  std::string buffer;
  std::vector<TokenId> ids;
  const std::string_view prepared = engine_->prepare(text, buffer);
  engine_->encode(prepared, ids);
  std::vector<Piece> pieces;
  pieces.reserve(ids.size());
  std::size_t end = 0;
  for (const TokenId id : ids) {
    const std::string_view bytes = engine_->bpe.bytes_of(id);
    // Bytes that are no token in this vocabulary are in none.
    while (prepared.substr(end, bytes.size()) != bytes) ++end;
    end += bytes.size();
    pieces.push_back({id, end});
  }
  return pieces;
}

std::vector<TokenId> Vocabulary::encode_with_specials(std::string_view text) const {
  std::vector<TokenId> ids;
  split_twice(
      *engine_, text, engine_->raw_added, engine_->normalized_added,
      [&](std::string_view part) { engine_->encode(part, ids); },
      [&](const AddedToken& token) { ids.push_back(token.id); });
  return ids;
}

std::vector<TokenId> Vocabulary::encode_with_specials(std::string_view text,
                                                      std::span<const std::string_view> allowed) const {
  internal::AddedTokenIndex raw, normalized;
  for (const AddedToken& token : engine_->added)
    if (std::find(allowed.begin(), allowed.end(), token.content) != allowed.end())
      (token.normalized ? normalized : raw).add(token);
  std::vector<TokenId> ids;
  split_twice(
      *engine_, text, raw, normalized, [&](std::string_view part) { engine_->encode(part, ids); },
      [&](const AddedToken& token) { ids.push_back(token.id); });
  return ids;
}

Tokens Vocabulary::count_with_specials(std::string_view text) const {
  Tokens total;
  split_twice(
      *engine_, text, engine_->raw_added, engine_->normalized_added,
      [&](std::string_view part) { total.value += static_cast<std::int64_t>(engine_->count(part)); },
      [&](const AddedToken&) { ++total.value; });
  return total;
}

Result<std::string> Vocabulary::decode(std::span<const TokenId> ids) const {
  std::string text;
  for (TokenId id : ids) {
    if (const std::string_view bytes = engine_->bpe.bytes_of(id); !bytes.empty()) {
      text.append(bytes);
      continue;
    }
    const auto added = std::find_if(engine_->added.begin(), engine_->added.end(),
                                    [id](const AddedToken& token) { return token.id == id; });
    if (added == engine_->added.end())
      return invalid("token " + std::to_string(id), "not in vocabulary " + name());
    text.append(added->content);
  }
  return text;
}

}  // namespace ciyuan::token
