#include "http/tls.h"

#include <openssl/ssl.h>

#include "http/loop.h"

namespace ciyuan::http {
namespace {

namespace ssl = boost::asio::ssl;
constexpr std::int64_t kCheckEvery = seconds(10).count;

Result<std::shared_ptr<ssl::context>> read_context(const std::filesystem::path& certificate,
                                                   const std::filesystem::path& key) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                       ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  boost::system::error_code error;
  context->use_certificate_chain_file(certificate.string(), error);
  if (error)
    return Error{ErrorCode::kInvalid, "not a PEM certificate chain: " + error.message(),
                 certificate.string()};
  context->use_private_key_file(key.string(), ssl::context::pem, error);
  if (error)
    return Error{ErrorCode::kInvalid, "not a PEM private key of the certificate: " + error.message(),
                 key.string()};
  if (SSL_CTX_check_private_key(context->native_handle()) != 1)
    return Error{ErrorCode::kInvalid, "the key does not belong to the certificate", key.string()};
  return context;
}

std::filesystem::file_time_type newest(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code ignored;
  return std::max(std::filesystem::last_write_time(a, ignored), std::filesystem::last_write_time(b, ignored));
}

}  // namespace

Result<std::shared_ptr<ServerCertificate>> ServerCertificate::load(std::filesystem::path certificate,
                                                                   std::filesystem::path key) {
  std::shared_ptr<ServerCertificate> loaded(new ServerCertificate);
  CIYUAN_TRY(loaded->context_, read_context(certificate, key));
  loaded->read_at_ = newest(certificate, key);
  loaded->certificate_ = std::move(certificate);
  loaded->key_ = std::move(key);
  return loaded;
}

std::shared_ptr<ssl::context> ServerCertificate::get() {
  std::lock_guard lock(mutex_);
  if (std::int64_t now_ns = monotonic_ns(); now_ns - checked_ns_ > kCheckEvery) {
    checked_ns_ = now_ns;
    if (auto written = newest(certificate_, key_); written != read_at_) {
      auto fresh = read_context(certificate_, key_);
      problem_ = fresh ? "" : fresh.error().text();
      if (fresh) {
        context_ = *fresh;
        read_at_ = written;
      }
    }
  }
  return context_;
}

std::string ServerCertificate::problem() const {
  std::lock_guard lock(mutex_);
  return problem_;
}

Result<std::shared_ptr<ssl::context>> client_tls(const std::string& ca_file) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                       ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  SSL_CTX_set_session_cache_mode(context->native_handle(), SSL_SESS_CACHE_CLIENT);
  boost::system::error_code error;
  if (ca_file.empty())
    context->set_default_verify_paths(error);
  else
    context->load_verify_file(ca_file, error);
  if (error) return Error{ErrorCode::kInvalid, "no certificate authorities: " + error.message(), ca_file};
  return context;
}

}  // namespace ciyuan::http
