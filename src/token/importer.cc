#include "token/importer.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "token/import/chain_json.h"
#include "token/import/file_of.h"
#include "token/import/raw_tokenizer.h"
#include "token/import/sentencepiece.h"
#include "token/internal/engine.h"
#include "token/internal/nfc.h"

namespace ciyuan::token {
namespace {

constexpr std::size_t kVectorsMax = 1'000'000;

bool is_name(std::string_view name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789._-";
  return !name.empty() && name.size() <= 64 && name[0] != '.' && name[0] != '-' &&
         name.find_first_not_of(kLetters) == name.npos;
}

/// The start of a JSON text in the file, or npos.
std::size_t json_at(std::string_view file) {
  const std::size_t text = file.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  return text != file.npos && file[text] == '{' ? text : file.npos;
}

/// It begins with its first piece, a message that holds a text first.
bool is_sentencepiece_model(std::string_view file) {
  return file.size() > 4 && file.starts_with('\n') && file[2] == '\n' &&
         static_cast<unsigned char>(file[1]) < 0x80;
}

Result<import::RawTokenizer> read(std::string_view file, const std::string& pretokenizer) {
  if (file.starts_with("GGUF")) return import::read_gguf(file, pretokenizer);
  if (const std::size_t text = json_at(file); text != file.npos)
    return import::read_tokenizer_json(file.substr(text), pretokenizer);
  if (is_sentencepiece_model(file)) return import::read_sentencepiece_model(file);
  return import::read_rank_file(file, pretokenizer);
}

/// What the fast engine does not do the general one may. `why_not_fast`: where the file is none for either.
Result<std::string> import_chain(std::string_view file, const std::string& name, const Error& why_not_fast) {
  if (file.starts_with("GGUF")) {
    CIYUAN_TRY(const pipeline::ChainParts parts, import::read_gguf_chain(file, why_not_fast));
    return import::chain_file_of(name, parts);
  }
  if (is_sentencepiece_model(file)) {
    CIYUAN_TRY(const pipeline::ChainParts parts, import::read_sentencepiece_chain(file));
    return import::chain_file_of(name, parts);
  }
  const std::size_t text = json_at(file);
  if (text == file.npos) return why_not_fast;
  CIYUAN_TRY(const Json tree, parse_json(file.substr(text)));
  if (!tree.is_object() || !tree.contains("model")) return why_not_fast;
  try {
    CIYUAN_TRY(const pipeline::ChainParts parts, import::read_chain_json(tree));
    return import::chain_file_of(name, parts);
  } catch (const Json::exception& problem) {
    return invalid("file", std::string("not a tokenizer.json: ") + problem.what());
  }
}

/// A tokenizer.json's own members that change what its reference gives for a text.
Json outer_settings(std::string_view file, const char* member) {
  const std::size_t text = file.starts_with("GGUF") ? file.npos : json_at(file);
  if (text == file.npos) return {};
  const auto tree = parse_json(file.substr(text));
  return tree.ok() && tree->is_object() ? tree->value(member, Json()) : Json();
}

/// A count is of the whole text, which that of a reference that truncates is not.
Status check_truncation(std::string_view file, const ImportOptions& options) {
  if (options.whole_texts) return {};
  const Json truncation = outer_settings(file, "truncation");
  if (truncation.is_null()) return {};
  return invalid("truncation", truncation.dump() +
                                   ": with it the file's own tokenizer gives no more than so many tokens; "
                                   "--whole-texts counts each text to its end");
}

Error not_proved(const std::string& what, std::string message) {
  return Error{ErrorCode::kCorrupt, std::move(message), what};
}

std::string shown(std::string_view text) {
  return Json(std::string(text.substr(0, 60))).dump(-1, ' ', true, Json::error_handler_t::replace);
}

/// What decoding gives back of a text in the vocabulary's own normalization: a space in front is taken for
/// the one that the vocabulary has added, unless it adds one always.
std::string_view decodable(const Vocabulary& vocabulary, std::string_view text) {
  const internal::Prefix prefix = vocabulary.engine().prefix;
  const bool is_lost = prefix != internal::Prefix::kNone && prefix != internal::Prefix::kAlways;
  return is_lost && text.starts_with(' ') ? text.substr(1) : text;
}

bool survives(const Vocabulary& vocabulary, std::string_view text) {
  std::string buffer;
  const auto decoded = vocabulary.decode(vocabulary.encode(text));
  return decoded.ok() && *decoded == decodable(vocabulary, vocabulary.engine().prepare(text, buffer));
}

Status prove_tokens(const Vocabulary& vocabulary, Proof& proof) {
  const auto& bpe = vocabulary.engine().bpe;
  bool has_all_bytes = true;
  for (int byte = 0; byte < 256 && !bpe.starts_from_characters(); ++byte)
    has_all_bytes = has_all_bytes && bpe.whole(std::string(1, static_cast<char>(byte))) != internal::kNoToken;
  for (TokenId id = 0; id < bpe.size(); ++id) {
    const std::string_view bytes = bpe.bytes_of(id);
    if (bytes.empty()) continue;
    // Behind another, so that a space in front is its own.
    const TokenId ids[] = {id, id};
    const auto decoded = vocabulary.decode(ids);
    if (!decoded.ok() || !decoded->ends_with(bytes))
      return not_proved("token " + std::to_string(id), "it does not decode to its bytes");
    // A vocabulary without some byte drops it, as its reference does: text need not survive.
    if (has_all_bytes && is_utf8(bytes) && !survives(vocabulary, bytes))
      return not_proved("token " + std::to_string(id),
                        "its text " + shown(bytes) + " does not survive encoding");
    if (is_utf8(bytes) &&
        vocabulary.count(bytes).value != static_cast<std::int64_t>(vocabulary.encode(bytes).size()))
      return not_proved("token " + std::to_string(id), "it is counted and encoded differently");
    ++proof.tokens;
  }
  return {};
}

/// Of a chain: what is encoded is counted so, and has a text; the tokens' texts are no round trip, since
/// normalizers lose what they lose in the reference.
Status prove_chain_tokens(const Vocabulary& vocabulary, Proof& proof) {
  const pipeline::Chain& chain = *vocabulary.engine().chain;
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    const std::string text(chain.text_of(id));
    if (text.empty()) continue;
    const auto ids = vocabulary.encode(text);
    if (!vocabulary.decode(ids).ok())
      return not_proved("token " + std::to_string(id),
                        "its text " + shown(text) + " encodes to what is no token");
    if (vocabulary.count(text).value != static_cast<std::int64_t>(ids.size()))
      return not_proved("token " + std::to_string(id), "it is counted and encoded differently");
    ++proof.tokens;
  }
  for (const AddedToken& token : vocabulary.added_tokens()) {
    const auto ids = vocabulary.encode_with_specials(token.content);
    if (std::find(ids.begin(), ids.end(), token.id) == ids.end())
      return not_proved("special token " + std::to_string(token.id),
                        shown(token.content) + " does not encode to it");
    ++proof.specials;
  }
  return {};
}

/// The ordinary token of the same id, if that is another one: then an id would stand for two texts.
std::string_view other_of_same_id(const Vocabulary& vocabulary, const AddedToken& token) {
  const internal::Engine& engine = vocabulary.engine();
  std::string content = token.content;
  if (engine.words) internal::fold_space_signs(content);
  const std::string_view ordinary = engine.bpe.bytes_of(token.id);
  return ordinary == content || ordinary == token.content ? std::string_view() : ordinary;
}

Status prove_specials(const Vocabulary& vocabulary, Proof& proof) {
  for (const AddedToken& token : vocabulary.added_tokens()) {
    if (const std::string_view other = other_of_same_id(vocabulary, token); !other.empty())
      return not_proved("special token " + std::to_string(token.id),
                        shown(token.content) + " has the id of the ordinary token " + shown(other));
    // With the space that goes in front of it, a literal that begins with spaces may be others.
    const bool has_prefix = token.literal && vocabulary.engine().has_prefix(token.content);
    if (has_prefix && token.content.starts_with(' ')) continue;
    auto ids = vocabulary.encode_with_specials(token.content);
    if (has_prefix && ids.size() == 2) ids.erase(ids.begin());
    // Two names may have one id; one name must not have two.
    if (ids.size() != 1 || ids[0] != token.id)
      return not_proved("special token " + std::to_string(token.id),
                        shown(token.content) + " does not encode to it");
    ++proof.specials;
  }
  return {};
}

Status prove_vector(const Vocabulary& vocabulary, const Json& vector, Proof& proof) {
  const std::string where = "vector " + std::to_string(proof.vectors + 1);
  try {
    const auto text = vector.at("text").get<std::string>();
    const auto wanted = vector.at("ids").get<std::vector<TokenId>>();
    const auto mode = vector.value("mode", "");
    const bool plain = mode == "plain";
    if (mode == "framed") {
      CIYUAN_TRY(const auto framed, vocabulary.encode_framed(text));
      if (framed != wanted)
        return not_proved(
            where, "the framed ids of " + shown(text) + " are others: " + Json(framed).dump().substr(0, 200));
      ++proof.vectors;
      return {};
    }
    const auto ids = plain ? vocabulary.encode(text) : vocabulary.encode_with_specials(text);
    const Tokens count = plain ? vocabulary.count(text) : vocabulary.count_with_specials(text);
    if (ids != wanted)
      return not_proved(where,
                        "the ids of " + shown(text) + " are others: " + Json(ids).dump().substr(0, 200));
    if (count.value != static_cast<std::int64_t>(wanted.size()))
      return not_proved(where, "the count is another");
    ++proof.vectors;
    return {};
  } catch (const Json::exception&) {
    return invalid(where, R"(not {"text": …, "ids": […]})");
  }
}

Status prove_vectors(const Vocabulary& vocabulary, std::string_view vectors, Proof& proof) {
  if (const auto document = parse_json(vectors);
      document.ok() && document->is_object() && document->contains("vectors")) {
    for (const Json& vector : (*document)["vectors"])
      if (!vector.is_object() || vector.value("vocabulary", vocabulary.name()) == vocabulary.name())
        CIYUAN_TRY_STATUS(prove_vector(vocabulary, vector, proof));
  } else {
    while (!vectors.empty()) {
      const std::size_t end = std::min(vectors.find('\n'), vectors.size());
      const std::string_view line = vectors.substr(0, end);
      vectors.remove_prefix(std::min(end + 1, vectors.size()));
      if (line.find_first_not_of(" \t\r") == line.npos) continue;
      CIYUAN_TRY(const Json vector, parse_json(line));
      CIYUAN_TRY_STATUS(prove_vector(vocabulary, vector, proof));
      if (proof.vectors > kVectorsMax) return Error{ErrorCode::kTooLarge, "more than a million", "vectors"};
    }
  }
  if (proof.vectors == 0) return invalid("vectors", "the file holds none for this vocabulary");
  return {};
}

}  // namespace

Result<std::string> import_vocabulary(std::string_view file, const ImportOptions& options) {
  if (!is_name(options.name))
    return invalid(
        "--name", "\"" + options.name + "\": lower case letters, digits, \".\", \"_\" and \"-\", at most 64");
  if (!options.pretokenizer.empty() &&
      (options.pretokenizer == "regex" || !internal::pretokenizer_named(options.pretokenizer)))
    return invalid("--pretokenizer", "there is no \"" + options.pretokenizer + "\"");
  if (file.size() > kImportBytesMax) return Error{ErrorCode::kTooLarge, "over 128 MB", "file"};
  CIYUAN_TRY_STATUS(check_truncation(file, options));
  const auto fast = [&]() -> Result<std::string> {
    CIYUAN_TRY(import::RawTokenizer raw, read(file, options.pretokenizer));
    for (const auto& [content, id] : options.specials) {
      if (content.empty()) return invalid("--special", "an empty token");
      raw.added.push_back({id, content, true, false, false, false});
    }
    return import::file_of(options.name, raw);
  };
  Result<std::string> made = fast();
  if (made.ok() || !options.pretokenizer.empty() || !options.specials.empty()) return made;
  return import_chain(file, options.name, made.error());
}

std::vector<std::string> left_out(std::string_view file) {
  std::vector<std::string> lines;
  if (const Json padding = outer_settings(file, "padding"); !padding.is_null())
    lines.push_back("padding is left out, since it is no part of a text: " + padding.dump());
  if (const Json truncation = outer_settings(file, "truncation"); !truncation.is_null())
    lines.push_back("truncation is left out, texts are counted to their end: " + truncation.dump());
  return lines;
}

Result<Proof> prove_vocabulary(const Vocabulary& vocabulary, std::string_view vectors) {
  Proof proof;
  if (vocabulary.engine().chain) {
    CIYUAN_TRY_STATUS(prove_chain_tokens(vocabulary, proof));
  } else {
    CIYUAN_TRY_STATUS(prove_tokens(vocabulary, proof));
    CIYUAN_TRY_STATUS(prove_specials(vocabulary, proof));
  }
  if (!vectors.empty()) CIYUAN_TRY_STATUS(prove_vectors(vocabulary, vectors, proof));
  return proof;
}

}  // namespace ciyuan::token
