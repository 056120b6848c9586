#include "jinja/internal/lexer.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "jinja/internal/python_text.h"

namespace ciyuan::jinja {

Error error_at(std::uint32_t line, std::string message) {
  return invalid("line " + std::to_string(line), std::move(message));
}

namespace {

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_part(char c) { return is_name_start(c) || is_digit(c); }

/// \r\n and \r become \n; one newline at the very end goes, as keep_trailing_newline is off.
std::string normalize(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
      continue;
    }
    out += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)), rest_(source_) {}

  Result<std::vector<Token>> run() {
    while (!rest_.empty()) CIYUAN_TRY_STATUS(root());
    add(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  /// Text up to the next tag, and the tag.
  Status root() {
    std::size_t tag = 0;
    for (;; ++tag) {
      tag = rest_.find('{', tag);
      if (tag == std::string_view::npos || tag + 1 >= rest_.size()) {
        text(rest_, rest_.size());
        return {};
      }
      if (rest_[tag + 1] == '%' || rest_[tag + 1] == '{' || rest_[tag + 1] == '#') break;
    }
    const char type = rest_[tag + 1];
    std::size_t after = tag + 2;
    const char sign =
        after < rest_.size() && (rest_[after] == '-' || rest_[after] == '+') ? rest_[after] : ' ';
    if (sign != ' ') ++after;
    text(stripped(rest_.substr(0, tag), sign, type == '{'), after);
    line_starting_ = false;
    if (type == '#') return comment();
    if (type == '{') {
      add(TokenKind::kOutputBegin, "");
      return inside(TokenKind::kOutputEnd, '}');
    }
    if (begins_raw()) return raw();
    add(TokenKind::kBlockBegin, "");
    return inside(TokenKind::kBlockEnd, '%');
  }

  std::string_view stripped(std::string_view text, char sign, bool is_output) const {
    if (sign == '-') return strip_space(text, false, true);
    if (sign == '+' || is_output) return text;
    // lstrip_blocks: white space between the start of the line and a block goes.
    const std::size_t newline = text.rfind('\n');
    const std::size_t line_start = newline == std::string_view::npos ? 0 : newline + 1;
    if (line_start == 0 && !line_starting_) return text;
    const std::string_view lead = text.substr(line_start);
    return !lead.empty() && strip_space(lead, true, false).empty() ? text.substr(0, line_start) : text;
  }

  /// Emits `text` and moves over `consumed` bytes.
  void text(std::string_view text, std::size_t consumed) {
    if (!text.empty()) add(TokenKind::kText, std::string(text));
    consume(consumed);
  }

  void consume(std::size_t bytes) {
    line_ += static_cast<std::uint32_t>(std::count(rest_.begin(), rest_.begin() + bytes, '\n'));
    rest_.remove_prefix(bytes);
  }

  /// Moves over the white space that a tag's end takes with it: all of it after '-', one newline after a
  /// block.
  void consume_end(std::size_t tag_size, bool minus, bool trims_newline) {
    const std::string_view after = rest_.substr(tag_size);
    std::size_t size = tag_size;
    if (minus) {
      size += after.size() - strip_space(after, true, false).size();
    } else if (trims_newline && after.starts_with('\n')) {
      ++size;
    }
    line_starting_ = rest_[size - 1] == '\n';
    consume(size);
  }

  Status comment() {
    const std::size_t end = rest_.find("#}");
    if (end == std::string_view::npos) {
      if (rest_.empty()) return {};  // Jinja lets a template end with the sign itself
      return error_at(line_, "a comment without an end");
    }
    const char sign = end > 0 ? rest_[end - 1] : ' ';
    consume_end(end + 2, sign == '-', sign != '+');
    return {};
  }

  std::size_t raw_tag_size(std::string_view text, std::string_view word, char& sign) const {
    std::size_t i = text.size() - strip_space(text, true, false).size();
    if (!text.substr(i).starts_with(word)) return 0;
    i += word.size();
    i += text.size() - i - strip_space(text.substr(i), true, false).size();
    sign = ' ';
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) sign = text[i++];
    return text.substr(i).starts_with("%}") ? i + 2 : 0;
  }

  bool begins_raw() const {
    char sign;
    return raw_tag_size(rest_, "raw", sign) != 0;
  }

  Status raw() {
    char sign;
    const std::size_t size = raw_tag_size(rest_, "raw", sign);
    consume_end(size, sign == '-', true);
    for (std::size_t tag = rest_.find("{%"); tag != std::string_view::npos; tag = rest_.find("{%", tag + 1)) {
      std::size_t after = tag + 2;
      const char begin =
          after < rest_.size() && (rest_[after] == '-' || rest_[after] == '+') ? rest_[after] : ' ';
      if (begin != ' ') ++after;
      char end;
      const std::size_t end_size = raw_tag_size(rest_.substr(after), "endraw", end);
      if (end_size == 0) continue;
      text(stripped(rest_.substr(0, tag), begin, false), after);
      consume_end(end_size, end == '-', end != '+');
      return {};
    }
    return error_at(line_, "a raw block without an end");
  }

  /// The tokens of one tag, to its end. A '}' that closes an open brace is no end.
  Status inside(TokenKind end, char close) {
    std::vector<char> open;
    for (;;) {
      consume(rest_.size() - strip_space(rest_, true, false).size());
      if (rest_.empty()) return error_at(line_, "a tag without an end");
      if (open.empty()) {
        const bool signed_end = rest_.size() > 2 && (rest_[0] == '-' || (rest_[0] == '+' && close == '%')) &&
                                rest_[1] == close && rest_[2] == '}';
        if (signed_end || (rest_.size() > 1 && rest_[0] == close && rest_[1] == '}')) {
          add(end, "");
          consume_end(signed_end ? 3 : 2, rest_[0] == '-', close == '%' && rest_[0] != '+');
          return {};
        }
      }
      CIYUAN_TRY_STATUS(token(open));
    }
  }

  Status token(std::vector<char>& open) {
    const char c = rest_[0];
    if (is_digit(c)) return number();
    if (is_name_start(c)) {
      std::size_t size = 1;
      while (size < rest_.size() && is_name_part(rest_[size])) ++size;
      return take(TokenKind::kName, size);
    }
    if (c == '"' || c == '\'') return string(c);
    static constexpr std::array<std::string_view, 6> kTwo = {"==", "!=", "<=", ">=", "//", "**"};
    for (std::string_view two : kTwo) {
      if (rest_.starts_with(two)) return take(TokenKind::kOperator, 2);
    }
    if (std::string_view("+-*/%~()[]{}.,:|=<>;").find(c) == std::string_view::npos) {
      return error_at(line_, std::string("unexpected character '") + c + "'");
    }
    if (c == '(' || c == '[' || c == '{') open.push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
    if (c == ')' || c == ']' || c == '}') {
      if (open.empty() || open.back() != c) return error_at(line_, std::string("unexpected '") + c + "'");
      open.pop_back();
    }
    return take(TokenKind::kOperator, 1);
  }

  /// 0x1f, 0o17, 0b11.
  bool number_with_base() {
    if (rest_.size() < 3 || rest_[0] != '0') return false;
    const char mark = static_cast<char>(rest_[1] | 0x20);
    const int base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    if (base == 0) return false;
    std::size_t size = 2;
    std::string digits;
    for (; size < rest_.size() &&
           (std::isalnum(static_cast<unsigned char>(rest_[size])) != 0 || rest_[size] == '_');
         ++size) {
      if (rest_[size] != '_') digits += rest_[size];
    }
    std::int64_t value = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) return false;
    add(TokenKind::kInteger, std::to_string(value));
    consume(size);
    return true;
  }

  Status number() {
    if (number_with_base()) return {};
    std::size_t size = 0;
    auto digits = [&] {
      while (size < rest_.size() &&
             (is_digit(rest_[size]) ||
              (rest_[size] == '_' && size + 1 < rest_.size() && is_digit(rest_[size + 1])))) {
        ++size;
      }
    };
    digits();
    bool is_float = false;
    // "1.real" is an attribute of an integer; "1.5" a float.
    if (size + 1 < rest_.size() && rest_[size] == '.' && is_digit(rest_[size + 1])) {
      is_float = true;
      ++size;
      digits();
    }
    if (size < rest_.size() && (rest_[size] == 'e' || rest_[size] == 'E')) {
      std::size_t exponent = size + 1;
      if (exponent < rest_.size() && (rest_[exponent] == '+' || rest_[exponent] == '-')) ++exponent;
      if (exponent < rest_.size() && is_digit(rest_[exponent])) {
        is_float = true;
        size = exponent;
        digits();
      }
    }
    std::string text(rest_.substr(0, size));
    std::erase(text, '_');
    add(is_float ? TokenKind::kFloat : TokenKind::kInteger, std::move(text));
    consume(size);
    return {};
  }

  Status string(char quote) {
    std::size_t end = 1;
    while (end < rest_.size() && rest_[end] != quote) end += rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size()) return error_at(line_, "a string without an end");
    CIYUAN_TRY(std::string value, unescape(rest_.substr(1, end - 1), line_));
    add(TokenKind::kString, std::move(value));
    consume(end + 1);
    return {};
  }

  /// Python's escapes; an unknown one keeps its backslash.
  static Result<std::string> unescape(std::string_view text, std::uint32_t line) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\\') {
        out += text[i];
        continue;
      }
      const char c = text[++i];
      static constexpr std::string_view kNames = "abfnrtv\\'\"", kValues = "\a\b\f\n\r\t\v\\'\"";
      if (const std::size_t simple = kNames.find(c); simple != std::string_view::npos) {
        out += kValues[simple];
      } else if (c == '\n') {
      } else if (c == 'x' || c == 'u' || c == 'U') {
        const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        std::uint32_t code = 0;
        if (text.size() - i - 1 < digits) return error_at(line, "a truncated escape in a string");
        for (std::size_t d = 0; d < digits; ++d) {
          const int value = hex_value(text[++i]);
          if (value < 0) return error_at(line, "a truncated escape in a string");
          code = code * 16 + static_cast<std::uint32_t>(value);
        }
        if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
          return error_at(line, "no Unicode character");
        append_code_point(out, code);
      } else if (c >= '0' && c <= '7') {
        std::uint32_t code = 0;
        std::size_t digits = 0;
        for (; digits < 3 && i < text.size() && text[i] >= '0' && text[i] <= '7'; ++digits, ++i) {
          code = code * 8 + static_cast<std::uint32_t>(text[i] - '0');
        }
        --i;
        append_code_point(out, code);
      } else {
        out += '\\';
        out += c;
      }
    }
    return out;
  }

  static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  }

  Status take(TokenKind kind, std::size_t size) {
    add(kind, std::string(rest_.substr(0, size)));
    consume(size);
    return {};
  }

  void add(TokenKind kind, std::string text) { tokens_.push_back({kind, line_, std::move(text)}); }

  std::string source_;
  std::string_view rest_;
  std::uint32_t line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view source) { return Lexer(normalize(source)).run(); }

}  // namespace ciyuan::jinja
