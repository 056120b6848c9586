/// The close of billing periods: what a price book says of a whole month, posted when it is over.

#include "price/closing.h"

#include <random>

#include "admin/closing_timer.h"
#include "house.h"
#include "report/closing.h"

namespace ciyuan::admin {
namespace {

TimePoint moment(const std::string& text) { return parse_rfc3339(text).value(); }
Amount money(const std::string& text) { return parse_decimal(text, 12).value(); }

/// A contract "deal" since 18 November 2026, under a book of the test's own.
struct ClosingHouse : House {
  /// `book`: members of the price book; `clauses`: of the contract, beside metering.
  explicit ClosingHouse(const std::string& book, const std::string& clauses = "",
                        const std::string& effective = R"({from: "2026-01-01"})") {
    ask("POST", "/v1/apply",
        demo_documents() + book_text(book) + deal_document("deal-prices", clauses, effective));
    ask("POST", "/v1/keys", R"({"name":"alice","contract":"deal"})", 201);
  }

  static std::string book_text(const std::string& members) {
    return book_document("deal-prices", "per_tokens: 1\n" + members);
  }

  void call_at(const std::string& when, int number, std::int64_t prompt, std::int64_t output) {
    calls_at = moment(when);
    make_call(number, prompt, output);
  }
  /// Closes what is over, and returns all closings.
  Json close_at(const std::string& when) {
    time = moment(when);
    Result<TimePoint> next = api->close_periods("deal", time);
    EXPECT_TRUE(next.ok()) << next.error().text();
    return ask("GET", "/v1/contracts/deal/closings")["closings"];
  }
};

/// "rule amount" of each line.
std::vector<std::string> lines_of(const Json& closing) {
  std::vector<std::string> lines;
  for (const Json& line : closing["lines"])
    lines.push_back(line["rule"].get<std::string>() + " " + line["amount"].get<std::string>());
  return lines;
}

const char kGraduated[] = R"(
prices:
  - {id: in, model: smollm2, kind: input, schedule: {type: graduated, steps: [{up_to: 1000, price: "2"}, {price: "1.5"}]}}
  - {id: out, model: smollm2, kind: output, price: "3"}
)";

TEST(Closing, a_months_steps_are_trued_up_once_when_it_is_over) {
  ClosingHouse house(kGraduated);
  house.call_at("2026-11-20T10:00:00Z", 1, 900, 10);  // 1800 + 30
  house.call_at("2026-11-21T10:00:00Z", 2, 600,
                10);  // at the first step: 1200 + 30; 500 of it are above 1000
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-3060");
  EXPECT_EQ(house.close_at("2026-11-30T23:59:59Z"), Json::array()) << "not over";

  Json closings = house.close_at("2026-12-01T00:00:00Z");
  ASSERT_EQ(closings.size(), 1U);
  EXPECT_EQ(closings[0]["name"], "deal/2026-11-01T00:00:00Z");
  EXPECT_EQ(closings[0]["period"]["name"], "2026-11");
  EXPECT_EQ(closings[0]["captured"], "3060");
  EXPECT_EQ(lines_of(closings[0]), std::vector<std::string>{"graduated -250"});
  EXPECT_EQ(closings[0]["lines"][0]["rated"], "2750");
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-2810");
  EXPECT_EQ(house.balance("revenue/lantern/CNY"), "2810");
  EXPECT_EQ(house.close_at("2026-12-01T00:00:01Z"), closings) << "once";

  Json statement = house.ask("GET", "/v1/contracts/deal/statement");
  EXPECT_TRUE(statement["agrees"]) << statement.dump(1);
  EXPECT_EQ(statement["closings"][0]["difference"], "-250");
  house.stop();
  house.start();
  EXPECT_EQ(house.close_at("2026-12-02T00:00:00Z"), closings) << "also over a restart";

  // December's count begins anew.
  house.call_at("2026-12-20T10:00:00Z", 3, 900, 10);
  Json later = house.close_at("2027-01-01T00:00:00Z");
  ASSERT_EQ(later.size(), 2U);
  EXPECT_EQ(lines_of(later[1]), std::vector<std::string>());
  EXPECT_EQ(later[1]["charged_in_all"], "4640");
}

TEST(Closing, grants_percentages_and_a_minimum_come_after_the_steps) {
  ClosingHouse house(std::string(kGraduated) + R"(
free: [{id: welcome, quantity: 10, kinds: [output]}]
percentages: [{id: partner, type: discount, percent: "10"}]
minimum: {amount: "5000"}
)");
  house.call_at("2026-11-20T10:00:00Z", 1, 1500, 20);  // captured 3000 + 60
  Json closings = house.close_at("2026-12-01T00:00:00Z");
  ASSERT_EQ(closings.size(), 1U);
  // Rated 2750 + 60; ten tokens free: 2780; a tenth off: 2502; the minimum takes the rest.
  EXPECT_EQ(lines_of(closings[0]),
            (std::vector<std::string>{"graduated -250", "free -30", "discount -278", "minimum 2498"}));
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-5000");

  Json invoice =
      house.ask("POST", "/v1/invoices", R"({"contract":"deal","period":"2026-11"})", 201)["invoice"];
  EXPECT_EQ(invoice["sum"], "5000");
  EXPECT_EQ(invoice["gross"], "5000.00");
  for (const char* form : {"html", "pdf"})
    EXPECT_EQ(house.send("GET", "/v1/invoices/lantern-2026-000001?format=" + std::string(form)).status, 200U);
}

TEST(Closing, an_invoice_closes_its_own_period_first) {
  ClosingHouse house(std::string(kGraduated) + "minimum: {amount: \"100\"}\n");
  house.time = moment("2026-12-05T00:00:00Z");
  // Nothing was used: the minimum is due all the same.
  Json invoice =
      house.ask("POST", "/v1/invoices", R"({"contract":"deal","period":"2026-11"})", 201)["invoice"];
  EXPECT_EQ(invoice["sum"], "100");
  EXPECT_EQ(invoice["lines"][0]["kind"], "minimum");
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-100");
}

TEST(Closing, what_was_paid_from_a_balance_goes_back_there_and_is_not_asked_for_again) {
  ClosingHouse house(std::string(kGraduated) + "minimum: {amount: \"3000\"}\n",
                     "  - {kind: cap, id: balance, unit: CNY, per: contract, window: prepaid}\n");
  house.ask("POST", "/v1/accounts/post",
            R"({"debit":"bank/CNY","credit":"prepaid/deal/balance/CNY","unit":"CNY","amount":"3100"})");
  house.call_at("2026-11-20T10:00:00Z", 1, 1500, 20);  // 3060 captured, 2810 rated
  Json closings = house.close_at("2026-12-01T00:00:00Z");
  EXPECT_EQ(closings[0]["difference"], "-60") << "250 less, 190 to the minimum";
  EXPECT_EQ(house.balance("prepaid/deal/balance/CNY"), "100");
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "none");

  // In December the minimum is 3000, and the balance has 100 of it.
  closings = house.close_at("2027-01-01T00:00:00Z");
  EXPECT_EQ(closings[1]["paid"], "100");
  EXPECT_EQ(closings[1]["owed"], "2900");
  EXPECT_EQ(house.balance("prepaid/deal/balance/CNY"), "0");
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-2900");
  Json invoice =
      house.ask("POST", "/v1/invoices", R"({"contract":"deal","period":"2026-12"})", 201)["invoice"];
  EXPECT_EQ(invoice["sum"], "2900");
  EXPECT_TRUE(house.ask("GET", "/v1/contracts/deal/statement")["agrees"]);
}

TEST(Closing, what_is_given_back_goes_to_each_payer_in_the_proportion_that_it_paid) {
  ClosingHouse house(kGraduated,
                     "  - {kind: payment, id: pay, sources: [{source: prepaid}, {source: postpaid}]}\n");
  house.ask("POST", "/v1/accounts/post",
            R"({"debit":"bank/CNY","credit":"prepaid/deal/pay/CNY","unit":"CNY","amount":"1000"})");
  house.call_at("2026-11-20T10:00:00Z", 1, 1500, 20);  // 500 of the prompt from the balance, 1000 on credit
  EXPECT_EQ(house.balance("prepaid/deal/pay/CNY"), "0");
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-2060");
  Json closings = house.close_at("2026-12-01T00:00:00Z");
  EXPECT_EQ(closings[0]["difference"], "-250");
  EXPECT_EQ(house.balance("prepaid/deal/pay/CNY"), "83.333333333333");
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-1893.333333333333");
  EXPECT_EQ(house.balance("revenue/lantern/CNY"), "2810");
  EXPECT_EQ(closings[0]["paid"], "-83.333333333333");
  EXPECT_EQ(closings[0]["owed"], "-166.666666666667");
  EXPECT_TRUE(house.ask("GET", "/v1/contracts/deal/statement")["agrees"]);
}

TEST(Closing, a_commitment_of_the_term_is_trued_up_at_its_end_with_all_that_was_charged) {
  ClosingHouse house(std::string(kGraduated) + "commitment: {amount: \"10000\", period: contract}\n", "",
                     R"({from: "2026-01-01", until: "2027-01-15"})");
  house.call_at("2026-11-20T10:00:00Z", 1, 1500, 20);  // 2810
  house.call_at("2027-01-10T10:00:00Z", 2, 100, 10);   // 230
  house.closes_at = moment("2027-01-15T00:00:07Z");
  house.call_at("2027-01-14T23:59:50Z", 3, 50, 0);  // closes late: 100 more, and no second commitment
  Json closings = house.close_at("2027-02-01T00:00:00Z");
  ASSERT_EQ(closings.size(), 4U);
  EXPECT_EQ(lines_of(closings[1]), std::vector<std::string>());
  EXPECT_EQ(lines_of(closings[2]), std::vector<std::string>{"commitment 6960"});
  EXPECT_EQ(closings[2]["period"]["to"], "2027-01-15T00:00:00Z");
  EXPECT_EQ(lines_of(closings[3]), std::vector<std::string>());
  EXPECT_EQ(closings[3]["charged_in_all"], "10100");
  EXPECT_EQ(house.close_at("2027-06-01T00:00:00Z").size(), 4U) << "it is over";
}

TEST(Closing, a_book_billed_by_the_day_hands_the_months_count_on) {
  ClosingHouse house(std::string(kGraduated) + "billing_period: day\n");
  house.call_at("2026-11-20T10:00:00Z", 1, 900, 0);
  house.call_at("2026-11-21T10:00:00Z", 2, 300, 0);
  Json closings = house.close_at("2026-11-23T12:00:00Z");
  ASSERT_EQ(closings.size(), 5U) << "the 18th to the 22nd";
  EXPECT_EQ(lines_of(closings[2]), std::vector<std::string>());
  EXPECT_EQ(lines_of(closings[3]), std::vector<std::string>{"graduated -100"})
      << "200 of them are above 1000";
  EXPECT_EQ(closings[4]["counters"][0]["units"], 1200);
}

TEST(Closing, a_corrected_price_of_a_closed_month_is_not_closed_again) {
  ClosingHouse house(kGraduated);
  house.calls_at = moment("2026-11-20T10:00:00Z");
  const Id id = house.make_call(1, 1500, 20);
  EXPECT_EQ(house.close_at("2026-12-01T00:00:00Z").size(), 1U);
  house.ask(
      "POST", "/v1/apply",
      R"({"kind":"PriceBook","name":"lower","version":1,"date":"2026-11-01","source":"t","currency":"CNY",
    "per_tokens":1,"prices":[{"model":"*","kind":"input","price":"1"},{"model":"*","kind":"output","price":"1"}]})");
  house.calls_at = house.time = moment("2026-12-10T00:00:00Z");
  house.ask("POST", "/v1/records/" + id.text() + "/correct", R"({"price_book":"lower"})");
  Json closings = house.close_at("2027-01-01T00:00:00Z");
  ASSERT_EQ(closings.size(), 2U);
  EXPECT_EQ(closings[1]["captured"], "0") << "the correction posted its own difference";
  EXPECT_TRUE(house.ask("GET", "/v1/contracts/deal/statement")["agrees"]);
}

TEST(Closing, another_length_of_periods_begins_with_the_next_period) {
  ClosingHouse house(std::string(kGraduated) + "minimum: {amount: \"1000\"}\n");
  house.time = moment("2026-11-25T00:00:00Z");
  house.ask(
      "POST", "/v1/apply",
      ClosingHouse::book_text(std::string(kGraduated) + "minimum: {amount: \"10\"}\nbilling_period: day\n"));
  Json closings = house.close_at("2026-12-03T00:00:00Z");
  ASSERT_EQ(closings.size(), 3U) << closings.dump(1);
  EXPECT_EQ(closings[0]["period"]["name"], "2026-11");
  EXPECT_EQ(lines_of(closings[0]), std::vector<std::string>{"minimum 10"}) << "of the version at its end";
  EXPECT_EQ(closings[2]["period"]["name"], "2026-12-02");
}

TEST(Closing, a_deleted_contract_ends_there_and_begins_anew_when_it_is_put_back) {
  ClosingHouse house(std::string(kGraduated) + "minimum: {amount: \"1000\"}\n");
  Json contract = house.ask("GET", "/v1/documents/Contract/deal");
  house.time = moment("2026-11-25T00:00:00Z");
  house.ask("DELETE", "/v1/documents/Key/alice");
  house.ask("DELETE", "/v1/documents/Contract/deal");
  Json closings = house.close_at("2027-02-10T00:00:00Z");
  ASSERT_EQ(closings.size(), 1U) << closings.dump(1);
  EXPECT_EQ(closings[0]["period"]["to"], "2026-11-25T00:00:00Z");
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-1000");
  house.ask("PUT", "/v1/documents/Contract/deal", contract.dump());
  closings = house.close_at("2027-04-01T00:00:00Z");
  ASSERT_EQ(closings.size(), 3U) << closings.dump(1);
  EXPECT_EQ(closings[1]["period"]["from"], "2027-02-10T00:00:00Z");
  EXPECT_EQ(closings[2]["period"]["name"], "2027-03");
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-3000");
}

TEST(Closing, a_contract_that_takes_another_book_is_closed_under_the_old_one_first) {
  ClosingHouse house(kGraduated);
  house.call_at("2026-11-20T10:00:00Z", 1, 1500, 0);  // 3000, rated 2750
  Json contract = house.ask("GET", "/v1/documents/Contract/deal");
  contract["price_book"] = "flat";
  house.time = house.calls_at = moment("2026-11-25T00:00:00Z");
  house.ask(
      "POST", "/v1/apply",
      R"({"kind":"PriceBook","name":"flat","version":1,"date":"2026-11-01","source":"t","currency":"CNY",
    "per_tokens":1,"prices":[{"model":"*","kind":"input","price":"1"},{"model":"*","kind":"output","price":"1"}]})");
  house.ask("PUT", "/v1/documents/Contract/deal", contract.dump());
  house.call_at("2026-11-26T10:00:00Z", 2, 100, 0);
  Json closings = house.close_at("2027-03-01T00:00:00Z");
  ASSERT_EQ(closings.size(), 1U) << closings.dump(1);
  EXPECT_EQ(lines_of(closings[0]), std::vector<std::string>{"graduated -250"});
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-2850");
}

TEST(Closing, an_end_that_is_written_late_still_ends_the_commitment) {
  ClosingHouse house(std::string(kGraduated) + "commitment: {amount: \"10000\", period: contract}\n");
  house.call_at("2026-11-20T10:00:00Z", 1, 1500, 0);
  EXPECT_EQ(house.close_at("2026-12-01T00:00:01Z").size(), 1U);
  Json contract = house.ask("GET", "/v1/documents/Contract/deal");
  contract["effective"]["until"] = "2026-12-01T00:00:00Z";
  house.time = moment("2026-12-02T00:00:00Z");
  house.ask("PUT", "/v1/documents/Contract/deal", contract.dump());
  Json closings = house.close_at("2027-03-01T00:00:00Z");
  ASSERT_EQ(closings.size(), 2U) << closings.dump(1);
  EXPECT_EQ(lines_of(closings[1]), std::vector<std::string>{"commitment 7250"});
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-10000");
}

TEST(Closing, what_a_royalty_was_paid_out_is_taken_back_all_the_same) {
  ClosingHouse house(kGraduated,
                     "  - {kind: royalty, id: owner, shares: [{party: harbor, percent: \"20\"}]}\n");
  house.call_at("2026-11-20T10:00:00Z", 1, 1500, 0);
  house.ask("POST", "/v1/accounts/post",
            R"({"debit":"royalty/harbor/CNY","credit":"bank/CNY","unit":"CNY","amount":"600","new":true})");
  house.ask("POST", "/v1/accounts/post",
            R"({"debit":"revenue/lantern/CNY","credit":"bank/CNY","unit":"CNY","amount":"2400","new":true})");
  EXPECT_EQ(house.close_at("2026-12-01T00:00:00Z").size(), 1U);
  EXPECT_EQ(house.balance("royalty/harbor/CNY"), "-50");
  EXPECT_EQ(house.balance("revenue/lantern/CNY"), "-200");
}

TEST(Closing, the_running_period_is_shown_as_if_it_ended_now_and_posts_nothing) {
  ClosingHouse house(std::string(kGraduated) + "minimum: {amount: \"5000\"}\n");
  house.call_at("2026-11-20T10:00:00Z", 1, 1500, 20);
  house.time = moment("2026-11-25T00:00:00Z");
  Json so_far = house.ask("GET", "/v1/contracts/deal/closing");
  EXPECT_EQ(lines_of(so_far), (std::vector<std::string>{"graduated -250", "minimum 2190"}));
  EXPECT_EQ(so_far["ends"], "2026-12-01T00:00:00Z");
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-3060");
  ClosingHouse flat(
      "prices: [{model: \"*\", kind: input, price: \"1\"}, {model: \"*\", kind: output, price: \"1\"}]\n");
  flat.ask("GET", "/v1/contracts/deal/closing", "", 403);
  EXPECT_EQ(flat.close_at("2030-01-01T00:00:00Z"), Json::array());
}

TEST(Closing, tax_stands_in_the_book_or_in_the_clause_and_may_be_contained_in_the_prices) {
  const std::string prices = R"(
prices: [{model: "*", kind: input, price: "1"}, {model: "*", kind: output, price: "1"}]
tax: {percent: "6", name: VAT, inclusive: INCLUSIVE}
)";
  auto with = [&](const char* inclusive) {
    return std::string(prices).replace(prices.find("INCLUSIVE"), 9, inclusive);
  };
  for (bool contained : {false, true}) {
    ClosingHouse house(with(contained ? "true" : "false"));
    house.call_at("2026-11-20T10:00:00Z", 1, 100, 6);
    house.time = moment("2026-12-05T00:00:00Z");
    Json invoice =
        house.ask("POST", "/v1/invoices", R"({"contract":"deal","period":"2026-11"})", 201)["invoice"];
    EXPECT_EQ(invoice["net"], contained ? "100.00" : "106.00");
    EXPECT_EQ(invoice["tax"], contained ? "6.00" : "6.36");
    EXPECT_EQ(invoice["gross"], contained ? "106.00" : "112.36");
    EXPECT_EQ(house.balance("receivable/harbor/CNY"), contained ? "-106" : "-112.36");
    EXPECT_EQ(house.balance("revenue/lantern/CNY"), contained ? "100" : "106");
    EXPECT_EQ(house.balance("tax/lantern/CNY"), contained ? "6" : "6.36");
    // Credited whole, everything is as if it had not been.
    house.ask("POST", "/v1/invoices/lantern-2026-000001/credit",
              R"({"amount":")" + invoice["gross"].get<std::string>() + R"(","reason":"goodwill","id":"c"})",
              201);
    for (const char* account : {"receivable/harbor/CNY", "revenue/lantern/CNY", "tax/lantern/CNY"})
      EXPECT_EQ(house.balance(account), "0") << account;
    Json refused = house.ask("POST", "/v1/apply", R"({"kind":"Contract","name":"both","version":1,
      "parties":{"provider":"lantern","consumer":"harbor"},"method":"native-v1","price_book":"deal-prices","effective":{"from":"2026-01-01"},
      "clauses":[{"kind":"settlement","tax":[{"name":{"en":"VAT"},"percent":"6"}]}]})",
                             400);
    EXPECT_NE(refused.dump().find("stands in the price book deal-prices as well"), std::string::npos)
        << refused.dump();
  }
}

TEST(Closing, royalties_are_those_of_the_contract_as_it_was_at_each_call) {
  auto clause = [](const std::string& percent) {
    return "  - {kind: royalty, id: owner, shares: [{party: harbor, percent: \"" + percent + "\"}]}\n";
  };
  ClosingHouse house(kGraduated, clause("20"));
  house.call_at("2026-11-20T10:00:00Z", 1, 1500, 0);  // 3000 charged, 2750 rated: 600, and 50 back
  house.ask("POST", "/v1/apply", "---" + deal_document("deal-prices", clause("10")));
  house.call_at("2026-11-21T10:00:00Z", 2, 100, 0);  // 200 charged, 150 rated: 20, and 5 back
  EXPECT_EQ(house.balance("royalty/harbor/CNY"), "620");
  house.close_at("2026-12-01T00:00:00Z");
  EXPECT_EQ(house.balance("royalty/harbor/CNY"), "565");
}

TEST(Closing, royalties_get_their_share_of_what_concerns_their_models) {
  ClosingHouse house(std::string(kGraduated) + "minimum: {amount: \"5000\"}\n",
                     "  - {kind: royalty, id: owner, shares: [{party: harbor, percent: \"20\"}]}\n");
  house.call_at("2026-11-20T10:00:00Z", 1, 1500, 0);  // 3000, rated 2750
  EXPECT_EQ(house.balance("royalty/harbor/CNY"), "600");
  house.close_at("2026-12-01T00:00:00Z");
  EXPECT_EQ(house.balance("royalty/harbor/CNY"), "550") << "not of the minimum";
  EXPECT_EQ(house.balance("revenue/lantern/CNY"), "4450");
}

TEST(Closing, the_timer_closes_what_is_over_and_says_what_is_in_the_way) {
  ClosingHouse house(kGraduated);
  house.call_at("2026-11-20T10:00:00Z", 1, 1500, 0);
  std::atomic<TimePoint> clock{moment("2026-12-01T00:00:02Z")};
  ClosingTimer timer(
      *house.api, [&] { return clock.load(); }, [](std::string_view trouble) { ADD_FAILURE() << trouble; });
  for (int i = 0; i < 300 && house.ask("GET", "/v1/contracts/deal/closings")["closings"].empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-2750");
}

// Whatever the schedules and rules, and however a month's use is cut into calls: what was captured and what
// the close adds are what rating the whole month at once comes to.
TEST(Closing, captured_and_closed_is_the_month_rated_at_once) {
  std::mt19937_64 random(20261130);
  auto upto = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 12; ++round) {
    auto schedule = [&] {
      switch (upto(4)) {
        case 0:
          return std::string("price: \"0.75\"");
        case 1:
          return std::string("schedule: {type: graduated, period: ") + (upto(2) ? "day" : "month") +
                 ", steps: [{up_to: 400, price: \"2\", fee: \"5\"}, {up_to: 900, price: \"1.25\"}, {price: "
                 "\"0.5\"}]}";
        case 2:
          return std::string(
              "schedule: {type: volume, steps: [{up_to: 700, price: \"2\"}, {price: \"1.1\"}]}");
        default:
          return std::string("schedule: {type: package, block: 100, price: \"130\"}");
      }
    };
    std::string book = "prices:\n  - {id: in, model: \"*\", kind: input, " + schedule() +
                       "}\n  - {id: out, model: smollm2, kind: output, " + schedule() + "}\n";
    if (upto(2)) book += "free: [{quantity: 150, kinds: [input, output]}]\n";
    if (upto(2))
      book +=
          "percentages: [{type: discount, percent: \"7.5\"}, {type: fee, percent: \"1.125\", kinds: "
          "[output]}]\n";
    if (upto(2)) book += "minimum: {amount: \"900\"}\n";
    if (upto(2)) book += "rounding: {decimals: 2, mode: half_up, at: document}\n";
    SCOPED_TRACE(book);
    ClosingHouse house(book);
    std::vector<price::Usage> usages;
    const int calls = 5 + upto(20);
    std::vector<int> minutes;
    for (int i = 0; i < calls; ++i) minutes.push_back(upto(12 * 24 * 60 - 1));
    std::sort(minutes.begin(), minutes.end());
    for (int i = 0; i < calls; ++i) {
      house.calls_at = moment("2026-11-19T00:00:00Z") + seconds(minutes[static_cast<std::size_t>(i)] * 60);
      price::Usage usage{.model = "smollm2", .situation = {.at = house.calls_at}, .counts = {}};
      usage.counts[price::Meter::kInput] = 1 + upto(120);
      usage.counts[price::Meter::kOutput] = upto(60);
      house.make_call(i, usage.counts[price::Meter::kInput], usage.counts[price::Meter::kOutput]);
      usages.push_back(usage);
    }
    Json closings = house.close_at("2026-12-01T00:00:00Z");
    ASSERT_EQ(closings.size(), 1U);

    contract::Reading read = contract::read_documents(ClosingHouse::book_text(book), "book");
    ASSERT_TRUE(read.errors.empty());
    price::Book parsed = price::Book::parse(read.documents[0].value).value();
    price::Counters counters;
    auto rated = price::rate(parsed, usages, counters);
    ASSERT_TRUE(rated.ok()) << rated.error().text();
    auto rules = price::close_period(parsed, *rated, {}).value();
    Amount whole = price::total(*rated).value() + price::total(rules).value();
    EXPECT_EQ(money(closings[0]["charged"]), whole) << closings.dump(1);
    EXPECT_EQ(money(closings[0]["captured"]) + money(closings[0]["difference"]), whole);
    EXPECT_EQ(money(house.balance("receivable/harbor/CNY")), -whole);
    EXPECT_EQ(money(house.balance("revenue/lantern/CNY")), whole);
    EXPECT_TRUE(house.ask("GET", "/v1/contracts/deal/statement")["agrees"]);
  }
}

}  // namespace
}  // namespace ciyuan::admin
