/// Corrections of calls that several accounts paid for.

#include "house.h"

namespace ciyuan::admin {
namespace {

std::string paid_documents() {
  return demo_documents() + book_document("deal-prices", R"(per_tokens: 1
prices: [{model: "*", kind: input, price: "1"}, {model: "*", kind: output, price: "2"}])") +
         book_document("other", R"(per_tokens: 1
prices: [{model: "*", kind: input, price: "3"}, {model: "*", kind: output, price: "1.5"}, {model: "*", kind: request, price: "7"}])") +
         deal_document("deal-prices", R"(
  - {kind: payment, id: pay, sources: [{source: packages}, {source: prepaid}, {source: postpaid}]}
  - {kind: royalty, id: owner, shares: [{party: harbor, percent: "10"}]}
---
{kind: Package, name: small, contracts: [deal], ciyuan: "30", from: "2026-01-01", until: "2030-01-01"}
)");
}

struct PaidHouse : House {
  PaidHouse() {
    ask("POST", "/v1/apply", paid_documents());
    ask("POST", "/v1/keys", R"({"name":"alice","contract":"deal"})", 201);
    ask("POST", "/v1/accounts/post",
        R"({"debit":"bank/CNY","credit":"prepaid/deal/pay/CNY","unit":"CNY","amount":"50"})");
  }
  Json correct(const Id& id, const std::string& book, unsigned status = 200) {
    return ask("POST", "/v1/records/" + id.text() + "/correct", R"({"price_book":")" + book + "\"}", status);
  }
};

TEST(Correction, each_account_pays_the_difference_of_what_it_paid_for) {
  PaidHouse house;
  // 30 of the prompt from the package, 20 and 15 of the answer from the balance (20 + 30), 25 on credit (50).
  const Id id = house.make_call(1, 50, 40);
  EXPECT_EQ(house.balance("prepaid/deal/pay/CNY"), "0");
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-50");
  EXPECT_EQ(house.balance("royalty/harbor/CNY"), "10");
  Json accounts = house.ask("GET", "/v1/contracts/deal/statement")["accounts"];
  auto charged = [&](const std::string& name) {
    for (const Json& account : accounts)
      if (account["account"] == name) return account["charged"].get<std::string>();
    return std::string("not there");
  };
  EXPECT_EQ(charged("package/small/CIYUAN"), "-30");
  EXPECT_EQ(charged("prepaid/deal/pay/CNY"), "-50");
  EXPECT_EQ(charged("receivable/harbor/CNY"), "-50");
  EXPECT_EQ(charged("royalty/harbor/CNY"), "10");
  // The balance would pay 20 × 3 + 15 × 1.5 + 7 = 89.50, and has nothing left.
  Json refused = house.correct(id, "other", 403);
  EXPECT_NE(refused.dump().find("prepaid/deal/pay/CNY"), std::string::npos) << refused.dump();
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-50") << "nothing was changed";

  house.ask("POST", "/v1/accounts/post",
            R"({"debit":"bank/CNY","credit":"prepaid/deal/pay/CNY","unit":"CNY","amount":"40"})");
  house.correct(id, "other");
  EXPECT_EQ(house.balance("prepaid/deal/pay/CNY"), "0.5");
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-37.5");
  EXPECT_EQ(house.balance("package/small/CIYUAN"), "0") << "a package's tokens have no price";
  EXPECT_EQ(house.balance("royalty/harbor/CNY"), "12.7") << "a tenth of 89.50 and 37.50";
  EXPECT_EQ(house.balance("revenue/lantern/CNY"), "114.3");
  EXPECT_TRUE(house.ask("GET", "/v1/contracts/deal/statement")["agrees"]);

  // And back: everything is as it was.
  house.correct(clerk::correction_of(id), "deal-prices");
  EXPECT_EQ(house.balance("prepaid/deal/pay/CNY"), "40");
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-50");
  EXPECT_EQ(house.balance("royalty/harbor/CNY"), "10");
  EXPECT_TRUE(house.ask("GET", "/v1/contracts/deal/statement")["agrees"]);
}

TEST(Correction, what_a_package_paid_alone_has_nothing_to_correct) {
  PaidHouse house;
  const Id id = house.make_call(1, 10, 10);
  EXPECT_NE(house.correct(id, "other", 403).dump().find("nothing was charged"), std::string::npos);
}

TEST(Correction, an_invoice_of_a_prepaid_contract_asks_for_nothing_that_the_balance_paid) {
  House house;
  house.ask("POST", "/v1/apply", demo_documents());
  house.ask("POST", "/v1/keys", R"({"name":"alice","contract":"demo-prepaid"})", 201);
  house.ask("POST", "/v1/accounts/post",
            R"({"debit":"bank/CNY","credit":"prepaid/demo-prepaid/balance/CNY","unit":"CNY","amount":"50"})");
  const Id id = house.make_call(1, 10, 10);
  Json record = house.ask("GET", "/v1/records/" + id.text());
  EXPECT_EQ(record["charges"][0]["paid_from"], "prepaid/demo-prepaid/balance/CNY");
  house.time = parse_rfc3339("2026-12-02T08:00:00Z").value();
  Json refused = house.ask("POST", "/v1/invoices", R"({"contract":"demo-prepaid","period":"2026-11"})", 403);
  EXPECT_NE(refused.dump().find("no charges to invoice"), std::string::npos);
}

}  // namespace
}  // namespace ciyuan::admin
