#pragma once

/// What the readers of a tokenizer.json's parts share.

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace ciyuan::token::pipeline {

/// The "type" of a component; empty if it has none.
std::string type_of(const Json& component);
/// The place, and what is there.
Error not_supported(const std::string& path, const Json& what);

/// The byte that a token "<0x00>" to "<0xFF>" stands for, or -1.
int byte_of_token(std::string_view text);

/// GPT-2's printable stand-ins for bytes. The character of a byte: what is printable is itself, the rest
/// U+0100 and on.
char32_t alphabet_of(unsigned char byte);
/// Back to bytes; false if `text` is empty or holds another character.
bool bytes_of_alphabet(std::string_view text, std::string& bytes);

}  // namespace ciyuan::token::pipeline
