#pragma once

/// The HTTP/1.1 text of answers, right or wrong as the script asks.

#include <cstdint>
#include <string>
#include <string_view>

#include "standin/script.h"

namespace ciyuan::standin {

/// How the end of a body is told.
enum class Framing { kLength, kChunked, kUntilClose };

struct Head {
  unsigned status = 200;
  std::string_view content_type = "application/json";
  Framing framing = Framing::kLength;
  std::uint64_t length = 0;
  bool keep_alive = true;
};
std::string head_text(const Head& head, const Script& script);

/// A chunk of a chunked body.
std::string chunk_text(std::string_view data);
/// The last chunk, with a trailer where the script asks.
std::string last_chunk_text(const Script& script);

/// RFC 1952 with stored blocks: valid, and no shorter.
std::string gzip_stored(std::string_view data);

}  // namespace ciyuan::standin
