#include "record/commitment.h"

#include <gtest/gtest.h>

namespace ciyuan::record {
namespace {

SecretKey key_of(std::uint8_t byte) {
  SecretKey key;
  key.fill(byte);
  return key;
}

TEST(Hmac, has_the_published_values) {
  // RFC 4231 §4.3 (test case 2) has the key "Jefe", which zeros after it do not change.
  SecretKey key{};
  std::copy_n("Jefe", 4, key.begin());
  EXPECT_EQ(to_hex(HmacKey(key)(bytes_of("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  for (std::size_t length : {0, 1, 55, 56, 63, 64, 65, 1000}) {
    std::string message(length, 'm');
    EXPECT_EQ(HmacKey(key_of(9))(bytes_of(message)), hmac_sha256(key_of(9), bytes_of(message)));
  }
}

TEST(Commitment, is_the_formula_of_the_header) {
  ContentDigest content;
  content.update("hello");
  std::string message =
      "ciyuan/answer/v1" + std::string(7, '\0') + '\5' + std::string(text_of(sha256("hello")));
  EXPECT_EQ(commit(HmacKey(key_of(1)), Content::kAnswer, content), hmac_sha256(key_of(1), bytes_of(message)));
  std::string salted = "ciyuan/field/v1session" + std::string(1, '\0');
  Salt salt = field_salt(HmacKey(key_of(1)), "session");
  EXPECT_EQ(salt, hmac_sha256(key_of(1), bytes_of("saltsession")));
  salted += std::string(text_of(salt)) + "\"s\"";
  EXPECT_EQ(field_digest("session", salt, "\"s\""), sha256(salted));
}

TEST(Commitment, does_not_depend_on_how_the_stream_was_cut) {
  std::string text = "An answer that streams, 词元 by 词元.";
  ContentDigest whole;
  whole.update(text);
  for (std::size_t step = 1; step < text.size(); ++step) {
    ContentDigest pieces;
    for (std::size_t at = 0; at < text.size(); at += step) pieces.update(text.substr(at, step));
    EXPECT_EQ(commit(HmacKey(key_of(1)), Content::kAnswer, pieces),
              commit(HmacKey(key_of(1)), Content::kAnswer, whole));
  }
}

TEST(Commitment, differs_with_key_purpose_and_bytes) {
  ContentDigest a, b;
  a.update("yes");
  b.update("no");
  Digest commitment = commit(HmacKey(key_of(1)), Content::kRequest, a);
  EXPECT_NE(commitment, commit(HmacKey(key_of(2)), Content::kRequest, a));
  EXPECT_NE(commitment, commit(HmacKey(key_of(1)), Content::kAnswer, a));
  EXPECT_NE(commitment, commit(HmacKey(key_of(1)), Content::kRequest, b));
  EXPECT_NE(commitment, commit(HmacKey(key_of(1)), Content::kRequest, 4, a.digest()));
}

}  // namespace
}  // namespace ciyuan::record
