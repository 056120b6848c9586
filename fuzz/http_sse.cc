// A stream of events in any pieces: the same events, and no byte lost or made.

#include <cstdlib>
#include <vector>

#include "http/sse.h"
#include "pieces.h"

using namespace ciyuan;

namespace {

constexpr std::size_t kEventBytesMax = 1000;

struct Events {
  std::string raw, rest;
  std::vector<std::string> data;
  bool too_large = false;
};

Events read(std::string_view text, std::size_t piece) {
  http::SseParser parser(kEventBytesMax);
  Events events;
  feed_in_pieces(text, piece, [&](std::string_view bytes) -> std::optional<std::size_t> {
    if (parser.too_large()) return std::nullopt;
    parser.feed(bytes);
    http::SseEvent event;
    while (parser.next(event)) {
      events.raw += event.raw;
      if (event.has_data) events.data.emplace_back(event.data);
    }
    return bytes.size();
  });
  events.rest = parser.rest();
  events.too_large = parser.too_large();
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Events whole = read(text, size + 1);
  if (whole.raw + whole.rest != text) std::abort();
  for (std::size_t piece : {1, 7}) {
    const Events parts = read(text, piece);
    if (!text.starts_with(parts.raw + parts.rest)) std::abort();
    if (parts.too_large) continue;  // found early: what came before must agree, and has
    if (parts.raw != whole.raw || parts.data != whole.data || parts.rest != whole.rest) std::abort();
  }
  return 0;
}
