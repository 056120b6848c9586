/// json.dumps, as Hugging Face's tojson calls it: ensure_ascii off unless asked for.

#include <algorithm>
#include <cmath>

#include "jinja/internal/interpreter.h"
#include "jinja/internal/python_text.h"

namespace ciyuan::jinja {

namespace {

struct Style {
  std::string indent;
  bool has_indent = false;
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool ascii = false;
  bool sort_keys = false;
};

void append_escape(std::string& out, std::uint32_t unit) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += "0123456789abcdef"[(unit >> shift) & 15];
}

void append_character(std::string& out, unsigned char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    case '\f':
      out += "\\f";
      break;
    case '\b':
      out += "\\b";
      break;
    default:
      append_escape(out, c);
  }
}

void append_string(std::string& out, std::string_view text, bool ascii) {
  out += '"';
  std::size_t clean = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool wide = ascii && c >= 0x7F;
    if (c >= 0x20 && c != '"' && c != '\\' && !wide) {
      ++i;
      continue;
    }
    out += text.substr(clean, i - clean);
    if (wide && c >= 0x80) {
      const CodePoint point = first_code_point(text.substr(i));
      if (point.value >= 0x10000) {
        append_escape(out, 0xD800 + ((point.value - 0x10000) >> 10));
        append_escape(out, 0xDC00 + ((point.value - 0x10000) & 0x3FF));
      } else {
        append_escape(out, point.value);
      }
      i += point.size;
    } else {
      append_character(out, c);
      ++i;
    }
    clean = i;
  }
  out += text.substr(clean);
  out += '"';
}

class Writer {
 public:
  Writer(Interpreter& interpreter, const Style& style) : interpreter_(interpreter), style_(style) {}

  void write(const Value& value, int depth) {
    if (!interpreter_.descend(depth)) return;
    switch (value.kind()) {
      case Kind::kNone:
        out_ += "null";
        break;
      case Kind::kBoolean:
        out_ += value.as_boolean() ? "true" : "false";
        break;
      case Kind::kInteger:
        out_ += std::to_string(value.as_integer());
        break;
      case Kind::kBigInteger:
        out_ += value.text();
        break;
      case Kind::kReal:
        out_ += real(value.as_real());
        break;
      case Kind::kString:
        if (interpreter_.may_build(out_.size() + value.text().size()))
          append_string(out_, value.text(), style_.ascii);
        break;
      case Kind::kList:
      case Kind::kTuple: {
        if (value.items().empty()) {
          out_ += "[]";
          break;
        }
        out_ += '[';
        bool first = true;
        for (const Value& item : value.items()) {
          separate(first, depth + 1);
          write(item, depth + 1);
          if (interpreter_.failed()) return;
        }
        if (style_.has_indent) newline(depth);
        out_ += ']';
        break;
      }
      case Kind::kDict:
        write_dict(value, depth);
        break;
      default:
        interpreter_.fail("tojson: a value of this type is not JSON serializable");
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void write_dict(const Value& value, int depth) {
    if (value.entries().empty()) {
      out_ += "{}";
      return;
    }
    std::vector<Entry> entries(value.entries().begin(), value.entries().end());
    if (style_.sort_keys) {
      std::stable_sort(entries.begin(), entries.end(),
                       [&](const Entry& a, const Entry& b) { return interpreter_.order(a.key, b.key) < 0; });
    }
    out_ += '{';
    bool first = true;
    for (const Entry& entry : entries) {
      separate(first, depth + 1);
      if (entry.key.is_string() && !interpreter_.may_build(out_.size() + entry.key.text().size())) return;
      append_string(out_, key(entry.key), style_.ascii);
      out_ += style_.key_separator;
      write(entry.value, depth + 1);
      if (interpreter_.failed()) return;
    }
    if (style_.has_indent) newline(depth);
    out_ += '}';
  }

  std::string key(const Value& value) {
    switch (value.kind()) {
      case Kind::kString:
        return std::string(value.text());
      case Kind::kNone:
        return "null";
      case Kind::kBoolean:
        return value.as_boolean() ? "true" : "false";
      case Kind::kInteger:
        return std::to_string(value.as_integer());
      case Kind::kReal:
        return real(value.as_real());
      default:
        interpreter_.fail("tojson: keys must be str, int, float, bool or None");
        return "";
    }
  }

  static std::string real(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return real_text(value);
  }

  void separate(bool& first, int depth) {
    if (!first) out_ += style_.item_separator;
    first = false;
    if (style_.has_indent) newline(depth);
  }

  void newline(int depth) {
    const std::size_t size = 1 + style_.indent.size() * static_cast<std::size_t>(depth);
    if (size > 64 ? !interpreter_.may_build(out_.size() + size) : !interpreter_.spend(1)) return;
    out_ += '\n';
    for (int i = 0; i < depth; ++i) out_ += style_.indent;
  }

  Interpreter& interpreter_;
  const Style& style_;
  std::string out_;
};

}  // namespace

Value Interpreter::json(const Value& value, const Arguments& arguments) {
  Style style;
  style.ascii = truth(arguments.get(0, "ensure_ascii", Value::boolean(false)));
  const Value indent = arguments.get(1, "indent", Value::none());
  if (indent.is(Kind::kInteger) || indent.is(Kind::kBoolean) || indent.is_string()) {
    style.has_indent = true;
    style.item_separator = ",";
    style.indent =
        indent.is_string()
            ? std::string(indent.text())
            : std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(indent.as_integer(), 0, 64)),
                          ' ');
  }
  const Value separators = arguments.get(2, "separators", Value::none());
  if (!separators.is(Kind::kNone)) {
    if (!separators.has_items() || separators.items().size() != 2 || !separators.items()[0].is_string() ||
        !separators.items()[1].is_string()) {
      return fail("tojson: separators must be two strings");
    }
    style.item_separator = separators.items()[0].text();
    style.key_separator = separators.items()[1].text();
  }
  style.sort_keys = truth(arguments.get(3, "sort_keys", Value::boolean(false)));
  Writer writer(*this, style);
  writer.write(value, 0);
  return failed_ ? Value() : string(writer.take());
}

}  // namespace ciyuan::jinja
