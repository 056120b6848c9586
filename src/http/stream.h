#pragma once

/// A byte stream over TCP, with or without TLS: one type, so that the code above it is compiled once.

#include <boost/asio/buffer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "http/loop.h"

namespace boost::asio::ssl {
class context;
}

namespace ciyuan::http {

struct TlsState;
class TlsSession;

/// Belongs to one loop. At most one read and one write at a time. close() may be called at any time on the
/// loop's thread: pending operations end with an error.
class Stream {
 public:
  explicit Stream(TcpSocket socket);
  ~Stream();
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;

  /// Wraps the stream in TLS. `host` is checked against the peer's certificate and sent as SNI (client side).
  Task<error_code> handshake_as_server(asio::ssl::context& context);
  /// `session` shortens the handshake where the service knows it still, and keeps what the service gives for
  /// the next one; it must outlive the stream.
  Task<error_code> handshake_as_client(asio::ssl::context& context, const std::string& host, bool verify,
                                       TlsSession& session);
  /// True where the handshake was a short one.
  bool resumed() const;

  struct ReadResult {
    error_code error;
    std::size_t size = 0;
  };
  /// At least one byte, or an error: asio::error::eof at the end, another one (is_truncation) where a peer
  /// with TLS closed without saying so.
  Task<ReadResult> read_some(asio::mutable_buffer buffer);
  /// All of both buffers. Most writes fit the socket's buffer, and then end without suspending.
  Task<error_code> write(asio::const_buffer first, asio::const_buffer second = {});

  static bool is_truncation(const error_code& error);

  /// True where the peer has closed or reset the connection, as far as the kernel knows. Takes no bytes.
  bool peer_gone() const;
  /// False where the peer has closed, or said something: on an idle pooled connection a reason not to use it.
  bool is_quiet() const;
  /// Bytes that the peer's kernel has acknowledged since the connection began, TLS's own included.
  std::optional<std::uint64_t> acknowledged_bytes() const;
  void close();
  /// Says with TLS that nothing follows and waits for the peer to say so too, then sends a FIN and lets the
  /// kernel deliver what was written; close() alone may cut off the last bytes. The caller keeps the
  /// deadline.
  Task<> shutdown();
  bool is_open() const { return socket_->is_open(); }
  bool is_tls() const { return tls_ != nullptr; }
  std::string peer_address() const;

 private:
  std::unique_ptr<TcpSocket> socket_;
  std::unique_ptr<TlsState> tls_;
};

}  // namespace ciyuan::http
