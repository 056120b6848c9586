#pragma once

/// Server-sent events (WHATWG HTML, "Server-sent events", 9.2.6) from bytes that arrive in any pieces.
///
///   SseParser parser(1 << 20);
///   parser.feed(bytes);
///   SseEvent event;
///   while (parser.next(event)) use(event.raw, event.data);
///
/// Each event keeps its own bytes, so that what is not changed can be passed on byte for byte.

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ciyuan::http {

struct SseEvent {
  std::string_view raw;   ///< the event's bytes, its blank line included; valid until the next feed()
  std::string_view data;  ///< the data lines, joined by line feeds; empty for a comment or another field
  bool has_data = false;
};

class SseParser {
 public:
  /// An event of more than `event_bytes_max` is an error: a line without end must not eat the memory.
  explicit SseParser(std::size_t event_bytes_max) : event_bytes_max_(event_bytes_max) {}

  void feed(std::string_view bytes);
  /// The next whole event, or false where more bytes are needed.
  bool next(SseEvent& event);
  /// True once an event has outgrown the limit; nothing more comes then.
  bool too_large() const { return buffer_.size() - start_ > event_bytes_max_; }
  /// Bytes behind the last whole event: what a broken stream leaves.
  std::string_view rest() const { return std::string_view(buffer_).substr(start_); }

 private:
  std::size_t event_bytes_max_;
  std::string buffer_;
  std::size_t start_ = 0;    // where the current event begins
  std::size_t scanned_ = 0;  // bytes before this were searched for the event's end
  std::string joined_;       // data of an event of several data lines
};

}  // namespace ciyuan::http
