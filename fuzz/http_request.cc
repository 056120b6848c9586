// Requests from strangers: whatever the pieces they come in, the same message or the same refusal.

#include <cstdlib>
#include <optional>

#include "http/parser.h"

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
  while (outcome.used < text.size() && !parser.done()) {
    // Bytes that are not used, e.g. an unfinished line, are offered again together with the next piece.
    std::size_t offered = piece;
    for (;; offered += piece) {
      Result<std::size_t> used = parser.feed(text.substr(outcome.used, offered));
      if (!used.ok()) return {.refused = true};
      if (*used > std::min(offered, text.size() - outcome.used)) std::abort();
      outcome.used += *used;
      if (parser.head_done() && !allowed) {
        if (!parser.allow_body(1u << 14).ok()) return {.refused = true};
        allowed = true;
        break;
      }
      if (*used > 0 || parser.done()) break;
      if (offered >= text.size() - outcome.used) return outcome;
    }
  }
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
