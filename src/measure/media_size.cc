#include "measure/media_size.h"

#include <algorithm>

namespace ciyuan::measure {
namespace {

constexpr std::array<std::int8_t, 256> base64_values() {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  values['-'] = 62, values['_'] = 63;
  return values;
}
constexpr std::array<std::int8_t, 256> kBase64 = base64_values();

/// Reads numbers; once a place cannot be read everything is 0 and `ok` is false.
class Reader {
 public:
  explicit Reader(const MediaBytes& bytes) : bytes_(bytes) {}

  std::uint64_t big(std::size_t at, int size) { return number(at, size, true); }
  std::uint64_t little(std::size_t at, int size) { return number(at, size, false); }
  bool is(std::size_t at, std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i)
      if (bytes_.at(at + i) != static_cast<std::uint8_t>(text[i])) return false;
    return true;
  }
  bool ok() const { return ok_; }

 private:
  std::uint64_t number(std::size_t at, int size, bool big_end_first) {
    std::uint64_t value = 0;
    for (int i = 0; i < size; ++i) {
      const auto byte = bytes_.at(at + static_cast<std::size_t>(big_end_first ? i : size - 1 - i));
      ok_ = ok_ && byte.has_value();
      value = value << 8 | byte.value_or(0);
    }
    return ok_ ? value : 0;
  }

  const MediaBytes& bytes_;
  bool ok_ = true;
};

std::optional<ImageSize> size_of(const Reader& reader, std::uint64_t width, std::uint64_t height) {
  constexpr auto kMost = static_cast<std::uint64_t>(kSideMax);
  if (!reader.ok() || width == 0 || height == 0 || width > kMost || height > kMost) return std::nullopt;
  return ImageSize{static_cast<std::int64_t>(width), static_cast<std::int64_t>(height)};
}

std::optional<ImageSize> png_size(Reader& reader) {
  if (reader.big(8, 4) != 13 || !reader.is(12, "IHDR")) return std::nullopt;
  return size_of(reader, reader.big(16, 4), reader.big(20, 4));
}

std::optional<ImageSize> gif_size(Reader& reader) {
  return size_of(reader, reader.little(6, 2), reader.little(8, 2));
}

std::optional<ImageSize> webp_size(Reader& reader) {
  if (reader.is(12, "VP8 ")) {
    const bool key_frame = (reader.little(20, 1) & 1) == 0 && reader.is(23, "\x9D\x01\x2A");
    if (!key_frame) return std::nullopt;
    return size_of(reader, reader.little(26, 2) & 0x3FFF, reader.little(28, 2) & 0x3FFF);
  }
  if (reader.is(12, "VP8L") && reader.is(20, "\x2F")) {
    const std::uint64_t bits = reader.little(21, 4);
    return size_of(reader, (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1);
  }
  if (reader.is(12, "VP8X")) return size_of(reader, reader.little(24, 3) + 1, reader.little(27, 3) + 1);
  return std::nullopt;
}

// From segment to segment to the first frame header; its lines may be 0 where they are only told later (DNL).
std::optional<ImageSize> jpeg_size(Reader& reader) {
  std::size_t at = 2;
  for (int segment = 0; segment < kSegmentsMax && reader.ok(); ++segment) {
    if (reader.big(at, 1) != 0xFF) return std::nullopt;
    const std::uint64_t marker = reader.big(at + 1, 1);
    if (marker == 0xFF) {  // a fill byte
      ++at;
      continue;
    }
    at += 2;
    if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) continue;  // no parameters
    const std::uint64_t length = reader.big(at, 2);
    const bool is_frame =
        marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (is_frame && length >= 8) return size_of(reader, reader.big(at + 5, 2), reader.big(at + 3, 2));
    if (is_frame || marker == 0xD9 || marker == 0xDA || marker == 0x00 || length < 2) return std::nullopt;
    at += length;
  }
  return std::nullopt;
}

constexpr std::size_t kBlanksMax = 32;  // between a PDF's name and its value

bool is_letter(std::uint8_t byte) { return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'); }
bool is_blank(std::uint8_t byte) { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n'; }

}  // namespace

MediaBytes MediaBytes::from_base64(std::string_view text) {
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  return MediaBytes(text, true);
}

std::optional<std::uint8_t> MediaBytes::at(std::size_t offset) const {
  if (offset >= size_) return std::nullopt;
  if (!base64_) return static_cast<std::uint8_t>(text_[offset]);
  // Byte k of three takes its bits from characters k and k+1 of four.
  const std::size_t place = offset / 3 * 4 + offset % 3;
  const int first = kBase64[static_cast<unsigned char>(text_[place])];
  const int second = kBase64[static_cast<unsigned char>(text_[place + 1])];
  if (first < 0 || second < 0) return std::nullopt;
  const int shift = 2 * static_cast<int>(offset % 3) + 2;
  return static_cast<std::uint8_t>(first << shift | second >> (6 - shift));
}

std::optional<ImageSize> image_size(const MediaBytes& bytes) {
  Reader reader(bytes);
  if (reader.is(0, "\x89PNG\r\n\x1A\n")) return png_size(reader);
  if (reader.is(0, "\xFF\xD8\xFF")) return jpeg_size(reader);
  if (reader.is(0, "GIF87a") || reader.is(0, "GIF89a")) return gif_size(reader);
  if (reader.is(0, "RIFF") && reader.is(8, "WEBP")) return webp_size(reader);
  return std::nullopt;
}

std::optional<Duration> sound_duration(const MediaBytes& bytes) {
  Reader reader(bytes);
  if (!reader.is(0, "RIFF") || !reader.is(8, "WAVE")) return std::nullopt;
  std::size_t at = 12;
  std::uint64_t rate = 0, frame_bytes = 0;
  for (int chunk = 0; chunk < kSegmentsMax; ++chunk) {
    const std::uint64_t length = reader.little(at + 4, 4);
    if (!reader.ok()) return std::nullopt;
    if (reader.is(at, "fmt ")) {
      const std::uint64_t format = reader.little(at + 8, 2), channels = reader.little(at + 10, 2);
      rate = reader.little(at + 12, 4), frame_bytes = reader.little(at + 20, 2);
      const std::uint64_t bits = reader.little(at + 22, 2);
      const bool known = format == 1 || format == 3 || format == 6 || format == 7 || format == 0xFFFE;
      if (length < 16 || !known || rate == 0 || frame_bytes == 0 || frame_bytes * 8 != channels * bits)
        return std::nullopt;
    } else if (reader.is(at, "data")) {
      if (rate == 0) return std::nullopt;
      // A stream written without knowing its end says 0 or the largest number: the file's own end holds then.
      const std::uint64_t rest = bytes.size() - std::min(bytes.size(), at + 8);
      const std::uint64_t sound = length == 0 ? rest : std::min<std::uint64_t>(length, rest);
      return Duration{static_cast<std::int64_t>(sound / frame_bytes), static_cast<std::int64_t>(rate)};
    }
    at += 8 + length + length % 2;
  }
  return std::nullopt;
}

std::optional<std::int64_t> document_pages(const MediaBytes& bytes) {
  Reader reader(bytes);
  if (!reader.is(0, "%PDF-") || bytes.size() > kDocumentBytesMax) return std::nullopt;
  constexpr std::string_view kType = "/Type", kPage = "/Page";
  std::int64_t pages = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    if (bytes.at(at) != static_cast<std::uint8_t>('/') || !reader.is(at, kType)) continue;
    std::size_t name = at + kType.size();
    while (name < at + kBlanksMax && is_blank(bytes.at(name).value_or(0))) ++name;
    // "/Pages" is a node of the tree, "/Page" a leaf.
    if (reader.is(name, kPage) && !is_letter(bytes.at(name + kPage.size()).value_or(0))) ++pages;
  }
  return pages > 0 && pages <= kPagesMax ? std::optional(pages) : std::nullopt;
}

}  // namespace ciyuan::measure
