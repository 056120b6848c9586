// Responses of services that may be anything: whatever the pieces, the same head and body.

#include <cstdlib>

#include "http/parser.h"
#include "pieces.h"

using namespace ciyuan;

namespace {

struct Outcome {
  bool refused = false, head = false, done = false, ends_well = false;
  unsigned status = 0;
  std::string body;
  bool operator==(const Outcome&) const = default;
};

Outcome read(std::string_view text, std::size_t piece) {
  http::ResponseParser parser;
  Outcome outcome;
  feed_in_pieces(text, piece, [&](std::string_view bytes) -> std::optional<std::size_t> {
    if (parser.done()) return std::nullopt;
    Result<std::size_t> used = parser.feed(bytes);
    outcome.refused = !used.ok();
    if (outcome.refused) return std::nullopt;
    outcome.body += parser.take_body();
    return *used;
  });
  if (outcome.refused) return {.refused = true};
  outcome.head = parser.head_done();
  outcome.ends_well = parser.done() || parser.end_of_stream().ok();
  outcome.body += parser.take_body();
  outcome.done = parser.done();
  if (outcome.head) outcome.status = parser.take_head().status;
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Outcome whole = read(text, size + 1);
  for (std::size_t piece : {1, 7}) {
    const Outcome parts = read(text, piece);
    if (!whole.refused && !parts.refused && !(parts == whole)) std::abort();
    if (whole.done && parts.refused) std::abort();
  }
  return 0;
}
