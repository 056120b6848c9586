#include "licence/chain.h"

#include <random>

#include "sample.h"

namespace ciyuan::licence {
namespace {

/// A workshop whose device has made some statements.
struct UsedWorkshop : Workshop {
  explicit UsedWorkshop(int calls = 12) { use(calls); }
  void use(int calls) {
    Meter one = meter().value();
    for (int i = 0; i < calls; ++i) {
      at = at + seconds(60);
      EXPECT_TRUE(one.count(i % 2 ? "small" : "large", counts_of(3, 4), at).ok());
    }
    EXPECT_TRUE(one.close(at).ok());
  }
  /// The statement with its text changed, signed again by the device: a forger who has the key.
  std::string resigned(const std::string& note, const std::string& from, const std::string& to) const {
    std::string text = note.substr(0, note.find("\n\n") + 1);
    std::size_t place = text.find(from);
    EXPECT_NE(place, text.npos) << from << " in " << text;
    text.replace(place, from.size(), to);
    return tlog::sign_note(text, device).value();
  }
  TimePoint at = kStart;
};

TEST(Chain, is_read_as_it_was_counted) {
  UsedWorkshop shop;
  Chain chain = shop.chain().value();
  EXPECT_GT(chain.statements.size(), 4U);
  EXPECT_EQ(chain.whole_bytes, shop.text().size());
  EXPECT_EQ(chain.statements.back().ciyuan, ciyuan(6 * 7 + 6 * 13));
  EXPECT_EQ(chain.voucher.licence, "workshop");
}

TEST(Chain, a_note_left_out_doubled_or_moved_is_refused) {
  UsedWorkshop shop;
  const std::vector<std::string> notes = notes_of(shop.text());
  for (std::size_t i = 1; i < notes.size(); ++i) {
    std::vector<std::string> doubled = notes;
    doubled.insert(doubled.begin() + static_cast<std::ptrdiff_t>(i), notes[i]);
    EXPECT_FALSE(shop.chain(joined(doubled)).ok()) << i;
    if (i + 1 < notes.size()) {
      std::vector<std::string> cut = notes, swapped = notes;
      cut.erase(cut.begin() + static_cast<std::ptrdiff_t>(i));
      std::swap(swapped[i], swapped[i + 1]);
      EXPECT_FALSE(shop.chain(joined(cut)).ok()) << i;
      EXPECT_FALSE(shop.chain(joined(swapped)).ok()) << i;
    }
  }
  EXPECT_FALSE(shop.chain(joined({notes.begin() + 1, notes.end()})).ok());
  EXPECT_FALSE(shop.chain("").ok());
}

TEST(Chain, any_change_of_a_byte_is_refused_or_cuts_the_end_off) {
  UsedWorkshop shop(6);
  std::mt19937_64 random(9);
  const std::string whole = shop.text();
  const Chain honest = shop.chain().value();
  for (int round = 0; round < 3000; ++round) {
    std::string changed = whole;
    char& byte = changed[random() % changed.size()];
    const char other = static_cast<char>(random());
    if (byte == other) continue;
    byte = other;
    Result<Chain> chain = shop.chain(changed);
    if (!chain.ok()) continue;
    // Where a line end went, the last note is no longer whole.
    ASSERT_LT(chain->statements.size(), honest.statements.size());
    for (std::size_t i = 0; i < chain->digests.size(); ++i) ASSERT_EQ(chain->digests[i], honest.digests[i]);
  }
}

TEST(Chain, a_device_that_signs_what_cannot_be_is_refused_with_the_rule) {
  UsedWorkshop shop;
  const std::vector<std::string> notes = notes_of(shop.text());
  const std::string& last = notes.back();
  struct Case {
    std::string from, to, path, rule;
  };
  const std::string number = std::to_string(notes.size() - 2), used = "\"ciyuan\":\"120\"";
  for (const auto& [from, to, path, rule] : std::vector<Case>{
           {used, "\"ciyuan\":\"119\"", "ciyuan", "add up to"},
           {used, "\"ciyuan\":\"5\"", "ciyuan", "less than in the statement before"},
           {used, "\"ciyuan\":\"500\"", "ciyuan", "which was marked before"},
           {used, "\"ciyuan\":\"-1\"", "ciyuan", "no amount"},
           {"\"marked\":\"120\"", "\"marked\":\"119\"", "marked", "less than ciyuan"},
           {"\"marked\":\"120\"", "\"marked\":\"1001\"", "marked", "more than the voucher's 1000"},
           {"\"unaccounted\":\"0\"", "\"unaccounted\":\"3\"", "ciyuan", "add up to"},
           {"\"sequence\":" + number, "\"sequence\":0", "sequence", "is not " + number},
           {"\"at\":\"2026", "\"at\":\"2025", "at", "before the statement before it"},
           {"\"method\":\"" + shop.voucher.method_digest, "\"method\":\"0", "method", "not the voucher's"},
           {shop.voucher.id.text(), id_from_content("x").text(), "voucher", "another voucher"},
           {"\"large\":{\"input\":18", "\"large\":{\"input\":1", "tokens", "less of large"},
           {"\"large\"", "\"largf\"", "tokens", ""},
           {"\"input\":18", "\"inputs\":18", "tokens/large/inputs", "no kind"},
           {"\"tokens\":{", "\"tokens\":{\"tiny\":{\"input\":1},", "", "canonical"},
           {"\"marked\":\"120\"", "\"final\":true,\"marked\":\"130\"", "marked", "marked ahead"},
           {"\"marked\":\"120\"", "\"final\":false,\"marked\":\"120\"", "final", "is not true"},
           {"\"ciyuan\":", "\"Ciyuan\":", "", "canonical"},
           {"counter/v1", "counter/v2", "", "is not a"}}) {
    std::vector<std::string> forged(notes.begin(), notes.end() - 1);
    forged.push_back(shop.resigned(last, from, to));
    Result<Chain> chain = shop.chain(joined(forged));
    ASSERT_FALSE(chain.ok()) << to;
    EXPECT_EQ(chain.error().path, path.empty() ? number : number + "/" + path) << chain.error().text();
    EXPECT_NE(chain.error().message.find(rule), std::string::npos) << to << ": " << chain.error().message;
  }
}

TEST(Chain, that_is_too_long_says_how_long_it_may_be) {
  UsedWorkshop shop;
  const Error error = shop.chain(std::string(kChainBytesMax + 1, 'x')).error();
  EXPECT_EQ(error.code, ErrorCode::kTooLarge);
  EXPECT_NE(error.message.find("16777217 bytes; a chain has at most 16 MiB"), std::string::npos)
      << error.message;
}

TEST(Chain, has_nothing_after_its_last_statement) {
  UsedWorkshop shop;
  std::string text = shop.text();
  const std::string last = notes_of(text).back();
  // The device that signs on after it said that it would not.
  std::string final_note = shop.resigned(last, "\"marked\":", "\"final\":true,\"marked\":");
  std::string chain = text.substr(0, text.size() - last.size()) + final_note;
  ASSERT_TRUE(shop.chain(chain).ok()) << shop.chain(chain).error().text();
  const Chain read = shop.chain(chain).value();
  Statement next = read.statements.back();
  next.is_final = false;
  ++next.sequence;
  next.previous = read.digests.back();
  chain += tlog::sign_note(statement_text(next, shop.voucher), shop.device).value();
  EXPECT_EQ(shop.chain(chain).error().path, std::to_string(next.sequence) + "/sequence");
}

TEST(Chain, a_statement_of_another_device_or_a_voucher_of_another_server_is_refused) {
  UsedWorkshop shop;
  Workshop stranger;
  std::vector<std::string> notes = notes_of(shop.text());
  std::string text = notes.back().substr(0, notes.back().find("\n\n") + 1);
  tlog::NoteSigner impostor = tlog::NoteSigner::make("cutter-1", SigningKey::generate()).value();
  notes.back() = tlog::sign_note(text, impostor).value();
  EXPECT_EQ(shop.chain(joined(notes)).error().code, ErrorCode::kRefused);
  EXPECT_EQ(read_chain(shop.text(), {&stranger.server_key, 1}).error().code, ErrorCode::kRefused);
}

TEST(Chain, what_a_server_has_seen_tells_a_longer_chain_from_a_rollback_and_a_fork) {
  std::mt19937_64 random(10);
  for (int round = 0; round < 20; ++round) {
    UsedWorkshop shop(1 + static_cast<int>(random() % 6));
    const std::string copy = shop.text();
    const Chain first = shop.chain().value();
    const Seen at_copy{first.statements.size(), first.digests.back()};
    EXPECT_EQ(standing_of(first, {}), Standing::kLonger);
    EXPECT_EQ(standing_of(first, at_copy), Standing::kSame);
    shop.use(1 + static_cast<int>(random() % 6));
    const Chain longer = shop.chain().value();
    const Seen seen{longer.statements.size(), longer.digests.back()};
    EXPECT_EQ(standing_of(longer, at_copy), Standing::kLonger);
    EXPECT_EQ(standing_of(first, seen), Standing::kRolledBack);
    // The copy is put back, and used on: shorter than what was seen, or another statement in its place.
    ASSERT_TRUE(write_file_atomically(shop.file(), copy).ok());
    shop.at = shop.at + seconds(1);
    shop.use(1 + static_cast<int>(random() % 12));
    const Chain forked = shop.chain().value();
    const Standing standing = standing_of(forked, seen);
    EXPECT_EQ(standing,
              forked.statements.size() < seen.statements ? Standing::kRolledBack : Standing::kForked);
  }
}

TEST(Voucher, is_read_back_as_it_was_signed_and_any_other_form_is_refused) {
  Workshop shop;
  Voucher again = read_voucher(shop.note(), {&shop.server_key, 1}).value();
  EXPECT_EQ(voucher_text(again).value(), voucher_text(shop.voucher).value());
  EXPECT_EQ(again.models, shop.voucher.models);
  auto refused = [&](auto&& change, const char* path) {
    Voucher wrong = shop.voucher;
    change(wrong);
    auto signed_note = sign_voucher(wrong, shop.server);
    ASSERT_FALSE(signed_note.ok()) << path;
    EXPECT_EQ(signed_note.error().path, path);
  };
  refused([](Voucher& v) { v.ciyuan = Amount(); }, "ciyuan");
  refused([](Voucher& v) { v.quantum = v.ciyuan + Amount(1); }, "quantum");
  refused([](Voucher& v) { v.quantum = Amount(1); }, "quantum");
  refused([](Voucher& v) { v.until = v.issued; }, "until");
  refused([](Voucher& v) { v.report_by = v.issued; }, "report_by");
  refused([](Voucher& v) { v.licence = ""; }, "licence");
  std::string text = voucher_text(shop.voucher).value();
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"\"ciyuan\":\"1000\"", "\"ciyuan\":\"1000.0\""},
                                                        {"\"ciyuan\":\"1000\"", "\"ciyuan\":1000"},
                                                        {"{\"ciyuan\"", "{\"a\":1,\"ciyuan\""},
                                                        {"\"input\":\"1\"", "\"input\":\"-1\""},
                                                        {"\"input\"", "\"inpus\""}}) {
    std::string changed = text;
    changed.replace(changed.find(from), from.size(), to);
    EXPECT_FALSE(read_voucher(tlog::sign_note(changed, shop.server).value(), {&shop.server_key, 1}).ok())
        << to;
  }
}

}  // namespace
}  // namespace ciyuan::licence
