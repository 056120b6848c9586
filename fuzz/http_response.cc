// Responses of services that may be anything: whatever the pieces, the same head and body.

#include <cstdlib>

#include "http/parser.h"

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
  std::string waiting;  // bytes that a piece brought and the parser has not used yet
  std::size_t taken = 0;
  while (!parser.done()) {
    Result<std::size_t> used = parser.feed(waiting);
    if (!used.ok()) return {.refused = true};
    if (*used > waiting.size()) std::abort();
    waiting.erase(0, *used);
    outcome.body += parser.take_body();
    if (*used > 0 && !waiting.empty()) continue;
    if (taken == text.size()) break;
    waiting += text.substr(taken, piece);
    taken = std::min(text.size(), taken + piece);
  }
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
