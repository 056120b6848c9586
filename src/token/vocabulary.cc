#include "token/vocabulary.h"

#include <algorithm>
#include <utility>

#include "token/internal/engine.h"
#include "token/internal/utf8_repair.h"
#include "token/vocabulary_file.h"

namespace ciyuan::token {

namespace {

Tokens tokens(std::uint64_t count) { return Tokens{static_cast<std::int64_t>(count)}; }

bool is_any(const AddedToken&) { return true; }

template <class OnText, class OnToken>
void split_twice(const internal::Engine& engine, std::string_view text, const internal::AddedTokenIndex& raw,
                 const internal::AddedTokenIndex& normalized, OnText on_text, OnToken on_token) {
  std::string valid, buffer;
  text = internal::repaired_utf8(text, valid);
  internal::split(
      text, raw,
      [&](std::string_view part, bool is_beginning) {
        internal::split(
            engine.prepare(part, buffer), normalized,
            [&](std::string_view piece, bool is_first) { on_text(piece, is_beginning && is_first); },
            on_token);
      },
      on_token);
}

/// Whether the text goes on with a token's bytes at `at`: `length` bytes. A space may be written as U+2581.
bool is_at(std::string_view text, std::size_t at, std::string_view bytes, std::size_t& length) {
  const std::size_t begin = at;
  for (const char c : bytes) {
    const std::string_view rest = text.substr(std::min(at, text.size()));
    if (rest.starts_with(c))
      at += 1;
    else if (c == ' ' && rest.starts_with(internal::kSpaceSign))
      at += internal::kSpaceSign.size();
    else
      return rest.empty();  // never: the tokens are the text's
  }
  length = at - begin;
  return true;
}

/// The tokens of prepared text, which begins at `offset`, with their ends.
void append_pieces(const internal::Engine& engine, std::string_view prepared, std::size_t offset,
                   std::vector<Piece>& pieces) {
  std::vector<TokenId> ids;
  engine.encode(prepared, ids);
  pieces.reserve(pieces.size() + ids.size());
  std::size_t end = 0;
  std::size_t prefix = engine.has_prefix(prepared) ? 1 : 0;
  for (const TokenId id : ids) {
    char byte = 0;
    std::string_view bytes = engine.bytes_of(id, byte);
    bytes.remove_prefix(std::exchange(prefix, 0));
    // Bytes that are no token in this vocabulary are in none.
    std::size_t length = 0;
    while (!is_at(prepared, end, bytes, length)) ++end;
    pieces.push_back({id, offset + (end += length)});
  }
}

}  // namespace

Vocabulary::Vocabulary(std::unique_ptr<internal::Engine> engine) : engine_(std::move(engine)) {}
Vocabulary::~Vocabulary() = default;

Result<std::shared_ptr<const Vocabulary>> Vocabulary::parse(std::string_view packed, bool is_proved) {
  CIYUAN_TRY(const std::string content, unpack_vocabulary(packed));
  CIYUAN_TRY(VocabularyFile file, parse_vocabulary_file(content));
  auto engine = std::make_unique<internal::Engine>();
  engine->name = std::move(file.name);
  engine->digest = sha256(content);
  engine->is_proved = is_proved;
  if (file.chain) {
    auto chain = pipeline::Chain::make(std::move(*file.chain));
    if (!chain) return Error{ErrorCode::kCorrupt, chain.error().text(), "vocabulary"};
    engine->added = (*chain)->added();
    engine->chain = std::move(*chain);
    return std::shared_ptr<const Vocabulary>(new Vocabulary(std::move(engine)));
  }
  engine->pretokenizer = file.pretokenizer;
  if (file.pretokenizer == internal::Pretokenizer::kRegex) {
    CIYUAN_TRY(engine->regex, internal::RegexPretokenizer::compile(file.expressions));
  }
  engine->nfc = file.nfc;
  engine->prefix = file.prefix;
  for (const AddedToken& token : file.added_tokens)
    if (!token.special && (token.lstrip || token.rstrip || (token.normalized && file.nfc)))
      return Error{ErrorCode::kCorrupt, "the token \"" + token.content + "\" is the general engine's to find",
                   "added_tokens"};
  engine->added = std::move(file.added_tokens);
  if (!engine->bpe.build(std::move(file.bpe)))
    return Error{ErrorCode::kCorrupt, "a join of the vocabulary joins no tokens", engine->name};
  if (engine->pretokenizer == internal::Pretokenizer::kSentencePiece)
    engine->words = std::make_shared<internal::WordCutter>();
  for (const AddedToken& token : engine->added) {
    if (token.literal && engine->words) engine->words->add_literal(token.content, token.id);
    // Of byte-level files what is no control token is kept whole, as Hugging Face's tokenizers do.
    if (!token.special && !engine->words) engine->literals.add(token);
    // Where a prefix goes in front of what follows a token, literals are no such tokens.
    if (token.literal && engine->prefix != internal::Prefix::kNone) continue;
    (token.normalized ? engine->normalized_added : engine->raw_added).add(token);
  }
  engine->literals.prepare();
  engine->raw_added.prepare();
  engine->normalized_added.prepare();
  engine->prepare_counting();
  return std::shared_ptr<const Vocabulary>(new Vocabulary(std::move(engine)));
}

const std::string& Vocabulary::name() const { return engine_->name; }
const Digest& Vocabulary::digest() const { return engine_->digest; }
const std::vector<AddedToken>& Vocabulary::added_tokens() const { return engine_->added; }

bool Vocabulary::is_proved() const { return engine_->is_proved; }

std::uint32_t Vocabulary::size() const {
  if (engine_->chain) return engine_->chain->size();
  std::uint32_t size = engine_->bpe.size();
  for (const AddedToken& token : engine_->added) size = std::max(size, token.id + 1);
  return size;
}

std::uint64_t Vocabulary::tokens_per_byte_max() const {
  // NFC makes at most three bytes of one, and so does U+FFFD; no byte makes more than a token.
  return engine_->chain ? 3 * engine_->chain->tokens_of_byte() : 3;
}

Tokens Vocabulary::count(std::string_view text) const {
  std::string buffer;
  if (const auto& chain = engine_->chain)
    return tokens(chain->count(internal::repaired_utf8(text, buffer), pipeline::Chain::is_literal));
  Tokens total;
  engine_->split_at_literals(
      text,
      [&](std::string_view part, bool is_beginning) {
        total += tokens(engine_->count(engine_->prepare(part, buffer), is_beginning));
      },
      [&](const AddedToken&) { ++total.value; });
  return total;
}

std::vector<TokenId> Vocabulary::encode(std::string_view text) const {
  std::string buffer;
  if (const auto& chain = engine_->chain)
    return chain->encode(internal::repaired_utf8(text, buffer), pipeline::Chain::is_literal);
  std::vector<TokenId> ids;
  engine_->split_at_literals(
      text,
      [&](std::string_view part, bool is_beginning) {
        engine_->encode(engine_->prepare(part, buffer), ids, is_beginning);
      },
      [&](const AddedToken& token) { ids.push_back(token.id); });
  return ids;
}

std::vector<Piece> Vocabulary::encode_with_ends(std::string_view text) const {
  std::string buffer;
  if (const auto& chain = engine_->chain)
    return chain->encode_with_ends(internal::repaired_utf8(text, buffer), pipeline::Chain::is_literal);
  std::vector<Piece> pieces;
  std::size_t begin = 0;
  engine_->split_at_literals(
      text,
      [&](std::string_view part, bool) {
        const std::string_view prepared = engine_->prepare(part, buffer);
        append_pieces(*engine_, prepared, begin, pieces);
        begin += prepared.size();
      },
      [&](const AddedToken& token) {
        pieces.push_back({token.id, begin += token.content.size()});
      });
  return pieces;
}

std::vector<TokenId> Vocabulary::encode_with_specials(std::string_view text) const {
  std::string buffer;
  if (const auto& chain = engine_->chain) return chain->encode(internal::repaired_utf8(text, buffer), is_any);
  std::vector<TokenId> ids;
  split_twice(
      *engine_, text, engine_->raw_added, engine_->normalized_added,
      [&](std::string_view part, bool is_beginning) { engine_->encode(part, ids, is_beginning); },
      [&](const AddedToken& token) { ids.push_back(token.id); });
  return ids;
}

std::vector<TokenId> Vocabulary::encode_with_specials(std::string_view text,
                                                      std::span<const std::string_view> allowed) const {
  std::string buffer;
  if (const auto& chain = engine_->chain)
    return chain->encode(internal::repaired_utf8(text, buffer), [&](const AddedToken& token) {
      return token.literal || std::find(allowed.begin(), allowed.end(), token.content) != allowed.end();
    });
  internal::AddedTokenIndex raw, normalized;
  for (const AddedToken& token : engine_->added)
    if (std::find(allowed.begin(), allowed.end(), token.content) != allowed.end())
      (token.normalized ? normalized : raw).add(token);
  raw.prepare();
  normalized.prepare();
  std::vector<TokenId> ids;
  split_twice(
      *engine_, text, raw, normalized,
      [&](std::string_view part, bool is_beginning) { engine_->encode(part, ids, is_beginning); },
      [&](const AddedToken& token) { ids.push_back(token.id); });
  return ids;
}

Result<std::vector<TokenId>> Vocabulary::encode_framed(std::string_view text) const {
  if (!engine_->chain) return invalid(name(), "its file does not say what is put round a text");
  return engine_->chain->framed(encode_with_specials(text));
}

Tokens Vocabulary::count_with_specials(std::string_view text) const {
  std::string buffer;
  if (const auto& chain = engine_->chain)
    return tokens(chain->count(internal::repaired_utf8(text, buffer), is_any));
  Tokens total;
  split_twice(
      *engine_, text, engine_->raw_added, engine_->normalized_added,
      [&](std::string_view part, bool is_beginning) {
        total.value += static_cast<std::int64_t>(engine_->count(part, is_beginning));
      },
      [&](const AddedToken&) { ++total.value; });
  return total;
}

Result<std::string> Vocabulary::decode(std::span<const TokenId> ids) const {
  if (engine_->chain) return engine_->chain->decode(ids);
  std::string text;
  for (const TokenId id : ids) {
    char byte = 0;
    const std::string_view bytes = engine_->bytes_of(id, byte);
    if (bytes.empty()) return invalid("token " + std::to_string(id), "not in vocabulary " + name());
    text.append(bytes);
  }
  if (engine_->prefix != internal::Prefix::kNone && text.starts_with(' ')) text.erase(0, 1);
  return text;
}

}  // namespace ciyuan::token
