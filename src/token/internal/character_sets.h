#pragma once

/// Sets of characters by the names that expressions call them, in the references' Unicode version.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace ciyuan::token::internal {

struct CharacterRange {
  std::uint32_t first = 0, last = 0;
};

/// "L", "Lu", …: general categories; "Han": the script; "s": white space; "numeric": what Hugging Face's
/// Digits pretokenizer sets apart. In order, apart from each other; none for another name.
std::optional<std::vector<CharacterRange>> character_set(std::string_view name);

}  // namespace ciyuan::token::internal
