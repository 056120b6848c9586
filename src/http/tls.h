#pragma once

/// TLS settings from files: certificates that are read again when they change, and authorities for upstreams.

#include <boost/asio/ssl/context.hpp>
#include <filesystem>
#include <memory>
#include <mutex>

#include "base/result.h"

namespace ciyuan::http {

/// A server's certificate and key. get() gives the current context; a changed file is read again at most
/// every ten seconds, and a certificate that cannot be read leaves the last good one in use. Any thread.
class ServerCertificate {
 public:
  static Result<std::shared_ptr<ServerCertificate>> load(std::filesystem::path certificate,
                                                         std::filesystem::path key);
  std::shared_ptr<boost::asio::ssl::context> get();
  /// What went wrong at the last reading, for the log; empty where nothing did.
  std::string problem() const;

 private:
  ServerCertificate() = default;
  std::filesystem::path certificate_, key_;
  mutable std::mutex mutex_;
  std::shared_ptr<boost::asio::ssl::context> context_;
  std::filesystem::file_time_type read_at_;
  std::int64_t checked_ns_ = 0;
  std::string problem_;
};

/// For connections to upstreams: TLS 1.2 or newer, the system's authorities or those of `ca_file`.
Result<std::shared_ptr<boost::asio::ssl::context>> client_tls(const std::string& ca_file);

}  // namespace ciyuan::http
