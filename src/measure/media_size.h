#pragma once

/// How large an image is, how long a sound, how many pages a document has: out of the first bytes of the
/// file, wherever a request carries it.
///
///   auto bytes = MediaBytes::from_base64("iVBORw0KGgo…");
///   if (auto size = image_size(bytes)) …  // size->width, size->height in pixels
///
/// The bytes are a stranger's: nothing is decoded, no memory is taken, every loop has a limit, and what is
/// not plainly readable has no size. What a service's own decoder sees in a damaged file is not known here.
/// Formats: PNG (W3C PNG 3rd ed. §11.2.1), JPEG (ITU-T T.81 B.2.2), GIF (89a §18), WebP (RFC 9649), WAV
/// (RIFF, formats 1, 3, 6, 7 and extensible), PDF (ISO 32000-1 §7.7.3.3).

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ciyuan::measure {

/// A file as bytes, or as base64 text that is decoded where it is read. Does not own the text.
class MediaBytes {
 public:
  static MediaBytes from_bytes(std::string_view bytes) { return MediaBytes(bytes, false); }
  /// Standard or URL-safe alphabet, padded or not; a place with any other character cannot be read.
  static MediaBytes from_base64(std::string_view text);

  std::size_t size() const { return size_; }
  std::optional<std::uint8_t> at(std::size_t offset) const;

 private:
  MediaBytes(std::string_view text, bool base64)
      : text_(text),
        base64_(base64),
        size_(base64 ? text.size() / 4 * 3 + text.size() % 4 * 3 / 4 : text.size()) {}

  std::string_view text_;
  bool base64_;
  std::size_t size_;
};

struct ImageSize {
  std::int64_t width = 0, height = 0;  ///< pixels, 1 to kSideMax
  bool operator==(const ImageSize&) const = default;
};
/// Seconds as a fraction: `units` of which `per_second` make a second.
struct Duration {
  std::int64_t units = 0, per_second = 1;
  bool operator==(const Duration&) const = default;
};

constexpr std::int64_t kSideMax = 1'000'000;        ///< no service takes a longer side; beyond, no size
constexpr int kSegmentsMax = 2000;                  ///< of a JPEG before its frame, of a WAV before its sound
constexpr std::size_t kDocumentBytesMax = 8 << 20;  ///< of a PDF whose pages are looked for
constexpr std::int64_t kPagesMax = 100'000;

/// Of the stored picture, before any rotation that EXIF asks for.
std::optional<ImageSize> image_size(const MediaBytes& bytes);
std::optional<Duration> sound_duration(const MediaBytes& bytes);
/// Page objects that stand uncompressed in a PDF; none there (object streams, encryption): not known.
std::optional<std::int64_t> document_pages(const MediaBytes& bytes);

}  // namespace ciyuan::measure
