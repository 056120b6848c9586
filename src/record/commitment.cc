#include "record/commitment.h"

namespace ciyuan::record {

Digest commit(const HmacKey& key, Content content, std::uint64_t length, const Digest& digest) {
  std::array<std::uint8_t, 8> big_endian;
  for (std::size_t i = 0; i < 8; ++i) big_endian[i] = static_cast<std::uint8_t>(length >> (56 - 8 * i));
  Sha256State message = key.start();
  message.update(content == Content::kRequest ? "ciyuan/request/v1" : "ciyuan/answer/v1");
  message.update(ByteView(big_endian)).update(ByteView(digest));
  return key.finish(message);
}

Digest commit(const HmacKey& key, Content content, const ContentDigest& bytes) {
  return commit(key, content, bytes.length(), bytes.digest());
}

Salt field_salt(const HmacKey& key, std::string_view group) {
  return key.finish(key.start().update("salt").update(group));
}

Digest field_digest(std::string_view group, const Salt& salt, std::string_view canonical_value) {
  static constexpr std::uint8_t kEnd[1] = {0};
  return Sha256State()
      .update("ciyuan/field/v1")
      .update(group)
      .update(ByteView(kEnd))
      .update(ByteView(salt))
      .update(canonical_value)
      .digest();
}

}  // namespace ciyuan::record
