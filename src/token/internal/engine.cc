#include "token/internal/engine.h"

#include <algorithm>
#include <array>
#include <bit>

#include "token/internal/matcher.h"
#include "token/internal/nfc.h"
#include "token/internal/unicode.h"
#include "token/internal/utf8_repair.h"

namespace ciyuan::token::internal {

namespace {

/// The piece, with spaces for signs that stand for them.
std::string_view with_spaces(std::string_view piece, std::string& buffer) {
  if (piece.find(kSpaceSign) == piece.npos) return piece;
  buffer = piece;
  fold_space_signs(buffer);
  return buffer;
}

}  // namespace

std::string_view Engine::prepare(std::string_view text, std::string& buffer) const {
  std::string repaired;
  text = repaired_utf8(text, repaired);
  if (nfc && nfc_untouched_prefix(text) < text.size()) {
    buffer.clear();
    append_nfc(text, buffer);
    return buffer;
  }
  if (folds_space_signs() && text.find(kSpaceSign) != text.npos) {
    buffer = text;
    fold_space_signs(buffer);
    return buffer;
  }
  if (repaired.empty()) return text;
  buffer.swap(repaired);
  return buffer;
}

// The oldest tokens first: they are the commonest, and get the best places. Half of them all is left for
// pieces that are no tokens.
void Engine::fill_table() {
  constexpr std::size_t kAhead = 32;
  std::array<PieceTable::Entry, kAhead> waiting;
  std::size_t put = 0;
  const std::size_t most = table->places() / 2;
  for (TokenId id = 0; id < bpe.size() && put < most; ++id) {
    const std::string_view text = bpe.bytes_of(id);
    if (text.empty() || text.size() > PieceTable::kPieceMax || !bpe.comes_out(id)) continue;
    // The places are far apart: asked for some time before they are written.
    PieceTable::Entry& entry = waiting[put % kAhead];
    if (put >= kAhead) table->put_where_free(entry, 1);
    entry = PieceTable::key_of(text);
    table->prefetch(entry);
    ++put;
  }
  for (std::size_t i = put > kAhead ? put - kAhead : 0; i < put; ++i)
    table->put_where_free(waiting[i % kAhead], 1);
}

void Engine::prepare_counting() {
  for (const AddedToken& token : added) added_by_id.push_back(&token);
  std::stable_sort(added_by_id.begin(), added_by_id.end(),
                   [](const AddedToken* a, const AddedToken* b) { return a->id < b->id; });
  constexpr std::size_t kSets = 1 << 16;
  table = std::make_unique<PieceTable>(kSets);
  long_pieces = std::make_unique<LongPieceTable>();
  for (TokenId id = 0; id < bpe.size(); ++id) {
    const std::string_view text = bpe.bytes_of(id);
    borders.add(text);
    if (words) words->add_token(text);
  }
  fill_table();
  if (words) {
    if (words->keeps_space_signs()) words->take_space_runs(bpe.greedy_space_run());
    words->prepare(borders);
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
  // A line feed beside another character in a token kept whole would lie across a border.
  has_borders = !regex && std::none_of(added.begin(), added.end(), [](const AddedToken& token) {
    return (token.literal || !token.special) && token.content.find('\n') != std::string::npos &&
           token.content.find_first_not_of('\n') != std::string::npos;
  });
  if (!words || words->literals_are_plain()) count_blocks = block_counter(best_tier(), pretokenizer);
}

std::uint32_t Engine::count_pretoken(std::string_view piece) const {
  if (piece.size() <= PieceTable::kPieceMax)
    if (const std::uint32_t count = table->find(PieceTable::key_of(piece))) return count;
  return count_piece(piece, true);
}

/// Calls take(part) for the parts of a piece between which no token crosses.
template <class Take>
void Engine::cut_at_borders(std::string_view piece, Take take) const {
  std::size_t begin = 0;
  for (std::size_t at = 3; at + 3 <= piece.size(); ++at) {
    if (!Borders::is_known(static_cast<unsigned char>(piece[at]))) continue;
    const char* here = piece.data() + at;
    if (!Borders::is_known(static_cast<unsigned char>(here[-3])) ||
        borders.may_be_crossed(Borders::character(here - 3), Borders::character(here)))
      continue;
    take(piece.substr(begin, at - begin));
    begin = at;
  }
  take(piece.substr(begin));
}

std::uint32_t Engine::count_piece(std::string_view piece, bool is_whole) const {
  std::string folded;
  if (words) {
    if (words->literal(piece) != kNoToken) return 1;
    if (words->keeps_space_signs()) piece = with_spaces(piece, folded);
  }
  // What is one token as a pretoken only is not kept: a part of a pretoken may be the same text.
  if (is_whole && bpe.is_token_only_whole(piece)) return 1;
  std::uint32_t count = 0;
  cut_at_borders(piece, [&](std::string_view part) { count += count_part(part); });
  return count;
}

std::uint32_t Engine::count_cut_piece(std::string_view piece, bool is_whole) const {
  return is_whole && bpe.is_token_only_whole(piece) ? 1 : count_part(piece);
}

std::uint32_t Engine::count_part(std::string_view part) const {
  if (part.size() <= PieceTable::kPieceMax) {
    const PieceTable::Entry key = PieceTable::key_of(part);
    if (const std::uint32_t known = table->find(key)) return known;
    const std::uint32_t count = bpe.count_joined(part);
    // Nor is the part kept, for the same reason: a pretoken of this text would be found as several tokens.
    if (!bpe.is_token_only_whole(part)) table->put(key, count);
    return count;
  }
  if (part.size() > LongPieceTable::kPieceMax) return bpe.count_joined(part);
  if (const std::uint32_t known = long_pieces->find(part)) return known;
  const std::uint32_t count = bpe.count_joined(part);
  long_pieces->put(part, count);
  return count;
}

Match Engine::next_pretoken(std::string_view prepared, RunMemo* memo) const {
  if (words) return words->first(prepared, memo);
  if (!regex) return internal::next_pretoken(pretokenizer, prepared, memo);
  const RegexPretokenizer::Part part = regex->first(prepared);
  return {part.length, part.hit_end, part.step == regex->steps() ? Match::kWhole : part.step};
}

std::uint64_t Engine::count_match(std::string_view piece, const Match& match) const {
  if (match.step == Match::kLiteral) return 1;
  if (match.step == Match::kWhole) return count_pretoken(piece);
  std::uint64_t total = 0;
  regex->cut(piece, match.step, [&](std::string_view part) { total += count_pretoken(part); });
  return total;
}

/// Calls take(piece) for each pretoken; literals of SentencePiece's are pieces, too.
template <class Take>
void Engine::cut(std::string_view prepared, Take take) const {
  if (words) return words->cut(prepared, take);
  if (regex) return regex->cut(prepared, 0, take);
  with_family(pretokenizer, [&]<Pretokenizer kFamily>() {
    for_each_pretoken<kFamily>(prepared, [&](const char* from, const char* to) {
      take({from, static_cast<std::size_t>(to - from)});
    });
  });
}

bool Engine::has_prefix(std::string_view prepared, bool is_beginning) const {
  if (prefix == Prefix::kNone || prepared.empty()) return false;
  if (prefix == Prefix::kFirstUnlessSpace && !is_beginning) return false;
  return prefix == Prefix::kAlways || (prepared[0] != ' ' && !prepared.starts_with(kSpaceSign));
}

/// Calls take(piece) for the first piece, that with the prefix; returns where the others begin. The text is
/// not copied for it, but for its beginning.
template <class Take>
std::size_t Engine::cut_head(std::string_view prepared, Take take) const {
  for (std::size_t size = 64;; size *= 4) {
    size = std::min(size, prepared.size());
    while (size < prepared.size() && continues_character(prepared[size])) ++size;
    const std::string head = " " + std::string(prepared.substr(0, size));
    const Match match = words->first(head, nullptr);
    if (match.hit_end && size < prepared.size()) continue;
    take(std::string_view(head).substr(0, match.length));
    return match.length - 1;
  }
}

std::uint64_t Engine::count_bare(std::string_view prepared, CountText by_blocks) const {
  if (by_blocks) return by_blocks(*this, prepared.data(), prepared.data() + prepared.size());
  std::uint64_t total = 0;
  cut(prepared, [&](std::string_view piece) { total += count_pretoken(piece); });
  return total;
}

std::uint64_t Engine::count_with(std::string_view prepared, CountText by_blocks, bool is_beginning) const {
  if (!has_prefix(prepared, is_beginning)) return count_bare(prepared, by_blocks);
  std::uint64_t first = 0;
  const std::size_t head = cut_head(prepared, [&](std::string_view piece) { first = count_pretoken(piece); });
  return first + count_bare(prepared.substr(head), by_blocks);
}

std::uint64_t Engine::count(std::string_view prepared, bool is_beginning) const {
  return count_with(prepared, count_blocks, is_beginning);
}

std::uint64_t Engine::count_by_matchers(std::string_view prepared) const {
  return count_with(prepared, nullptr, true);
}

void Engine::encode_piece(std::string_view piece, std::vector<TokenId>& out) const {
  std::string folded;
  if (words) {
    if (const TokenId id = words->literal(piece); id != kNoToken) return out.push_back(id);
    piece = with_spaces(piece, folded);
  } else if (const TokenId id = bpe.whole(piece); id != kNoToken) {
    return out.push_back(id);
  }
  cut_at_borders(piece, [&](std::string_view part) { bpe.encode_joined(part, out); });
}

void Engine::encode(std::string_view prepared, std::vector<TokenId>& out, bool is_beginning) const {
  const auto take = [&](std::string_view piece) { encode_piece(piece, out); };
  const std::size_t head = has_prefix(prepared, is_beginning) ? cut_head(prepared, take) : 0;
  cut(prepared.substr(head), take);
}

std::string_view Engine::bytes_of(TokenId id, char& buffer) const {
  if (const std::string_view bytes = bpe.bytes_of(id); !bytes.empty()) return bytes;
  if (const int byte = bpe.byte_of(id); byte >= 0) {
    buffer = static_cast<char>(byte);
    return {&buffer, 1};
  }
  const auto found =
      std::lower_bound(added_by_id.begin(), added_by_id.end(), id,
                       [](const AddedToken* token, TokenId wanted) { return token->id < wanted; });
  return found == added_by_id.end() || (*found)->id != id ? std::string_view() : (*found)->content;
}

}  // namespace ciyuan::token::internal
