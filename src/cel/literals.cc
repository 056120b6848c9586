// Text and bytes literals: cel-spec's langdef.md, "String and Bytes Values".

#include <optional>

#include "cel/internal/lexer.h"
#include "cel/internal/source.h"
#include "cel/internal/utf8.h"

namespace ciyuan::cel {

namespace {

/// The digits of an escape as a number, or nothing when one is missing.
std::optional<std::uint32_t> digits(std::string_view text, std::size_t from, std::size_t count,
                                    unsigned base) {
  if (text.size() - from < count) return {};
  std::uint32_t number = 0;
  for (const char c : text.substr(from, count)) {
    const unsigned digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                           : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a') + 10
                           : c >= 'A' && c <= 'F' ? static_cast<unsigned>(c - 'A') + 10
                                                  : 99u;
    if (digit >= base) return {};
    number = number * base + digit;
  }
  return number;
}

/// The character that a backslash and this letter stand for, or 0.
char short_escape(char letter) {
  constexpr std::string_view kLetters = "abfnrtv\\?\"'`", kMeant = "\a\b\f\n\r\t\v\\?\"'`";
  const std::size_t found = kLetters.find(letter);
  return found == std::string_view::npos ? '\0' : kMeant[found];
}

class Unescaper {
 public:
  Unescaper(std::string_view text, bool bytes) : text_(text), bytes_(bytes) {}

  /// Nothing, with `at()` at the backslash, when an escape is none.
  std::optional<std::string> whole() {
    std::string made;
    while (at_ < text_.size()) {
      if (text_[at_] != '\\') {
        made.push_back(text_[at_++]);
      } else if (!escape(made)) {
        return {};
      }
    }
    return made;
  }
  std::size_t at() const { return at_; }

 private:
  bool escape(std::string& made) {
    if (at_ + 1 >= text_.size()) return false;
    const char letter = text_[at_ + 1];
    if (const char meant = short_escape(letter)) {
      made.push_back(meant);
      at_ += 2;
      return true;
    }
    if (letter == 'x' || letter == 'X') return number(made, at_ + 2, 2, 16);
    if (letter >= '0' && letter <= '3') return number(made, at_ + 1, 3, 8);
    if (bytes_) return false;
    if (letter == 'u') return number(made, at_ + 2, 4, 16);
    return letter == 'U' && number(made, at_ + 2, 8, 16);
  }

  bool number(std::string& made, std::size_t from, std::size_t count, unsigned base) {
    const std::optional<std::uint32_t> found = digits(text_, from, count, base);
    if (!found) return false;
    if (bytes_) {
      made.push_back(static_cast<char>(*found));
    } else if (!append_character(made, *found)) {
      return false;
    }
    at_ = from + count;
    return true;
  }

  std::string_view text_;
  bool bytes_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::string> literal_text(std::string_view source, const Token& token) {
  std::string_view text = token.text;
  const std::size_t prefix = text.find_first_of("\"'");
  const bool raw = prefix > 0 && (text[prefix - 1] == 'r' || text[prefix - 1] == 'R');
  text.remove_prefix(prefix);
  const std::size_t quotes = text.size() >= 6 && text[1] == text[0] && text[2] == text[0] ? 3 : 1;
  text = text.substr(quotes, text.size() - 2 * quotes);
  if (raw) return std::string(text);
  Unescaper unescaper(text, token.kind == TokenKind::kBytes);
  std::optional<std::string> made = unescaper.whole();
  if (made) return *std::move(made);
  const auto offset = static_cast<std::uint32_t>(token.offset + prefix + quotes + unescaper.at());
  return error_at(
      source, offset,
      "found a backslash that begins no escape; an escape is \\ and one of a b f n r t v ? ` ' \" \\, "
      "\\x and two digits, three octal digits, and in text \\u and four or \\U and eight digits of a "
      "character");
}

}  // namespace ciyuan::cel
