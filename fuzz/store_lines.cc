// The journal's lines from a damaged store: refused, or lines that are written and read as the same. The
// first eight bytes are the entry's number.

#include <cstdlib>
#include <cstring>

#include "store/internal/codec.h"

using namespace ciyuan::store;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 8) return 0;
  std::uint64_t entry = 0;
  std::memcpy(&entry, data, 8);
  const std::string_view bytes(reinterpret_cast<const char*>(data + 8), size - 8);
  const auto lines = internal::decode_lines(entry, bytes);
  if (!lines.ok()) return 0;
  const auto again = internal::decode_lines(entry, internal::encode_lines(entry, *lines));
  if (!again.ok() || *again != *lines) std::abort();
  return 0;
}
