#pragma once

/// How one answer goes wrong: comma-separated directives, from the options, the request header `X-Standin` or
/// the body's member `"standin"` (which a gateway passes on like any member it does not know).
///
///   X-Standin: tokens=400, rate=50, break-after=100

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ciyuan::standin {

struct Script {
  // The answer's shape
  std::optional<std::uint64_t> tokens;  ///< tokens=N: natural length
  std::optional<double> rate;           ///< rate=N: tokens a second
  std::optional<std::uint64_t> chunk;   ///< chunk=N: tokens in each chunk
  std::string text;                     ///< text=en|zh|code
  bool ignore_max = false;              ///< ignore-max: does not obey max_tokens
  bool flood = false;                   ///< flood: does not obey and never ends
  bool ascii = false;                   ///< ascii: \u escapes for all that is not ASCII
  bool comments = false;                ///< comments: SSE comments between events
  bool multi_data = false;              ///< multi-data: each event on two data lines
  bool crlf = false;                    ///< crlf: SSE lines end in CRLF
  bool no_done = false;                 ///< no-done: the stream ends without [DONE]
  std::uint64_t reasoning = 0;          ///< reasoning=N: that many tokens of reasoning_content come first
  // Lies about usage
  std::int64_t lie = 0;         ///< lie=+N: completion_tokens off by N
  std::int64_t lie_prompt = 0;  ///< lie-prompt=+N
  bool no_usage = false;        ///< nousage
  // Time
  std::uint64_t stall_ms = 0;         ///< stall=MS: before the head
  std::uint64_t slow_headers_ms = 0;  ///< slow-headers=MS: between the bytes of the head
  std::uint64_t stall_after = 0;      ///< stall-after=CHUNKS:MS
  std::uint64_t stall_after_ms = 0;
  // Breakage
  bool reset = false;                        ///< reset: resets the connection before a byte is answered
  std::optional<std::uint64_t> break_after;  ///< break-after=CHUNKS: resets the connection there
  std::optional<std::uint64_t>
      half_close;  ///< half-close=CHUNKS: ends the connection there, without an end of body
  std::optional<std::uint64_t> error_after;  ///< error-after=CHUNKS: an error event, then the end
  bool garbage = false;                      ///< garbage: neither JSON nor SSE
  bool empty = false;                        ///< empty: 200 and no body
  std::uint64_t long_line = 0;               ///< long-line=BYTES: one SSE line or JSON string of that size
  // HTTP
  std::uint64_t split = 0;         ///< split=N: N bytes per write (split=bytes is 1)
  bool close = false;              ///< close: Connection: close
  bool chunked_trailers = false;   ///< chunked-trailers
  bool gzip = false;               ///< gzip: Content-Encoding: gzip, though nobody asked
  bool duplicate_headers = false;  ///< dup-headers: Content-Length or Transfer-Encoding twice
  bool smuggle = false;            ///< smuggle: Content-Length and Transfer-Encoding
  bool no_content_length = false;  ///< no-content-length: the body ends with the connection
  bool interim = false;            ///< interim: a 103 before the answer
  // Errors
  unsigned status = 0;                       ///< status=429|500|503|400|401|403|404
  std::optional<std::uint64_t> retry_after;  ///< retry-after=SECONDS
  /// fail-first=N:STATUS:LABEL: the first N requests with this label get the status, later ones are answered.
  std::uint64_t fail_first = 0;
  unsigned fail_status = 0;
  std::string fail_label;

  /// Adds directives. kInvalid names the one that is not known or has a bad value.
  Status add(std::string_view directives);
};

}  // namespace ciyuan::standin
