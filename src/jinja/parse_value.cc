#include <charconv>
#include <cstdlib>
#include <cstring>
#include <unordered_map>

#include "base/bytes.h"
#include "base/scan.h"
#include "jinja/internal/python_text.h"
#include "jinja/value.h"

/// JSON to values (RFC 8259). The text is copied to the heap once; strings are views into that copy,
/// unescaped in place, since no escape is longer than what it stands for.

namespace ciyuan::jinja {

namespace {

constexpr int kDepthMax = 1000;
/// Above this many keys, repeated keys are looked for with a hash table.
constexpr std::size_t kLinearKeysMax = 16;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Parser {
 public:
  Parser(char* text, std::size_t size, Heap& heap)
      : begin_(text), at_(text), end_(text + size), heap_(heap) {}

  Result<Value> document() {
    CIYUAN_TRY(Value out, value(0));
    skip_space();
    if (at_ != end_) return fault("something follows the value");
    return out;
  }

 private:
  Error fault(std::string_view what) const {
    return invalid("json", "not JSON at byte " + std::to_string(at_ - begin_) + ": " + std::string(what));
  }
  char peek() const { return at_ == end_ ? '\0' : *at_; }
  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  bool skip(char c) {
    skip_space();
    return peek() == c && at_ != end_ && (++at_, true);
  }
  bool skip_word(std::string_view word) {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  Result<Value> value(int depth) {
    if (depth > kDepthMax) return fault("nested deeper than 1,000");
    skip_space();
    switch (peek()) {
      case '{':
        return object(depth);
      case '[':
        return array(depth);
      case '"':
        return string();
      case 't':
        if (skip_word("true")) return Value::boolean(true);
        break;
      case 'f':
        if (skip_word("false")) return Value::boolean(false);
        break;
      case 'n':
        if (skip_word("null")) return Value::none();
        break;
      default:
        if (peek() == '-' || is_digit(peek())) return number();
    }
    return fault("a value was expected");
  }

  Result<Value> array(int depth) {
    ++at_;
    const std::size_t start = values_.size();
    if (!skip(']')) {
      do {
        CIYUAN_TRY(Value item, value(depth + 1));
        values_.push_back(item);
      } while (skip(','));
      if (!skip(']')) return fault("',' or ']' was expected");
    }
    const auto items = heap_.copy(std::span<const Value>(values_).subspan(start));
    values_.resize(start);
    return Value::sequence(Kind::kList, items);
  }

  Result<Value> object(int depth) {
    ++at_;
    const std::size_t start = entries_.size();
    if (!skip('}')) {
      do {
        skip_space();
        if (peek() != '"') return fault("a key was expected");
        CIYUAN_TRY(Value key, string());
        if (!skip(':')) return fault("':' was expected");
        CIYUAN_TRY(Value member, value(depth + 1));
        entries_.push_back({key, member});
      } while (skip(','));
      if (!skip('}')) return fault("',' or '}' was expected");
    }
    fold_repeated_keys(start);
    const auto entries = heap_.copy(std::span<const Entry>(entries_).subspan(start));
    entries_.resize(start);
    return Value::dict(entries);
  }

  void fold_repeated_keys(std::size_t start) {
    const std::size_t count = entries_.size() - start;
    std::size_t kept = start;
    std::unordered_map<std::string_view, std::size_t> places;
    if (count > kLinearKeysMax) places.reserve(count);
    for (std::size_t i = start; i < entries_.size(); ++i) {
      const std::string_view key = entries_[i].key.text();
      std::size_t place = kept;
      if (count > kLinearKeysMax) {
        place = places.try_emplace(key, kept).first->second;
      } else {
        for (std::size_t j = start; j < kept && place == kept; ++j) {
          if (entries_[j].key.text() == key) place = j;
        }
      }
      if (place == kept) {
        entries_[kept++] = entries_[i];
      } else {
        entries_[place].value = entries_[i].value;
      }
    }
    entries_.resize(kept);
  }

  Result<Value> string() {
    char* const start = ++at_;
    at_ += skip_plain_json({at_, static_cast<std::size_t>(end_ - at_)}, 0);
    char* written = at_;
    while (at_ != end_ && *at_ != '"') {
      if (static_cast<unsigned char>(*at_) < 0x20) return fault("a control character in a string");
      if (*at_ == '\\') {
        CIYUAN_TRY_STATUS(unescape(written));
        continue;
      }
      const std::size_t run = skip_plain_json({at_, static_cast<std::size_t>(end_ - at_)}, 0);
      std::memmove(written, at_, run);
      written += run;
      at_ += run;
    }
    if (at_ == end_) return fault("a string without an end");
    ++at_;
    return Value::string({start, static_cast<std::size_t>(written - start)});
  }

  Status unescape(char*& written) {
    if (end_ - at_ < 2) return fault("a string without an end");
    const char kind = at_[1];
    at_ += 2;
    switch (kind) {
      case '"':
      case '\\':
      case '/':
        *written++ = kind;
        return {};
      case 'b':
        *written++ = '\b';
        return {};
      case 'f':
        *written++ = '\f';
        return {};
      case 'n':
        *written++ = '\n';
        return {};
      case 'r':
        *written++ = '\r';
        return {};
      case 't':
        *written++ = '\t';
        return {};
      case 'u':
        break;
      default:
        return fault("an unknown escape");
    }
    CIYUAN_TRY(std::uint32_t code, four_digits());
    if (code >= 0xD800 && code < 0xDC00 && end_ - at_ >= 6 && at_[0] == '\\' && at_[1] == 'u') {
      at_ += 2;
      CIYUAN_TRY(std::uint32_t low, four_digits());
      if (low < 0xDC00 || low > 0xDFFF) return fault("a lone surrogate");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xD800 && code <= 0xDFFF) {
      return fault("a lone surrogate");
    }
    scratch_.clear();
    append_code_point(scratch_, code);
    std::memcpy(written, scratch_.data(), scratch_.size());
    written += scratch_.size();
    return {};
  }

  Result<std::uint32_t> four_digits() {
    std::uint32_t code = 0;
    if (end_ - at_ < 4) return fault("a \\u escape without four digits");
    const auto parsed = std::from_chars(at_, at_ + 4, code, 16);
    if (parsed.ptr != at_ + 4) return fault("a \\u escape without four digits");
    at_ += 4;
    return code;
  }

  Result<Value> number() {
    const char* const start = at_;
    if (*at_ == '-') ++at_;
    const char* const digits = at_;
    while (is_digit(peek())) ++at_;
    if (at_ == digits || (*digits == '0' && at_ - digits > 1)) return fault("no number");
    bool is_real = false;
    if (peek() == '.') {
      is_real = true;
      const char* const fraction = ++at_;
      while (is_digit(peek())) ++at_;
      if (at_ == fraction) return fault("no number");
    }
    if (peek() == 'e' || peek() == 'E') {
      is_real = true;
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      const char* const exponent = at_;
      while (is_digit(peek())) ++at_;
      if (at_ == exponent) return fault("no number");
    }
    if (is_real) {
      double real = 0;
      // Beyond a double's range Python takes infinity or zero, as strtod does.
      if (std::from_chars(start, at_, real).ec != std::errc())
        real = std::strtod(std::string(start, static_cast<std::size_t>(at_ - start)).c_str(), nullptr);
      return Value::real(real);
    }
    std::int64_t integer = 0;
    if (std::from_chars(start, at_, integer).ec == std::errc()) return Value::integer(integer);
    return Value::big_integer({start, static_cast<std::size_t>(at_ - start)});
  }

  char* const begin_;
  char* at_;
  char* const end_;
  Heap& heap_;
  std::vector<Value> values_;
  std::vector<Entry> entries_;
  std::string scratch_;
};

}  // namespace

Result<Value> parse_value(std::string_view json, Heap& heap) {
  if (!is_utf8(json)) return invalid("json", "not JSON: not UTF-8");
  auto* text = static_cast<char*>(heap.allocate(json.size()));
  if (text == nullptr) return Error{ErrorCode::kTooLarge, "larger than the heap", "json"};
  std::memcpy(text, json.data(), json.size());
  CIYUAN_TRY(Value value, Parser(text, json.size(), heap).document());
  if (heap.exhausted()) return Error{ErrorCode::kTooLarge, "larger than the heap", "json"};
  return value;
}

}  // namespace ciyuan::jinja
