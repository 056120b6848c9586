// A text counted in every way there is: by each tier of the blocks, by the matchers, by encoding it,
// pretoken by pretoken, in pieces, and up to a limit. All must agree, and the tokens must be the text. The
// first byte chooses the vocabulary, the second how the text is written (as it stands, or with a byte of 0x80
// and more for a word, a space or a token), the third where it is cut.

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>

#include "token/incremental_counter.h"
#include "token/internal/engine.h"
#include "token/internal/unicode.h"
#include "token/vocabulary_set.h"

using namespace ciyuan;
using namespace ciyuan::token;

namespace {

using Shared = std::shared_ptr<const Vocabulary>;

// One of each kind. The last ones need not be installed.
constexpr const char* kNames[] = {"o200k",  "cl100k",  "r50k",        "qwen3",      "qwen3.5",
                                  "tekken", "smollm2", "deepseek_v3", "mistral_v1", "mistral_v3",
                                  "llama3", "llama2",  "gemma3"};
constexpr std::size_t kAlwaysThere = 10;
constexpr std::size_t kTextBytesMax = 4096;

constexpr const char* kWords[] = {
    " ",
    "  ",
    "    ",
    "\n",
    "\r\n",
    "\n\n",
    "\t",
    "\xC2\xA0",
    "\xE3\x80\x80",
    "\xE2\x96\x81",
    "\xC2\x85",
    "the",
    " The",
    "don't",
    "WE'LL",
    "'s",
    "'S",
    "\xC5\xBF",
    "HTTPServer",
    "camelCase",
    "internationalization",
    "0",
    "12",
    "1234567",
    "3.14",
    "\xD9\xA3",
    "\xC2\xBD",
    "\xE2\x85\xA7",
    "...",
    "!?",
    "/",
    "//\n",
    "\\",
    "</b>",
    "\xE8\xAF\x8D\xE5\x85\x83",
    "\xE4\xB8\xAD",
    "\xE5\x9B\xBD\xE7\x9A\x84",
    "\xEF\xBC\x8C",
    "\xE3\x80\x82",
    "\xE3\x81\xAE",
    "\xE3\x83\xBB",
    "\xED\x95\x9C\xEA\xB8\x80",
    "\xD0\xBF\xD1\x80\xD0\xB8",
    "\xE0\xA4\xB9\xE0\xA4\xBF",
    "e\xCC\x81",
    "\xCC\x81\xCC\xA3",
    "\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8",
    "\xC3\xA9",
    "\xC7\x85",
    "\xF0\x9F\x98\x80",
    "\xF0\x9F\x91\xA9\xE2\x80\x8D",
    "\xF0\x9F\x87\xA8",
    "\xEF\xB8\x8F",
    "\xEF\xBF\xBD",
    "\xF0\x91\xAC\xA7",
    "<|im_start|>",
    "[INST]",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "                                                                                "};

std::string written_out(const Vocabulary& vocabulary, std::string_view input) {
  std::string text;
  for (std::size_t at = 0; at < input.size() && text.size() < kTextBytesMax; ++at) {
    const auto byte = static_cast<unsigned char>(input[at]);
    if (byte < 0x80) {
      text += input[at];
    } else if (byte - 0x80u < std::size(kWords)) {
      text += kWords[byte - 0x80u];
    } else {  // one of the vocabulary's tokens, by the bytes that follow
      std::uint32_t id = byte;
      for (int more = 0; more < 2 && at + 1 < input.size(); ++more)
        id = id << 8 | static_cast<unsigned char>(input[++at]);
      char single = 0;
      text += vocabulary.engine().bytes_of(id % vocabulary.size(), single);
    }
  }
  return text;
}

void must(bool holds) {
  if (!holds) std::abort();
}

std::string with_spaces(std::string_view text) {
  std::string folded(text);
  internal::fold_space_signs(folded);
  return folded;
}

// Pretoken by pretoken, each joined as a whole: without tables, blocks, and cuts at borders.
std::vector<TokenId> joined(const internal::Engine& engine, std::string_view text) {
  std::vector<TokenId> ids;
  while (!text.empty()) {
    const internal::Match match = engine.next_pretoken(text, nullptr);
    const std::string_view piece = text.substr(0, match.length);
    if (match.step == internal::Match::kLiteral && engine.words->literal(piece) != internal::kNoToken)
      ids.push_back(engine.words->literal(piece));
    else
      engine.bpe.encode(engine.words ? with_spaces(piece) : std::string(piece), ids);
    text.remove_prefix(match.length);
  }
  return ids;
}

void tiers_agree(const internal::Engine& engine, std::string_view prepared, const std::vector<TokenId>& ids) {
  must(engine.count_by_matchers(prepared) == ids.size());
  const std::string text = (engine.has_prefix(prepared) ? " " : "") + std::string(prepared);
  must(joined(engine, text) == ids);
  if (engine.words && !engine.words->literals_are_plain()) return;  // then no tier is asked
  for (internal::Tier tier : {internal::Tier::kAvx2, internal::Tier::kAvx512})
    if (internal::has_tier(tier))
      if (const auto count = internal::block_counter(tier, engine.pretokenizer))
        must(count(engine, text.data(), text.data() + text.size()) == ids.size());
}

void tiers_agree_on(const internal::Engine& engine, std::string_view part) {
  std::string buffer;
  const std::string_view prepared = engine.prepare(part, buffer);
  std::vector<TokenId> ids;
  engine.encode(prepared, ids);
  tiers_agree(engine, prepared, ids);
}

// But for SmolLM2, which drops what it has no token for.
void tokens_are_the_text(const Vocabulary& vocabulary, std::string_view text, std::string_view prepared,
                         const std::vector<TokenId>& ids) {
  const internal::Engine& engine = vocabulary.engine();
  const auto pieces = vocabulary.encode_with_ends(text);
  must(pieces.size() == ids.size());
  const bool is_whole = vocabulary.name() != "smollm2";
  bool has_prefix = engine.has_prefix(prepared);
  std::size_t begin = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    must(pieces[i].id == ids[i] && pieces[i].end >= begin && pieces[i].end <= prepared.size());
    char single = 0;
    std::string_view bytes = engine.bytes_of(ids[i], single);
    if (std::exchange(has_prefix, false)) bytes.remove_prefix(1);
    if (is_whole) must(with_spaces(prepared.substr(begin, pieces[i].end - begin)) == with_spaces(bytes));
    begin = pieces[i].end;
  }
  if (!is_whole) return;
  must(begin == prepared.size());
  const auto decoded = vocabulary.decode(ids);
  std::string wanted = with_spaces(prepared);
  // A space in front is taken for the one that the vocabulary has added, unless it adds one always.
  const bool loses_space =
      engine.prefix != internal::Prefix::kNone && engine.prefix != internal::Prefix::kAlways;
  if (loses_space && wanted.starts_with(' ')) wanted.erase(0, 1);
  must(decoded.ok() && with_spaces(*decoded) == wanted);
}

void pieces_add_up(const Shared& vocabulary, std::string_view text, std::mt19937& random) {
  IncrementalCounter counter(vocabulary);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = std::min<std::size_t>(text.size() - at, 1 + random() % (1 + text.size() / 4));
    counter.append(text.substr(at, size));
    at += size;
    must(counter.count() == vocabulary->count(text.substr(0, at)));
    must(counter.settled() <= counter.count() && counter.count() <= counter.upper_bound());
  }
}

void longest_prefix_fits(const Shared& vocabulary, std::string_view text, std::mt19937& random) {
  const std::size_t cut = random() % (text.size() + 1);
  const std::string_view delta = text.substr(cut);
  IncrementalCounter counter(vocabulary);
  counter.append(text.substr(0, cut));
  const Tokens limit{counter.count().value + static_cast<std::int64_t>(random() % 40)};
  const std::size_t fits = counter.longest_prefix(delta, limit);
  must(fits <= delta.size() && vocabulary->count(text.substr(0, cut + fits)) <= limit);
  if (fits == delta.size()) return;
  std::size_t next = fits + 1;
  while (next < delta.size() && internal::continues_character(delta[next])) ++next;
  must(vocabulary->count(text.substr(0, cut + next)) > limit);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const std::size_t chosen = data[0] % std::size(kNames);
  const auto found = VocabularySet::standard().find(kNames[chosen]);
  must(found.ok() || chosen >= kAlwaysThere);
  if (!found.ok()) return 0;
  const Shared& vocabulary = *found;
  std::mt19937 random(data[2]);
  std::string text(reinterpret_cast<const char*>(data + 3), std::min(size - 3, kTextBytesMax));
  if (data[1] % 2 == 1) text = written_out(*vocabulary, text);

  const std::vector<TokenId> ids = vocabulary->encode(text);
  must(vocabulary->count(text).value == static_cast<std::int64_t>(ids.size()));
  must(vocabulary->count_with_specials(text).value ==
       static_cast<std::int64_t>(vocabulary->encode_with_specials(text).size()));
  const internal::Engine& engine = vocabulary->engine();
  bool has_literal = false;
  engine.split_at_literals(
      text, [&](std::string_view part, bool) { tiers_agree_on(engine, part); },
      [&](const AddedToken&) { has_literal = true; });
  std::string buffer;
  if (!has_literal) tokens_are_the_text(*vocabulary, text, engine.prepare(text, buffer), ids);
  pieces_add_up(vocabulary, text, random);
  longest_prefix_fits(vocabulary, text, random);
  return 0;
}
