#include "token/internal/expression.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <vector>

#include "token/internal/character_sets.h"
#include "token/internal/unicode.h"

namespace ciyuan::token::internal {
namespace {

std::string ranges_text(const std::vector<CharacterRange>& ranges) {
  std::string text;
  char part[40];
  const auto add = [&](std::uint32_t first, std::uint32_t last) {
    if (first > last) return;
    std::snprintf(part, sizeof part, first == last ? "\\x{%x}" : "\\x{%x}-\\x{%x}", first, last);
    text += part;
  };
  for (const CharacterRange range : ranges) {
    // Surrogates are no characters, and PCRE2 refuses to hear of them.
    if (range.last < 0xD800 || range.first > 0xDFFF) {
      add(range.first, range.last);
    } else {
      if (range.first < 0xD800) add(range.first, 0xD7FF);
      if (range.last > 0xDFFF) add(0xE000, range.last);
    }
  }
  return text;
}

/// Everything outside the ranges.
std::vector<CharacterRange> inverted(const std::vector<CharacterRange>& ranges) {
  std::vector<CharacterRange> outside;
  std::uint32_t next = 0;
  for (const CharacterRange range : ranges) {
    if (range.first > next) outside.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= 0x10FFFF) outside.push_back({next, 0x10FFFF});
  return outside;
}

class Translator {
 public:
  explicit Translator(std::string_view text) : text_(text) {}

  Result<std::string> run() {
    if (text_.empty()) return refused("it is empty");
    if (text_.size() > kExpressionBytesMax)
      return Error{ErrorCode::kTooLarge,
                   "an expression of " + std::to_string(text_.size()) + " bytes, over " +
                       std::to_string(kExpressionBytesMax),
                   "expression"};
    while (at_ < text_.size()) CIYUAN_TRY_STATUS(one());
    if (groups_.size() != 1) return refused("a group is not closed");
    return out_;
  }

 private:
  Error refused(const std::string& what) const {
    return Error{ErrorCode::kInvalid,
                 what + ", at offset " + std::to_string(at_) + " of " + std::string(text_), "expression"};
  }
  bool next_is(std::string_view part) const { return text_.substr(at_).starts_with(part); }
  bool take(std::string_view part) {
    if (!next_is(part)) return false;
    at_ += part.size();
    return true;
  }

  Status one() {
    const char c = text_[at_];
    switch (c) {
      case '(':
        return open_group();
      case ')':
        return close_group();
      case '[': {
        CIYUAN_TRY(const Class set, parse_class());
        if (ranges_text(set.ranges).empty()) return refused("an empty class");
        out_ += (set.negated ? "[^" : "[") + ranges_text(set.ranges) + "]";
        return quantifier(false);
      }
      case '\\': {
        CIYUAN_TRY(const Ranges set, escape());
        out_ += "[" + ranges_text(set) + "]";
        return quantifier(false);
      }
      case '|':
        ++at_, out_ += '|';
        return {};
      case '^':
      case '$':
        return refused(std::string("\"") + c + "\" looks at an end of the text");
      case '*':
      case '+':
      case '?':
      case '{':
        return refused("nothing to repeat");
      case '#':
        ++at_, out_ += "\\#";
        return quantifier(false);
      default:
        literal();
        return quantifier(false);
    }
  }

  // One character, all of its bytes.
  void literal() {
    do out_ += text_[at_++];
    while (at_ < text_.size() && continues_character(text_[at_]));
  }

  Status open_group() {
    for (std::string_view kind : {"(?:", "(?i:", "(?>", "(?=", "(?!"})
      if (take(kind)) {
        out_ += kind;
        groups_.push_back(false);
        insensitive_.push_back(kind == "(?i:" || insensitive_.back());
        return {};
      }
    if (next_is("(?") || next_is("(*")) return refused("a group of an unsupported kind");
    ++at_;
    out_ += "(?:";  // nothing refers to what a group caught
    groups_.push_back(false);
    insensitive_.push_back(insensitive_.back());
    return {};
  }

  Status close_group() {
    if (groups_.size() == 1) return refused("a group that was not opened is closed");
    const bool repeats = groups_.back();
    groups_.pop_back();
    insensitive_.pop_back();
    groups_.back() = groups_.back() || repeats;
    ++at_, out_ += ')';
    return quantifier(repeats);
  }

  // What follows an item. `repeats`: the item holds a repetition.
  Status quantifier(bool repeats) {
    if (at_ == text_.size()) return {};
    bool many = true, braces = false;
    if (take("?")) {
      out_ += '?', many = false;
    } else if (take("*")) {
      out_ += '*';
    } else if (take("+")) {
      out_ += '+';
    } else if (next_is("{")) {
      const std::size_t end = text_.find('}', at_);
      const std::string_view body = text_.substr(at_ + 1, end == text_.npos ? 0 : end - at_ - 1);
      if (body.empty() || body.size() > 7 || !std::isdigit(static_cast<unsigned char>(body[0])) ||
          body.find_first_not_of("0123456789,") != body.npos)
        return refused("braces that are no repetition");
      out_ += '{' + std::string(body) + '}';
      at_ = end + 1;
      braces = true;
    } else {
      return {};
    }
    if (many && repeats) return refused("a repeated group itself repeats");
    groups_.back() = groups_.back() || many;
    if (braces && next_is("+")) return refused("\"}+\" means different things to the engines");
    if (take("+"))
      out_ += '+';
    else if (take("?"))
      out_ += '?';
    if (at_ < text_.size() && std::string_view("*+?{").find(text_[at_]) != std::string_view::npos)
      return refused("a repetition is repeated");
    return {};
  }

  using Ranges = std::vector<CharacterRange>;

  // What the escape at at_ stands for.
  Result<Ranges> escape() {
    if (at_ + 1 >= text_.size()) return refused("a lone backslash");
    const char c = text_[at_ + 1];
    const auto one = [&](std::uint32_t character) {
      at_ += 2;
      return Ranges{{character, character}};
    };
    const auto set = [&](std::string_view name) {
      at_ += 2;
      return *character_set(name);
    };
    switch (c) {
      case 'r':
        return one('\r');
      case 'n':
        return one('\n');
      case 't':
        return one('\t');
      case 'f':
        return one('\f');
      case 'v':
        return one('\v');
      case 's':
        return set("s");
      case 'S':
        return inverted(set("s"));
      case 'd':
        return set("Nd");
      case 'D':
        return inverted(set("Nd"));
      case 'p':
      case 'P':
        return property(c == 'P');
      case 'x':
      case 'u':
        return code_point(c);
      default:
        if (!std::ispunct(static_cast<unsigned char>(c)) && c != ' ')
          return refused(std::string("\"\\") + c + "\" is not supported");
        return one(static_cast<unsigned char>(c));
    }
  }

  Result<Ranges> property(bool negated) {
    const std::size_t begin = at_;
    std::string_view name;
    if (at_ + 2 < text_.size() && text_[at_ + 2] == '{') {
      const std::size_t end = text_.find('}', at_);
      if (end == text_.npos) return refused("a property without an end");
      name = text_.substr(at_ + 3, end - at_ - 3);
      at_ = end + 1;
    } else {
      name = text_.substr(std::min(at_ + 2, text_.size()), 1);
      at_ = std::min(at_ + 3, text_.size());
    }
    if (name.starts_with('^')) negated = !negated, name.remove_prefix(1);
    const auto ranges = character_set(name);
    if (name == "s" || !ranges) {
      at_ = begin;
      return refused("the property \"" + std::string(name) + "\" is not supported");
    }
    return negated ? inverted(*ranges) : *ranges;
  }

  Result<Ranges> code_point(char kind) {
    std::string_view digits;
    std::size_t end;
    if (at_ + 2 < text_.size() && text_[at_ + 2] == '{') {
      end = text_.find('}', at_);
      if (end == text_.npos) return refused("a character without an end");
      digits = text_.substr(at_ + 3, end - at_ - 3);
      ++end;
    } else {
      digits = text_.substr(std::min(at_ + 2, text_.size()), kind == 'x' ? 2 : 4);
      end = at_ + 2 + digits.size();
    }
    std::uint32_t number = 0x110000;
    if (!digits.empty() && digits.size() <= 6 &&
        digits.find_first_not_of("0123456789abcdefABCDEF") == digits.npos)
      number = static_cast<std::uint32_t>(std::stoul(std::string(digits), nullptr, 16));
    if (number > 0x10FFFF || (number >= 0xD800 && number < 0xE000))
      return refused("there is no such character");
    at_ = end;
    return Ranges{{number, number}};
  }

  Ranges raw_character() {
    std::uint32_t c = 0;
    at_ += decode(text_.data() + at_, c);
    return {{c, c}};
  }

  struct Class {
    bool negated = false;
    Ranges ranges;  // sorted, apart
  };

  // A class at at_. [A&&[^B]] is A without B.
  Result<Class> parse_class() {
    const std::size_t begin = at_++;
    Class found{take("^"), {}};
    for (bool first = true;; first = false) {
      if (at_ >= text_.size()) {
        at_ = begin;
        return refused("a class without an end");
      }
      if (text_[at_] == ']' && !first) break;
      if (next_is("&&")) {
        at_ += 2;
        if (found.negated || !next_is("[^") || insensitive_.back())
          return refused("an intersection that is not [A&&[^B]]");
        CIYUAN_TRY(Class without, parse_class());
        if (at_ >= text_.size() || text_[at_] != ']') return refused("an intersection that is not [A&&[^B]]");
        found.ranges = difference(ordered(found.ranges), without.ranges);
        break;
      }
      if (text_[at_] == '[') return refused("a class in a class");
      CIYUAN_TRY(Ranges item, item_of_class());
      found.ranges.insert(found.ranges.end(), item.begin(), item.end());
    }
    ++at_;
    found.ranges = ordered(found.ranges);
    return found;
  }

  Result<Ranges> item_of_class() {
    CIYUAN_TRY(Ranges item, text_[at_] == '\\' ? escape() : Result<Ranges>(raw_character()));
    const bool single = item.size() == 1 && item[0].first == item[0].last;
    if (!single || at_ + 1 >= text_.size() || text_[at_] != '-' || text_[at_ + 1] == ']') return item;
    ++at_;
    if (text_[at_] == '[') return refused("a range to a class");
    CIYUAN_TRY(Ranges last, text_[at_] == '\\' ? escape() : Result<Ranges>(raw_character()));
    if (last.size() != 1 || last[0].first != last[0].last || last[0].first < item[0].first)
      return refused("a range that does not end after it begins");
    item[0].last = last[0].last;
    return item;
  }

  static Ranges ordered(Ranges ranges) {
    std::sort(ranges.begin(), ranges.end(),
              [](CharacterRange a, CharacterRange b) { return a.first < b.first; });
    Ranges merged;
    for (const CharacterRange range : ranges) {
      if (!merged.empty() && range.first <= merged.back().last + 1)
        merged.back().last = std::max(merged.back().last, range.last);
      else
        merged.push_back(range);
    }
    return merged;
  }

  static Ranges difference(const Ranges& from, const Ranges& without) {
    Ranges left;
    for (CharacterRange range : from) {
      for (const CharacterRange gone : without) {
        if (gone.last < range.first || gone.first > range.last) continue;
        if (gone.first > range.first) left.push_back({range.first, gone.first - 1});
        range.first = gone.last + 1;
        if (range.first > range.last) break;
      }
      if (range.first <= range.last) left.push_back(range);
    }
    return left;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string out_;
  std::vector<bool> groups_{false};       ///< for each that is open: it holds a repetition
  std::vector<bool> insensitive_{false};  ///< and: it is in (?i: )
};

}  // namespace

Result<std::string> to_pcre2(std::string_view expression) { return Translator(expression).run(); }

}  // namespace ciyuan::token::internal
