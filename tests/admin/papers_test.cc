/// Invoices, credit notes, settlements and exports, through the control plane and into the books.

#include "house.h"
#include "report/settlement.h"

namespace ciyuan::admin {
namespace {

using report::step_body;
using report::step_text;

/// A house with a contract whose calls cost something: 10.50 CNY a thousand tokens in, 31.003 out, 6 % tax.
struct SettlingHouse : House {
  tlog::NoteSigner lantern = tlog::NoteSigner::make("lantern.example", SigningKey::generate()).value();
  tlog::NoteSigner harbor = tlog::NoteSigner::make("harbor.example", SigningKey::generate()).value();

  explicit SettlingHouse(const std::string& clause_more = "") {
    std::string text = demo_documents() + R"(
---
kind: Party
name: lantern
title: {en: Lantern Compute, zh: 灯塔算力}
address: {en: "8 Harbour Road, Shanghai"}
tax_id: 91310000MA1FL0XX0X
settlement_key: )" + lantern.verifier().text() +
                       R"(
---
kind: Party
name: harbor
title: {en: Harbor Trading, zh: 海港贸易}
settlement_key: )" + harbor.verifier().text() +
                       book_document("deal-prices", R"(per_tokens: 1000
prices:
  - {model: smollm2, kind: input, price: "10.50"}
  - {model: smollm2, kind: output, price: "31.003"})") +
                       R"(
---
kind: ExchangeRates
name: fixing
date: 2026-12-01
source: the test's bank
rates:
  - {from: CNY, to: USD, rate: "0.1404"}
)" + deal_document("deal-prices", R"(
  - kind: settlement
    utc_offset_minutes: 480
    due_days: 20
    dispute_days: 10
    tax: [{name: {en: VAT, zh: 增值税}, percent: "6"}]
)" + clause_more);
    // The demo's own parties give way to those with keys.
    std::string documents = text;
    for (const char* name : {"lantern", "harbor"}) {
      std::size_t at = documents.find("kind: Party\nname: " + std::string(name));
      documents.erase(at, documents.find("---\n", at) + 4 - at);
    }
    ask("POST", "/v1/apply", documents);
    ask("POST", "/v1/keys", R"({"name":"alice","contract":"deal"})", 201);
    time = parse_rfc3339("2026-12-02T08:00:00Z").value();
  }

  Json invoice(unsigned status = 201) {
    return ask("POST", "/v1/invoices", R"({"contract":"deal","period":"2026-11"})", status)["invoice"];
  }
  std::string note(const std::string& number, const std::string& step, const Json& body,
                   std::initializer_list<const tlog::NoteSigner*> signers) {
    std::string text = step_text(number, step, body).value(), note = text + "\n";
    for (const tlog::NoteSigner* one : signers) note += one->signature_line(text);
    return note;
  }
  Json take(const std::string& number, const std::string& step, const Json& body,
            std::initializer_list<const tlog::NoteSigner*> signers, unsigned status = 201) {
    Json request = {{"step", step}, {"body", body}, {"note", note(number, step, body, signers)}};
    return ask("POST", "/v1/settlements/" + number, request.dump(), status);
  }
};

TEST(Papers, an_invoice_rounds_taxes_and_posts_to_the_last_digit) {
  SettlingHouse house;
  house.make_call(1, 1000, 333);  // 10.50 + 10.323999
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-20.823999");
  Json invoice = house.invoice();
  EXPECT_EQ(invoice["name"], "lantern-2026-000001");
  EXPECT_EQ(invoice["sum"], "20.823999");
  EXPECT_EQ(invoice["net"], "20.82");
  EXPECT_EQ(invoice["rounding"]["difference"], "-0.003999");
  EXPECT_EQ(invoice["tax"], "1.25");
  EXPECT_EQ(invoice["gross"], "22.07");
  EXPECT_EQ(invoice["due"], "2026-12-22");
  EXPECT_EQ(invoice["calls"], "1");
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-22.07");
  EXPECT_EQ(house.balance("rounding/lantern/CNY"), "-0.003999");
  EXPECT_EQ(house.balance("tax/lantern/CNY"), "1.25");

  // Again: the same paper, and not a posting more.
  Json again = house.ask("POST", "/v1/invoices", R"({"contract":"deal","period":"2026-11"})");
  EXPECT_TRUE(again["existed"]);
  EXPECT_EQ(again["invoice"], invoice);
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-22.07");
  Json statement = house.ask("GET", "/v1/contracts/deal/statement");
  EXPECT_TRUE(statement["agrees"]) << statement.dump(1);
  EXPECT_EQ(statement["accounts"][0]["papers"], "-1.246001");
  EXPECT_EQ(statement["accounts"][0]["closing"], "-22.07");

  // Papers are nobody's to put or delete.
  EXPECT_EQ(house.send("DELETE", "/v1/documents/Invoice/lantern-2026-000001").status, 404U);
  EXPECT_EQ(house.send("PUT", "/v1/documents/Invoice/lantern-2026-000001", invoice.dump()).status, 400U);
  house.stop();
  house.start();
  EXPECT_EQ(house.ask("GET", "/v1/invoices/lantern-2026-000001"), invoice);
}

TEST(Papers, the_root_of_the_records_is_what_anyone_makes_of_their_leaves) {
  SettlingHouse house;
  for (int i = 0; i < 5; ++i) house.make_call(i, 10, 10);
  Json proof = house.invoice()["proof"];
  EXPECT_EQ(proof["records"], "5");
  tlog::CompactRange tree;
  auto reader = house.store->reader().value();
  for (auto leaf = std::stoull(proof["first_leaf"].get<std::string>());
       leaf <= std::stoull(proof["last_leaf"].get<std::string>()); ++leaf) {
    auto row = reader->record_at(leaf).value();
    if (!row) continue;
    tree.append(tlog::leaf_hash(bytes_of(reader->log_entries(leaf, 1).value().at(0))));
  }
  EXPECT_EQ(proof["records_root"], to_hex(tree.root()));
}

TEST(Papers, numbers_run_without_gaps_whatever_was_refused_in_between) {
  SettlingHouse house;
  auto ask_for = [&](const std::string& period, unsigned status) {
    return house.ask("POST", "/v1/invoices", R"({"contract":"deal","period":")" + period + "\"}", status);
  };
  house.make_call(1, 1000, 100);
  EXPECT_EQ(ask_for("2026-11-18", 201)["invoice"]["name"], "lantern-2026-000001");
  EXPECT_NE(ask_for("2026-11", 409)["detail"].get<std::string>().find("lantern-2026-000001"),
            std::string::npos);
  ask_for("2026-11-19", 403);  // nothing was used
  ask_for("2026-12", 400);     // not over
  ask_for("2026-13", 400);
  house.ask("POST", "/v1/invoices", R"({"contract":"nothing","period":"2026-11"})", 404);
  house.ask("POST", "/v1/invoices", R"({"contract":"deal","period":"2026-11","tax":"0"})", 400);
  // Over the year's end the numbers begin again; here, another day with a correction would be the next one.
  for (int day = 19; day < 22; ++day) ask_for("2026-11-" + std::to_string(day), 403);
  Json listed = house.ask("GET", "/v1/invoices?prefix=lantern-2026-");
  EXPECT_EQ(listed["invoices"].size(), 1U);
}

TEST(Papers, an_invoice_in_another_currency_names_rate_and_day_and_moves_the_debt) {
  SettlingHouse house("    currency: USD\n    exchange_rates: fixing\n    rounding: half_up\n");
  house.make_call(1, 10'000, 0);  // 105 CNY
  Json invoice = house.invoice();
  EXPECT_EQ(invoice["net"], "14.74");  // 14.742
  EXPECT_EQ(invoice["tax"], "0.88");
  EXPECT_EQ(invoice["exchange"]["rate"], "0.1404");
  EXPECT_EQ(invoice["exchange"]["date"], "2026-12-01");
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "0");
  EXPECT_EQ(house.balance("receivable/harbor/USD"), "-15.62");
  EXPECT_EQ(house.balance("exchange/lantern/CNY"), "-105");
  EXPECT_EQ(house.balance("exchange/lantern/USD"), "14.74");
}

TEST(Papers, a_rate_that_is_too_old_for_the_period_is_refused) {
  SettlingHouse house("    currency: USD\n    exchange_rates: fixing\n");
  house.make_call(1, 10'000, 0);
  auto apply = [&](const std::string& date, const std::string& more = "") {
    house.ask("POST", "/v1/apply",
              "kind: ExchangeRates\nname: fixing\ndate: " + date + "\nsource: s\n" + more +
                  "rates: [{from: CNY, to: USD, rate: \"0.14\"}]\n");
  };
  const std::string asked = R"({"contract":"deal","period":"2026-11"})";
  apply("2026-11-22");
  Json refused = house.ask("POST", "/v1/invoices", asked, 403);
  EXPECT_NE(refused.dump().find("ExchangeRates/fixing/date"), std::string::npos) << refused.dump();
  EXPECT_NE(refused.dump().find("more than 7 days before 2026-11-30"), std::string::npos) << refused.dump();
  EXPECT_EQ(house.ask("GET", "/v1/invoices")["invoices"], Json::array());
  apply("2026-11-29", "max_age_days: 0\n");
  house.ask("POST", "/v1/invoices", asked, 403);
  apply("2026-11-23");
  house.ask("POST", "/v1/invoices", asked, 201);
}

TEST(Papers, a_currency_without_a_rate_is_refused_by_name) {
  House house;
  std::string documents = demo_documents();
  std::string clause = "  - kind: settlement\n    currency: EUR\n    exchange_rates: fixing\n";
  std::string bad =
      "\n---\nkind: ExchangeRates\nname: fixing\ndate: 2026-12-01\nsource: s\nrates: [{from: CNY, to: USD, "
      "rate: \"0.14\"}]\n"
      "---\nkind: Contract\nname: deal\nversion: 1\nparties: {provider: lantern, consumer: harbor}\nmethod: "
      "native-v1\n"
      "price_book: demo-prices\neffective: {from: \"2026-01-01\"}\nclauses:\n" +
      clause;
  Json problem = house.ask("POST", "/v1/apply", documents + bad, 400);
  EXPECT_NE(problem.dump().find("no rate from CNY to EUR"), std::string::npos) << problem.dump();
  for (const auto& [rate, rule] : std::vector<std::pair<std::string, std::string>>{
           {"{from: CNY, to: USD, rate: \"0\"}", "0 is no rate"},
           {"{from: CNY, to: CNY, rate: \"1\"}", "the currency itself"},
           {"{from: CNY, to: USD, rate: \"0.14\"}, {from: CNY, to: USD, rate: \"0.15\"}", "stands twice"},
           {"{from: CNY, to: USD, rate: \"0.14\"}, {from: USD, to: CNY, rate: \"0.14\"}", "contradict"},
           {"{from: cny, to: USD, rate: \"0.14\"}", "/rates/0/from"}}) {
    Json refused = house.ask(
        "POST", "/v1/apply",
        "kind: ExchangeRates\nname: fixing\ndate: 2026-12-01\nsource: s\nrates: [" + rate + "]\n", 400);
    EXPECT_NE(refused.dump().find(rule), std::string::npos) << refused.dump();
  }
}

TEST(Papers, credit_notes_give_back_net_and_tax_and_never_more_than_the_invoice) {
  SettlingHouse house;
  house.make_call(1, 1000, 333);
  std::string number = house.invoice()["name"];
  auto credit = [&](const std::string& amount, const std::string& id, unsigned status,
                    const std::string& reason = "goodwill") {
    return house.ask("POST", "/v1/invoices/" + number + "/credit",
                     Json{{"amount", amount}, {"reason", reason}, {"id", id}}.dump(), status);
  };
  Json note = credit("10", "a", 201)["credit_note"];
  EXPECT_EQ(note["name"], "lantern-2026-C000001");
  EXPECT_EQ(note["net"], "9.43");
  EXPECT_EQ(note["tax"], "0.57");
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-12.07");
  EXPECT_TRUE(credit("10", "a", 200)["existed"]);
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-12.07");
  credit("11", "a", 409);
  credit("12.08", "b", 403);
  credit("0.001", "b", 400);
  credit("-1", "b", 400);
  credit("0", "b", 400);
  credit("1", "b", 400, "because");
  EXPECT_EQ(credit("12.07", "b", 201)["credit_note"]["name"], "lantern-2026-C000002");
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "0");
  EXPECT_EQ(house.balance("tax/lantern/CNY"), "0");
  EXPECT_EQ(house.balance("revenue/lantern/CNY"), "0");
  EXPECT_EQ(house.balance("rounding/lantern/CNY"), "0");
  credit("0.01", "c", 403);
}

TEST(Papers, both_parties_sign_off_an_invoice_and_nobody_else_can) {
  SettlingHouse house;
  house.make_call(1, 1000, 333);
  Json invoice = house.invoice();
  std::string number = invoice["name"];
  Json body = step_body(invoice).value();
  house.take(number, "accept", body, {&house.harbor}, 409);
  house.take(number, "propose", body, {&house.harbor}, 403);
  house.take(number, "propose", body, {&house.signer}, 403);
  house.take(number, "propose", {{"proposal", std::string(64, '0')}}, {&house.lantern}, 400);
  Json proposed = house.take(number, "propose", body, {&house.lantern});
  EXPECT_EQ(proposed["settlement"]["state"], "proposed");
  EXPECT_EQ(proposed["settlement"]["dispute_until"], "2026-12-12T08:00:00Z");
  EXPECT_TRUE(house.take(number, "propose", body, {&house.lantern}, 200)["existed"]);
  house.take(number, "accept", body, {&house.lantern}, 403);
  // Another step's signature, under the right key, signs another text.
  Json wrong = {
      {"step", "accept"}, {"body", body}, {"note", house.note(number, "settle", body, {&house.harbor})}};
  house.ask("POST", "/v1/settlements/" + number, wrong.dump(), 400);
  EXPECT_EQ(house.take(number, "accept", body, {&house.harbor})["settlement"]["state"], "accepted");
  house.take(number, "dispute", {{"proposal", body["proposal"]}, {"disputes", Json::array()}},
             {&house.harbor}, 409);
  Json settled = house.take(number, "settle", body, {&house.lantern})["settlement"];
  EXPECT_EQ(settled["state"], "settled");
  EXPECT_EQ(settled["payable"], "22.07");
  house.stop();
  house.start();
  EXPECT_EQ(house.ask("GET", "/v1/settlements/" + number), settled);
  // Each step is in the log, by the digest of the state it made.
  std::size_t steps = 0;
  Json acts = house.ask("GET", "/v1/acts?limit=1000");
  for (const Json& act : acts["acts"]) steps += act["subject"] == "Settlement/" + number ? 1 : 0;
  EXPECT_EQ(steps, 3U);
}

TEST(Papers, disputed_money_waits_in_its_own_account_until_both_resolve_it) {
  SettlingHouse house;
  Id call = house.make_call(1, 1000, 333);
  Json invoice = house.invoice();
  std::string number = invoice["name"];
  Json body = step_body(invoice).value();
  house.take(number, "propose", body, {&house.lantern});
  auto dispute = [&](const Json& one, unsigned status) {
    Json with = body;
    with["disputes"] = Json::array({one});
    return house.take(number, "dispute", with, {&house.harbor}, status);
  };
  Json good = {{"reason", "wrong_count"}, {"amount", "5.30"}, {"records", {call.text()}}};
  auto with = [&](const char* member, const Json& value) {
    Json changed = good;
    changed[member] = value;
    return changed;
  };
  dispute(with("amount", "22.08"), 403);
  dispute(with("amount", "0.001"), 400);
  dispute(with("amount", "0"), 400);
  dispute(with("amount", "x"), 400);
  dispute(with("reason", "mood"), 400);
  dispute(with("records", {make_uuid7(kStart).text()}), 403);
  dispute(with("records", {"x"}), 400);
  dispute(with("records", {call.text(), call.text()}), 400);
  dispute(with("sum", "1"), 400);
  EXPECT_EQ(house.balance("disputed/deal/CNY"), "none");
  EXPECT_EQ(dispute(good, 201)["settlement"]["state"], "disputed");
  EXPECT_EQ(house.balance("disputed/deal/CNY"), "-5.3");
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-16.77");
  dispute(good, 200);
  EXPECT_EQ(house.balance("disputed/deal/CNY"), "-5.3");
  house.take(number, "settle", body, {&house.lantern}, 409);

  Json verdict = body;
  verdict["upheld"] = "5.31";
  house.take(number, "resolve", verdict, {&house.lantern, &house.harbor}, 403);
  verdict["upheld"] = "3.18";
  house.take(number, "resolve", verdict, {&house.harbor}, 403);
  house.take(number, "resolve", verdict, {&house.lantern}, 403);
  Json resolved = house.take(number, "resolve", verdict, {&house.lantern, &house.harbor})["settlement"];
  EXPECT_EQ(resolved["credit_note"], "lantern-2026-C000001");
  EXPECT_EQ(house.balance("disputed/deal/CNY"), "0");
  EXPECT_EQ(house.balance("receivable/harbor/CNY"), "-18.89");
  EXPECT_EQ(house.take(number, "settle", body, {&house.lantern})["settlement"]["payable"], "18.89");
  EXPECT_TRUE(house.ask("GET", "/v1/contracts/deal/statement")["agrees"]);
  EXPECT_EQ(house.ask("GET", "/v1/credit-notes/lantern-2026-C000001")["reason"], "dispute_upheld");
}

TEST(Papers, the_dispute_window_closes_and_silence_settles) {
  SettlingHouse house;
  house.make_call(1, 1000, 333);
  Json invoice = house.invoice();
  std::string number = invoice["name"];
  Json body = step_body(invoice).value();
  house.take(number, "propose", body, {&house.lantern});
  house.take(number, "settle", body, {&house.lantern}, 403);
  house.time = parse_rfc3339("2026-12-12T08:00:00Z").value();
  Json late = body;
  late["disputes"] = Json::array({Json{{"reason", "not_ours"}, {"amount", "1.00"}}});
  house.take(number, "dispute", late, {&house.harbor}, 403);
  Json settled = house.take(number, "settle", body, {&house.lantern})["settlement"];
  EXPECT_EQ(settled["accepted_by"], "silence");
}

TEST(Papers, what_was_paid_cannot_be_disputed_any_more) {
  SettlingHouse house;
  house.make_call(1, 1000, 333);
  Json invoice = house.invoice();
  std::string number = invoice["name"];
  Json body = step_body(invoice).value();
  house.take(number, "propose", body, {&house.lantern});
  house.ask("POST", "/v1/accounts/post",
            R"({"debit":"bank/harbor/CNY","credit":"receivable/harbor/CNY","unit":"CNY","amount":"20"})");
  Json much = body;
  much["disputes"] = Json::array({Json{{"reason", "not_ours"}, {"amount", "2.08"}}});
  EXPECT_NE(house.take(number, "dispute", much, {&house.harbor}, 403).dump().find("2.07"), std::string::npos);
  much["disputes"][0]["amount"] = "2.07";
  house.take(number, "dispute", much, {&house.harbor});
}

TEST(Papers, usage_is_exported_in_three_formats_and_others_are_refused) {
  SettlingHouse house;
  house.make_call(1, 1000, 333, "=cmd()");
  house.invoice();
  std::string csv = house.send("GET", "/v1/contracts/deal/usage?period=2026-11").body;
  EXPECT_NE(csv.find(",'=cmd(),"), std::string::npos) << csv;
  EXPECT_NE(csv.find("input,1000,0.0105,10.5,CNY"), std::string::npos) << csv;
  std::string focus = house.send("GET", "/v1/contracts/deal/usage?period=2026-11&format=focus").body;
  EXPECT_NE(focus.find("lantern-2026-000001"), std::string::npos);
  EXPECT_NE(focus.find(",Tax,"), std::string::npos);
  Json tmf =
      parse_json(house.send("GET", "/v1/contracts/deal/usage?period=2026-11&format=tmf635").body).value();
  ASSERT_EQ(tmf.size(), 1U);
  EXPECT_EQ(tmf[0]["status"], "billed");
  EXPECT_EQ(tmf[0]["ratedProductUsage"][0]["taxExcludedRatingAmount"]["value"], "10.5");
  EXPECT_EQ(house.send("GET", "/v1/contracts/deal/usage?period=2026-11&format=xml").status, 400U);
  EXPECT_EQ(house.send("GET", "/v1/contracts/deal/usage").status, 400U);
  EXPECT_EQ(house.send("GET", "/v1/contracts/nothing/usage?period=2026-11").status, 404U);
}

TEST(Papers, a_budget_tells_what_was_reached_and_when) {
  SettlingHouse house;
  house.time = kStart;  // the clerk's time never goes back
  std::string budget =
      "kind: Budget\nname: team\ncontract: deal\nunit: CNY\namount: \"25\"\nalerts: [50, 80, 90]\n";
  house.ask("POST", "/v1/apply", budget);
  house.ask("POST", "/v1/apply",
            "kind: Budget\nname: bad\ncontract: nowhere\nunit: CNY\namount: 0\nkey: bob\n", 400);
  house.make_call(1, 1000, 333);
  house.time = parse_rfc3339("2026-11-20T00:00:00Z").value();
  Json state = house.ask("GET", "/v1/budgets/team");
  EXPECT_EQ(state["spent"], "20.823999");
  EXPECT_EQ(state["percent"], "83.29");
  EXPECT_EQ(state["alerts"][1]["reached_at"], to_rfc3339(kStart));
  EXPECT_FALSE(state["alerts"][2].contains("reached_at"));
  EXPECT_TRUE(state.contains("forecast_missing"));
  EXPECT_EQ(house.ask("GET", "/v1/budgets")["budgets"].size(), 1U);
  EXPECT_EQ(house.send("GET", "/v1/budgets/none").status, 404U);
  EXPECT_EQ(house.send("GET", "/v1/contracts/deal/forecast").status, 403U);
  EXPECT_EQ(house.send("GET", "/v1/contracts/deal/forecast?unit=EUR").status, 400U);
}

TEST(Papers, a_split_adds_up_to_the_statement) {
  SettlingHouse house;
  house.make_call(1, 100, 10, "s1");
  house.make_call(2, 200, 20, "s2");
  house.make_call(3, 300, 30, "s2");
  Json statement = house.ask("GET", "/v1/contracts/deal/statement?period=2026-11&split=session");
  ASSERT_EQ(statement["split"].size(), 2U);
  EXPECT_EQ(statement["split"][0]["calls"], 1);
  EXPECT_EQ(statement["split"][1]["tokens"], 550);
  EXPECT_EQ(house.send("GET", "/v1/contracts/deal/statement?split=mood").status, 400U);
  Json party = house.ask("GET", "/v1/parties/harbor/statement?period=2026-11");
  EXPECT_EQ(party["money"]["CNY"], statement["money"]["CNY"]);
  EXPECT_EQ(party["contracts"].size(), 3U);
  EXPECT_EQ(house.send("GET", "/v1/parties/nobody/statement").status, 404U);
}

}  // namespace
}  // namespace ciyuan::admin
