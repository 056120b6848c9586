#include "http/tls.h"

#include <openssl/ssl.h>
#include <sys/stat.h>

#include "http/loop.h"

namespace ciyuan::http {
namespace {

namespace ssl = boost::asio::ssl;

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

// Times alone would miss a file that is replaced by an older one.
std::string version_of(const std::filesystem::path& certificate, const std::filesystem::path& key) {
  std::string version;
  for (const auto& file : {certificate, key}) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) continue;
    for (auto part : {static_cast<std::int64_t>(status.st_ino), static_cast<std::int64_t>(status.st_size),
                      static_cast<std::int64_t>(status.st_mtim.tv_sec),
                      static_cast<std::int64_t>(status.st_mtim.tv_nsec)})
      version += std::to_string(part) + ' ';
  }
  return version;
}

}  // namespace

// OpenSSL hands each new session to a function of the context, which finds the keeper at the connection.
struct TlsSessionKeeper {
  static int index() {
    static const int the_index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return the_index;
  }
  static int keep(SSL* connection, SSL_SESSION* session) {
    auto* keeper = static_cast<TlsSession*>(SSL_get_ex_data(connection, index()));
    if (keeper == nullptr) return 0;
    // A copy: OpenSSL forbids the further use of a session whose connection was closed without a goodbye.
    SSL_SESSION* copy = SSL_SESSION_dup(session);
    if (copy == nullptr) return 0;
    SSL_SESSION_free(keeper->session_);
    keeper->session_ = copy;
    return 0;
  }
};

TlsSession::~TlsSession() { SSL_SESSION_free(session_); }

void TlsSession::use_for(SSL* connection) {
  SSL_set_ex_data(connection, TlsSessionKeeper::index(), this);
  if (session_ != nullptr) SSL_set_session(connection, session_);
}

Result<std::shared_ptr<ServerCertificate>> ServerCertificate::load(std::filesystem::path certificate,
                                                                   std::filesystem::path key,
                                                                   Nanoseconds check_every) {
  std::shared_ptr<ServerCertificate> loaded(new ServerCertificate);
  loaded->version_ = version_of(certificate, key);
  CIYUAN_TRY(loaded->context_, read_context(certificate, key));
  loaded->check_every_ = check_every;
  loaded->certificate_ = std::move(certificate);
  loaded->key_ = std::move(key);
  return loaded;
}

std::shared_ptr<ssl::context> ServerCertificate::get() {
  std::lock_guard lock(mutex_);
  if (std::int64_t now_ns = monotonic_ns(); now_ns - checked_ns_ > check_every_.count) {
    checked_ns_ = now_ns;
    if (std::string version = version_of(certificate_, key_); version != version_) {
      auto fresh = read_context(certificate_, key_);
      problem_ = fresh ? "" : fresh.error().text();
      if (fresh) {
        context_ = *fresh;
        version_ = std::move(version);
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
  SSL_CTX_set_session_cache_mode(context->native_handle(),
                                 SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  SSL_CTX_sess_set_new_cb(context->native_handle(), TlsSessionKeeper::keep);
  boost::system::error_code error;
  if (ca_file.empty())
    context->set_default_verify_paths(error);
  else
    context->load_verify_file(ca_file, error);
  if (error) return Error{ErrorCode::kInvalid, "no certificate authorities: " + error.message(), ca_file};
  return context;
}

}  // namespace ciyuan::http
