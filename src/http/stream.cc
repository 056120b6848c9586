#include "http/stream.h"

#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "http/internal/acknowledged.h"
#include "http/tls.h"

namespace ciyuan::http {

struct TlsState {
  TlsState(TcpSocket& socket, asio::ssl::context& context) : stream(socket, context) {}
  asio::ssl::stream<TcpSocket&> stream;
};

Stream::Stream(TcpSocket socket) : socket_(std::make_unique<TcpSocket>(std::move(socket))) {
  error_code ignored;
  socket_->set_option(tcp::no_delay(true), ignored);
  socket_->native_non_blocking(true, ignored);
}
Stream::~Stream() = default;
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&&) noexcept = default;

Task<error_code> Stream::handshake_as_server(asio::ssl::context& context) {
  tls_ = std::make_unique<TlsState>(*socket_, context);
  auto [error] = co_await tls_->stream.async_handshake(asio::ssl::stream_base::server, kAsTuple);
  co_return error;
}

Task<error_code> Stream::handshake_as_client(asio::ssl::context& context, const std::string& host,
                                             bool verify, TlsSession& session) {
  tls_ = std::make_unique<TlsState>(*socket_, context);
  session.use_for(tls_->stream.native_handle());
  SSL_set_tlsext_host_name(tls_->stream.native_handle(), host.c_str());
  if (verify) {
    tls_->stream.set_verify_mode(asio::ssl::verify_peer);
    tls_->stream.set_verify_callback(asio::ssl::host_name_verification(host));
  }
  auto [error] = co_await tls_->stream.async_handshake(asio::ssl::stream_base::client, kAsTuple);
  co_return error;
}

Task<Stream::ReadResult> Stream::read_some(asio::mutable_buffer buffer) {
  if (tls_) {
    auto [error, size] = co_await tls_->stream.async_read_some(buffer, kAsTuple);
    co_return ReadResult{error, size};
  }
  auto [error, size] = co_await socket_->async_read_some(buffer, kAsTuple);
  co_return ReadResult{error, size};
}

Task<error_code> Stream::write(asio::const_buffer first, asio::const_buffer second) {
  if (tls_) {
    std::array<asio::const_buffer, 2> buffers = {first, second};
    auto [error, size] = co_await asio::async_write(tls_->stream, buffers, kAsTuple);
    co_return error;
  }
  if (!socket_->is_open()) co_return asio::error::bad_descriptor;
  std::array<iovec, 2> parts = {iovec{const_cast<void*>(first.data()), first.size()},
                                iovec{const_cast<void*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = second.size() == 0 ? 1 : 2;
  ssize_t sent = ::sendmsg(socket_->native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && errno != EAGAIN && errno != EINTR)
    co_return error_code(errno, boost::system::system_category());
  auto done = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
  if (done == first.size() + second.size()) co_return error_code();
  std::array<asio::const_buffer, 2> rest = {first + std::min(done, first.size()),
                                            second + (done > first.size() ? done - first.size() : 0)};
  auto [error, size] = co_await asio::async_write(*socket_, rest, kAsTuple);
  co_return error;
}

bool Stream::resumed() const { return tls_ && SSL_session_reused(tls_->stream.native_handle()) == 1; }

bool Stream::is_truncation(const error_code& error) { return error == asio::ssl::error::stream_truncated; }

// Not by peeking: bytes that nobody reads (a pipelined request, TLS's goodbye) would hide the end behind
// them.
bool Stream::peer_gone() const {
  pollfd state{socket_->native_handle(), POLLRDHUP, 0};
  return !socket_->is_open() || ::poll(&state, 1, 0) > 0;
}

bool Stream::is_quiet() const {
  pollfd state{socket_->native_handle(), POLLIN | POLLRDHUP, 0};
  return socket_->is_open() && ::poll(&state, 1, 0) == 0;
}

std::optional<std::uint64_t> Stream::acknowledged_bytes() const {
  return http::acknowledged_bytes(socket_->native_handle());
}

void Stream::close() {
  error_code ignored;
  socket_->close(ignored);
}

Task<> Stream::shutdown() {
  if (tls_) {
    auto [error] = co_await tls_->stream.async_shutdown(kAsTuple);
    (void)error;  // a peer that does not answer has had our last bytes all the same
  }
  error_code ignored;
  socket_->shutdown(tcp::socket::shutdown_send, ignored);
}

std::string Stream::peer_address() const {
  error_code error;
  auto endpoint = socket_->remote_endpoint(error);
  return error ? std::string() : endpoint.address().to_string();
}

}  // namespace ciyuan::http
