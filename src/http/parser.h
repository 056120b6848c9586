#pragma once

/// Reading HTTP/1.1 messages, strict where a lenient reader could be made to see another message than its
/// peer (RFC 9112 §11.2, request smuggling): both Content-Length and Transfer-Encoding, several lengths, a
/// bare line feed, another transfer coding than chunked, a space before the colon, no Host or two (§3.2) are
/// all refused. A target in absolute form (§3.2.2) becomes its path and query. The grammar is Beast's.

#include <memory>
#include <string>

#include "base/result.h"
#include "http/message.h"

namespace ciyuan::http {

constexpr std::size_t kHeadBytesMax = 32 * 1024;
constexpr std::size_t kHeadFieldsMax = 100;

/// Reads one request: first the head, then, once the caller has said how large the body may be, the body.
class RequestParser {
 public:
  RequestParser();
  ~RequestParser();
  RequestParser(RequestParser&&) noexcept;

  /// Takes bytes; says how many it used. The rest belongs to the body (before allow_body) or to the next
  /// request, or is a line that is not whole yet: the caller bounds it.
  Result<std::size_t> feed(std::string_view bytes);
  bool head_done() const;
  bool done() const;
  /// Call once the head is done. A longer body is kTooLarge, at once where its length is declared.
  Status allow_body(std::size_t bytes_max);
  RequestHead take_head();
  std::string take_body();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Reads one response; the body comes in pieces as it arrives.
class ResponseParser {
 public:
  explicit ResponseParser(bool to_head_request = false);
  ~ResponseParser();
  ResponseParser(ResponseParser&&) noexcept;

  Result<std::size_t> feed(std::string_view bytes);
  /// The connection ended: fine where the body has no declared length, an error where it was cut short.
  Status end_of_stream();
  bool head_done() const;
  bool done() const;
  /// Bytes of the body that arrived since the last call.
  std::string take_body();
  ResponseHead take_head();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ciyuan::http
