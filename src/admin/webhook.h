#pragma once

/// One message to one address, as the Standard Webhooks specification says (standardwebhooks.com, 1.0.0):
///
///   POST /path
///   webhook-id: the message's id, the same at each attempt
///   webhook-timestamp: of this attempt, in seconds since 1970
///   webhook-signature: v1,base64(HMAC-SHA-256(secret, id "." timestamp "." body))
///
/// Whoever receives it checks the signature over the bytes as they came, refuses a timestamp that is minutes
/// off, and takes an id once.

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace ciyuan::admin {

constexpr std::size_t kWebhookKeyBytesMin = 24, kWebhookKeyBytesMax = 64;

/// The key in a secret's text, "whsec_" and base64. kInvalid says what it is not, never what it is.
Result<Bytes> webhook_key(std::string_view secret);
/// The value of webhook-signature.
std::string webhook_signature(ByteView key, std::string_view id, std::int64_t timestamp_s,
                              std::string_view body);

struct WebhookMessage {
  std::string url, tls_ca_file, tls_server_name;
  std::string id, body;
  std::int64_t timestamp_s = 0;
  Bytes key;
};

/// Sends one message at a time, and waits for the answer: ten seconds at most. No redirect is followed.
class WebhookSender {
 public:
  /// The answer's status. kUnavailable, kTimeout: there was none. kInvalid: the address or the certificates.
  Result<unsigned> send(const WebhookMessage& message);
  /// Any thread: ends what is under way, and all that comes behind.
  void stop();
  bool stopped();

 private:
  std::mutex mutex_;
  bool stopped_ = false;
  std::function<void()> cancel_;  ///< what is under way; empty: nothing
};

}  // namespace ciyuan::admin
