#include "tlog/note.h"

#include <gtest/gtest.h>

#include "tlog/checkpoint.h"

namespace ciyuan::tlog {
namespace {

// The example of the documentation of golang.org/x/mod/sumdb/note.
constexpr std::string_view kGoSecret =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
constexpr std::string_view kGoKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr std::string_view kGoText =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n";
constexpr std::string_view kGoSignature =
    "\xE2\x80\x94 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

NoteSigner signer_of(std::string name, std::uint8_t seed) {
  std::array<std::uint8_t, 32> bytes;
  bytes.fill(seed);
  return NoteSigner::make(std::move(name), SigningKey::from_seed(bytes)).value();
}

TEST(Note, is_the_published_example_to_the_byte) {
  NoteSigner signer = NoteSigner::parse(kGoSecret).value();
  EXPECT_EQ(signer.secret_text(), kGoSecret);
  EXPECT_EQ(signer.verifier().text(), kGoKey);
  std::string note = sign_note(kGoText, signer).value();
  EXPECT_EQ(note, std::string(kGoText) + "\n" + std::string(kGoSignature));
  VerifierKey key = VerifierKey::parse(kGoKey).value();
  OpenedNote opened = open_note(note, {&key, 1}).value();
  EXPECT_EQ(opened.text, kGoText);
  ASSERT_EQ(opened.verified.size(), 1u);
  EXPECT_EQ(opened.verified[0].id, 0xc74f20a3u);
}

TEST(Note, refuses_every_single_changed_byte) {
  NoteSigner signer = signer_of("example.com/log", 1);
  std::string note = sign_note("a\n\nb\n", signer).value();
  ASSERT_TRUE(open_note(note, {&signer.verifier(), 1}).ok());
  for (std::size_t i = 0; i < note.size(); ++i) {
    for (int bit : {1, 4, 0x20, 0x80}) {
      std::string wrong = note;
      wrong[i] = static_cast<char>(wrong[i] ^ bit);
      EXPECT_FALSE(open_note(wrong, {&signer.verifier(), 1}).ok()) << "byte " << i << " bit " << bit;
    }
  }
  for (std::size_t length = 0; length < note.size(); ++length)
    EXPECT_FALSE(open_note(note.substr(0, length), {&signer.verifier(), 1}).ok()) << length;
}

TEST(Note, keeps_signatures_it_does_not_know_and_judges_those_it_knows) {
  NoteSigner log = signer_of("example.com/log", 1), other = signer_of("example.com/other", 2);
  NoteSigner same_name = signer_of("example.com/log", 3);
  std::string text = "text\n";
  std::string note =
      sign_note(text, log).value() + other.signature_line(text) + same_name.signature_line("no\n");
  // A post-quantum cosignature of a witness: long, of a type not known here.
  note += "\xE2\x80\x94 witness.example " + to_base64(Bytes(2432, 7)) + "\n";
  OpenedNote opened = open_note(note, {&log.verifier(), 1}).value();
  EXPECT_EQ(opened.verified.size(), 1u);
  ASSERT_EQ(opened.unverified.size(), 3u);
  EXPECT_EQ(opened.unverified[2].signature.size(), 2428u);

  std::vector<VerifierKey> both = {log.verifier(), other.verifier()};
  EXPECT_EQ(open_note(note, both)->verified.size(), 2u);
  // One bad signature from a known key rejects the note, however many good ones there are.
  std::string bad = sign_note(text, log).value() + other.signature_line("another text\n");
  Result<OpenedNote> rejected = open_note(bad, both);
  ASSERT_FALSE(rejected.ok());
  EXPECT_EQ(rejected.error().code, ErrorCode::kRefused);
  EXPECT_TRUE(open_note(bad, {&log.verifier(), 1}).ok());
  // None known.
  EXPECT_EQ(open_note(sign_note(text, other).value(), {&log.verifier(), 1}).error().code,
            ErrorCode::kRefused);
  EXPECT_EQ(open_note(note, {}).error().code, ErrorCode::kRefused);
  // A repeated line counts once.
  EXPECT_EQ(open_note(sign_note(text, log).value() + log.signature_line(text), {&log.verifier(), 1})
                ->verified.size(),
            1u);
}

TEST(Note, has_limits) {
  NoteSigner log = signer_of("example.com/log", 1);
  std::string note = sign_note("text\n", log).value();
  std::string line = log.signature_line("text\n"), many = note;
  for (int i = 1; i < 100; ++i) many += line;
  EXPECT_TRUE(open_note(many, {&log.verifier(), 1}).ok());
  EXPECT_EQ(open_note(many + line, {&log.verifier(), 1}).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(parse_note(std::string(kNoteBytesMax + 1, '\n')).error().code, ErrorCode::kTooLarge);
}

TEST(Note, refuses_what_is_not_one) {
  NoteSigner log = signer_of("example.com/log", 1);
  std::string line = log.signature_line("text\n");
  for (const std::string& wrong : std::vector<std::string>{
           std::string(), std::string("text\n"), std::string("text\n\n"), "text\n" + line,
           "text\n\n" + line + "more\n", "text\r\n\n" + line, "te\xFFxt\n\n" + line,
           "text\n\n\xE2\x80\x94 name\n", "text\n\n\xE2\x80\x94  AAAAAAA=\n",
           "text\n\n\xE2\x80\x94 name AAAA\n", "text\n\n- example.com/log AAAAAAAA\n",
           "text\n\n" + line.substr(0, line.size() - 1)})
    EXPECT_FALSE(parse_note(wrong).ok()) << wrong;
  EXPECT_FALSE(sign_note("no newline", log).ok());
  EXPECT_FALSE(sign_note("tab\t\n", log).ok());
}

TEST(Key, refuses_what_is_not_one) {
  std::string key(kGoKey);
  EXPECT_TRUE(VerifierKey::parse(key).ok());
  for (const std::string& wrong : std::vector<std::string>{
           std::string(), std::string("name"), std::string("name+c74f20a3"), "Other" + key, key + "=",
           key.substr(0, key.size() - 4), "PeterNeumann+c74f20a4" + key.substr(21),
           "PeterNeumann+c74f20a" + key.substr(21),
           std::string("PeterNeumann+c74f20a3+BBpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"),
           "+c74f20a3" + key.substr(21)})
    EXPECT_FALSE(VerifierKey::parse(wrong).ok()) << wrong;
  EXPECT_FALSE(NoteSigner::parse(kGoKey).ok());
  EXPECT_FALSE(NoteSigner::parse("PRIVATE+KEY+" + key).ok()) << "a public key is no seed: the id differs";
  for (std::string_view name : {"", "a b", "a+b",
                                "a\xC2\xA0"
                                "b",
                                "a\xE3\x80\x80", "a\n", "\xFF", "a\x7F"})
    EXPECT_FALSE(is_key_name(name)) << name;
  EXPECT_TRUE(is_key_name("log.example/\xE8\xAF\x8D\xE5\x85\x83"));
}

}  // namespace
}  // namespace ciyuan::tlog
