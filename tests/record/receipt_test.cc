#include "record/receipt.h"

#include <gtest/gtest.h>

#include "base/canonical_json.h"
#include "sample.h"

namespace ciyuan::record {
namespace {

class Receipt : public testing::Test {
 protected:
  Receipt() {
    record_.answer_commitment = commit(HmacKey(key_), Content::kAnswer, digest_of("the answer"));
    record_.request_commitment = commit(HmacKey(key_), Content::kRequest, digest_of("the request"));
    sealed_ = seal(record_, key_);
    other_ = seal(sample_record(), other_key_);
    for (int i = 0; i < 40; ++i) {
      if (i == 17) index_ = log_.append(sealed_.entry);
      if (i == 23) other_index_ = log_.append(other_.entry);
      log_.append("entry " + std::to_string(i));
    }
    text_ = log_.receipt(index_, sealed_.record.json, key_).value();
  }
  static ContentDigest digest_of(std::string_view text) {
    ContentDigest digest;
    digest.update(text);
    return digest;
  }
  Result<VerifiedReceipt> verify(std::string_view text) { return verify_receipt(text, {&log_.key(), 1}); }
  ErrorCode failure(std::string_view text) {
    Result<VerifiedReceipt> result = verify(text);
    EXPECT_FALSE(result.ok());
    return result.ok() ? ErrorCode::kInternal : result.error().code;
  }
  // The receipt with its extra JSON changed, written canonically again.
  template <class Change>
  std::string with_extra(Change&& change) {
    tlog::Proof proof = tlog::Proof::parse(text_).value();
    Json extra = parse_json(text_of(*proof.extra)).value();
    change(extra);
    std::string canonical = canonical_json(extra).value();
    proof.extra = Bytes(canonical.begin(), canonical.end());
    return proof.text();
  }
  template <class Change>
  std::string with_proof(Change&& change) {
    tlog::Proof proof = tlog::Proof::parse(text_).value();
    change(proof);
    return proof.text();
  }

  SampleLog log_;
  SecretKey key_ = random_secret_key(), other_key_ = random_secret_key();
  UsageRecord record_ = sample_record();
  Sealed sealed_, other_;
  std::uint64_t index_ = 0, other_index_ = 0;
  std::string text_;
};

TEST_F(Receipt, verifies_and_gives_back_the_record) {
  VerifiedReceipt receipt = verify(text_).value();
  EXPECT_EQ(receipt.index, index_);
  EXPECT_EQ(receipt.checkpoint.origin, "log.example/acme");
  EXPECT_EQ(receipt.id, record_.id.text());
  EXPECT_EQ(receipt.entry, sealed_.entry);
  EXPECT_EQ(receipt.revealed.size(), kGroups.size());
  EXPECT_TRUE(receipt.withheld.empty());
  EXPECT_EQ(receipt.revealed.at("usage")["output"]["billed"], 240);
  ASSERT_EQ(receipt.checked.size(), 3u);
  EXPECT_NE(receipt.checked[0].find("signed by log.example/acme"), std::string::npos) << receipt.checked[0];
  EXPECT_EQ(text_.find(to_hex(key_)), std::string::npos);
  tlog::Proof proof = tlog::Proof::parse(text_).value();
  EXPECT_EQ(text_of(*proof.extra).find(to_hex(key_)), std::string::npos)
      << "the key never stands in a receipt";
}

TEST_F(Receipt, hides_any_group_and_still_verifies) {
  for (std::string_view group : kGroups) {
    std::string redacted = redact_receipt(text_, {std::string(group)}).value();
    VerifiedReceipt receipt = verify(redacted).value();
    EXPECT_EQ(receipt.withheld, std::vector<std::string>{std::string(group)});
    EXPECT_EQ(receipt.revealed.size(), kGroups.size() - 1);
    EXPECT_EQ(redacted, log_.receipt(index_, sealed_.record.json, key_, {std::string(group)}).value());
    EXPECT_EQ(redact_receipt(redacted, {std::string(group)}).value(), redacted);
  }
  std::set<std::string> all(kGroups.begin(), kGroups.end());
  std::string empty = redact_receipt(text_, all).value();
  EXPECT_TRUE(verify(empty)->revealed.empty());
  EXPECT_TRUE(verify(empty)->checked.at(2).starts_with("no field is opened")) << verify(empty)->checked.at(2);
  std::string extra(text_of(*tlog::Proof::parse(empty)->extra));
  // None of these can stand in a digest: each has a character that is no hexadecimal digit.
  for (std::string_view secret : {"acme", "qwen3", ":252", "CNY", "salt"})
    EXPECT_EQ(extra.find(secret), extra.npos);
  EXPECT_EQ(redact_receipt(text_, {"prompt"}).error().code, ErrorCode::kInvalid);
}

TEST_F(Receipt, opens_the_commitments_with_the_key_only) {
  VerifiedReceipt receipt = verify(text_).value();
  EXPECT_TRUE(open_commitment(receipt, Content::kAnswer, key_, digest_of("the answer")).ok());
  EXPECT_TRUE(open_commitment(receipt, Content::kRequest, key_, digest_of("the request")).ok());
  EXPECT_EQ(open_commitment(receipt, Content::kAnswer, key_, digest_of("the answer.")).error().code,
            ErrorCode::kCorrupt);
  EXPECT_FALSE(open_commitment(receipt, Content::kAnswer, other_key_, digest_of("the answer")).ok());
  EXPECT_FALSE(open_commitment(receipt, Content::kRequest, key_, digest_of("the answer")).ok());
  receipt = verify(redact_receipt(text_, {"answer"}).value()).value();
  EXPECT_EQ(open_commitment(receipt, Content::kAnswer, key_, digest_of("the answer")).error().code,
            ErrorCode::kNotFound);
}

TEST_F(Receipt, is_never_made_wrong) {
  EXPECT_EQ(log_.receipt(index_, sealed_.record.json, other_key_).error().code, ErrorCode::kCorrupt)
      << "another key";
  EXPECT_EQ(log_.receipt(other_index_, sealed_.record.json, key_).error().code, ErrorCode::kCorrupt)
      << "another index";
  EXPECT_FALSE(log_.receipt(index_, "{}", key_).ok());
}

TEST_F(Receipt, refuses_any_value_that_was_not_logged) {
  for (std::string_view group : kGroups) {
    std::string name(group);
    EXPECT_EQ(failure(with_extra([&](Json& extra) { extra["fields"][name]["value"] = "forged"; })),
              ErrorCode::kCorrupt);
    EXPECT_EQ(failure(with_extra([&](Json& extra) { extra["fields"][name]["salt"] = std::string(64, '0'); })),
              ErrorCode::kCorrupt);
  }
  EXPECT_EQ(
      failure(with_extra([](Json& extra) { extra["fields"]["usage"]["value"]["output"]["billed"] = 24; })),
      ErrorCode::kCorrupt);
  // A forged value with a digest to match changes the entry, which is then in no tree.
  EXPECT_EQ(failure(with_extra([](Json& extra) {
              Json& field = extra["fields"]["ciyuan"];
              field["value"] = "1.000000";
              Salt salt;
              Bytes bytes = from_hex(field["salt"].get<std::string>()).value();
              std::copy(bytes.begin(), bytes.end(), salt.begin());
              extra["entry"]["fields"]["ciyuan"] = to_hex(field_digest("ciyuan", salt, "\"1.000000\""));
            })),
            ErrorCode::kCorrupt);
}

TEST_F(Receipt, refuses_another_records_leaf_or_fields) {
  std::string other = log_.receipt(other_index_, other_.record.json, other_key_).value();
  ASSERT_TRUE(verify(other).ok());
  Json other_extra = parse_json(text_of(*tlog::Proof::parse(other)->extra)).value();
  // Reused leaf: this receipt's fields on the other's proven entry.
  EXPECT_EQ(failure(with_extra([&](Json& extra) { extra["entry"] = other_extra["entry"]; })),
            ErrorCode::kCorrupt);
  EXPECT_EQ(
      failure(with_extra([&](Json& extra) { extra["fields"]["usage"] = other_extra["fields"]["usage"]; })),
      ErrorCode::kCorrupt);
  tlog::Proof reused = tlog::Proof::parse(other).value();
  EXPECT_EQ(failure(with_proof([&](tlog::Proof& proof) {
              proof.index = reused.index;
              proof.hashes = reused.hashes;
            })),
            ErrorCode::kCorrupt);
}

TEST_F(Receipt, refuses_a_wrong_index_and_a_damaged_or_huge_proof) {
  for (std::uint64_t index = 0; index < 60; ++index) {
    if (index == index_) continue;
    EXPECT_EQ(failure(with_proof([&](tlog::Proof& proof) { proof.index = index; })), ErrorCode::kCorrupt)
        << index;
  }
  EXPECT_EQ(failure(with_proof([](tlog::Proof& proof) { proof.hashes.pop_back(); })), ErrorCode::kCorrupt);
  EXPECT_EQ(failure(with_proof([](tlog::Proof& proof) { proof.hashes.clear(); })), ErrorCode::kCorrupt);
  EXPECT_EQ(failure(with_proof([](tlog::Proof& proof) { proof.hashes[2][5] ^= 4; })), ErrorCode::kCorrupt);
  EXPECT_EQ(failure(with_proof([](tlog::Proof& proof) { proof.hashes.resize(63); })), ErrorCode::kCorrupt);
  EXPECT_EQ(failure(with_proof([](tlog::Proof& proof) { proof.hashes.resize(20'000); })),
            ErrorCode::kTooLarge);
}

TEST_F(Receipt, refuses_another_origin_key_or_signature) {
  auto changed = [&](std::string_view from, std::string_view to) {
    return with_proof(
        [&](tlog::Proof& proof) { proof.checkpoint.replace(proof.checkpoint.find(from), from.size(), to); });
  };
  EXPECT_EQ(failure(changed("log.example/acme\n", "log.example/beta\n")), ErrorCode::kRefused);
  EXPECT_EQ(failure(changed("\n42\n", "\n43\n")), ErrorCode::kRefused);
  SampleLog evil("log.example/acme", 6), beta("log.example/beta", 5);
  EXPECT_EQ(verify_receipt(text_, {&evil.key(), 1}).error().code, ErrorCode::kRefused)
      << "another key of that name";
  EXPECT_EQ(verify_receipt(text_, {&beta.key(), 1}).error().code, ErrorCode::kRefused);
  EXPECT_EQ(verify_receipt(text_, {}).error().code, ErrorCode::kRefused);
  // A log of the attacker's, with the record in it, under the right name.
  std::uint64_t index = evil.append(sealed_.entry);
  EXPECT_EQ(failure(evil.receipt(index, sealed_.record.json, key_).value()), ErrorCode::kRefused);
  // A known key of another log speaks for this origin.
  std::vector<tlog::VerifierKey> both = {log_.key(), beta.key()};
  std::string note =
      tlog::sign_note(tlog::Checkpoint{"log.example/acme", 42, log_.writer().root(), {}}.text(),
                      beta.signer())
          .value();
  std::string swapped = with_proof([&](tlog::Proof& proof) { proof.checkpoint = note; });
  EXPECT_EQ(verify_receipt(swapped, both).error().code, ErrorCode::kRefused);
}

TEST_F(Receipt, refuses_every_truncation_and_every_changed_byte) {
  for (std::size_t length = 0; length < text_.size(); ++length)
    EXPECT_FALSE(verify(text_.substr(0, length)).ok());
  std::mt19937_64 random(6);
  for (std::size_t i = 0; i < text_.size(); ++i) {
    std::string wrong = text_;
    wrong[i] = static_cast<char>(wrong[i] ^ (1 << random() % 8));
    EXPECT_FALSE(verify(wrong).ok()) << "byte " << i;
  }
}

TEST_F(Receipt, refuses_extra_data_of_another_form) {
  EXPECT_EQ(failure(with_extra([](Json& extra) { extra["more"] = 1; })), ErrorCode::kInvalid);
  EXPECT_EQ(failure(with_extra([](Json& extra) { extra.erase("fields"); })), ErrorCode::kInvalid);
  EXPECT_EQ(failure(with_extra([](Json& extra) { extra["v"] = "ciyuan/receipt/v2"; })), ErrorCode::kInvalid);
  EXPECT_EQ(failure(with_extra([](Json& extra) { extra["entry"] = Json::array(); })), ErrorCode::kInvalid);
  EXPECT_EQ(failure(with_extra([](Json& extra) { extra["entry"]["more"] = 1; })), ErrorCode::kInvalid);
  EXPECT_EQ(failure(with_extra([](Json& extra) { extra["fields"]["usage"]["more"] = 1; })),
            ErrorCode::kInvalid);
  EXPECT_EQ(failure(with_extra([](Json& extra) { extra["fields"]["usage"]["salt"] = 7; })),
            ErrorCode::kInvalid);
  EXPECT_EQ(failure(with_extra([](Json& extra) { extra["fields"]["bonus"] = extra["fields"]["usage"]; })),
            ErrorCode::kCorrupt);
  EXPECT_EQ(failure(with_extra([](Json& extra) { extra = 7; })), ErrorCode::kInvalid);
  EXPECT_EQ(failure(with_proof([](tlog::Proof& proof) { proof.extra.reset(); })), ErrorCode::kInvalid);
  EXPECT_EQ(failure(with_proof([](tlog::Proof& proof) { proof.extra->push_back(' '); })),
            ErrorCode::kInvalid);
  std::string deep(3000, '[');
  EXPECT_EQ(failure(with_proof([&](tlog::Proof& proof) { proof.extra = Bytes(deep.begin(), deep.end()); })),
            ErrorCode::kInvalid);
  EXPECT_EQ(failure(""), ErrorCode::kInvalid);
}

TEST_F(Receipt, of_an_administrative_act_is_readable) {
  AdminAction action{make_uuid7(TimePoint{1}),
                     "apply",
                     "PriceBook",
                     "list-2026",
                     to_hex(sha256("document")),
                     "key_admin",
                     parse_rfc3339("2026-11-23T08:00:00Z").value()};
  std::uint64_t index = log_.append(admin_entry(action));
  std::string text =
      make_plain_receipt(admin_entry(action), index, log_.prove(index), log_.checkpoint()).value();
  VerifiedReceipt receipt = verify(text).value();
  EXPECT_EQ(receipt.version, kAdminVersion);
  EXPECT_EQ(parse_admin_entry(receipt.entry).value(), action);
  EXPECT_FALSE(make_plain_receipt("{\"a\": 1}", index, log_.prove(index), log_.checkpoint()).ok());
  EXPECT_FALSE(make_plain_receipt(admin_entry(action), 0, log_.prove(0), log_.checkpoint()).ok());
  // Any other readable entry is not something this verifier vouches for.
  std::uint64_t foreign = log_.append("{\"a\":1}");
  std::string strange =
      make_plain_receipt("{\"a\":1}", foreign, log_.prove(foreign), log_.checkpoint()).value();
  EXPECT_EQ(failure(strange), ErrorCode::kInvalid);
}

}  // namespace
}  // namespace ciyuan::record
