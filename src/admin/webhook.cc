#include "admin/webhook.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <optional>

#include "base/check.h"
#include "base/crypto.h"
#include "http/client.h"

namespace ciyuan::admin {
namespace {

constexpr Nanoseconds kConnectMax = seconds(5), kSendMax = seconds(10);
constexpr std::string_view kSecretPrefix = "whsec_";

// Of keys of others' making: base's HMAC takes 32 bytes, which is what keys a commitment.
Digest hmac_sha256_of_any_key(ByteView key, std::string_view message) {
  Digest digest;
  unsigned size = 0;
  CIYUAN_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(message).data(),
                    message.size(), digest.data(), &size) != nullptr &&
                   size == digest.size(),
               "HMAC-SHA-256 of bytes");
  return digest;
}

Result<http::ClientOptions> client_options(const WebhookMessage& message) {
  http::ClientOptions options;
  CIYUAN_TRY(options.url, http::parse_url(message.url));
  if (options.url.tls) {
    CIYUAN_TRY(options.tls, http::client_tls(message.tls_ca_file));
  }
  options.server_name = message.tls_server_name;
  options.connect_timeout = kConnectMax;
  options.first_byte_timeout = options.total_timeout = kSendMax;
  return options;
}

std::string head_of(const WebhookMessage& message, const http::Url& url) {
  // As it was written: a slash at the end is another resource.
  const std::size_t path = message.url.find('/', message.url.find("://") + 3);
  const std::string target = path == std::string::npos ? "/" : message.url.substr(path);
  return "POST " + target + " HTTP/1.1\r\nHost: " + url.authority() +
         "\r\nUser-Agent: ciyuan\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(message.body.size()) + "\r\nwebhook-id: " + message.id +
         "\r\nwebhook-timestamp: " + std::to_string(message.timestamp_s) + "\r\nwebhook-signature: " +
         webhook_signature(message.key, message.id, message.timestamp_s, message.body) +
         "\r\nConnection: close\r\n\r\n";
}

}  // namespace

Result<Bytes> webhook_key(std::string_view secret) {
  while (!secret.empty() && std::string_view("\r\n ").find(secret.back()) != std::string_view::npos)
    secret.remove_suffix(1);
  Result<Bytes> key = secret.starts_with(kSecretPrefix) ? from_base64(secret.substr(kSecretPrefix.size()))
                                                        : Result<Bytes>(Bytes());
  if (!key.ok() || key->size() < kWebhookKeyBytesMin || key->size() > kWebhookKeyBytesMax)
    return invalid("secret", "is not \"whsec_\" and the base64 of " + std::to_string(kWebhookKeyBytesMin) +
                                 " to " + std::to_string(kWebhookKeyBytesMax) + " bytes");
  return key;
}

std::string webhook_signature(ByteView key, std::string_view id, std::int64_t timestamp_s,
                              std::string_view body) {
  std::string content = std::string(id) + "." + std::to_string(timestamp_s) + "." + std::string(body);
  return "v1," + to_base64(hmac_sha256_of_any_key(key, content));
}

Result<unsigned> WebhookSender::send(const WebhookMessage& message) {
  CIYUAN_TRY(http::ClientOptions options, client_options(message));
  const std::string head = head_of(message, options.url);
  http::Loop loop;
  http::Pool pool(loop, std::move(options));
  Result<unsigned> status = Error{ErrorCode::kUnavailable, "the service is stopping", ""};
  std::unique_ptr<http::Call> call;
  {
    std::lock_guard lock(mutex_);
    if (stopped_) return status;
    // Only while a connection is made is there no call to end: that takes kConnectMax at most.
    cancel_ = [&] {
      http::asio::post(loop.context(), [&] {
        if (call) call->cancel();
      });
    };
  }
  auto exchange = [&]() -> http::Task<> {
    auto made = co_await pool.call(true);
    if (made) {
      call = std::move(*made);
      auto sent = co_await call->send(head, message.body);
      Result<http::ResponseHead> answer = Error{};
      if (sent) answer = co_await call->read_head();
      if (!sent)
        status = sent.error();
      else if (!answer)
        status = answer.error();
      else
        status = answer->status;
      call.reset();  // the body is nobody's business
    } else {
      status = made.error();
    }
    loop.stop();
  };
  http::asio::co_spawn(loop.context(), exchange, http::asio::detached);
  loop.run();
  std::lock_guard lock(mutex_);
  cancel_ = nullptr;
  return status;
}

bool WebhookSender::stopped() {
  std::lock_guard lock(mutex_);
  return stopped_;
}

void WebhookSender::stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
  if (cancel_) cancel_();
}

}  // namespace ciyuan::admin
