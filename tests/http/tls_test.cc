#include "http/tls.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "tests/http/sockets.h"

namespace ciyuan::http {
namespace {

namespace fs = std::filesystem;

// A certificate for "localhost" that vouches for itself, and its key, in a folder of their own.
class CertificateFiles {
 public:
  CertificateFiles() {
    std::string pattern = (fs::temp_directory_path() / "ciyuan-tls-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    renew(1);
  }
  ~CertificateFiles() { fs::remove_all(folder_); }
  fs::path certificate() const { return folder_ / "certificate.pem"; }
  fs::path key() const { return folder_ / "key.pem"; }

  // Replaces both files.
  void renew(long serial) {
    EVP_PKEY* pair = EVP_EC_gen("P-256");
    X509* made = X509_new();
    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made), serial);
    X509_gmtime_adj(X509_getm_notBefore(made), -60);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600);
    X509_set_pubkey(made, pair);
    X509_NAME* name = X509_get_subject_name(made);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"),
                               -1, -1, 0);
    X509_set_issuer_name(made, name);
    X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost");
    X509_add_ext(made, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(made, pair, EVP_sha256());
    write(certificate(), [&](FILE* file) { PEM_write_X509(file, made); });
    write(key(),
          [&](FILE* file) { PEM_write_PrivateKey(file, pair, nullptr, nullptr, 0, nullptr, nullptr); });
    X509_free(made);
    EVP_PKEY_free(pair);
  }

 private:
  template <class Print>
  static void write(const fs::path& path, Print print) {
    FILE* file = std::fopen(path.c_str(), "w");
    print(file);
    std::fclose(file);
  }
  fs::path folder_;
};

ServerOptions with(std::shared_ptr<ServerCertificate> certificate) {
  ServerOptions options;
  options.certificate = std::move(certificate);
  options.head_timeout = milliseconds(400);
  return options;
}

ClientOptions tls_client(unsigned short port, const CertificateFiles& files) {
  ClientOptions options = client_of(port, "https://localhost");
  options.tls = client_tls(files.certificate().string()).value();
  options.resolve = [port](const Url&) -> Result<std::vector<tcp::endpoint>> {
    return std::vector<tcp::endpoint>{{asio::ip::address_v4::loopback(), port}};
  };
  return options;
}

// A blocking TLS client of one connection.
class TlsSocket {
 public:
  explicit TlsSocket(unsigned short port)
      : socket_(port), context_(SSL_CTX_new(TLS_client_method())), ssl_(SSL_new(context_)) {
    SSL_set_fd(ssl_, socket_.fd());
    shaken_ = SSL_connect(ssl_) == 1;
  }
  ~TlsSocket() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  bool shaken() const { return shaken_; }
  long serial() const {
    X509* got = SSL_get1_peer_certificate(ssl_);
    long number = got == nullptr ? -1 : ASN1_INTEGER_get(X509_get_serialNumber(got));
    X509_free(got);
    return number;
  }
  void send(std::string_view text) { SSL_write(ssl_, text.data(), static_cast<int>(text.size())); }
  // Reads to the end; true where the server said that it was the end.
  bool read_to_goodbye() {
    char buffer[4096];
    while (SSL_read(ssl_, buffer, sizeof buffer) > 0) continue;
    return (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0;
  }
  void say_goodbye() { SSL_shutdown(ssl_); }

 private:
  Socket socket_;
  SSL_CTX* context_;
  SSL* ssl_;
  bool shaken_ = false;
};

TEST(Tls, the_second_handshake_with_a_service_is_a_short_one) {
  CertificateFiles files;
  Running running(echo, with(ServerCertificate::load(files.certificate(), files.key()).value()));
  ClientOptions options = tls_client(running.port(), files);
  options.connection_life = milliseconds(1);  // each call on a connection of its own
  RunningPool client(options);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.fetch("/x").value(), "GET /x ");
    ::usleep(10'000);
  }
  EXPECT_EQ(client.pool().handshakes(), 3U);
  EXPECT_EQ(client.pool().resumed_handshakes(), 2U);
}

TEST(Tls, a_certificate_that_nobody_vouches_for_is_refused) {
  CertificateFiles files, others;
  Running running(echo, with(ServerCertificate::load(files.certificate(), files.key()).value()));
  RunningPool client(tls_client(running.port(), others));
  auto refused = client.fetch();
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("TLS with localhost"), std::string::npos);
}

TEST(Tls, new_connections_get_a_renewed_certificate_and_a_broken_file_leaves_the_old_one) {
  CertificateFiles files;
  auto certificate = ServerCertificate::load(files.certificate(), files.key(), milliseconds(0)).value();
  Running running(echo, with(certificate));
  EXPECT_EQ(TlsSocket(running.port()).serial(), 1);
  files.renew(2);
  EXPECT_EQ(TlsSocket(running.port()).serial(), 2);
  std::ofstream(files.certificate()) << "half a certif";
  EXPECT_EQ(TlsSocket(running.port()).serial(), 2);
  EXPECT_NE(certificate->problem(), "");
  files.renew(3);
  EXPECT_EQ(TlsSocket(running.port()).serial(), 3);
  EXPECT_EQ(certificate->problem(), "");
  files.renew(4);
  for (const fs::path& file : {files.certificate(), files.key()})
    fs::last_write_time(file, fs::last_write_time(file) - std::chrono::hours(1));
  EXPECT_EQ(TlsSocket(running.port()).serial(), 4);  // files that are older than those before
}

TEST(Tls, a_client_that_never_shakes_hands_is_closed) {
  CertificateFiles files;
  Running running(echo, with(ServerCertificate::load(files.certificate(), files.key()).value()));
  Socket silent(running.port());
  EXPECT_EQ(silent.read_until(""), "");
}

TEST(Tls, the_server_says_that_nothing_follows_before_it_closes) {
  CertificateFiles files;
  Running running(echo, with(ServerCertificate::load(files.certificate(), files.key()).value()));
  TlsSocket client(running.port());
  client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(client.read_to_goodbye());
}

TEST(Tls, a_client_that_leaves_is_seen_though_its_goodbye_lies_unread) {
  CertificateFiles files;
  std::promise<void> entered, gone;
  Running running(
      [&](Exchange& exchange) -> Task<> {
        entered.set_value();
        SteadyTimer forever(exchange.loop().executor());
        forever.expires_after(std::chrono::seconds(30));
        exchange.on_client_gone([&] { forever.cancel(); });
        co_await forever.async_wait(kAsTuple);
        if (exchange.client_gone()) gone.set_value();
      },
      with(ServerCertificate::load(files.certificate(), files.key()).value()));
  {
    TlsSocket client(running.port());
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    entered.get_future().wait();
    client.say_goodbye();
  }
  EXPECT_EQ(gone.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST(Tls, an_answer_that_ends_with_its_connection_but_without_a_goodbye_is_not_whole) {
  CertificateFiles files;
  Listener service;
  RunningPool client(tls_client(service.port(), files));
  for (bool goodbye : {true, false}) {
    auto got = client.start_fetch("/");
    Socket connection = service.accept();
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate_file(context, files.certificate().c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context, files.key().c_str(), SSL_FILETYPE_PEM);
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, connection.fd());
    ASSERT_EQ(SSL_accept(ssl), 1);
    char request[4096];
    ASSERT_GT(SSL_read(ssl, request, sizeof request), 0);
    std::string_view text = "HTTP/1.1 200 OK\r\n\r\nhalf or whole";
    SSL_write(ssl, text.data(), static_cast<int>(text.size()));
    if (goodbye) SSL_shutdown(ssl);
    connection.close();
    SSL_free(ssl);
    SSL_CTX_free(context);
    EXPECT_EQ(got.get().ok(), goodbye);
  }
}

}  // namespace
}  // namespace ciyuan::http
