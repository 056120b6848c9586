#pragma once

/// Records and a small signed log for the tests.

#include <map>
#include <random>
#include <string>
#include <vector>

#include "record/receipt.h"
#include "tlog/tile.h"

namespace ciyuan::record {

inline UsageRecord sample_record() {
  UsageRecord r;
  r.id = parse_id("0198f0a1-2b3c-7d4e-8f50-61728394a5b6").value();
  r.accepted = parse_rfc3339("2026-11-23T08:00:00.000000001Z").value();
  r.first_byte = r.accepted + milliseconds(1);
  r.first_token = r.accepted + milliseconds(180);
  r.last_token = r.accepted + milliseconds(950);
  r.closed = r.accepted + milliseconds(951);
  r.party = "acme";
  r.contract = "acme-2026";
  r.key = "key_7f3a";
  r.session = "session \"42\"\n";
  r.model_asked = "qwen3-8b";
  r.model_answered = "Qwen3-8B \xE8\xAF\x8D\xE5\x85\x83";
  r.upstream = "local";
  r.region = "CN-BJ";
  r.region_grade = "declared";
  r.finish_reason = "stop";
  r.usage["input"] = {12, 12, 12, Level::kProved, "qwen3"};
  r.usage["output"] = {std::nullopt, 240, 240, Level::kProved, "qwen3"};
  r.ciyuan = "252.000000";
  r.equivalence.emplace().billed = {"Equivalence", "table",      "1",          to_hex(sha256("table")),
                                    "middle",      "240.000000", "252.000000", "260.500000"};
  r.equivalence->parallel = {"Method", "other",     "2",         to_hex(sha256("other")),
                             "middle", "63.000000", "63.000000", "63.000000"};
  r.charges = {{"input", "12", "0.000002", "0.000024", "CNY"},
               {"output", "240", "0.000006", "0.001440", "CNY"}};
  r.tags = {{"project", "词元"}, {"team", "red"}};
  r.clauses = {"cap.session"};
  r.contract_digest = to_hex(sha256("contract"));
  r.method_digest = to_hex(sha256("method"));
  r.price_book_digest = to_hex(sha256("price book"));
  r.tokenizer_digest = to_hex(sha256("tokenizer"));
  r.template_digest = to_hex(sha256("template"));
  return r;
}

/// Any text that JSON can hold, the awkward characters among it.
inline std::string random_text(std::mt19937_64& random) {
  static const std::vector<std::string> kPieces = {"a",
                                                   "Z9",
                                                   "\"",
                                                   "\\",
                                                   "/",
                                                   "\n",
                                                   std::string(1, '\0'),
                                                   "\x1F",
                                                   "\x7F",
                                                   "\xC2\x80",
                                                   "词元",
                                                   "\xE2\x80\xA8",
                                                   "\xEF\xBF\xBF",
                                                   "\xF0\x9F\x98\x80",
                                                   " "};
  std::string text;
  for (std::uint64_t n = random() % 8; n > 0; --n) text += kPieces[random() % kPieces.size()];
  return text;
}

inline Rating random_rating(std::mt19937_64& random) {
  Rating rating;
  for (std::string* text : {&rating.kind, &rating.name, &rating.version, &rating.digest, &rating.value,
                            &rating.low, &rating.middle, &rating.high})
    *text = random_text(random);
  return rating;
}

inline UsageRecord random_record(std::mt19937_64& random) {
  auto maybe_time = [&] {
    return TimePoint{random() % 4 == 0 ? 0 : static_cast<std::int64_t>(random() >> 2)};
  };
  auto maybe_count = [&] {
    return random() % 2 ? std::optional<std::uint64_t>() : random() >> (11 + random() % 53);
  };
  auto digest = [&] { return random() % 3 ? to_hex(sha256(std::to_string(random()))) : std::string(); };
  UsageRecord r;
  r.id = make_uuid7(TimePoint{static_cast<std::int64_t>(random() >> 2)});
  r.accepted = maybe_time(), r.first_byte = maybe_time(), r.first_token = maybe_time();
  r.last_token = maybe_time(), r.closed = maybe_time();
  for (std::string* text : {&r.party, &r.contract, &r.key, &r.session, &r.model_asked, &r.model_answered,
                            &r.upstream, &r.region, &r.region_grade, &r.finish_reason, &r.ciyuan})
    *text = random_text(random);
  r.state = static_cast<State>(random() % 6);
  if (random() % 5 != 0) r.verdict = static_cast<Verdict>(random() % 4);
  if (random() % 3 == 0) r.corrects = make_uuid7(TimePoint{static_cast<std::int64_t>(random() >> 2)});
  for (const char* name : {"team", "cost-centre", "a"})
    if (random() % 3 == 0) r.tags[name] = random_text(random);
  for (std::string* who : {&r.tenant, &r.user, &r.agent, &r.purpose})
    if (random() % 3 == 0) *who = random_text(random);
  r.delivered = maybe_count(), r.generated = maybe_count();
  for (const char* kind : {"input", "cache_read", "output", "reasoning", "image"})
    if (random() % 2)
      r.usage[kind] = {maybe_count(), maybe_count().value_or(7), maybe_count().value_or(8),
                       static_cast<Level>(random() % 4), random_text(random)};
  for (const char* data_class : {"phone", "id_number"})
    if (random() % 2) r.exposure[data_class] = maybe_count().value_or(1);
  for (std::uint64_t n = random() % 4; n > 0; --n) {
    r.charges.push_back(
        {random_text(random), "1", "0.5", "0.500000", "CNY", random() % 2 == 0 ? random_text(random) : ""});
    r.clauses.push_back(random_text(random));
  }
  if (random() % 2) {
    r.equivalence.emplace().billed = random_rating(random);
    if (random() % 2) r.equivalence->parallel = random_rating(random);
  }
  r.contract_digest = digest(), r.method_digest = digest(), r.price_book_digest = digest();
  r.tokenizer_digest = digest(), r.template_digest = digest();
  r.request_commitment = sha256(std::to_string(random()));
  r.answer_commitment = sha256(std::to_string(random()));
  return r;
}

/// A log with tiles in memory and a key of its own.
class SampleLog {
 public:
  explicit SampleLog(std::string origin = "log.example/acme", std::uint8_t seed = 5)
      : signer_(tlog::NoteSigner::make(origin, signing_key(seed)).value()), origin_(std::move(origin)) {}

  std::uint64_t append(std::string_view entry) {
    std::uint64_t index = writer_.append(tlog::leaf_hash(bytes_of(entry)));
    for (const tlog::TileChange& change : writer_.take_changes()) {
      Bytes& tile = tiles_[{change.level, change.index}];
      tile.resize(change.offset);
      tile.insert(tile.end(), change.bytes.begin(), change.bytes.end());
    }
    return index;
  }
  std::string checkpoint() const {
    return tlog::sign_note(tlog::Checkpoint{origin_, writer_.size(), writer_.root(), {}}.text(), signer_)
        .value();
  }
  std::vector<tlog::Hash> prove(std::uint64_t index) const {
    return tlog::prove_inclusion(index, writer_.size(), reader()).value();
  }
  tlog::HashReader reader() const {
    return tlog::hashes_in_tiles(writer_.size(),
                                 [this](unsigned level, std::uint64_t index) -> Result<Bytes> {
                                   return tiles_.at({level, index});
                                 });
  }
  const tlog::VerifierKey& key() const { return signer_.verifier(); }
  const tlog::NoteSigner& signer() const { return signer_; }
  const tlog::TreeWriter& writer() const { return writer_; }
  const std::map<std::pair<unsigned, std::uint64_t>, Bytes>& tiles() const { return tiles_; }

  Result<std::string> receipt(std::uint64_t index, std::string_view record_json, const SecretKey& key,
                              std::set<std::string> withheld = {}) const {
    return make_receipt({record_json, key, index, prove(index), checkpoint(), std::move(withheld)});
  }

 private:
  static SigningKey signing_key(std::uint8_t seed) {
    std::array<std::uint8_t, 32> bytes;
    bytes.fill(seed);
    return SigningKey::from_seed(bytes);
  }
  tlog::NoteSigner signer_;
  std::string origin_;
  tlog::TreeWriter writer_;
  std::map<std::pair<unsigned, std::uint64_t>, Bytes> tiles_;
};

}  // namespace ciyuan::record
