#pragma once

/// The words of an expression, by the lexical grammar of cel-spec's langdef.md (July 2025).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ciyuan::cel {

enum class TokenKind : std::uint8_t {
  kEnd,
  kIdentifier,
  kQuotedName,
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kSign
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::uint32_t offset = 0;
  std::string_view text;  ///< as it stands in the source; a quoted name without its quotes

  bool is(std::string_view sign) const { return kind == TokenKind::kSign && text == sign; }
};

/// All tokens, the last of kind kEnd. The tokens are views of `source`.
Result<std::vector<Token>> tokens_of(std::string_view source);

/// What a token of kind kString or kBytes says: quotes taken off, escapes resolved.
Result<std::string> literal_text(std::string_view source, const Token& token);

}  // namespace ciyuan::cel
