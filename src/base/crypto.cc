#include "base/crypto.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace ciyuan {
namespace {

// Fetched once: an implicit fetch for each digest costs more than hashing a short message.
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  CIYUAN_CHECK(algorithm != nullptr, "the crypto library offers SHA-256");
  return algorithm;
}

}  // namespace

void Sha256::Free::operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  CIYUAN_CHECK(context_ && EVP_DigestInit_ex(context_.get(), sha256_algorithm(), nullptr) == 1,
               "SHA-256 starts");
}

Sha256::Sha256(const Sha256& other) : context_(EVP_MD_CTX_new()) {
  CIYUAN_CHECK(context_ && EVP_MD_CTX_copy_ex(context_.get(), other.context_.get()) == 1, "SHA-256 copies");
}

Sha256& Sha256::operator=(const Sha256& other) {
  if (this != &other) *this = Sha256(other);
  return *this;
}

Sha256& Sha256::update(ByteView bytes) {
  CIYUAN_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, "SHA-256 takes bytes");
  return *this;
}

Digest Sha256::digest() const {
  Sha256 copy(*this);
  Digest digest;
  CIYUAN_CHECK(EVP_DigestFinal_ex(copy.context_.get(), digest.data(), nullptr) == 1, "SHA-256 ends");
  return digest;
}

Digest sha256(ByteView bytes) {
  Digest digest;
  CIYUAN_CHECK(
      EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, sha256_algorithm(), nullptr) == 1,
      "SHA-256 of bytes");
  return digest;
}

Digest hmac_sha256(const SecretKey& key, ByteView message) {
  // RFC 2104 by hand over two digests: the library's HMAC objects cost microseconds to set up each time.
  std::array<std::uint8_t, 64> inner_pad, outer_pad;
  inner_pad.fill(0x36);
  outer_pad.fill(0x5C);
  for (std::size_t i = 0; i < key.size(); ++i) {
    inner_pad[i] ^= key[i];
    outer_pad[i] ^= key[i];
  }
  Digest inner = Sha256().update(ByteView(inner_pad)).update(message).digest();
  Digest outer = Sha256().update(ByteView(outer_pad)).update(ByteView(inner)).digest();
  OPENSSL_cleanse(inner_pad.data(), inner_pad.size());
  OPENSSL_cleanse(outer_pad.data(), outer_pad.size());
  return outer;
}

void random_bytes(std::span<std::uint8_t> out) {
  CIYUAN_CHECK(RAND_bytes(out.data(), static_cast<int>(out.size())) == 1, "the system gives random bytes");
}

SecretKey random_secret_key() {
  SecretKey key;
  random_bytes(key);
  return key;
}

SigningKey SigningKey::generate() {
  std::array<std::uint8_t, 32> seed;
  random_bytes(seed);
  return from_seed(seed);
}

SigningKey SigningKey::from_seed(const std::array<std::uint8_t, 32>& seed) {
  SigningKey key;
  key.seed_ = seed;
  key.key_ = {EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()),
              EVP_PKEY_free};
  CIYUAN_CHECK(key.key_ != nullptr, "any 32 bytes are an Ed25519 seed");
  return key;
}

PublicKey SigningKey::public_key() const {
  PublicKey bytes;
  std::size_t size = bytes.size();
  CIYUAN_CHECK(EVP_PKEY_get_raw_public_key(key_.get(), bytes.data(), &size) == 1,
               "a signing key has a public key");
  return bytes;
}

Signature SigningKey::sign(ByteView message) const {
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  Signature signature;
  std::size_t size = signature.size();
  CIYUAN_CHECK(
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
          EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1,
      "Ed25519 signs");
  return signature;
}

bool verify_ed25519(const PublicKey& key, ByteView message, ByteView signature) {
  std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> public_key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()), EVP_PKEY_free);
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return public_key && context &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, public_key.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

}  // namespace ciyuan
