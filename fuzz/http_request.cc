// Requests from strangers: whatever the pieces they come in, the same message or the same refusal.

#include <cstdlib>
#include <optional>
#include <utility>

#include "http/parser.h"
#include "pieces.h"

using namespace ciyuan;

namespace {

struct Outcome {
  bool refused = false, done = false;
  std::size_t used = 0;
  std::string head, body;
  bool operator==(const Outcome&) const = default;
};

/// One request, fed in pieces of so many bytes.
Outcome read(std::string_view text, std::size_t piece) {
  http::RequestParser parser;
  Outcome outcome;
  bool allowed = false;
  outcome.used = feed_in_pieces(text, piece, [&](std::string_view bytes) -> std::optional<std::size_t> {
    if (parser.done()) return std::nullopt;
    Result<std::size_t> used = parser.feed(bytes);
    outcome.refused = !used.ok();
    if (used.ok() && parser.head_done() && !std::exchange(allowed, true))
      outcome.refused = !parser.allow_body(1u << 14).ok();
    return outcome.refused ? std::nullopt : std::optional(*used);
  });
  if (outcome.refused) return {.refused = true};
  outcome.done = parser.done();
  if (!outcome.done) return outcome;
  const http::RequestHead head = parser.take_head();
  outcome.head = head.method + " " + head.target;
  for (const auto& [name, value] : head.headers) outcome.head += "\n" + name + ": " + value;
  outcome.body = parser.take_body();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Outcome whole = read(text, size + 1);
  for (std::size_t piece : {1, 7}) {
    const Outcome parts = read(text, piece);
    if (parts.done != whole.done && !whole.refused && !parts.refused) std::abort();
    if (parts.done && whole.done && !(parts == whole)) std::abort();
    if (parts.done && whole.refused) std::abort();
  }
  return 0;
}
