#pragma once

/// SHA-256 as a plain value of 112 bytes: copied, kept and restarted without touching the heap. For code that
/// hashes many short messages (Merkle nodes, commitments), where setting up a library context costs more than
/// the hashing. The compression function is OpenSSL's, with the processor's SHA instructions where there are
/// any. Any thread; an object belongs to one thread at a time.

#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/crypto.h"

namespace ciyuan {

class Sha256State {
 public:
  Sha256State();
  Sha256State& update(ByteView bytes);
  Sha256State& update(std::string_view text) { return update(bytes_of(text)); }
  /// The digest of everything so far; leaves the state as it is.
  Digest digest() const;
  /// Forgets what was hashed, for states that hold keys.
  void wipe();

 private:
  alignas(8) std::array<std::uint8_t, 112> state_;
};

/// HMAC-SHA-256 (RFC 2104) under one key for many messages: the two key blocks are hashed once.
class HmacKey {
 public:
  explicit HmacKey(const SecretKey& key);
  ~HmacKey();
  HmacKey(const HmacKey&) = default;
  HmacKey& operator=(const HmacKey&) = default;

  /// A state to update with the message, for finish().
  Sha256State start() const { return inner_; }
  Digest finish(const Sha256State& message) const;
  Digest operator()(ByteView message) const { return finish(Sha256State(inner_).update(message)); }

 private:
  Sha256State inner_, outer_;
};

}  // namespace ciyuan
