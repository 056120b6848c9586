/// The generic way to cut: against the hand-made matchers, which the references check, over every character.

#include <gtest/gtest.h>

#include <chrono>

#include "base/file.h"
#include "base/json.h"
#include "tests/token/published_expressions.h"
#include "tests/token/random_text.h"
#include "token/incremental_counter.h"
#include "token/internal/expression.h"
#include "token/internal/regex_pretokenizer.h"
#include "token/vocabulary_file.h"
#include "token/vocabulary_set.h"

namespace ciyuan::token {
namespace {

using internal::Pretokenizer;
using internal::RegexPretokenizer;

std::vector<std::string> cut(const RegexPretokenizer& regex, std::string_view text) {
  std::vector<std::string> pieces;
  regex.cut(text, 0, [&](std::string_view piece) { pieces.emplace_back(piece); });
  return pieces;
}

TEST(Regex, cuts_as_the_hand_made_matchers_do) {
  for (const auto& [family, expressions] : published_expressions()) {
    auto regex = RegexPretokenizer::compile(expressions);
    ASSERT_TRUE(regex.ok()) << static_cast<int>(family) << regex.error().text();
    std::mt19937_64 random(51);
    for (int round = 0; round < 4000; ++round) {
      const std::string text = random_text(random, 25);
      std::vector<std::string> fast;
      for (std::string_view rest = text; !rest.empty();) {
        const std::size_t length = internal::next_pretoken(family, rest, nullptr).length;
        fast.emplace_back(rest.substr(0, length));
        rest.remove_prefix(length);
      }
      ASSERT_EQ(cut(**regex, text), fast) << testing::PrintToString(text) << static_cast<int>(family);
    }
  }
}

TEST(Regex, a_part_that_did_not_look_at_the_end_stays_and_cutting_begins_anew_after_it) {
  for (const auto& [family, expressions] : published_expressions()) {
    auto regex = RegexPretokenizer::compile(expressions).value();
    std::mt19937_64 random(52);
    int final_parts = 0;
    for (int round = 0; round < 3000; ++round) {
      const std::string text = random_text(random, 6), more = text + random_text(random, 3);
      std::vector<std::string> pieces;
      std::string_view rest = text;
      while (!rest.empty()) {
        const auto part = regex->first(rest);
        ASSERT_GT(part.length, 0u);
        if (part.hit_end) break;
        ++final_parts;
        regex->cut(rest.substr(0, part.length), part.step,
                   [&](std::string_view piece) { pieces.emplace_back(piece); });
        rest.remove_prefix(part.length);
      }
      std::vector<std::string> whole = cut(*regex, more);
      ASSERT_LE(pieces.size(), whole.size());
      whole.resize(pieces.size());
      ASSERT_EQ(pieces, whole) << testing::PrintToString(more) << static_cast<int>(family);
    }
    EXPECT_GT(final_parts, 3000);
  }
}

TEST(Regex, every_character_alone_is_cut_as_by_the_matchers) {
  for (const auto& [family, expressions] : published_expressions()) {
    auto regex = RegexPretokenizer::compile(expressions).value();
    for (std::uint32_t c = 0; c < 0x110000; c += c < 0x3400 ? 1 : 13) {
      if (c >= 0xD800 && c < 0xE000) continue;
      std::string text = "a ";
      append_utf8(text, c);
      text += "a1";
      append_utf8(text, c);
      text += "  x";
      std::vector<std::string> fast;
      for (std::string_view rest = text; !rest.empty();) {
        const std::size_t length = internal::next_pretoken(family, rest, nullptr).length;
        fast.emplace_back(rest.substr(0, length));
        rest.remove_prefix(length);
      }
      ASSERT_EQ(cut(*regex, text), fast) << std::hex << c << " family " << static_cast<int>(family);
    }
  }
}

/// A vocabulary of ours, told to cut by its family's published expressions.
std::shared_ptr<const Vocabulary> by_expressions(const char* name, Pretokenizer family) {
  const std::string path =
      std::string(CIYUAN_SOURCE_DIR) + "/data/vocabularies/" + name + ".ciyuan-vocab.zst";
  std::string file = unpack_vocabulary(read_file(path, kVocabularyBytesMax).value()).value();
  const auto size_at = [&](int i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(file[8 + i])) << 8 * i;
  };
  const std::size_t size = size_at(0) | size_at(1) | size_at(2) | size_at(3);
  Json header = parse_json(file.substr(12, size)).value();
  header["pretokenizer"] = "regex";
  for (const auto& [each, expressions] : published_expressions())
    if (each == family) header["expressions"] = expressions;
  const std::string text = header.dump();
  std::string length(4, '\0');
  for (int i = 0; i < 4; ++i) length[static_cast<std::size_t>(i)] = static_cast<char>(text.size() >> 8 * i);
  return Vocabulary::parse(file.substr(0, 8) + length + text + file.substr(12 + size)).value();
}

TEST(Regex, a_vocabulary_with_expressions_counts_as_the_one_with_a_matcher) {
  const std::pair<const char*, Pretokenizer> cases[] = {{"o200k", Pretokenizer::kO200k},
                                                        {"qwen3.5", Pretokenizer::kQwen35},
                                                        {"deepseek_v4", Pretokenizer::kDeepseekV3}};
  for (const auto& [name, family] : cases) {
    const auto made = VocabularySet::standard().find(name).value();
    const auto generic = by_expressions(name, family);
    std::mt19937_64 random(53);
    for (int round = 0; round < 600; ++round) {
      const std::string text = random_text(random, 20);
      ASSERT_EQ(generic->encode(text), made->encode(text)) << testing::PrintToString(text);
      ASSERT_EQ(generic->count_with_specials(text), made->count_with_specials(text));
      IncrementalCounter counter(generic);
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t size = std::min<std::size_t>(1 + random() % 5, text.size() - at);
        counter.append(std::string_view(text).substr(at, size));
        at += size;
        if (random() % 2 == 0) {
          ASSERT_EQ(counter.count(), made->count(text.substr(0, at)))
              << testing::PrintToString(text) << " at " << at;
        }
      }
      ASSERT_EQ(counter.count(), made->count(text)) << name << testing::PrintToString(text);
    }
  }
}

TEST(Regex, refuses_what_it_could_not_do_exactly) {
  for (const char* expression :
       {"",         "(?<=a)b",     "^a",          "a$",         "\\bword", "\\w+",    "(a)\\1",
        "(?R)",     "[[:alpha:]]", "[a&&b]",      "\\p{Greek}", "(a+)+b",  "(?:a*)*", "((a|b)+,)*",
        "a{2,}+",   "(*ACCEPT)",   "(?C1)a",      "a**",        "*a",      "[a",      "(a",
        "a)",       "\\",          "\\x{110000}", "\\x{d800}",  "a*",      "(?=a)",   "[z-a]",
        "a{99999}", "\\Ka",        "\\p{",        "(?<n>a)",    "[\\w]",   "x{2}{3}"}) {
    auto regex = RegexPretokenizer::compile({expression});
    EXPECT_FALSE(regex.ok()) << expression;
  }
  EXPECT_FALSE(RegexPretokenizer::compile({}).ok());
  EXPECT_FALSE(RegexPretokenizer::compile(std::vector<std::string>(9, "a")).ok());
  EXPECT_FALSE(RegexPretokenizer::compile({std::string(5000, 'a')}).ok());
}

TEST(Regex, refuses_an_expression_that_takes_too_long) {
  for (const char* expression : {"a*a*a*a*b", "x*x*x*x*y", "(?:a|aa|aaa){1,200}b",
                                 "[a-z]*[a-y]*[a-x]*[a-w]*1", "(?:a?){1,60}a{60}b", "\\p{L}*\\p{L}*\\p{L}*1",
                                 // Fast from each place, but from each it looks at all the rest.
                                 "\\p{L}+t|\\s+(?!\\S)|\\s+"}) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(RegexPretokenizer::compile({expression}).ok()) << expression;
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20)) << expression;
  }
}

TEST(Regex, a_long_run_of_one_character_takes_a_moment) {
  for (const auto& [family, expressions] : published_expressions()) {
    auto regex = RegexPretokenizer::compile(expressions).value();
    for (const char* part : {"a", "A", " ", "\n", "-", "\xCC\x81", "'"}) {
      std::string text;
      while (text.size() < 300'000) text += part;
      std::size_t total = 0;
      regex->cut(text, 0, [&](std::string_view piece) { total += piece.size(); });
      EXPECT_EQ(total, text.size());
    }
  }
}

}  // namespace
}  // namespace ciyuan::token
