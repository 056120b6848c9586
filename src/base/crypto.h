#pragma once

/// SHA-256 (FIPS 180-4), HMAC-SHA-256 (RFC 2104), Ed25519 (RFC 8032), random bytes: thin faces over OpenSSL.
/// All functions may be called from any thread; an object belongs to one thread at a time.

#include <openssl/types.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace ciyuan {

using Digest = std::array<std::uint8_t, 32>;

/// SHA-256 of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  Sha256(const Sha256& other);
  Sha256& operator=(const Sha256& other);
  Sha256(Sha256&&) noexcept = default;
  Sha256& operator=(Sha256&&) noexcept = default;

  Sha256& update(ByteView bytes);
  Sha256& update(std::string_view text) { return update(bytes_of(text)); }
  /// The digest of everything so far. The object may be updated further.
  Digest digest() const;

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const;
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

Digest sha256(ByteView bytes);
inline Digest sha256(std::string_view text) { return sha256(bytes_of(text)); }

/// `key` must be exactly 32 bytes wherever it keys a commitment: HMAC pads short keys with zeros, so K and
/// K ‖ 0x00 would collide. The type says so.
using SecretKey = std::array<std::uint8_t, 32>;
Digest hmac_sha256(const SecretKey& key, ByteView message);

/// Fills from the operating system's generator.
void random_bytes(std::span<std::uint8_t> out);
SecretKey random_secret_key();

/// An Ed25519 key that can sign. Signatures are deterministic, 64 bytes.
using Signature = std::array<std::uint8_t, 64>;
using PublicKey = std::array<std::uint8_t, 32>;
class SigningKey {
 public:
  static SigningKey generate();
  /// From the 32-byte seed of RFC 8032.
  static SigningKey from_seed(const std::array<std::uint8_t, 32>& seed);
  std::array<std::uint8_t, 32> seed() const { return seed_; }
  PublicKey public_key() const;
  Signature sign(ByteView message) const;

 private:
  std::array<std::uint8_t, 32> seed_{};
  std::shared_ptr<EVP_PKEY> key_;
};
bool verify_ed25519(const PublicKey& key, ByteView message, ByteView signature);

}  // namespace ciyuan
