#include "cel/internal/lexer.h"

#include <algorithm>

#include "base/bytes.h"
#include "cel/internal/source.h"

namespace ciyuan::cel {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

/// What may stand in a name between backticks, beside letters and digits.
bool is_quoted_name(char c) {
  return is_letter(c) || is_digit(c) || c == '.' || c == '-' || c == '/' || c == ' ';
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  Result<std::vector<Token>> all() {
    for (;;) {
      skip_blanks();
      begin_ = at_;
      if (at_ == source_.size()) {
        found_.push_back({TokenKind::kEnd, begin_, {}});
        return std::move(found_);
      }
      CIYUAN_TRY_STATUS(one());
    }
  }

 private:
  char look(std::size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }
  bool starts(std::string_view text) const { return source_.substr(at_).starts_with(text); }
  void add(TokenKind kind) { found_.push_back({kind, begin_, source_.substr(begin_, at_ - begin_)}); }
  Error bad(const std::string& sentence) const { return error_at(source_, begin_, sentence); }

  void skip_blanks() {
    for (;;) {
      at_ = static_cast<std::uint32_t>(std::min(source_.find_first_not_of("\t\n\f\r ", at_), source_.size()));
      if (!starts("//")) return;
      at_ = static_cast<std::uint32_t>(std::min(source_.find('\n', at_), source_.size()));
    }
  }

  Status one() {
    if (is_digit(look()) || (look() == '.' && is_digit(look(1)))) return number();
    const std::size_t prefix = text_prefix();
    if (look(prefix) == '"' || look(prefix) == '\'') return quoted(prefix);
    if (is_letter(look())) {
      while (is_letter(look()) || is_digit(look())) ++at_;
      add(TokenKind::kIdentifier);
      return {};
    }
    if (look() == '`') return quoted_name();
    return sign();
  }

  /// How many letters before a quote belong to the literal: r, b, br in either case.
  std::size_t text_prefix() const {
    const bool bytes = look() == 'b' || look() == 'B';
    const char next = look(bytes ? 1 : 0);
    return (bytes ? 1 : 0) + (next == 'r' || next == 'R' ? 1 : 0);
  }

  Status quoted(std::size_t prefix) {
    const bool bytes = look() == 'b' || look() == 'B';
    const bool raw = prefix > (bytes ? 1u : 0u);
    at_ += static_cast<std::uint32_t>(prefix);
    const char quote = look();
    const bool triple = look(1) == quote && look(2) == quote;
    const std::string end(triple ? 3 : 1, quote);
    at_ += static_cast<std::uint32_t>(end.size());
    while (!starts(end)) {
      if (at_ >= source_.size())
        return bad("a text literal begins here and does not end; it ends with " + end);
      if (!triple && (look() == '\n' || look() == '\r')) {
        return bad(
            "a text literal begins here and its line ends before it; use three quotes for text of several "
            "lines");
      }
      at_ += !raw && look() == '\\' && at_ + 1 < source_.size() ? 2 : 1;
    }
    at_ += static_cast<std::uint32_t>(end.size());
    add(bytes ? TokenKind::kBytes : TokenKind::kString);
    return {};
  }

  Status quoted_name() {
    const std::uint32_t start = ++at_;
    while (is_quoted_name(look())) ++at_;
    if (look() != '`' || at_ == start) {
      return bad(
          "a name between backticks has letters, digits and _ . - / or blanks, and ends with a backtick");
    }
    found_.push_back({TokenKind::kQuotedName, begin_, source_.substr(start, at_ - start)});
    ++at_;
    return {};
  }

  Status number() {
    TokenKind kind = TokenKind::kInt;
    if (look() == '0' && look(1) == 'x' && is_hex(look(2))) {
      at_ += 2;
      while (is_hex(look())) ++at_;
    } else {
      while (is_digit(look())) ++at_;
      if (look() == '.' && is_digit(look(1))) {
        kind = TokenKind::kDouble;
        ++at_;
        while (is_digit(look())) ++at_;
      }
      const std::size_t sign = look(1) == '+' || look(1) == '-' ? 2 : 1;
      if ((look() == 'e' || look() == 'E') && is_digit(look(sign))) {
        kind = TokenKind::kDouble;
        at_ += static_cast<std::uint32_t>(sign);
        while (is_digit(look())) ++at_;
      }
    }
    if (kind == TokenKind::kInt && (look() == 'u' || look() == 'U')) {
      kind = TokenKind::kUint;
      ++at_;
    }
    if (is_letter(look()) || is_digit(look())) {
      return bad("a number goes over into a name; put a blank or an operator between them");
    }
    add(kind);
    return {};
  }

  Status sign() {
    for (const std::string_view two : {"&&", "||", "==", "!=", "<=", ">="}) {
      if (!starts(two)) continue;
      at_ += 2;
      add(TokenKind::kSign);
      return {};
    }
    if (std::string_view("+-*/%!<>?:.,()[]{}").find(look()) == std::string_view::npos) {
      std::size_t length = 1;  // the whole character, for the message
      while (at_ + length < source_.size() && (source_[at_ + length] & 0xC0) == 0x80) ++length;
      return bad("found '" + std::string(source_.substr(at_, length)) + "', which begins nothing in CEL");
    }
    ++at_;
    add(TokenKind::kSign);
    return {};
  }

  std::string_view source_;
  std::uint32_t at_ = 0;
  std::uint32_t begin_ = 0;  ///< of the token at hand
  std::vector<Token> found_;
};

}  // namespace

std::string position_text(std::string_view source, std::uint32_t offset) {
  const std::string_view before = source.substr(0, offset);
  const std::size_t line = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  const std::size_t start = line == 0 ? 0 : before.rfind('\n') + 1;
  const auto column = std::count_if(before.begin() + static_cast<std::ptrdiff_t>(start), before.end(),
                                    [](char c) { return (c & 0xC0) != 0x80; });
  return "line " + std::to_string(line + 1) + ", column " + std::to_string(column + 1);
}

Result<std::vector<Token>> tokens_of(std::string_view source) {
  if (!is_utf8(source)) return invalid("", "the expression is not UTF-8");
  return Lexer(source).all();
}

}  // namespace ciyuan::cel
