// The one-block-at-a-time interface of OpenSSL is marked deprecated in 3.0 in favour of EVP, whose contexts
// live on the heap behind a provider look-up; it is still maintained and uses the same assembly.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/sha256_state.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <cstring>

namespace ciyuan {
namespace {

static_assert(sizeof(SHA256_CTX) == 112, "the state has room for the library's context");
static_assert(std::is_trivially_copyable_v<SHA256_CTX>);

SHA256_CTX load(const std::array<std::uint8_t, 112>& state) {
  SHA256_CTX context;
  std::memcpy(&context, state.data(), sizeof context);
  return context;
}

}  // namespace

Sha256State::Sha256State() {
  SHA256_CTX context;
  std::memset(&context, 0, sizeof context);
  CIYUAN_CHECK(SHA256_Init(&context) == 1, "SHA-256 starts");
  std::memcpy(state_.data(), &context, sizeof context);
}

Sha256State& Sha256State::update(ByteView bytes) {
  if (bytes.empty()) return *this;
  SHA256_CTX context = load(state_);
  CIYUAN_CHECK(SHA256_Update(&context, bytes.data(), bytes.size()) == 1, "SHA-256 takes bytes");
  std::memcpy(state_.data(), &context, sizeof context);
  return *this;
}

Digest Sha256State::digest() const {
  SHA256_CTX context = load(state_);
  Digest digest;
  CIYUAN_CHECK(SHA256_Final(digest.data(), &context) == 1, "SHA-256 ends");
  return digest;
}

void Sha256State::wipe() { OPENSSL_cleanse(state_.data(), state_.size()); }

HmacKey::HmacKey(const SecretKey& key) {
  std::array<std::uint8_t, 64> pad;
  pad.fill(0x36);
  for (std::size_t i = 0; i < key.size(); ++i) pad[i] ^= key[i];
  inner_.update(ByteView(pad));
  pad.fill(0x5C);
  for (std::size_t i = 0; i < key.size(); ++i) pad[i] ^= key[i];
  outer_.update(ByteView(pad));
  OPENSSL_cleanse(pad.data(), pad.size());
}

HmacKey::~HmacKey() {
  inner_.wipe();
  outer_.wipe();
}

Digest HmacKey::finish(const Sha256State& message) const {
  Digest inner = message.digest();
  return Sha256State(outer_).update(ByteView(inner)).digest();
}

}  // namespace ciyuan
