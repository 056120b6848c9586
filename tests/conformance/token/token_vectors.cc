/// Reads lines "<mode> <base64>" and prints our answer for each, for check.py. Modes: p = plain text, s =
/// with special tokens, b = speed of a file (the argument is its path, in base64), g = all that a general
/// tokenizer says: "ids…|ends…|ids with special tokens…|decoded, in base64". For p and g the line is "ids…",
/// and it is checked that count() and an IncrementalCounter at random splits agree, and for some short
/// texts at every split in two; if they do not, the line begins with "!".
///
/// With a second argument, "frames", for real_text.py: texts and ids as they are, without a limit but the
/// memory's. Numbers are 32 bits, little endian.
///   in:  a byte (0, or 1: count it in pieces as well), size, text
///   out: number of ids, ids, size of what does not agree (0: all does), what does not agree
/// It is checked that count() agrees with encode() and that the ids decode to the text.

#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>

#include "base/bytes.h"
#include "token/incremental_counter.h"
#include "token/internal/engine.h"
#include "token/vocabulary_set.h"

using namespace ciyuan;
using namespace ciyuan::token;

namespace {

/// Which texts are cut in every way: an even sample, so that 100,000 take seconds.
constexpr std::size_t kEveryCutBytesMax = 80, kEveryCutOneIn = 10;

std::string text_of_ids(const std::vector<TokenId>& ids) {
  std::string line;
  for (TokenId id : ids) line += (line.empty() ? "" : " ") + std::to_string(id);
  return line;
}

/// "" or what does not agree with `expected`.
std::string check_incremental(const std::shared_ptr<const Vocabulary>& vocabulary, std::string_view text,
                              std::int64_t expected, std::mt19937& random) {
  IncrementalCounter counter(vocabulary);
  std::size_t at = 0;
  while (at < text.size()) {
    // Long texts in fewer pieces: each is compared with the whole, counted anew.
    const std::size_t size = std::min<std::size_t>(1 + random() % (7 + text.size() / 40), text.size() - at);
    counter.append(text.substr(at, size));
    at += size;
    const Tokens bound = counter.upper_bound();
    if (random() % 2 == 0) {
      const Tokens count = counter.count();
      if (count != vocabulary->count(text.substr(0, at))) return "incremental at " + std::to_string(at);
      if (count > bound) return "bound at " + std::to_string(at);
    }
  }
  return counter.count().value == expected ? "" : "incremental at end";
}

/// Every cut of a short text in two, and the text byte by byte.
std::string check_every_cut(const std::shared_ptr<const Vocabulary>& vocabulary, std::string_view text) {
  IncrementalCounter bytes(vocabulary);
  const Tokens whole = vocabulary->count(text);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const Tokens so_far = vocabulary->count(text.substr(0, cut));
    if (bytes.count() != so_far) return "byte by byte at " + std::to_string(cut);
    if (cut < text.size()) bytes.append(text.substr(cut, 1));
    IncrementalCounter halves(vocabulary);
    halves.append(text.substr(0, cut));
    if (halves.count() != so_far) return "first part of a cut at " + std::to_string(cut);
    halves.append(text.substr(cut));
    if (halves.count() != whole) return "both parts of a cut at " + std::to_string(cut);
  }
  return "";
}

/// "" or what our own ways to count do not agree on.
std::string check_counts(const std::shared_ptr<const Vocabulary>& vocabulary, std::string_view text,
                         std::int64_t tokens, std::mt19937& random) {
  if (vocabulary->count(text).value != tokens) return "count";
  std::string problem = check_incremental(vocabulary, text, tokens, random);
  if (problem.empty() && text.size() <= kEveryCutBytesMax && random() % kEveryCutOneIn == 0)
    problem = check_every_cut(vocabulary, text);
  return problem;
}

std::string everything(const std::shared_ptr<const Vocabulary>& vocabulary, std::string_view text,
                       std::mt19937& random) {
  std::vector<TokenId> ids;
  std::string ends;
  for (const Piece& piece : vocabulary->encode_with_ends(text)) {
    ids.push_back(piece.id);
    ends += (ends.empty() ? "" : " ") + std::to_string(piece.end);
  }
  const std::vector<TokenId> specials = vocabulary->encode_with_specials(text);
  const auto decoded = vocabulary->decode(specials);
  std::string problem = vocabulary->encode(text) == ids ? "" : "ends have other ids";
  if (problem.empty())
    problem = check_counts(vocabulary, text, static_cast<std::int64_t>(ids.size()), random);
  if (vocabulary->count_with_specials(text).value != static_cast<std::int64_t>(specials.size()))
    problem = "count with special tokens";
  if (!decoded.ok()) problem = decoded.error().text();
  return (problem.empty() ? "" : "! " + problem + " ") + text_of_ids(ids) + "|" + ends + "|" +
         text_of_ids(specials) + "|" + (decoded.ok() ? to_base64(bytes_of(*decoded)) : "");
}

/// The pieces of a long text have 1 to 4,096 bytes, of any order of size, some 300 on average. A few
/// prefixes are counted as a whole, so that a text costs a small multiple of its length.
constexpr unsigned kPieceBitsMax = 12;
constexpr std::size_t kPieceBytesMean = 300, kPrefixesCounted = 3;

std::string check_pieces(const std::shared_ptr<const Vocabulary>& vocabulary, std::string_view text,
                         std::int64_t expected, std::mt19937& random) {
  IncrementalCounter counter(vocabulary);
  const std::size_t one_in = 1 + text.size() / (kPrefixesCounted * kPieceBytesMean);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = 1 + random() % (1U << random() % (kPieceBitsMax + 1));
    counter.append(text.substr(at, size));
    at = std::min(at + size, text.size());
    if (random() % one_in != 0) continue;
    if (counter.count() != vocabulary->count(text.substr(0, at)))
      return "incremental at " + std::to_string(at);
    if (counter.count() > counter.upper_bound()) return "bound at " + std::to_string(at);
  }
  return counter.count().value == expected ? "" : "incremental at end";
}

/// The bytes that are tokens of their own. SmolLM2 lacks some, and as with its reference they make none.
std::vector<bool> single_bytes(const Vocabulary& vocabulary) {
  std::vector<bool> known(256);
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    char single = 0;
    const std::string_view bytes = vocabulary.engine().bytes_of(id, single);
    if (bytes.size() == 1) known[static_cast<unsigned char>(bytes[0])] = true;
  }
  return known;
}

std::string with_spaces(std::string text) {
  constexpr std::string_view kSign = "\xE2\x96\x81";
  for (std::size_t at = 0; (at = text.find(kSign, at)) != text.npos;) text.replace(at, kSign.size(), " ");
  return text;
}

/// The ids decode to the text as it is tokenized: repaired, normalised, and for SentencePiece's families
/// with U+2581 for a space, and without the one space in front that could be the one they add.
std::string check_decoded(const Vocabulary& vocabulary, std::string_view text,
                          const std::vector<TokenId>& ids, const std::vector<bool>& known) {
  const internal::Engine& engine = vocabulary.engine();
  std::string buffer;
  std::string wanted(engine.prepare(text, buffer));
  std::erase_if(wanted, [&](char byte) { return !known[static_cast<unsigned char>(byte)]; });
  auto decoded = vocabulary.decode(ids);
  if (!decoded.ok()) return "decode: " + decoded.error().text();
  if (engine.words) {
    wanted = with_spaces(std::move(wanted));
    decoded = with_spaces(std::move(*decoded));
    const bool loses_space =
        engine.prefix != internal::Prefix::kNone && engine.prefix != internal::Prefix::kAlways;
    if (loses_space && wanted.starts_with(' ')) wanted.erase(0, 1);
  }
  return *decoded == wanted ? "" : "decode";
}

bool read_number(std::uint32_t& number) {
  return static_cast<bool>(std::cin.read(reinterpret_cast<char*>(&number), sizeof number));
}

void write_number(std::size_t value) {
  const auto number = static_cast<std::uint32_t>(value);
  std::cout.write(reinterpret_cast<const char*>(&number), sizeof number);
}

int answer_frames(const std::shared_ptr<const Vocabulary>& vocabulary, std::mt19937& random) {
  const std::vector<bool> known = single_bytes(*vocabulary);
  std::string text;
  for (char in_pieces = 0; std::cin.get(in_pieces);) {
    std::uint32_t size = 0;
    if (!read_number(size)) return 2;
    text.resize(size);
    if (!std::cin.read(text.data(), size)) return 2;
    const auto ids = vocabulary->encode(text);
    const auto tokens = static_cast<std::int64_t>(ids.size());
    std::string problem = vocabulary->count(text).value == tokens ? "" : "count";
    if (problem.empty()) problem = check_decoded(*vocabulary, text, ids, known);
    if (problem.empty() && in_pieces) problem = check_pieces(vocabulary, text, tokens, random);
    write_number(ids.size());
    std::cout.write(reinterpret_cast<const char*>(ids.data()),
                    static_cast<std::streamsize>(ids.size() * sizeof(TokenId)));
    write_number(problem.size());
    std::cout << problem;  // goes out when the next frame is asked for: std::cin is tied to it
  }
  return 0;
}

void measure(const Vocabulary& vocabulary, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  vocabulary.count(text);
  const auto start = std::chrono::steady_clock::now();
  const Tokens tokens = vocabulary.count(text);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::cout << text.size() << ' ' << tokens.value << ' '
            << static_cast<double>(text.size()) / 1e6 / took.count() << " MB/s\n";
}

}  // namespace

int main(int argc, char** argv) {
  const bool frames = argc == 3 && std::string_view(argv[2]) == "frames";
  if (argc != 2 && !frames) return std::cerr << "usage: token_vectors TOKENIZER [frames]\n", 2;
  const auto start = std::chrono::steady_clock::now();
  auto vocabulary = VocabularySet::standard().find(argv[1]);
  if (!vocabulary.ok()) return std::cerr << vocabulary.error().text() << '\n', 2;
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  std::cerr << "loaded in " << took.count() << " ms\n";
  std::ios::sync_with_stdio(false);
  std::mt19937 random(7);
  if (frames) return answer_frames(*vocabulary, random);
  for (std::string line; std::getline(std::cin, line);) {
    const auto bytes = from_base64(std::string_view(line).substr(std::min<std::size_t>(2, line.size())));
    if (!bytes.ok()) return std::cerr << bytes.error().text() << '\n', 2;
    const std::string text(bytes->begin(), bytes->end());
    if (line[0] == 'b') {
      measure(**vocabulary, text);
    } else if (line[0] == 'g') {
      std::cout << everything(*vocabulary, text, random) << '\n';
    } else if (line[0] == 's') {
      const auto ids = (*vocabulary)->encode_with_specials(text);
      const bool same =
          (*vocabulary)->count_with_specials(text).value == static_cast<std::int64_t>(ids.size());
      std::cout << (same ? "" : "! count ") << text_of_ids(ids) << '\n';
    } else {
      const auto ids = (*vocabulary)->encode(text);
      const auto tokens = static_cast<std::int64_t>(ids.size());
      const std::string problem = check_counts(*vocabulary, text, tokens, random);
      std::cout << (problem.empty() ? "" : "! " + problem + " ") << text_of_ids(ids) << '\n';
    }
  }
}
