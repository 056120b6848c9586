#include "http/sse.h"

namespace ciyuan::http {
namespace {

// Length of the line end at `at` (CRLF, LF, CR), 0 where there is none, -1 where the next byte decides.
int line_end_at(std::string_view text, std::size_t at) {
  if (text[at] == '\n') return 1;
  if (text[at] != '\r') return 0;
  if (at + 1 == text.size()) return -1;
  return text[at + 1] == '\n' ? 2 : 1;
}

// The value of a field line "data: x" (one space after the colon is not part of it), or false for another
// line.
bool data_of_line(std::string_view line, std::string_view& value) {
  if (!line.starts_with("data")) return false;
  line.remove_prefix(4);
  if (line.empty()) return value = line, true;
  if (line[0] != ':') return false;
  line.remove_prefix(1);
  if (line.starts_with(' ')) line.remove_prefix(1);
  value = line;
  return true;
}

}  // namespace

void SseParser::feed(std::string_view bytes) {
  if (start_ == buffer_.size()) {
    buffer_.clear();
    start_ = scanned_ = 0;
  } else if (start_ > buffer_.size() / 2) {
    buffer_.erase(0, start_);
    scanned_ -= start_;
    start_ = 0;
  }
  buffer_.append(bytes);
}

bool SseParser::next(SseEvent& event) {
  std::string_view text = buffer_;
  // An event ends at an empty line: two line ends with nothing between.
  std::size_t at = scanned_;
  while (at < text.size()) {
    std::size_t found = text.find_first_of("\r\n", at);
    if (found == text.npos) {
      scanned_ = text.size();
      return false;
    }
    int first = line_end_at(text, found);
    if (first < 0 || found + static_cast<std::size_t>(first) == text.size()) {
      scanned_ = found;
      // A lone empty line (no field before it) is an event of its own once its line end is sure.
      if (!(first > 0 && found == start_)) return false;
    }
    std::size_t after = found + static_cast<std::size_t>(first);
    int second = found == start_ ? first : line_end_at(text, after);
    if (found == start_) after = found;
    if (second < 0) {
      scanned_ = found;
      return false;
    }
    if (second == 0) {
      at = after;
      scanned_ = after;
      continue;
    }
    event.raw = text.substr(start_, after + static_cast<std::size_t>(second) - start_);
    start_ = scanned_ = after + static_cast<std::size_t>(second);
    event.data = {};
    event.has_data = false;
    std::string_view rest = event.raw;
    if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);  // a byte order mark may open the stream
    bool joined = false;
    while (!rest.empty()) {
      std::size_t end = rest.find_first_of("\r\n");
      std::string_view line = rest.substr(0, end), value;
      rest.remove_prefix(end + static_cast<std::size_t>(std::max(1, line_end_at(rest, end))));
      if (!data_of_line(line, value)) continue;
      if (!event.has_data) {
        event.data = value;
      } else {
        if (!joined) joined_ = event.data;
        joined = true;
        joined_ += '\n';
        joined_ += value;
      }
      event.has_data = true;
    }
    if (joined) event.data = joined_;
    return true;
  }
  return false;
}

}  // namespace ciyuan::http
