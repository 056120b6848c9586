#pragma once

/// The matchers, one per family, as templates so that the counting loops inline them. See pretokenizer.h.

#include "token/internal/pretokenizer.h"
#include "token/internal/unicode.h"

namespace ciyuan::token::internal {

inline bool is_newline(char c) { return c == '\n' || c == '\r'; }

/// One match attempt at `begin`. kMemo: with resumable runs.
template <bool kMemo>
struct Scanner {
  const char* const begin;
  const char* const end;
  const std::uint8_t* const table;
  RunMemo* const memo = nullptr;
  bool hit_end = false;

  struct Peek {
    std::uint8_t bits;
    unsigned length;
  };
  Peek peek(const char* p) const {
    if (static_cast<unsigned char>(*p) < 0x80) return {table[static_cast<unsigned char>(*p)], 1};
    std::uint32_t c = 0;
    const unsigned length = decode(p, c);
    return {table[c], length};
  }

  /// True (and noted) if there is nothing at `p` to look at.
  bool at_end(const char* p) {
    if (p != end) return false;
    return hit_end = true;
  }

  /// The end of the run of characters, from `from` on, whose class bits satisfy `belongs`. `slot` keeps the
  /// memo. `marks(bits, p)` picks the characters whose last end is kept in `marked`.
  template <class Belongs, class Marks>
  const char* run(std::size_t slot, const char* from, Belongs belongs, Marks marks, const char*& marked,
                  const char*& last) {
    const char* p = from;
    marked = last = nullptr;
    if constexpr (kMemo) {
      const RunMemo::Run& known = memo->runs[slot];
      if (known.end > known.begin && known.begin == static_cast<std::size_t>(from - begin)) {
        p = begin + known.end;
        marked = known.mark ? begin + known.mark : nullptr;
        last = begin + known.last;
      }
    }
    for (;;) {
      if (p == end) {
        hit_end = true;
        break;
      }
      const Peek c = peek(p);
      if (!belongs(c.bits)) break;
      last = p;
      if (marks(c.bits, p)) marked = p + c.length;
      p += c.length;
    }
    if constexpr (kMemo) {
      if (p > from) {
        const auto offset = [this](const char* x) { return x ? static_cast<std::size_t>(x - begin) : 0; };
        memo->runs[slot] = {offset(from), offset(p), offset(marked), offset(last)};
      }
    }
    return p;
  }
  template <class Belongs>
  const char* run(std::size_t slot, const char* from, Belongs belongs) {
    const char *marked, *last;
    return run(
        slot, from, belongs, [](std::uint8_t, const char*) { return false; }, marked, last);
  }

  /// [\r\n]*, or [\r\n/]*.
  const char* newlines(const char* p, bool slashes = false) {
    const char* from = p;
    if constexpr (kMemo) {
      const RunMemo::Run& known = memo->runs[3];
      if (known.end > known.begin && known.begin == static_cast<std::size_t>(from - begin))
        p = begin + known.end;
    }
    while (!at_end(p) && (is_newline(*p) || (slashes && *p == '/'))) ++p;
    if constexpr (kMemo)
      memo->runs[3] = {static_cast<std::size_t>(from - begin), static_cast<std::size_t>(p - begin), 0, 0};
    return p;
  }

  /// White space at `begin`: \s*[\r\n]+|\s+(?!\S)|\s+, where `stops` ends the text seen. cl100k takes all of
  /// what ends the text; GPT-2 has no line rule.
  template <class Stops>
  const char* white_space(Stops stops, bool line_rule, bool all_at_end) {
    const char *after_newline, *last;
    const char* p = run(
        2, begin, [](std::uint8_t bits) { return (bits & kSpace) != 0; },
        [](std::uint8_t, const char* at) { return is_newline(*at); }, after_newline, last);
    if (p == end && all_at_end) return p;
    if (line_rule && after_newline) return after_newline;
    if (p == end || stops(peek(p).bits)) return p;
    return last == begin ? p : last;
  }

  /// Length of (?i:'s|'t|'re|'ve|'m|'ll|'d) at `p`, which is an apostrophe; 0 if none. Long s folds to s.
  std::size_t contraction(const char* p) {
    if (at_end(p + 1)) return 0;
    const auto lower = [](char c) { return static_cast<char>(c | 0x20); };
    const char c = lower(p[1]);
    if (c == 's' || c == 't' || c == 'm' || c == 'd') return (p[1] & 0x40) ? 2 : 0;
    if (p[1] == '\xC5' && p[2] == '\xBF') return 3;
    if (c != 'l' && c != 'v' && c != 'r') return 0;
    if (!(p[1] & 0x40) || at_end(p + 2)) return 0;
    return (p[2] & 0x40) && lower(p[2]) == (c == 'l' ? 'l' : 'e') ? 3 : 0;
  }

  /// \p{N}{1,most}, from `p`, where one digit ends.
  const char* digits(const char* p, int most) {
    for (int n = 1; n < most && !at_end(p); ++n) {
      const Peek c = peek(p);
      if (!(c.bits & kNumber)) break;
      p += c.length;
    }
    return p;
  }

  /// cl100k, Qwen and Llama 3: one expression but for digits and the end of the text.
  const char* gpt4(int digits_most, bool all_space_at_end) {
    constexpr std::uint8_t kNotOther = kSpace | kLetter | kNumber;
    const auto letter = [](std::uint8_t bits) { return (bits & kLetter) != 0; };
    const auto other = [](std::uint8_t bits) { return (bits & kNotOther) == 0; };
    const Peek c = peek(begin);
    const char* next = begin + c.length;
    if (c.bits & kLetter) return run(0, next, letter);
    if (c.bits & kNumber) return digits(next, digits_most);
    if (*begin == '\'')
      if (const std::size_t length = contraction(begin)) return begin + length;
    if (!is_newline(*begin) && !at_end(next)) {
      const Peek second = peek(next);
      if (second.bits & kLetter) return run(0, next + second.length, letter);
      if (*begin == ' ' && other(second.bits)) return newlines(run(1, next + second.length, other));
    }
    if (!(c.bits & kSpace)) return newlines(run(1, next, other));
    return white_space([](std::uint8_t) { return false; }, true, all_space_at_end);
  }

  /// o200k's two word expressions from `from` (after the optional first character), null if neither matches:
  /// U*V+ first, by giving back capitals until a V is found, else U+V* (U: capitals and marks, V: small and
  /// marks).
  const char* o200k_letters(const char* from, bool first_expression_only) {
    const char *after_v, *last;
    const char* u = run(
        0, from, [](std::uint8_t bits) { return (bits & (kUpper | kMark)) != 0; },
        [](std::uint8_t bits, const char*) { return (bits & (kLower | kMark)) != 0; }, after_v, last);
    const char* v = run(1, u, [](std::uint8_t bits) { return (bits & (kLower | kMark)) != 0; });
    if (v > u) return v;
    if (after_v) return after_v;
    return first_expression_only || u == from ? nullptr : u;
  }

  /// o200k, tekken (no contractions, single digits) and Kimi K2 (runs of Han by themselves, in a table where
  /// Han is neither capital nor small; no slashes after marks).
  template <Pretokenizer kFamily>
  const char* o200k() {
    constexpr bool kTekken = kFamily == Pretokenizer::kTekken, kKimi = kFamily == Pretokenizer::kKimiK2;
    constexpr std::uint8_t kNotOther = kSpace | kLetter | kNumber;
    const Peek c = peek(begin);
    const char* next = begin + c.length;
    if constexpr (kKimi)
      if (c.bits & kHan) return run(3, next, [](std::uint8_t bits) { return (bits & kHan) != 0; });
    const char* word = nullptr;
    if (c.bits & kLetter) {
      word = o200k_letters(begin, false);
    } else if (!(c.bits & kNumber) && !is_newline(*begin)) {
      if (!at_end(next)) word = o200k_letters(next, (c.bits & kMark) != 0);
      if (!word && (c.bits & kMark)) word = next;  // the mark as its own V
    }
    if (word) {
      if (!kTekken && !at_end(word) && *word == '\'') word += contraction(word);
      return word;
    }
    if (c.bits & kNumber) return digits(next, kTekken ? 1 : 3);
    const auto other = [](std::uint8_t bits) { return (bits & kNotOther) == 0; };
    if (!(c.bits & kSpace)) return newlines(run(2, next, other), !kKimi);
    if (*begin == ' ' && !at_end(next)) {
      const Peek second = peek(next);
      if (other(second.bits)) return newlines(run(2, next + second.length, other), !kKimi);
    }
    return white_space([](std::uint8_t) { return false; }, true, false);
  }

  /// Qwen 3.5: as Qwen 2, but marks belong to words.
  const char* qwen35() {
    constexpr std::uint8_t kNotOther = kSpace | kLetter | kNumber | kMark;
    const auto word = [](std::uint8_t bits) { return (bits & (kLetter | kMark)) != 0; };
    const auto other = [](std::uint8_t bits) { return (bits & kNotOther) == 0; };
    const Peek c = peek(begin);
    const char* next = begin + c.length;
    if (word(c.bits)) return run(0, next, word);
    if (c.bits & kNumber) return next;
    if (*begin == '\'')
      if (const std::size_t length = contraction(begin)) return begin + length;
    if (!is_newline(*begin) && !at_end(next)) {
      const Peek second = peek(next);
      if (word(second.bits)) return run(0, next + second.length, word);
      if (*begin == ' ' && other(second.bits)) return newlines(run(1, next + second.length, other));
    }
    if (!(c.bits & kSpace)) return newlines(run(1, next, other));
    return white_space([](std::uint8_t) { return false; }, true, false);
  }

  /// DeepSeek's third expression, in a segment that ends before a character that `stops`.
  template <class Stops>
  const char* deepseek_segment(const Peek c, Stops stops) {
    const auto word = [stops](std::uint8_t bits) { return (bits & (kLetter | kMark)) != 0 && !stops(bits); };
    const auto mark = [stops](std::uint8_t bits) { return (bits & kPunct) != 0 && !stops(bits); };
    const auto line_end = [&](const char* p) { return stops(table[std::size_t{'\n'}]) ? p : newlines(p); };
    const char* next = begin + c.length;
    if (c.bits & (kLetter | kMark)) return run(0, next, word);
    if (c.bits & kPunct) {
      const auto alpha = [](const char* p) { return static_cast<unsigned char>((*p | 0x20) - 'a') < 26; };
      if (static_cast<unsigned char>(*begin) < 0x80 && !at_end(next) && alpha(next)) {
        const char* p = next;
        if constexpr (kMemo)
          if (memo->runs[0].end > 0 && memo->runs[0].begin == 1) p = begin + memo->runs[0].end;
        while (!at_end(p) && alpha(p)) ++p;
        if constexpr (kMemo) memo->runs[0] = {1, static_cast<std::size_t>(p - begin), 0, 0};
        return p;
      }
      return line_end(run(1, next, mark));
    }
    if (!is_newline(*begin) && !at_end(next)) {
      const Peek second = peek(next);
      if (word(second.bits)) return run(0, next + second.length, word);
      if (*begin == ' ' && mark(second.bits)) return line_end(run(1, next + second.length, mark));
    }
    if (c.bits & kSpace) return white_space(stops, true, false);
    return unmatched(next, stops);
  }

  /// Characters that no expression matches (controls, unassigned): together up to where one matches. `p` is
  /// after the first; the last of them belongs to a word that follows it.
  template <class Stops>
  const char* unmatched(const char* p, Stops stops) {
    const char* last = p;
    if constexpr (kMemo)
      if (memo->runs[1].end > 0 && memo->runs[1].begin == 0)
        p = begin + memo->runs[1].end, last = begin + memo->runs[1].last;
    const char* result = nullptr;
    while (!result) {
      if (at_end(p)) return p;
      const Peek c = peek(p);
      if (stops(c.bits) || (c.bits & (kPunct | kSpace)))
        result = p;
      else if (c.bits & (kLetter | kMark))
        result = last;
      else
        last = p, p += c.length;
      if constexpr (kMemo)
        memo->runs[1] = {0, static_cast<std::size_t>(p - begin), 0, static_cast<std::size_t>(last - begin)};
    }
    return result;
  }

  const char* deepseek_v3() {
    const Peek c = peek(begin);
    if (c.bits & kNumber) return digits(begin + c.length, 3);
    if (c.bits & kDeepseekCjk)
      return deepseek_segment(c,
                              [](std::uint8_t bits) { return !(bits & kDeepseekCjk) || (bits & kNumber); });
    return deepseek_segment(c, [](std::uint8_t bits) { return (bits & (kDeepseekCjk | kNumber)) != 0; });
  }

  /// GPT-2's expression between single digits.
  const char* smollm2() {
    constexpr std::uint8_t kNotOther = kSpace | kLetter | kDigit;
    const auto letter = [](std::uint8_t bits) { return (bits & kLetter) != 0; };
    const auto other = [](std::uint8_t bits) { return (bits & kNotOther) == 0; };
    const Peek c = peek(begin);
    const char* next = begin + c.length;
    if (c.bits & kDigit) return next;
    if (c.bits & kLetter) return run(0, next, letter);
    if (*begin == '\'')
      if (const std::size_t length = small_contraction(next)) return begin + length;
    if (*begin == ' ' && !at_end(next)) {
      const Peek second = peek(next);
      if (letter(second.bits)) return run(0, next + second.length, letter);
      if (other(second.bits)) return run(1, next + second.length, other);
    }
    if (!(c.bits & kSpace)) return run(1, next, other);
    return white_space([](std::uint8_t bits) { return (bits & kDigit) != 0; }, false, false);
  }

  /// Length of '(?:[sdmt]|ll|ve|re) at `begin`, which is an apostrophe; 0 if none.
  std::size_t small_contraction(const char* next) {
    if (at_end(next)) return 0;
    if (*next == 's' || *next == 't' || *next == 'm' || *next == 'd') return 2;
    if ((*next == 'r' || *next == 'v' || *next == 'l') && !at_end(next + 1) &&
        next[1] == (*next == 'l' ? 'l' : 'e'))
      return 3;
    return 0;
  }

  /// GPT-2, r50k and p50k.
  const char* gpt2() {
    constexpr std::uint8_t kNotOther = kSpace | kLetter | kNumber;
    const auto letter = [](std::uint8_t bits) { return (bits & kLetter) != 0; };
    const auto number = [](std::uint8_t bits) { return (bits & kNumber) != 0; };
    const auto other = [](std::uint8_t bits) { return (bits & kNotOther) == 0; };
    Peek c = peek(begin);
    const char* next = begin + c.length;
    if (*begin == '\'')
      if (const std::size_t length = small_contraction(next)) return begin + length;
    if (*begin == ' ' && !at_end(next)) {
      const Peek second = peek(next);
      if (!(second.bits & kSpace)) c = second, next += second.length;
    }
    if (letter(c.bits)) return run(0, next, letter);
    if (number(c.bits)) return run(1, next, number);
    if (other(c.bits)) return run(3, next, other);
    return white_space([](std::uint8_t) { return false; }, false, false);
  }

  template <Pretokenizer kFamily>
  const char* match() {
    if constexpr (kFamily == Pretokenizer::kO200k) return o200k<kFamily>();
    if constexpr (kFamily == Pretokenizer::kCl100k) return gpt4(3, true);
    if constexpr (kFamily == Pretokenizer::kQwen2) return gpt4(1, false);
    if constexpr (kFamily == Pretokenizer::kLlama3) return gpt4(3, false);
    if constexpr (kFamily == Pretokenizer::kDeepseekV3) return deepseek_v3();
    if constexpr (kFamily == Pretokenizer::kSmollm2) return smollm2();
    if constexpr (kFamily == Pretokenizer::kGpt2) return gpt2();
    if constexpr (kFamily == Pretokenizer::kQwen35) return qwen35();
    if constexpr (kFamily == Pretokenizer::kTekken) return o200k<kFamily>();
    if constexpr (kFamily == Pretokenizer::kKimiK2) return o200k<kFamily>();
  }
};

/// The classes that the family's matcher reads.
template <Pretokenizer kFamily>
const std::uint8_t* class_table() {
  if constexpr (kFamily == Pretokenizer::kDeepseekV3) return deepseek_classes();
  if constexpr (kFamily == Pretokenizer::kKimiK2) return kimi_classes();
  return classes();
}

/// Calls `take(begin, end)` for each pretoken of the whole, well-formed text.
template <Pretokenizer kFamily, class Take>
void for_each_pretoken(std::string_view text, Take take) {
  const std::uint8_t* table = class_table<kFamily>();
  const char* end = text.data() + text.size();
  for (const char* p = text.data(); p != end;) {
    const char* next = Scanner<false>{p, end, table}.template match<kFamily>();
    take(p, next);
    p = next;
  }
}

/// Calls `call` with the family as a template argument: call.template operator()<Pretokenizer::kX>().
template <class Call>
auto with_family(Pretokenizer family, Call call) {
  switch (family) {
    case Pretokenizer::kO200k:
      return call.template operator()<Pretokenizer::kO200k>();
    case Pretokenizer::kCl100k:
      return call.template operator()<Pretokenizer::kCl100k>();
    case Pretokenizer::kQwen2:
      return call.template operator()<Pretokenizer::kQwen2>();
    case Pretokenizer::kLlama3:
      return call.template operator()<Pretokenizer::kLlama3>();
    case Pretokenizer::kDeepseekV3:
      return call.template operator()<Pretokenizer::kDeepseekV3>();
    case Pretokenizer::kGpt2:
      return call.template operator()<Pretokenizer::kGpt2>();
    case Pretokenizer::kQwen35:
      return call.template operator()<Pretokenizer::kQwen35>();
    case Pretokenizer::kTekken:
      return call.template operator()<Pretokenizer::kTekken>();
    case Pretokenizer::kKimiK2:
      return call.template operator()<Pretokenizer::kKimiK2>();
    case Pretokenizer::kRegex:  // never asked for: Engine cuts by the regex, or by words
    case Pretokenizer::kSentencePiece:
    case Pretokenizer::kSmollm2:
      break;
  }
  return call.template operator()<Pretokenizer::kSmollm2>();
}

}  // namespace ciyuan::token::internal
