#include "record/leaf.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/canonical_json.h"
#include "sample.h"

namespace ciyuan::record {
namespace {

TEST(Leaf, holds_digests_only) {
  SecretKey key = random_secret_key();
  UsageRecord record = sample_record();
  Sealed sealed = seal(record, key);
  Json entry = parse_json(sealed.entry).value();
  EXPECT_EQ(canonical_json(entry).value(), sealed.entry);
  EXPECT_EQ(sealed.leaf, tlog::leaf_hash(bytes_of(sealed.entry)));
  EXPECT_EQ(entry["v"], kRecordVersion);
  EXPECT_EQ(entry["id"], record.id.text());
  ASSERT_EQ(entry["fields"].size(), kGroups.size());
  // Nothing of the record stands in the leaf.
  for (std::string_view secret : {"acme", "session", "qwen3-8b", "Qwen", ":252", "CNY", "local", "2026-11"}) {
    if (secret == "session") continue;  // a group's name
    EXPECT_EQ(sealed.entry.find(secret), std::string::npos) << secret;
  }
  // Each digest is the one that the slow road gives: parsed, written again, salted by hand.
  Json json = parse_json(sealed.record.json).value();
  for (std::string_view group : kGroups) {
    Salt salt = hmac_sha256(key, bytes_of("salt" + std::string(group)));
    std::string value = canonical_json(json[std::string(group)]).value();
    EXPECT_EQ(entry["fields"][std::string(group)],
              to_hex(sha256("ciyuan/field/v1" + std::string(group) + std::string(1, '\0') +
                            std::string(text_of(salt)) + value)));
  }
}

TEST(Leaf, says_nothing_to_who_guesses_without_the_key) {
  // The same record under two keys: no digest in common, so no value can be recognised or tried out.
  Json one = parse_json(seal(sample_record(), random_secret_key()).entry).value();
  Json two = parse_json(seal(sample_record(), random_secret_key()).entry).value();
  for (std::string_view group : kGroups)
    EXPECT_NE(one["fields"][std::string(group)], two["fields"][std::string(group)]);
}

TEST(Leaf, is_made_again_from_the_stored_record) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 100; ++i) {
    SecretKey key = random_secret_key();
    Sealed sealed = seal(random_record(random), key);
    Sealed again = seal_json(sealed.record.json, key).value();
    EXPECT_EQ(again.entry, sealed.entry);
    EXPECT_EQ(again.leaf, sealed.leaf);
  }
  EXPECT_FALSE(seal_json("{}", random_secret_key()).ok());
}

TEST(Leaf, has_no_digest_for_a_group_that_the_record_lacks) {
  SecretKey key = random_secret_key();
  UsageRecord record = sample_record();
  Sealed with = seal(record, key);
  record.equivalence.reset();
  Sealed without = seal(record, key);
  EXPECT_EQ(with.fields.size(), without.fields.size() + sizeof(Digest));
  Json one = parse_json(with.entry).value(), other = parse_json(without.entry).value();
  EXPECT_EQ(canonical_json(other).value(), without.entry);
  one["fields"].erase("equivalence");
  EXPECT_EQ(one, other);
  EXPECT_TRUE(are_fields(with.fields.size()) && are_fields(without.fields.size()));
  EXPECT_FALSE(are_fields(without.fields.size() - 1) || are_fields(with.fields.size() + sizeof(Digest)));
}

TEST(AdminEntry, reads_back_what_it_writes_and_nothing_else) {
  AdminAction action{sample_record().id,
                     "apply",
                     "Contract",
                     "acme \"2026\"",
                     to_hex(sha256("document")),
                     "key_admin",
                     parse_rfc3339("2026-11-23T08:00:00Z").value()};
  std::string entry = admin_entry(action);
  EXPECT_EQ(canonical_json(parse_json(entry).value()).value(), entry);
  EXPECT_EQ(parse_admin_entry(entry).value(), action);
  EXPECT_FALSE(parse_admin_entry(entry + " ").ok());
  EXPECT_FALSE(parse_admin_entry("{\"v\":\"ciyuan/admin/v1\"}").ok());
  std::string more = entry;
  more.replace(more.find("\"v\":"), 4, "\"u\":1,\"v\":");
  EXPECT_FALSE(parse_admin_entry(more).ok());
}

TEST(Leaf, is_cheap) {
  UsageRecord record = sample_record();
  SecretKey key = random_secret_key();
  constexpr int kRounds = 20'000;
  auto begin = std::chrono::steady_clock::now();
  std::size_t bytes = 0;
  for (int i = 0; i < kRounds; ++i) bytes += seal(record, key).entry.size();
  std::chrono::duration<double, std::micro> taken = std::chrono::steady_clock::now() - begin;
  std::printf("[ seal     ] %.2f us a record (%zu bytes of JSON, %zu of entry)\n", taken.count() / kRounds,
              to_json(record).size(), bytes / kRounds);
  // A bound that only a blunder breaks (a sanitizer or a busy machine does not): the figure itself is
  // printed.
  EXPECT_LT(taken.count() / kRounds, 500);
}

}  // namespace
}  // namespace ciyuan::record
