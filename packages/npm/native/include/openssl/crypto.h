#pragma once

// For base/bytes.cc; packages/native/constant_time.cc has it.

#include <cstddef>

extern "C" int CRYPTO_memcmp(const void* a, const void* b, std::size_t size);
