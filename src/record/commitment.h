#pragma once

/// Commitments that say nothing without a key. Each record has a fresh 32-byte key K, kept apart
/// (keys_file.h); when K is erased, what is below becomes random bytes that no guess can be checked against
/// (P8).
///
///   content:  HMAC-SHA-256(K, tag ‖ u64 big-endian length ‖ SHA-256(bytes))      tag: request or answer
///   salt:     HMAC-SHA-256(K, "salt" ‖ group name)
///   field:    SHA-256("ciyuan/field/v1" ‖ group name ‖ 0x00 ‖ salt ‖ canonical JSON of the value)
///
/// A salt opens one field and tells nothing about K or another salt. Whoever holds K can open everything of
/// that record, so K is given only to who may see all of it. docs/decisions/0002-commitments-over-digests.md
/// says why the content stands in the formula by its digest: a streamed answer's length is known only at its
/// end.
///
///   ContentDigest answer;                       // one for each stream; no bytes are kept
///   answer.update(chunk);
///   Digest commitment = commit(HmacKey(key), Content::kAnswer, answer);
///
/// A ContentDigest belongs to one thread; the functions are pure.

#include <cstdint>
#include <string_view>

#include "base/sha256_state.h"

namespace ciyuan::record {

enum class Content { kRequest, kAnswer };

/// Digest and length of bytes as they pass.
class ContentDigest {
 public:
  ContentDigest& update(ByteView bytes) {
    state_.update(bytes);
    length_ += bytes.size();
    return *this;
  }
  ContentDigest& update(std::string_view text) { return update(bytes_of(text)); }
  std::uint64_t length() const { return length_; }
  Digest digest() const { return state_.digest(); }

 private:
  Sha256State state_;
  std::uint64_t length_ = 0;
};

Digest commit(const HmacKey& key, Content content, const ContentDigest& bytes);
/// From a digest and length that were kept (a call in flight across a restart).
Digest commit(const HmacKey& key, Content content, std::uint64_t length, const Digest& digest);

using Salt = Digest;
Salt field_salt(const HmacKey& key, std::string_view group);
Digest field_digest(std::string_view group, const Salt& salt, std::string_view canonical_value);

}  // namespace ciyuan::record
