#include <cstddef>
#include <cstdint>

// OpenSSL's function, which base/bytes.cc names and nothing in these packages calls.
extern "C" int CRYPTO_memcmp(const void* a, const void* b, std::size_t size) {
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < size; ++i)
    difference |=
        static_cast<const volatile std::uint8_t*>(a)[i] ^ static_cast<const volatile std::uint8_t*>(b)[i];
  return difference;
}
