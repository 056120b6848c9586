#include "dialect/internal/top_level.h"

#include <algorithm>

#include "base/scan.h"

namespace ciyuan::dialect {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::size_t skip_space(std::string_view text, std::size_t at) {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

// `at` stands on the opening quote; returns the position behind the closing one.
std::size_t skip_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); at += 2) {
    at = find_either(text, '"', '\\', at);
    if (at < text.size() && text[at] == '"') return at + 1;
  }
  return text.size();
}

std::size_t skip_value(std::string_view text, std::size_t at) {
  if (text[at] == '"') return skip_string(text, at);
  if (text[at] != '{' && text[at] != '[') {
    std::size_t end = text.find_first_of(",}] \t\r\n", at);
    return end == text.npos ? text.size() : end;
  }
  int depth = 0;
  while (at < text.size()) {
    at = text.find_first_of("\"{}[]", at);
    if (at == text.npos) return text.size();
    char c = text[at];
    if (c == '"') {
      at = skip_string(text, at);
      continue;
    }
    depth += c == '{' || c == '[' ? 1 : -1;
    ++at;
    if (depth == 0) return at;
  }
  return text.size();
}

}  // namespace

Result<std::vector<Member>> top_level_members(std::string_view text) {
  std::vector<Member> members;
  std::size_t at = skip_space(text, 0);
  if (at == text.size() || text[at] != '{') return invalid("", "the body must be a JSON object");
  at = skip_space(text, at + 1);
  while (at < text.size() && text[at] == '"') {
    std::size_t key_end = skip_string(text, at);
    Member member{text.substr(at + 1, key_end - at - 2), {}};
    at = skip_space(text, key_end);
    at = skip_space(text, at + 1);  // the colon
    if (at >= text.size()) break;
    std::size_t end = skip_value(text, at);
    member.value = text.substr(at, end - at);
    if (member.key.find('\\') != member.key.npos)
      return invalid(std::string(member.key), "a key of the request must be written without escapes");
    if (std::any_of(members.begin(), members.end(),
                    [&](const Member& other) { return other.key == member.key; }))
      return invalid(std::string(member.key), "given twice");
    members.push_back(member);
    at = skip_space(text, end);
    if (at < text.size() && text[at] == ',') at = skip_space(text, at + 1);
  }
  return members;
}

}  // namespace ciyuan::dialect
