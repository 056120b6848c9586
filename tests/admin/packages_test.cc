/// What packages are sold for: owed when they are bought, earned as they are used, lost when they expire.

#include "house.h"

namespace ciyuan::admin {
namespace {

TimePoint moment(const std::string& text) { return parse_rfc3339(text).value(); }

struct PackageHouse : House {
  explicit PackageHouse(const std::string& more = "") {
    ask("POST", "/v1/apply",
        demo_documents() + book_document("deal-prices", R"(per_tokens: 1
prices: [{model: "*", kind: input, price: "1"}, {model: "*", kind: output, price: "2"}])") +
            deal_document("deal-prices", R"(
  - {kind: payment, id: pay, sources: [{source: packages}, {source: postpaid}]}
  - {kind: settlement, tax: [{name: {en: VAT, zh: 增值税}, percent: "6"}]}
)"));
    ask("POST", "/v1/apply", package("10") + more);
    ask("POST", "/v1/keys", R"({"name":"alice","contract":"deal"})", 201);
  }
  static std::string package(const std::string& price) {
    return "---\n"
           R"({kind: Package, name: small, contracts: [deal], ciyuan: "1000", from: "2026-01-01",
 until: "2026-12-20", price: {amount: ")" +
           price + "\", currency: CNY}}\n";
  }
  void look_at(const std::string& when) {
    time = moment(when);
    Result<TimePoint> next = api->close_periods("deal", time);
    EXPECT_TRUE(next.ok()) << next.error().text();
  }
  void call_at(const std::string& when, int number, std::int64_t prompt) {
    calls_at = moment(when);
    make_call(number, prompt, 0);
  }
  void expire_at(const std::string& when) {
    for (const contract::PackageRest& rest : published->expired_packages(moment(when)))
      EXPECT_TRUE(std::holds_alternative<clerk::Done>(clerk->call(
          clerk::ExpirePackage{moment(when), rest.package, rest.account, rest.ciyuan, rest.keep})));
  }
  /// "receivable deferred revenue breakage"
  std::string books() {
    return balance("receivable/harbor/CNY") + " " + balance("deferred/small/CNY") + " " +
           balance("revenue/lantern/CNY") + " " + balance("breakage/lantern/CNY");
  }
  Json invoice(const std::string& period) {
    return ask("POST", "/v1/invoices", R"({"contract":"deal","period":")" + period + "\"}", 201)["invoice"];
  }
};

TEST(PackageSale, is_owed_at_once_and_earned_as_it_is_used) {
  PackageHouse house;
  house.look_at("2026-11-18T08:00:00Z");
  EXPECT_EQ(house.books(), "-10 10 none none") << "bought, and nothing used";
  house.look_at("2026-11-18T08:00:01Z");
  EXPECT_EQ(house.books(), "-10 10 none none") << "once";
  house.call_at("2026-11-20T10:00:00Z", 1, 300);
  house.look_at("2026-11-20T23:59:59Z");
  EXPECT_EQ(house.books(), "-10 10 0 none") << "the day is not over";
  house.look_at("2026-11-21T00:00:00Z");
  EXPECT_EQ(house.books(), "-10 7 3 none");
  house.stop();
  house.start();
  house.look_at("2026-11-23T00:00:00Z");
  EXPECT_EQ(house.books(), "-10 7 3 none") << "nothing was used since, also over a restart";

  house.expire_at("2026-12-20T00:00:01Z");
  house.look_at("2026-12-20T12:00:00Z");
  EXPECT_EQ(house.books(), "-10 7 3 none");
  house.look_at("2026-12-21T00:00:00Z");
  EXPECT_EQ(house.books(), "-10 0 3 7");
  house.look_at("2027-02-01T00:00:00Z");
  EXPECT_EQ(house.books(), "-10 0 3 7") << "it is finished";

  Json statement = house.ask("GET", "/v1/contracts/deal/statement?period=2026-11");
  EXPECT_TRUE(statement["agrees"]) << statement.dump(1);
  const Json& sale = statement["packages"].at(0);
  EXPECT_EQ(sale["sold"], "10");
  EXPECT_EQ(sale["earned"], "3");
  EXPECT_EQ(sale["breakage"], "0") << "that is December's";
  EXPECT_EQ(sale["deferred"], "0") << "as it stands now";
  auto is_deferred = [](const Json& account) { return account["account"] == "deferred/small/CNY"; };
  auto account = std::find_if(statement["accounts"].begin(), statement["accounts"].end(), is_deferred);
  ASSERT_NE(account, statement["accounts"].end());
  EXPECT_EQ((*account)["papers"], "7");
  EXPECT_EQ((*account)["closing"], "7");
}

TEST(PackageSale, that_nobody_used_is_lost_whole) {
  PackageHouse house;
  house.look_at("2026-11-18T08:00:00Z");
  house.expire_at("2026-12-20T00:00:01Z");
  house.look_at("2026-12-22T00:00:00Z");
  EXPECT_EQ(house.books(), "-10 0 none 10");
}

TEST(PackageSale, is_a_line_of_the_invoice_of_its_period_with_tax_and_of_no_other) {
  PackageHouse house;
  house.look_at("2026-11-18T08:00:00Z");
  house.call_at("2026-11-20T10:00:00Z", 1, 1002);  // 1000 of the package, 2 CNY on credit
  house.look_at("2026-12-01T00:00:00Z");
  Json invoice = house.invoice("2026-11");
  EXPECT_EQ(invoice["sum"], "12");
  EXPECT_EQ(invoice["gross"], "12.72");
  auto line = std::find_if(invoice["lines"].begin(), invoice["lines"].end(),
                           [](const Json& one) { return one["kind"] == "package"; });
  ASSERT_NE(line, invoice["lines"].end());
  EXPECT_EQ((*line)["package"], "small");
  EXPECT_EQ((*line)["amount"], "10");
  EXPECT_EQ(house.books(), "-12.72 0 12 none");
  for (const char* form : {"html", "pdf"})
    EXPECT_EQ(house.send("GET", "/v1/invoices/lantern-2026-000001?format=" + std::string(form)).status, 200U);
  const http::Response page = house.send("GET", "/v1/invoices/lantern-2026-000001?format=html");
  EXPECT_NE(page.body.find("购买的资源包"), std::string::npos);

  house.call_at("2026-12-02T10:00:00Z", 2, 1);
  house.time = moment("2027-01-02T00:00:00Z");
  EXPECT_EQ(house.invoice("2026-12")["sum"], "1") << "the package is not asked for again";
}

TEST(PackageSale, follows_its_documents_price_by_the_difference_and_a_deletion_changes_nothing) {
  PackageHouse house;
  house.look_at("2026-11-18T08:00:00Z");
  house.call_at("2026-11-20T10:00:00Z", 1, 500);
  house.look_at("2026-11-21T00:00:00Z");
  EXPECT_EQ(house.books(), "-10 5 5 none");
  house.ask("POST", "/v1/apply", PackageHouse::package("12"));
  house.look_at("2026-11-21T01:00:00Z");
  EXPECT_EQ(house.books(), "-12 6 6 none");
  house.ask("POST", "/v1/apply", PackageHouse::package("8"));
  house.look_at("2026-11-21T02:00:00Z");
  EXPECT_EQ(house.books(), "-8 4 4 none");
  house.ask("DELETE", "/v1/documents/Package/small");
  house.look_at("2026-11-22T00:00:00Z");
  EXPECT_EQ(house.books(), "-8 4 4 none");
  house.look_at("2026-12-22T00:00:00Z");
  EXPECT_EQ(house.books(), "-8 0 4 4") << "what is left ends with it";
  house.time = moment("2027-01-02T00:00:00Z");
  EXPECT_EQ(house.invoice("2026-11")["sum"], "8");
}

TEST(PackageSale, without_a_price_posts_nothing) {
  PackageHouse house;
  house.ask("POST", "/v1/apply",
            "---\n"
            R"({kind: Package, name: gift, contracts: [deal], ciyuan: "5",
 from: "2026-01-01", until: "2026-12-20"})");
  house.look_at("2026-11-18T08:00:00Z");
  EXPECT_EQ(house.balance("deferred/gift/CNY"), "none");
}

TEST(PackageSale, stands_in_focus_as_a_purchase_and_its_use_at_its_part_of_the_price) {
  PackageHouse house;
  house.look_at("2026-11-18T08:00:00Z");
  house.call_at("2026-11-20T10:00:00Z", 1, 300);
  house.expire_at("2026-12-20T00:00:01Z");
  house.look_at("2026-12-21T00:00:00Z");
  const std::string text =
      house.send("GET", "/v1/contracts/deal/usage?format=focus&period=2026-11-01..2027-01-01").body;
  std::vector<std::vector<std::string>> rows;
  for (std::size_t at = 0; at < text.size(); at = text.find("\r\n", at) + 2) {
    const std::string line = text.substr(at, text.find("\r\n", at) - at);
    std::vector<std::string> cells(1);
    bool quoted = false;
    for (char c : line) {
      if (c == '"')
        quoted = !quoted;
      else if (c == ',' && !quoted)
        cells.emplace_back();
      else
        cells.back() += c;
    }
    rows.push_back(std::move(cells));
  }
  auto cell = [&](const std::string& description, const std::string& column) {
    auto place = [&](const std::string& name) {
      return static_cast<std::size_t>(std::find(rows[0].begin(), rows[0].end(), name) - rows[0].begin());
    };
    for (const auto& row : rows)
      if (row.at(place("ChargeDescription")) == description) return row.at(place(column));
    return "no row " + description;
  };
  EXPECT_EQ(cell("Package small of 1000 Ciyuan", "ChargeCategory"), "Purchase");
  EXPECT_EQ(cell("Package small of 1000 Ciyuan", "BilledCost"), "10");
  EXPECT_EQ(cell("Package small of 1000 Ciyuan", "EffectiveCost"), "0");
  EXPECT_EQ(cell("input of smollm2", "BilledCost"), "0");
  EXPECT_EQ(cell("input of smollm2", "EffectiveCost"), "3");
  EXPECT_EQ(cell("input of smollm2", "ContractedUnitPrice"), "0.01");
  EXPECT_EQ(cell("input of smollm2", "CommitmentDiscountStatus"), "Used");
  EXPECT_EQ(cell("Expired of package small", "EffectiveCost"), "7");
  EXPECT_EQ(cell("Expired of package small", "CommitmentDiscountStatus"), "Unused");
}

}  // namespace
}  // namespace ciyuan::admin
