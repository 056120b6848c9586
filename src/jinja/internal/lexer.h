#pragma once

/// Text to tokens, with the white-space rules of Jinja2's lexer under trim_blocks and lstrip_blocks.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ciyuan::jinja {

enum class TokenKind : std::uint8_t {
  kText,
  kOutputBegin,
  kOutputEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,  // its text tells which
  kEnd,
};

struct Token {
  TokenKind kind;
  std::uint32_t line;
  std::string text;  // a string's value, unescaped
};

Result<std::vector<Token>> tokenize(std::string_view source);

Error error_at(std::uint32_t line, std::string message);

}  // namespace ciyuan::jinja
