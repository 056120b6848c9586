#include "base/percent.h"

#include "base/bytes.h"

namespace ciyuan {

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    Result<Bytes> byte = from_hex(text.substr(i + 1, 2));
    if (!byte.ok()) return std::nullopt;
    decoded += static_cast<char>((*byte)[0]);
    i += 2;
  }
  return decoded;
}

}  // namespace ciyuan
