#include "standin/script.h"

#include <charconv>
#include <functional>
#include <unordered_map>

namespace ciyuan::standin {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// The part before the separator; `text` keeps what follows it.
std::string_view take(std::string_view& text, char separator) {
  std::size_t end = text.find(separator);
  std::string_view part = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return part;
}

template <class Number>
bool read_number(std::string_view text, Number& out) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

template <class Number>
bool read_number(std::string_view text, std::optional<Number>& out) {
  return read_number(text, out.emplace());
}

using Setter = std::function<bool(Script&, std::string_view)>;

template <class Member>
Setter flag(Member member) {
  return [member](Script& script, std::string_view value) {
    script.*member = true;
    return value.empty();
  };
}

template <class Member>
Setter number(Member member) {
  return [member](Script& script, std::string_view value) { return read_number(value, script.*member); };
}

bool read_text(Script& script, std::string_view value) {
  script.text = value;
  return value == "en" || value == "zh" || value == "code";
}

bool read_stall_after(Script& script, std::string_view value) {
  return read_number(take(value, ':'), script.stall_after) && read_number(value, script.stall_after_ms);
}

bool read_split(Script& script, std::string_view value) {
  if (value == "bytes") return script.split = 1, true;
  return read_number(value, script.split) && script.split > 0;
}

bool read_fail_first(Script& script, std::string_view value) {
  if (!read_number(take(value, ':'), script.fail_first) ||
      !read_number(take(value, ':'), script.fail_status)) {
    return false;
  }
  script.fail_label = value;
  return !script.fail_label.empty();
}

const std::unordered_map<std::string_view, Setter>& setters() {
  static const std::unordered_map<std::string_view, Setter> known = {
      {"tokens", number(&Script::tokens)},
      {"rate", number(&Script::rate)},
      {"chunk", number(&Script::chunk)},
      {"text", read_text},
      {"ignore-max", flag(&Script::ignore_max)},
      {"flood", flag(&Script::flood)},
      {"ascii", flag(&Script::ascii)},
      {"comments", flag(&Script::comments)},
      {"multi-data", flag(&Script::multi_data)},
      {"crlf", flag(&Script::crlf)},
      {"no-done", flag(&Script::no_done)},
      {"reasoning", number(&Script::reasoning)},
      {"lie", number(&Script::lie)},
      {"lie-prompt", number(&Script::lie_prompt)},
      {"nousage", flag(&Script::no_usage)},
      {"stall", number(&Script::stall_ms)},
      {"slow-headers", number(&Script::slow_headers_ms)},
      {"stall-after", read_stall_after},
      {"reset", flag(&Script::reset)},
      {"break-after", number(&Script::break_after)},
      {"half-close", number(&Script::half_close)},
      {"error-after", number(&Script::error_after)},
      {"garbage", flag(&Script::garbage)},
      {"empty", flag(&Script::empty)},
      {"long-line", number(&Script::long_line)},
      {"split", read_split},
      {"close", flag(&Script::close)},
      {"chunked-trailers", flag(&Script::chunked_trailers)},
      {"gzip", flag(&Script::gzip)},
      {"dup-headers", flag(&Script::duplicate_headers)},
      {"smuggle", flag(&Script::smuggle)},
      {"no-content-length", flag(&Script::no_content_length)},
      {"interim", flag(&Script::interim)},
      {"status", number(&Script::status)},
      {"retry-after", number(&Script::retry_after)},
      {"fail-first", read_fail_first},
  };
  return known;
}

}  // namespace

Status Script::add(std::string_view directives) {
  while (!directives.empty()) {
    std::string_view value = trimmed(take(directives, ','));
    if (value.empty()) continue;
    std::string name(trimmed(take(value, '=')));
    auto setter = setters().find(name);
    if (setter == setters().end()) return invalid(name, "the stand-in has no such directive");
    if (!setter->second(*this, trimmed(value)))
      return invalid(name, "bad value \"" + std::string(value) + "\"");
  }
  return {};
}

}  // namespace ciyuan::standin
