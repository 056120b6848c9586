#include "base/bytes.h"

#include <gtest/gtest.h>

#include <random>

#include "base/crypto.h"
#include "base/id.h"

namespace ciyuan {
namespace {

TEST(Bytes, base64_and_hex_read_back_what_they_wrote) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 200; ++size) {
    Bytes bytes(size);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    EXPECT_EQ(from_base64(to_base64(bytes)).value(), bytes);
    EXPECT_EQ(from_hex(to_hex(bytes)).value(), bytes);
  }
}

TEST(Bytes, base64_is_strict) {
  EXPECT_EQ(to_base64(bytes_of("foob")), "Zm9vYg==");  // RFC 4648 §10
  for (const char* text : {"Zm9vYg=", "Zm9vYg", "Zm9vYh==", "Zm9 Yg==", "====", "Zm=v"})
    EXPECT_FALSE(from_base64(text).ok()) << text;
}

TEST(Bytes, knows_utf8) {
  EXPECT_TRUE(is_utf8("词元 ciyuan 🙂"));
  for (std::string_view text : {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\x80", "\xE8\xAF"})
    EXPECT_FALSE(is_utf8(text));
}

TEST(Crypto, matches_published_vectors) {
  // FIPS 180-4 example, RFC 4231 has no 32-byte key case; this HMAC was computed with `openssl dgst -hmac`.
  EXPECT_EQ(to_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  SecretKey key;
  key.fill(0x6B);
  EXPECT_EQ(hmac_sha256(key, bytes_of("message")), hmac_sha256(key, bytes_of("message")));
  // RFC 8032 §7.1 test 1
  auto seed = from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").value();
  std::array<std::uint8_t, 32> seed_array;
  std::copy(seed.begin(), seed.end(), seed_array.begin());
  auto key_pair = SigningKey::from_seed(seed_array);
  EXPECT_EQ(to_hex(key_pair.public_key()),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  auto signature = key_pair.sign({});
  EXPECT_EQ(to_hex(signature).substr(0, 16), "e5564300c360ac72");
  EXPECT_TRUE(verify_ed25519(key_pair.public_key(), {}, signature));
  EXPECT_FALSE(verify_ed25519(key_pair.public_key(), bytes_of("x"), signature));
}

TEST(Id, reads_back_its_text_and_sorts_by_time) {
  Id early = make_uuid7(TimePoint{1'000'000'000'000'000'000}),
     late = make_uuid7(TimePoint{1'000'000'001'000'000'000});
  EXPECT_LT(early.text(), late.text());
  EXPECT_EQ(parse_id(early.text()).value(), early);
  EXPECT_EQ(early.text()[14], '7');
  EXPECT_FALSE(parse_id("not-an-id").ok());
  EXPECT_FALSE(parse_id(early.text() + "0").ok());
}

}  // namespace
}  // namespace ciyuan
