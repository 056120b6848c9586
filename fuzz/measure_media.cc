// A file from a stranger's request: its size is within bounds, the same from bytes as from base64, and no
// rule makes more tokens of it than a part may have.

#include <cstdlib>
#include <string>

#include "measure/media_size.h"
#include "measure/modality.h"

using namespace ciyuan;
using namespace ciyuan::measure;

namespace {

std::string base64(std::string_view bytes) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  unsigned bits = 0;
  int held = 0;
  for (char byte : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(byte);
    for (held += 8; held >= 6; held -= 6) text += kAlphabet[bits >> (held - 6) & 63];
  }
  if (held > 0) text += kAlphabet[bits << (6 - held) & 63];
  return text;
}

const ModalityRule& grid() {
  static const ModalityRule rule = *ModalityRule::from_json(
      Json::parse(
          R"({"name": "r", "medium": "image", "formula": "grid", "factor": 28, "pixels_min": 3136, "pixels_max": 12845056,
              "source": "s", "date": "2026-11-25"})"),
      "");
  return rule;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  const std::string encoded = base64(file);
  const MediaBytes plain = MediaBytes::from_bytes(file), decoded = MediaBytes::from_base64(encoded);
  const auto image = image_size(plain);
  const auto sound = sound_duration(plain);
  const auto pages = document_pages(plain);
  if (plain.size() != decoded.size() || image != image_size(decoded) || sound != sound_duration(decoded) ||
      pages != document_pages(decoded))
    std::abort();
  if (image) {
    if (image->width < 1 || image->height < 1 || image->width > kSideMax || image->height > kSideMax)
      std::abort();
    const MediaCount counted = grid().count({.medium = Medium::kImage, .size = image});
    if (counted.tokens < 1 || counted.tokens > kMediaTokensMax) std::abort();
  }
  if (sound && (sound->units < 0 || sound->per_second < 1)) std::abort();
  if (pages && (*pages < 1 || *pages > kPagesMax)) std::abort();
  // Read as base64, whatever it is.
  (void)image_size(MediaBytes::from_base64(file));
  return 0;
}
