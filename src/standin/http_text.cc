#include "standin/http_text.h"

#include <boost/crc.hpp>
#include <cstdio>

namespace ciyuan::standin {
namespace {

std::string_view reason_of(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Answer";
  }
}

void append_little_endian(std::string& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}

}  // namespace

std::string head_text(const Head& head, const Script& script) {
  std::string text;
  if (script.interim) text += "HTTP/1.1 103 Early Hints\r\nLink: </standin>; rel=preload\r\n\r\n";
  text += "HTTP/1.1 " + std::to_string(head.status) + " ";
  text.append(reason_of(head.status))
      .append("\r\nServer: ciyuan-standin\r\nContent-Type: ")
      .append(head.content_type);
  text += "\r\n";
  if (head.content_type == "text/event-stream") text += "Cache-Control: no-cache\r\n";
  std::string framing = head.framing == Framing::kLength
                            ? "Content-Length: " + std::to_string(head.length) + "\r\n"
                        : head.framing == Framing::kChunked ? "Transfer-Encoding: chunked\r\n"
                                                            : "";
  text += framing;
  if (script.duplicate_headers) text += framing;
  if (script.smuggle)
    text += head.framing == Framing::kLength ? "Transfer-Encoding: chunked\r\n" : "Content-Length: 7\r\n";
  if (script.gzip) text += "Content-Encoding: gzip\r\n";
  if (script.chunked_trailers && head.framing == Framing::kChunked) text += "Trailer: X-Standin-Trailer\r\n";
  if (script.retry_after) text += "Retry-After: " + std::to_string(*script.retry_after) + "\r\n";
  text += head.keep_alive ? "" : "Connection: close\r\n";
  return text + "\r\n";
}

std::string chunk_text(std::string_view data) {
  char size[24];
  int length = std::snprintf(size, sizeof size, "%zx\r\n", data.size());
  std::string chunk(size, static_cast<std::size_t>(length));
  return chunk.append(data).append("\r\n");
}

std::string last_chunk_text(const Script& script) {
  return script.chunked_trailers ? "0\r\nX-Standin-Trailer: the end\r\n\r\n" : "0\r\n\r\n";
}

std::string gzip_stored(std::string_view data) {
  constexpr std::size_t kBlockMax = 65535;
  std::string out("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
  std::string_view rest = data;
  do {
    std::string_view block = rest.substr(0, kBlockMax);
    rest.remove_prefix(block.size());
    out += rest.empty() ? '\1' : '\0';
    append_little_endian(out, static_cast<std::uint32_t>(block.size()), 2);
    append_little_endian(out, ~static_cast<std::uint32_t>(block.size()), 2);
    out.append(block);
  } while (!rest.empty());
  boost::crc_32_type crc;
  crc.process_bytes(data.data(), data.size());
  append_little_endian(out, crc.checksum(), 4);
  append_little_endian(out, static_cast<std::uint32_t>(data.size()), 4);
  return out;
}

}  // namespace ciyuan::standin
