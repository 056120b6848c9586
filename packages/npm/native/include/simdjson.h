#pragma once

// All that `token` takes from simdjson; packages/native/utf8.cc has it.

#include <cstddef>

namespace simdjson {
bool validate_utf8(const char* text, std::size_t size) noexcept;
}
