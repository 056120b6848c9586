/// Vouchers, the chains that devices report under them, and what that moves on the accounts.

#include "admin/licences.h"

#include <random>

#include "house.h"
#include "licence/meter.h"

namespace ciyuan::admin {
namespace {

struct LicenceHouse : House {
  LicenceHouse() {
    ask("POST", "/v1/apply", demo_documents());
    apply_licence("1000");
  }
  void apply_licence(const std::string& ciyuan) {
    ask("POST", "/v1/apply",
        "kind: Licence\nname: workshop\ncontract: demo\ntype: device\nciyuan: \"" + ciyuan +
            "\"\nfrom: 2026-11-01\nuntil: 2027-01-01\nreport_days: 3\ndevices: [\"" +
            device.verifier().text() + "\"]\n");
  }
  Json issue(const std::string& ciyuan, unsigned status = 201, const std::string& more = "") {
    return ask("POST", "/v1/licences/workshop/vouchers",
               R"({"device":"cutter-1","ciyuan":")" + ciyuan + "\"" + more + "}", status);
  }
  std::string file(const std::string& name) const { return folder / name; }
  licence::Meter meter(const std::string& name, const Json& issued) {
    return licence::Meter::open(file(name), issued["note"].get<std::string>(), {&licence_key.verifier(), 1},
                                device, time)
        .value();
  }
  // So many tokens of the demonstration's model, and what that makes of the chain's file.
  std::string use(const std::string& name, const Json& issued, std::int64_t tokens, bool finishes = false) {
    licence::Meter one = meter(name, issued);
    KindCounts counts;
    counts[Kind::kInput] = tokens;
    EXPECT_TRUE(one.count("smollm2", counts, time).ok());
    EXPECT_TRUE((finishes ? one.finish(time) : one.close(time)).ok());
    return read_file(file(name), licence::kChainBytesMax).value();
  }
  Json report(const std::string& chain, unsigned status = 200, const std::string& more = "") {
    return ask("POST", "/v1/licence-reports" + more, chain, status);
  }
  std::string balance(const std::string& name) {
    auto row = store->reader().value()->account(name).value();
    return row ? format_decimal(row->credits_posted - row->debits_posted, row->scale) : "none";
  }
  std::string left() { return balance(kAccount); }
  std::string held() { return balance(kAccount + "/held"); }
  std::string used() { return balance("licensed/workshop/CIYUAN"); }
  std::uint64_t leaves() { return store->reader().value()->head().value().log_size; }
  Json refusals() {
    Json vouchers = ask("GET", "/v1/licences/workshop")["vouchers"];
    return vouchers[0].value("refused", Json::array());
  }

  const std::string kAccount = "licence/workshop/CIYUAN/device=cutter-1/2026-11-01T00:00:00Z";
  tlog::NoteSigner device = tlog::NoteSigner::make("cutter-1", SigningKey::generate()).value();
};

TEST(Licences, a_voucher_holds_a_report_posts_and_the_close_gives_back) {
  LicenceHouse house;
  Json issued = house.issue("400");
  EXPECT_EQ(house.left(), "600");
  EXPECT_EQ(house.held(), "400");
  std::string chain = house.use("chain", issued, 150);
  Json told = house.report(chain);
  EXPECT_EQ(told["standing"], "longer");
  EXPECT_EQ(told["posted"], "150");
  EXPECT_EQ(told["voucher"]["tokens"]["smollm2"]["input"], 150);
  EXPECT_EQ(house.held(), "250");
  EXPECT_EQ(house.used(), "150");
  const std::uint64_t leaves = house.leaves();
  told = house.report(chain);
  EXPECT_EQ(told["standing"], "same");
  EXPECT_EQ(told["posted"], "0");
  EXPECT_EQ(house.leaves(), leaves) << "the same file twice changes nothing";
  chain = house.use("chain", issued, 30);
  Json refused = house.report(chain, 409, "?close=true");
  EXPECT_NE(refused.dump().find("--finish"), std::string::npos)
      << "the device may count on: " << refused.dump();
  EXPECT_EQ(house.held(), "250") << "nothing was changed";
  chain = house.use("chain", issued, 20, true);
  told = house.report(chain, 200, "?close=true");
  EXPECT_EQ(told["posted"], "50");
  EXPECT_EQ(told["voucher"]["state"], "closed");
  EXPECT_EQ(house.left(), "800");
  EXPECT_EQ(house.held(), "0");
  EXPECT_EQ(house.used(), "200");
  EXPECT_EQ(house.report(chain)["standing"], "same");
}

TEST(Licences, a_chain_that_ends_with_its_last_statement_closes_the_voucher) {
  LicenceHouse house;
  Json issued = house.issue("400");
  Json told = house.report(house.use("chain", issued, 150, true));
  EXPECT_EQ(told["voucher"]["state"], "closed");
  EXPECT_EQ(house.left(), "850");
  EXPECT_EQ(house.used(), "150");
}

TEST(Licences, the_same_id_again_is_the_same_voucher) {
  LicenceHouse house;
  const std::string id = R"(,"id":"0198a000-0000-7000-8000-000000000001")";
  Json first = house.issue("400", 201, id);
  Json again = house.issue("400", 200, id);
  EXPECT_EQ(again["note"], first["note"]);
  EXPECT_EQ(house.left(), "600") << "held once";
  for (const auto& [ciyuan, more] :
       {std::pair("300", std::string()), std::pair("400", std::string(R"(,"until":"2026-12-01")")),
        std::pair("400", std::string(R"(,"quantum":"7")"))}) {
    Json refused = house.issue(ciyuan, 409, id + more);
    EXPECT_NE(refused.dump().find("stands for a voucher with another"), std::string::npos) << refused.dump();
  }
  house.issue("400", 400, R"(,"id":"seven")");
  EXPECT_EQ(house.left(), "600");
}

TEST(Licences, no_more_is_issued_than_the_device_has) {
  LicenceHouse house;
  house.issue("700");
  EXPECT_EQ(
      house.send("POST", "/v1/licences/workshop/vouchers", R"({"device":"cutter-1","ciyuan":"301"})").status,
      403U);
  house.issue("300");
  EXPECT_EQ(house.left(), "0");
  house.issue("1", 403);
  house.apply_licence("1500");  // a larger licence gives what it is larger by, once
  house.issue("100");
  EXPECT_EQ(house.left(), "400");
  house.issue("401", 403);
}

TEST(Licences, requests_that_say_nothing_right_change_nothing) {
  LicenceHouse house;
  const std::uint64_t leaves = house.leaves();
  for (const auto& [body, path] : std::vector<std::pair<std::string, std::string>>{
           {"[]", "object"},
           {"{", ""},
           {R"({"ciyuan":"5"})", "device"},
           {R"({"device":"cutter-1"})", "ciyuan"},
           {R"({"device":"cutter-1","ciyuan":"0"})", "ciyuan"},
           {R"({"device":"cutter-1","ciyuan":5})", "ciyuan"},
           {R"({"device":"cutter-1","ciyuan":"-5"})", "ciyuan"},
           {R"({"device":"cutter-1","ciyuan":"5","until":"soon"})", "until"},
           {R"({"device":"cutter-1","ciyuan":"5","until":"2026-11-01"})", "until"},
           {R"({"device":"cutter-1","ciyuan":"5","until":"2028-11-01"})", "until"},
           {R"({"device":"cutter-1","ciyuan":"5","quantum":"6"})", "quantum"},
           {R"({"device":"cutter-1","ciyuan":"5","quantum":"0.000001"})", "quantum"},
           {R"({"device":"cutter-1","ciyuan":"5","colour":"red"})", "colour"},
           {R"({"device":"cutter-2","ciyuan":"5"})", "device"}}) {
    http::Response refused = house.send("POST", "/v1/licences/workshop/vouchers", body);
    EXPECT_EQ(refused.status, 400U) << body << refused.body;
    EXPECT_NE(refused.body.find(path), std::string::npos) << body << refused.body;
  }
  EXPECT_EQ(house.send("POST", "/v1/licences/none/vouchers", "{}").status, 404U);
  EXPECT_EQ(house.send("GET", "/v1/licences/none").status, 404U);
  EXPECT_EQ(house.send("POST", "/v1/licence-reports", "nonsense").status, 400U);
  EXPECT_EQ(house.send("POST", "/v1/licence-reports?close=maybe", "nonsense").status, 400U);
  EXPECT_EQ(house.leaves(), leaves);
}

TEST(Licences, a_rollback_and_a_fork_are_refused_and_kept_in_the_log_once) {
  LicenceHouse house;
  Json issued = house.issue("400");
  const std::string early = house.use("chain", issued, 10);
  const std::string later = house.use("chain", issued, 20);
  house.report(later);
  const std::string used = house.used();
  house.report(early, 409);
  EXPECT_EQ(house.refusals()[0]["why"], "rolled-back");
  std::uint64_t leaves = house.leaves();
  house.report(early, 409);
  EXPECT_EQ(house.leaves(), leaves);
  // The older copy is put back on the device, which goes on from it.
  ASSERT_TRUE(write_file_atomically(house.file("chain"), early).ok());
  house.time = house.time + seconds(60);
  const std::string forked = house.use("chain", issued, 70);
  house.report(forked, 409);
  EXPECT_EQ(house.refusals()[1]["why"], "forked");
  EXPECT_EQ(house.leaves(), leaves + 1);
  EXPECT_EQ(house.used(), used);
  // The honest chain is still taken.
  EXPECT_EQ(house.report(later)["standing"], "same");
}

TEST(Licences, a_voucher_that_is_over_counts_what_was_marked_and_takes_no_late_report) {
  LicenceHouse house;
  Json issued = house.issue("400", 201, R"(,"until":"2026-11-25","quantum":"40")");
  std::string before, after;
  {
    licence::Meter meter = house.meter("chain", issued);
    KindCounts counts;
    counts[Kind::kInput] = 30;
    ASSERT_TRUE(meter.count("smollm2", counts, house.time).ok());
    before = read_file(house.file("chain"), licence::kChainBytesMax).value();
    ASSERT_TRUE(meter.close(house.time).ok());
    after = read_file(house.file("chain"), licence::kChainBytesMax).value();
  }
  Json told = house.report(before);
  EXPECT_EQ(told["posted"], "0");
  EXPECT_EQ(told["voucher"]["marked"], "70");
  house.time = parse_rfc3339("2026-11-27T23:59:59Z").value();
  ASSERT_TRUE(house.api->close_vouchers().ok());
  EXPECT_EQ(house.held(), "400") << "three days are left to report in";
  house.time = parse_rfc3339("2026-11-28T00:00:00Z").value();
  house.report(after, 409);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(house.api->close_vouchers().ok());
  EXPECT_EQ(house.held(), "0");
  EXPECT_EQ(house.used(), "70");
  EXPECT_EQ(house.left(), "930");
  house.report(after, 409);
  EXPECT_EQ(house.refusals().size(), 1U);
  EXPECT_EQ(house.refusals()[0]["why"], "late");
}

TEST(Licences, a_chain_of_another_servers_voucher_or_a_forged_one_is_refused) {
  LicenceHouse house, other;
  other.device = house.device;
  other.apply_licence("1000");
  const std::string foreign = other.use("chain", other.issue("10"), 5);
  house.report(foreign, 403);
  std::string chain = house.use("chain", house.issue("400"), 150);
  const std::uint64_t leaves = house.leaves();
  std::string forged = chain;
  forged.replace(forged.rfind("\"150\""), 5, "\"015\"");
  EXPECT_GE(house.send("POST", "/v1/licence-reports", forged).status, 400U);
  EXPECT_EQ(house.leaves(), leaves);
}

// The slow twin: plain sums.
TEST(Licences, whatever_is_issued_used_reported_and_closed_every_ciyuan_is_in_one_place) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 3; ++round) {
    LicenceHouse house;
    struct Held {
      Json issued;
      std::int64_t ciyuan, used = 0, reported = 0;
    };
    std::vector<Held> vouchers;
    std::int64_t left = 1000, used = 0;
    for (int step = 0; step < 40; ++step) {
      if (vouchers.size() < 5 && random() % 3 == 0) {
        auto ciyuan = 1 + static_cast<std::int64_t>(random() % 300);
        Json issued = house.issue(std::to_string(ciyuan), ciyuan <= left ? 201 : 403);
        if (ciyuan > left) continue;
        left -= ciyuan;
        vouchers.push_back({issued, ciyuan});
      } else if (!vouchers.empty()) {
        const std::size_t index = random() % vouchers.size();
        Held& one = vouchers[index];
        const std::string name = one.issued["voucher"]["name"].get<std::string>().substr(9);
        auto tokens = std::min<std::int64_t>(one.ciyuan - one.used, static_cast<std::int64_t>(random() % 50));
        const bool close = random() % 4 == 0;
        const std::string chain = house.use(name, one.issued, tokens, close);
        one.used += tokens;
        if (!close && random() % 2) continue;
        Json told = house.report(chain, 200, close ? "?close=true" : "");
        EXPECT_EQ(told["posted"], std::to_string(one.used - one.reported));
        used += one.used - one.reported;
        one.reported = one.used;
        if (close) {
          left += one.ciyuan - one.used;
          vouchers.erase(vouchers.begin() + static_cast<std::ptrdiff_t>(index));
        }
      }
      std::int64_t held = 0;
      for (const Held& one : vouchers) held += one.ciyuan - one.reported;
      if (house.left() == "none") continue;
      ASSERT_EQ(house.left(), std::to_string(left)) << step;
      auto agrees = [](const std::string& balance, std::int64_t sum) {
        return balance == (balance == "none" ? "none" : std::to_string(sum)) &&
               (balance != "none" || sum == 0);
      };
      ASSERT_TRUE(agrees(house.held(), held)) << step << ": " << house.held();
      ASSERT_TRUE(agrees(house.used(), used)) << step << ": " << house.used();
      ASSERT_EQ(left + held + used, 1000);
    }
  }
}

}  // namespace
}  // namespace ciyuan::admin
