#pragma once

/// TLS settings from files: certificates that are read again when they change, and authorities for upstreams.

#include <boost/asio/ssl/context.hpp>
#include <filesystem>
#include <memory>
#include <mutex>

#include "base/result.h"
#include "base/time.h"

namespace ciyuan::http {

/// A server's certificate and key. get() gives the current context; a changed file is noticed within
/// `check_every`, and a certificate that cannot be read leaves the last good one in use. Any thread.
class ServerCertificate {
 public:
  static Result<std::shared_ptr<ServerCertificate>> load(std::filesystem::path certificate,
                                                         std::filesystem::path key,
                                                         Nanoseconds check_every = seconds(10));
  std::shared_ptr<boost::asio::ssl::context> get();
  /// What went wrong at the last reading, for the log; empty where nothing did.
  std::string problem() const;

 private:
  ServerCertificate() = default;
  std::filesystem::path certificate_, key_;
  mutable std::mutex mutex_;
  std::shared_ptr<boost::asio::ssl::context> context_;
  std::string version_;  // of the files as they were read: whatever changes when they are replaced
  Nanoseconds check_every_;
  std::int64_t checked_ns_ = 0;
  std::string problem_;
};

/// What a service gave us to shorten the next handshake with it (RFC 8446 §2.2, RFC 5077): one round trip and
/// the certificate's check less. One for each service and name; belongs to one loop.
class TlsSession {
 public:
  TlsSession() = default;
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;
  ~TlsSession();
  /// Before the handshake of a connection whose context client_tls() made.
  void use_for(SSL* connection);

 private:
  friend struct TlsSessionKeeper;
  SSL_SESSION* session_ = nullptr;
};

/// For connections to upstreams: TLS 1.2 or newer, the system's authorities or those of `ca_file`.
Result<std::shared_ptr<boost::asio::ssl::context>> client_tls(const std::string& ca_file);

}  // namespace ciyuan::http
