#include "admin/api.h"

#include <sys/resource.h>

#include <csignal>
#include <map>
#include <set>

#include "house.h"

namespace ciyuan::admin {
namespace {

std::string with_key(const std::string& documents, House& house) {
  EXPECT_EQ(house.ask("POST", "/v1/apply", documents)["changed"].size(), 8U);
  return house.ask("POST", "/v1/keys", R"({"name":"alice","contract":"demo"})", 201)["secret"];
}

TEST(Api, applies_documents_all_or_nothing) {
  House house;
  std::string bad =
      demo_documents() +
      "\n---\nkind: Key\nname: k\ncontract: nowhere\nsha256: abc\n---\nkind: Party\nname: bad name\n";
  Json problem = house.ask("POST", "/v1/apply?source=my.yaml", bad, 400);
  EXPECT_EQ(problem["errors"].size(), 2U);
  EXPECT_NE(problem["errors"][0]["path"].get<std::string>().find("my.yaml"), std::string::npos);
  EXPECT_TRUE(house.ask("GET", "/v1/documents")["documents"].empty());

  Json outcome = house.ask("POST", "/v1/apply", demo_documents());
  EXPECT_EQ(outcome["changed"].size(), 8U);
  EXPECT_EQ(house.ask("POST", "/v1/apply", demo_documents())["unchanged"].size(), 8U);
  EXPECT_EQ(house.ask("GET", "/v1/documents?kind=Contract")["documents"].size(), 2U);
  EXPECT_EQ(house.published->find_model("smollm2")->name, "smollm2");
}

// The disk takes the first documents and not the last: none of them may be in force.
TEST(Api, an_apply_that_cannot_be_committed_leaves_nothing_applied) {
  House house;
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit full{.rlim_cur = 48 << 10, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &full);
  http::Response failed = house.send("POST", "/v1/apply", demo_documents());
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(failed.status, 503U) << failed.body;
  EXPECT_TRUE(house.ask("GET", "/v1/documents")["documents"].empty());
  EXPECT_TRUE(house.published->models().empty());
  EXPECT_EQ(house.ask("POST", "/v1/apply", demo_documents())["changed"].size(), 8U);
  house.stop();
  house.start();
  EXPECT_EQ(house.ask("GET", "/v1/documents")["documents"].size(), 8U);
}

TEST(Api, a_dry_run_changes_nothing) {
  House house;
  EXPECT_TRUE(house.ask("POST", "/v1/apply?dry_run=true", demo_documents())["changed"].empty());
  EXPECT_TRUE(house.ask("GET", "/v1/documents")["documents"].empty());
  EXPECT_EQ(house.send("POST", "/v1/apply?dry_run=true", "kind: Nothing").status, 400U);
}

TEST(Api, documents_outlive_the_process_and_each_version_is_in_the_log) {
  House house;
  house.ask("POST", "/v1/apply", demo_documents());
  std::string party = R"({"kind":"Party","name":"harbor","contact":"new"})";
  EXPECT_EQ(house.ask("PUT", "/v1/documents/Party/harbor", party)["changed"][0], "Party/harbor");
  house.stop();
  house.start();
  EXPECT_EQ(house.published->find_document("Party", "harbor")->value["contact"], "new");
  EXPECT_EQ(house.ask("GET", "/v1/documents/Party/harbor"), *parse_json(party));
  Json history = house.ask("GET", "/v1/documents/Party/harbor?history=true");
  EXPECT_EQ(history["versions"].size(), 2U);
  EXPECT_GT(house.ask("GET", "/v1/log")["size"].get<int>(), 8);
  EXPECT_EQ(house.ask("GET", "/v1/acts?limit=3")["acts"].size(), 3U);
}

TEST(Api, refuses_to_delete_what_others_refer_to) {
  House house;
  house.ask("POST", "/v1/apply", demo_documents());
  Json problem = house.ask("DELETE", "/v1/documents/Party/harbor", "", 400);
  EXPECT_NE(problem["errors"][0]["message"].get<std::string>().find("\"harbor\" names no Party"),
            std::string::npos);
  EXPECT_EQ(house.ask("DELETE", "/v1/documents/Contract/demo-prepaid")["removed"][0],
            "Contract/demo-prepaid");
  EXPECT_EQ(house.send("GET", "/v1/documents/Contract/demo-prepaid").status, 404U);
  EXPECT_EQ(house.send("DELETE", "/v1/documents/Contract/demo-prepaid").status, 404U);
  EXPECT_EQ(house.published->find_document("Contract", "demo-prepaid"), nullptr);
}

TEST(Api, the_address_of_a_put_must_be_the_documents_own) {
  House house;
  EXPECT_EQ(house.send("PUT", "/v1/documents/Party/a", R"({"kind":"Party","name":"b"})").status, 400U);
  EXPECT_EQ(
      house.send("PUT", "/v1/documents/Party/a", "kind: Party\nname: a\n---\nkind: Party\nname: c\n").status,
      400U);
  EXPECT_EQ(house.send("PUT", "/v1/documents/Party/a", "kind: Party\nname: a\n").status, 200U);
}

TEST(Api, a_keys_secret_is_shown_once_and_kept_nowhere) {
  House house;
  std::string secret = with_key(demo_documents(), house);
  ASSERT_EQ(secret.size(), 67U);
  ASSERT_NE(house.published->find_key(secret), nullptr);
  EXPECT_EQ(house.published->find_key(secret)->name, "alice");
  EXPECT_EQ(house.ask("GET", "/v1/documents/Key/alice").dump().find(secret.substr(3)), std::string::npos);
  EXPECT_EQ(house.send("POST", "/v1/keys", R"({"name":"alice","contract":"demo"})").status, 409U)
      << "not silently replaced";
  EXPECT_EQ(house.send("POST", "/v1/keys", R"({"name":"bob","contract":"demo","sha256":"00"})").status, 400U);
  EXPECT_EQ(house.send("POST", "/v1/keys", R"({"name":"bob","contract":"none"})").status, 400U);
  house.stop();
  for (const auto& entry : std::filesystem::directory_iterator(house.folder)) {
    if (!entry.is_regular_file()) continue;
    auto content = read_file(entry.path(), 64 << 20);
    ASSERT_TRUE(content.ok());
    EXPECT_EQ(content->find(secret), std::string::npos) << entry.path();
  }
  house.start();
}

TEST(Api, a_deposit_goes_where_a_contract_or_an_account_is_and_to_no_limit) {
  House house;
  with_key(demo_documents(), house);
  auto post = [&](const std::string& debit, const std::string& credit, const std::string& more = "") {
    return house.send(
        "POST", "/v1/accounts/post",
        R"({"debit":")" + debit + R"(","credit":")" + credit + R"(","unit":"CNY","amount":"1")" + more + "}");
  };
  http::Response unknown = post("bank", "prepaid/demo-prepaid/balanc/CNY");
  EXPECT_EQ(unknown.status, 404U);
  for (const char* part : {"prepaid/demo-prepaid/balanc/CNY", "prepaid/demo-prepaid/balance/CNY",
                           "receivable/harbor/CNY", "credit"})
    EXPECT_NE(unknown.body.find(part), std::string::npos) << part << " " << unknown.body;
  EXPECT_EQ(post("bank", "prepaid/demo-prepaid/balanc/CNY", R"(,"new":true)").status, 404U);
  EXPECT_EQ(post("prepaid/demo-prepaid/balance/CNY", "receivable/harbor/CNY").status, 404U);
  EXPECT_EQ(post("bank", "prepaid/demo-prepaid/balance/CNY").status, 200U);
  EXPECT_EQ(post("bank", "receivable/harbor/CNY").status, 200U);
  EXPECT_EQ(post("prepaid/demo-prepaid/balance/CNY", "bank").status, 200U) << "it is there";
  EXPECT_EQ(post("bank", "purse").status, 404U);
  EXPECT_EQ(post("bank", "purse", R"(,"new":true)").status, 200U);
  EXPECT_EQ(post("bank", "purse").status, 200U);
  house.make_call(1, 100, 50);
  for (const char* kept : {"cap/demo/session-cap/CIYUAN/session=s1", "cap/demo/x/CNY",
                           "used/demo/session-cap/CIYUAN", "funds/CNY"}) {
    EXPECT_EQ(post("bank", kept).status, 403U) << kept;
    EXPECT_EQ(post("bank", kept, R"(,"new":true)").status, 403U) << kept;
    EXPECT_EQ(post(kept, "purse").status, 403U) << kept;
  }
  EXPECT_NE(post("bank", "").body.find("credit: is empty"), std::string::npos);
}

TEST(Api, refuses_query_parameters_that_it_does_not_know_or_that_stand_twice) {
  House house;
  std::string unknown = house.ask("GET", "/v1/records?contarct=demo", {}, 400)["detail"];
  for (const char* part : {"contarct", "contract, key, session"})
    EXPECT_NE(unknown.find(part), std::string::npos) << unknown;
  std::string twice = house.ask("GET", "/v1/accounts?limit=1&limit=2", {}, 400)["detail"];
  EXPECT_NE(twice.find("limit: stands twice"), std::string::npos) << twice;
  EXPECT_EQ(house.send("GET", "/v1/log?x").status, 400U);
  EXPECT_EQ(house.send("POST", "/v1/apply?dry_run=yes", "kind: Party\nname: a\n").status, 400U);
  house.ask("GET", "/v1/accounts?limit=1&");
}

TEST(Api, records_of_a_contract_or_key_that_never_was_are_not_found) {
  House house;
  with_key(demo_documents(), house);
  house.ask("GET", "/v1/records?contract=demo&key=alice");
  house.ask("GET", "/v1/records?contract=nobody", {}, 404);
  house.ask("GET", "/v1/records?key=nobody", {}, 404);
  house.ask("DELETE", "/v1/documents/Key/alice");
  house.ask("GET", "/v1/records?key=alice");
}

TEST(Api, warns_where_a_changed_offset_moves_windows) {
  House house;
  std::string documents = demo_documents();
  auto with_offset = [&](const std::string& field) {
    std::string text = documents;
    text.insert(text.find("clauses:") + 8,
                "\n  - {kind: cap, id: noon, unit: ciyuan, per: contract, window: day, "
                "limit: 5000" +
                    field + "}");
    return text;
  };
  EXPECT_EQ(house.ask("POST", "/v1/apply", with_offset(""))["warnings"].size(), 0U);
  for (const char* target : {"/v1/apply?dry_run=true", "/v1/apply"}) {
    Json warnings = house.ask("POST", target, with_offset(", utc_offset_minutes: 480"))["warnings"];
    ASSERT_EQ(warnings.size(), 1U) << target;
    EXPECT_NE(warnings[0].get<std::string>().find("clause noon: utc_offset_minutes changes from 0 to 480"),
              std::string::npos)
        << warnings[0];
  }
  EXPECT_EQ(house.ask("POST", "/v1/apply", with_offset(", utc_offset_minutes: 480"))["warnings"].size(), 0U);
}

TEST(Api, makes_no_key_that_has_expired_already) {
  House house;
  with_key(demo_documents(), house);
  house.ask("POST", "/v1/keys", R"({"name":"bob","contract":"demo","expires":"2026-11-01"})", 400);
  EXPECT_EQ(house.send("GET", "/v1/documents/Key/bob").status, 404U);
  house.ask("POST", "/v1/keys", R"({"name":"bob","contract":"demo","expires":"2036-11-01"})", 201);
}

TEST(Api, deposits_are_idempotent_by_their_id) {
  House house;
  house.ask("POST", "/v1/apply", demo_documents());
  std::string post =
      R"({"id":"0198a000-0000-7000-8000-000000000001","debit":"bank/harbor/CNY","credit":"prepaid/demo-prepaid/balance/CNY","unit":"CNY","amount":"10.50","memo":"invoice 7"})";
  EXPECT_EQ(house.ask("POST", "/v1/accounts/post", post)["credit"]["balance"], "10.5");
  EXPECT_EQ(house.ask("POST", "/v1/accounts/post", post)["credit"]["balance"], "10.5");
  std::string other = post;
  other.replace(other.find("10.50"), 5, "11.50");
  EXPECT_EQ(house.send("POST", "/v1/accounts/post", other).status, 409U);
  Json account = house.ask("GET", "/v1/accounts/prepaid%2Fdemo-prepaid%2Fbalance%2FCNY");
  EXPECT_EQ(account["balance"], "10.5");
  Json lines = house.ask("GET", "/v1/accounts/prepaid%2Fdemo-prepaid%2Fbalance%2FCNY/statement")["lines"];
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["amount"], "10.5");
  EXPECT_NE(lines[0]["memo"].get<std::string>().find("invoice 7"), std::string::npos);
  EXPECT_EQ(house.ask("GET", "/v1/accounts/bank%2Fharbor%2FCNY")["balance"], "-10.5");
}

TEST(Api, names_the_id_of_a_posting_that_may_have_been_made) {
  House house;
  house.clerk->stop();
  Json problem = house.ask("POST", "/v1/accounts/post",
                           R"({"debit":"bank","credit":"purse","unit":"CNY","amount":"1","new":true})", 503);
  EXPECT_TRUE(parse_id(problem["id"].get<std::string>()).ok());
}

TEST(Api, the_salt_of_a_posting_opens_its_digest_in_the_log_and_no_others) {
  House house;
  std::string body =
      R"({"id":"0198a000-0000-7000-8000-000000000001","debit":"bank","credit":"purse","unit":"CNY","amount":"1.5","new":true})";
  Json posted = house.ask("POST", "/v1/accounts/post", body);
  EXPECT_EQ(house.ask("POST", "/v1/accounts/post", body)["salt"], posted["salt"]);
  Json another = house.ask("POST", "/v1/accounts/post",
                           R"({"debit":"bank","credit":"purse","unit":"CNY","amount":"1.5"})");
  EXPECT_NE(another["salt"], posted["salt"]);
  auto salt = from_hex(posted["salt"].get<std::string>());
  SecretKey key{};
  ASSERT_EQ(salt->size(), key.size());
  std::copy(salt->begin(), salt->end(), key.begin());
  std::string content = R"({"amount":"1.5","credit":"purse","debit":"bank","memo":"","unit":"CNY"})";
  std::string entry = house.store->reader().value()->log_entries(posted["leaf"], 1)->at(0);
  EXPECT_NE(entry.find(to_hex(hmac_sha256(key, bytes_of(content)))), std::string::npos) << entry;
}

TEST(Api, refuses_postings_that_are_not_whole_or_not_covered) {
  House house;
  for (const char* body : {"", "[]", "{}", R"({"debit":"a","credit":"b","unit":"CNY","amount":1})",
                           R"({"debit":"a","credit":"b","unit":"CNY","amount":"1e3"})",
                           R"({"debit":"a","credit":"b","unit":"CNY","amount":"-1"})",
                           R"({"debit":"a","credit":"b","unit":"CNY","amount":"0"})",
                           R"({"debit":"a","credit":"a","unit":"CNY","amount":"1"})",
                           R"({"debit":"a","credit":"b","unit":"CNY","amount":"0.0000000000001"})",
                           R"({"debit":"a","credit":"b","unit":"REQUEST","amount":"0.5"})",
                           R"({"debit":"a","credit":"b","unit":"CNY","amount":"1","note":"x"})",
                           R"({"debit":"a","credit":"b","unit":"CNY","amount":"1","new":"yes"})",
                           R"({"id":"7","debit":"a","credit":"b","unit":"CNY","amount":"1"})"})
    EXPECT_EQ(house.send("POST", "/v1/accounts/post", body).status, 400U) << body;
  house.ask("POST", "/v1/accounts/post",
            R"({"debit":"bank","credit":"purse","unit":"CNY","amount":"1","new":true})");
  EXPECT_EQ(
      house
          .send("POST", "/v1/accounts/post", R"({"debit":"purse","credit":"bank","unit":"CNY","amount":"2"})")
          .status,
      403U);
}

TEST(Api, closes_an_account_for_good_when_it_is_empty) {
  House house;
  house.ask("POST", "/v1/accounts/post",
            R"({"debit":"bank","credit":"purse","unit":"CNY","amount":"1","new":true})");
  Json refused = house.ask("POST", "/v1/accounts/purse/close", "", 403);
  EXPECT_NE(refused.dump().find("has a balance of 1 CNY"), std::string::npos) << refused.dump();
  EXPECT_EQ(house.ask("GET", "/v1/accounts/purse")["closed"], false);
  EXPECT_EQ(house.send("POST", "/v1/accounts/nobody/close").status, 404U);
  house.ask("POST", "/v1/accounts/post", R"({"debit":"purse","credit":"bank","unit":"CNY","amount":"1"})");
  EXPECT_EQ(house.ask("POST", "/v1/accounts/purse/close")["closed"], true);
  EXPECT_EQ(house.ask("POST", "/v1/accounts/purse/close")["closed"], true) << "again changes nothing";
  house.stop();
  house.start();
  EXPECT_EQ(house.ask("GET", "/v1/accounts/purse")["closed"], true) << "also over a restart";
  Json late = house.ask("POST", "/v1/accounts/post",
                        R"({"debit":"bank","credit":"purse","unit":"CNY","amount":"1"})", 403);
  EXPECT_NE(late.dump().find("account purse is closed"), std::string::npos) << late.dump();
  EXPECT_EQ(house.ask("GET", "/v1/accounts/purse/statement")["lines"].size(), 2U) << "its entries stay";
  EXPECT_EQ(house.ask("GET", "/v1/acts?limit=1")["acts"].at(0)["subject"], "Account/purse");
}

TEST(Api, shows_records_accounts_receipts_and_statements_of_calls) {
  House house;
  with_key(demo_documents(), house);
  Id first = house.make_call(1, 100, 50), second = house.make_call(2, 10, 5, "s2");
  Json records = house.ask("GET", "/v1/records?contract=demo")["records"];
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0]["record"]["id"], second.text()) << "newest first";
  EXPECT_EQ(house.ask("GET", "/v1/records?session=s2")["records"].size(), 1U);
  Json page = house.ask("GET", "/v1/records?limit=1");
  Json rest = house.ask("GET", "/v1/records?limit=1&after=" + page["next"].dump());
  EXPECT_EQ(rest["records"][0]["record"]["id"], first.text());

  Json record = house.ask("GET", "/v1/records/" + first.text());
  EXPECT_EQ(record["ciyuan"], "150.000000");
  EXPECT_EQ(house.send("GET", "/v1/records/" + id_from_content("none").text()).status, 404U);
  EXPECT_EQ(house.send("GET", "/v1/records/not-an-id").status, 400U);

  Json session = house.ask("GET", "/v1/accounts?prefix=cap/demo/session-cap/")["accounts"];
  ASSERT_EQ(session.size(), 2U);
  EXPECT_EQ(session[0]["balance"], "250");
  EXPECT_EQ(house.ask("GET", "/v1/accounts/receivable%2Fharbor%2FCNY")["balance"],
            "-0.00066");  // 110 × 2 + 55 × 8 millionths

  http::Response receipt = house.send("GET", "/v1/records/" + first.text() + "/receipt");
  ASSERT_EQ(receipt.status, 200U) << receipt.body;
  tlog::VerifierKey known = house.signer.verifier();
  auto verified = record::verify_receipt(receipt.body, {&known, 1});
  ASSERT_TRUE(verified.ok()) << verified.error().text();
  EXPECT_EQ(verified->id, first.text());

  Json explained = house.ask("GET", "/v1/records/" + first.text() + "/explain");
  EXPECT_EQ(explained["documents"]["contract"]["name"], "demo");
  EXPECT_EQ(explained["documents"]["method"]["name"], "native-v1");
  EXPECT_EQ(explained["clauses_fired"][0]["clause"]["limit"], "400");
  EXPECT_NE(explained["outcome"].get<std::string>().find("cap"), std::string::npos);
  EXPECT_EQ(explained["sums"].size(), 2U);

  Json statement = house.ask("GET", "/v1/contracts/demo/statement?from=2026-01-01&to=2027-01-01");
  EXPECT_EQ(statement["calls"], 2);
  EXPECT_EQ(statement["ciyuan"], "165");
  EXPECT_EQ(statement["money"]["CNY"], "0.00066");
  EXPECT_EQ(statement["states"]["cut"], 2);
  EXPECT_EQ(statement["lines"][0]["kind"], "input");
  EXPECT_EQ(statement["lines"][0]["quantity"], 110);
  EXPECT_EQ(house.ask("GET", "/v1/contracts/demo/statement?from=2027-01-01")["calls"], 0);
  EXPECT_EQ(house.send("GET", "/v1/contracts/nothing/statement").status, 404U);
}

TEST(Api, an_old_record_is_explained_by_the_documents_of_its_day) {
  House house;
  with_key(demo_documents(), house);
  Id id = house.make_call(1, 100, 50);
  std::string changed = demo_documents();
  changed.replace(changed.find("limit: \"400\""), 12, "limit: \"999\"");
  house.ask("POST", "/v1/apply", changed);
  EXPECT_EQ(house.ask("GET", "/v1/records/" + id.text() + "/explain")["clauses_fired"][0]["clause"]["limit"],
            "400");
}

TEST(Api, explains_every_way_in_which_a_call_can_end) {
  House house;
  with_key(demo_documents(), house);
  using record::State;
  int number = 0;
  std::set<std::string> sentences;
  for (State state : {State::kCompleted, State::kCut, State::kClientGone, State::kUpstreamFailed,
                      State::kUpstreamRefused, State::kInterrupted}) {
    Id id = house.make_call(++number, 1, 1, "s1", state);
    sentences.insert(house.ask("GET", "/v1/records/" + id.text() + "/explain")["outcome"]);
  }
  EXPECT_EQ(sentences.size(), 6U);
  EXPECT_FALSE(sentences.contains(""));
}

TEST(Api, shows_a_records_key_and_erases_it_with_an_act_in_the_log) {
  House house;
  with_key(demo_documents(), house);
  Id id = house.make_call(1, 10, 5), other = house.make_call(2, 10, 5);
  std::string path = "/v1/records/" + id.text() + "/key";
  EXPECT_EQ(house.ask("GET", path)["key"], to_hex(house.key_of(id).value()));
  Json erased = house.ask("DELETE", path);
  EXPECT_EQ(erased["erased_before"], false);
  Json act = house.ask("GET", "/v1/acts?limit=1")["acts"][0];
  EXPECT_EQ(act["action"], "erase-key");
  EXPECT_EQ(act["subject"], "Record/" + id.text());
  EXPECT_EQ(act["leaf"], erased["leaf"]);
  EXPECT_EQ(house.key_of(id).error().code, ErrorCode::kRefused);
  EXPECT_TRUE(house.key_of(other).ok());
  EXPECT_EQ(house.send("GET", path).status, 403U);
  EXPECT_EQ(house.ask("DELETE", path)["erased_before"], true);
  EXPECT_EQ(house.ask("GET", "/v1/acts?limit=1")["acts"][0]["leaf"], act["leaf"]) << "logged once";
  EXPECT_EQ(house.send("DELETE", "/v1/records/" + id_from_content("none").text() + "/key").status, 404U);
  EXPECT_EQ(house.send("GET", "/v1/records/" + id.text() + "/receipt").status, 200U);
}

// A price book at twice the demo's prices, and one that has no price.
std::string dearer_book(const std::string& name, const std::string& input, const std::string& output) {
  return "kind: PriceBook\nname: " + name +
         "\nversion: \"1\"\ndate: \"2026-11-01\"\nsource: the tests\ncurrency: CNY\nper_tokens: "
         "1000000\nprices:\n  - {model: \"*\", kind: input, price: \"" +
         input + "\"}\n  - {model: \"*\", kind: output, price: \"" + output + "\"}\n";
}

TEST(Api, corrects_a_record_by_a_new_one_and_posts_the_difference_once) {
  House house;
  with_key(demo_documents(), house);
  Id id = house.make_call(1, 100, 50);
  Json old = house.ask("GET", "/v1/records/" + id.text());
  house.make_call(2, 100, 50);
  auto owed = [&] { return house.ask("GET", "/v1/accounts/receivable%2Fharbor%2FCNY")["balance"]; };
  EXPECT_EQ(owed(), "-0.0012");
  house.ask("POST", "/v1/apply",
            dearer_book("dear", "200.00", "800.00") + "---\n" + dearer_book("free", "0", "0"));
  std::string path = "/v1/records/" + id.text() + "/correct";
  Json corrected = house.ask("POST", path, R"({"price_book":"dear"})");
  EXPECT_EQ(owed(), "-0.0606");
  EXPECT_EQ(corrected["record"]["outcome"]["corrects"], id.text());
  EXPECT_EQ(corrected["record"]["usage"], old["usage"]);
  EXPECT_EQ(corrected["record"]["charges"][0]["amount"], "0.02");
  EXPECT_EQ(corrected["postings"].size(), 2U);
  EXPECT_EQ(house.ask("POST", path, R"({"price_book":"dear"})")["record"], corrected["record"]);
  EXPECT_EQ(owed(), "-0.0606") << "sent again, it changes nothing";
  EXPECT_EQ(house.ask("GET", "/v1/records/" + id.text()), old) << "the old record stays";

  // Another price book corrects the correction, not the record a second time.
  EXPECT_EQ(house.send("POST", path, R"({"price_book":"free"})").status, 409U);
  std::string second = corrected["record"]["id"];
  Json freed = house.ask("POST", "/v1/records/" + second + "/correct", R"({"price_book":"free"})");
  EXPECT_EQ(owed(), "-0.0006");
  Json statement = house.ask("GET", "/v1/contracts/demo/statement");
  EXPECT_EQ(statement["calls"], 2);
  EXPECT_EQ(statement["money"]["CNY"], "0.0006");
  Json act = house.ask("GET", "/v1/acts?limit=1")["acts"][0];
  EXPECT_EQ(act["action"], "correct");
  EXPECT_EQ(act["subject"], "Record/" + second);
  auto receipt = house.send("GET", "/v1/records/" + freed["record"]["id"].get<std::string>() + "/receipt");
  tlog::VerifierKey known = house.signer.verifier();
  auto verified = record::verify_receipt(receipt.body, {&known, 1});
  ASSERT_TRUE(verified.ok()) << verified.error().text();
  EXPECT_EQ(verified->revealed.at("outcome")["corrects"], second);
  // The id of a correction is no posting's.
  EXPECT_EQ(house
                .send("POST", "/v1/accounts/post",
                      R"({"id":")" + second +
                          R"(","debit":"bank","credit":"receivable/harbor/CNY","unit":"CNY","amount":"1"})")
                .status,
            409U);
}

// An invoice that went out stays as it was; the next one has the difference.
TEST(Api, a_statement_counts_a_correction_in_its_own_period_and_only_by_the_difference) {
  House house;
  with_key(demo_documents(), house);
  Id id = house.make_call(1, 100, 50);
  house.ask("POST", "/v1/apply",
            dearer_book("dear", "200.00", "800.00") + "---\n" + dearer_book("free", "0", "0"));
  house.time = kStart + seconds(40 * 86400);
  std::string second =
      house.ask("POST", "/v1/records/" + id.text() + "/correct", R"({"price_book":"dear"})")["record"]["id"];
  auto of = [&](const std::string& period) {
    return house.ask("GET", "/v1/contracts/demo/statement?" + period);
  };
  Json first_month = of("from=2026-11-01&to=2026-12-01"), later = of("from=2026-12-01&to=2027-01-01");
  EXPECT_EQ(first_month["calls"], 1);
  EXPECT_EQ(first_month["money"]["CNY"], "0.0006");
  EXPECT_EQ(later["calls"], 0);
  EXPECT_EQ(later["ciyuan"], "0");
  EXPECT_EQ(later["money"]["CNY"], "0.0594");
  EXPECT_TRUE(later["states"].empty());
  // Taken back at the old price, put at the new one: two lines of each kind, that use nothing together.
  EXPECT_EQ(later["lines"].size(), 4U);
  std::int64_t tokens = 0;
  for (const Json& line : later["lines"]) {
    EXPECT_TRUE(line["adjustment"]);
    tokens += line["quantity"].get<std::int64_t>();
  }
  EXPECT_EQ(tokens, 0);
  // A chain within the period is one difference too.
  house.ask("POST", "/v1/records/" + second + "/correct", R"({"price_book":"free"})");
  EXPECT_EQ(of("from=2026-12-01&to=2027-01-01")["money"]["CNY"], "-0.0006");
  EXPECT_EQ(of("from=2026-11-01")["money"]["CNY"], "0");
  EXPECT_EQ(of("from=2026-11-01&to=2026-12-01"), first_month);
}

TEST(Api, finds_the_accounts_of_a_call_among_many) {
  House house;
  with_key(demo_documents(), house);
  std::vector<Id> calls;
  for (int i = 0; i < 150; ++i) {
    calls.push_back(house.make_call(i, 1 + i % 7, 1, "s" + std::to_string(i)));
    if (i % 3 == 0)
      house.ask("POST", "/v1/accounts/post",
                R"({"debit":"bank","credit":"purse","unit":"CNY","amount":"1","new":true})");
  }
  house.ask("POST", "/v1/apply", dearer_book("free", "0", "0"));
  for (const Id& id : calls)
    house.ask("POST", "/v1/records/" + id.text() + "/correct", R"({"price_book":"free"})");
  EXPECT_EQ(house.ask("GET", "/v1/accounts/receivable%2Fharbor%2FCNY")["balance"], "0");
  EXPECT_EQ(house.ask("GET", "/v1/contracts/demo/statement")["calls"], 150);
}

TEST(Api, refuses_corrections_that_have_nothing_to_correct_or_no_price) {
  House house;
  with_key(demo_documents(), house);
  Id id = house.make_call(1, 100, 50);
  std::string path = "/v1/records/" + id.text() + "/correct";
  std::string dollars = dearer_book("dollars", "1", "1");
  dollars.replace(dollars.find("CNY"), 3, "USD");
  std::string other = dearer_book("other", "1", "1");
  for (int i = 0; i < 2; ++i) other.replace(other.find("\"*\""), 3, "another");
  house.ask("POST", "/v1/apply", dollars + "---\n" + other);
  EXPECT_EQ(house.send("POST", path, R"({"price_book":"dollars"})").status, 403U);
  EXPECT_EQ(house.send("POST", path, R"({"price_book":"other"})").status, 403U);
  EXPECT_EQ(house.send("POST", path, R"({"price_book":"nothing"})").status, 404U);
  EXPECT_EQ(house.send("POST", path, R"({"price_book":7,"x":1})").status, 400U);
  EXPECT_EQ(house.ask("GET", "/v1/records")["records"].size(), 1U);
}

TEST(Api, a_key_whose_erasure_cannot_be_logged_stays) {
  House house;
  with_key(demo_documents(), house);
  Id id = house.make_call(1, 10, 5);
  house.clerk->stop();
  EXPECT_EQ(house.send("DELETE", "/v1/records/" + id.text() + "/key").status, 503U);
  EXPECT_TRUE(house.key_of(id).ok());
}

TEST(Api, wants_the_token_wherever_something_is_told_or_changed) {
  House house;
  for (const Route& route : routes()) {
    http::Response response = house.send(std::string(route.method), std::string(route.path), "", false);
    if (route.needs_token) {
      EXPECT_EQ(response.status, 401U) << route.path;
      EXPECT_EQ(response.headers.get("WWW-Authenticate"), "Bearer");
    } else {
      EXPECT_NE(response.status, 401U) << route.path;
    }
  }
  http::RequestHead head;
  head.method = "GET";
  head.target = "/v1/documents";
  for (const std::string& wrong : std::vector<std::string>{
           house.token, "Bearer", "Bearer ", "Basic " + house.token, "Bearer " + house.token + "x",
           "Bearer " + house.token.substr(0, house.token.size() - 1)}) {
    head.headers.set("Authorization", wrong);
    EXPECT_EQ(house.api->handle(head, "").status, 401U) << wrong;
  }
  head.headers.set("Authorization", "bearer " + house.token);
  EXPECT_EQ(house.api->handle(head, "").status, 200U) << "the scheme's name compares without case";
}

TEST(Api, answers_wrong_addresses_and_methods_with_problems) {
  House house;
  EXPECT_EQ(house.send("GET", "/v2/documents").status, 404U);
  EXPECT_EQ(house.send("GET", "/v1/documents/").status, 404U);
  http::Response wrong = house.send("POST", "/v1/documents");
  EXPECT_EQ(wrong.status, 405U);
  EXPECT_EQ(wrong.headers.get("Allow"), "GET");
  EXPECT_EQ(wrong.headers.get("Content-Type"), "application/problem+json");
  EXPECT_EQ(house.send("GET", "/v1/accounts?limit=1001").status, 400U);
  EXPECT_EQ(house.send("GET", "/v1/accounts?limit=-1").status, 400U);
  EXPECT_EQ(house.send("GET", "/v1/accounts?prefix=%ZZ").status, 400U);
  EXPECT_EQ(house.send("GET", "/v1/records?from=yesterday").status, 400U);
  EXPECT_EQ(house.send("GET", "/" + std::string(10'000, 'a')).status, 414U);
  EXPECT_EQ(house.send("POST", "/v1/keys", "not json").status, 400U);
}

TEST(Api, serves_the_log_and_its_own_state) {
  House house;
  house.ask("POST", "/v1/apply", demo_documents());
  http::Response checkpoint = house.send("GET", "/checkpoint", "", false);
  EXPECT_EQ(checkpoint.status, 200U);
  EXPECT_TRUE(checkpoint.body.starts_with("example.com/log\n8\n")) << checkpoint.body;
  EXPECT_EQ(house.send("GET", "/tile/0/000.p/8", "", false).body.size(), 8U * 32);
  EXPECT_EQ(house.send("GET", "/tile/entries/000.p/8", "", false).status, 200U);
  EXPECT_EQ(house.send("GET", "/tile/0/001", "", false).status, 404U);
  EXPECT_EQ(house.send("GET", "/metrics", "", false).body, "ciyuan_calls_total 7\n");
  EXPECT_EQ(house.send("GET", "/healthz", "", false).status, 200U);
  EXPECT_EQ(house.send("GET", "/readyz", "", false).status, 200U);
  house.not_ready = "draining";
  http::Response draining = house.send("GET", "/readyz", "", false);
  EXPECT_EQ(draining.status, 503U);
  EXPECT_EQ(draining.body, "draining\n");
  EXPECT_EQ(house.ask("GET", "/v1/log")["verifier_key"], house.signer.verifier().text());
}

TEST(Api, stored_documents_that_contradict_each_other_stop_calls_and_can_be_mended) {
  House house;
  house.ask("POST", "/v1/apply", demo_documents());
  // What no apply leaves, but a damaged or edited store could: a document gone that others refer to.
  clerk::ChangeDocuments gone{kStart, "nobody", {{"Party", "harbor", ""}}};
  auto reply = house.clerk->call(gone);
  ASSERT_TRUE(std::holds_alternative<clerk::Done>(reply));
  house.stop();
  house.start();
  EXPECT_TRUE(house.published->models().empty());
  EXPECT_NE(house.send("GET", "/readyz").body.find("\"harbor\" names no Party"), std::string::npos);
  house.ask("POST", "/v1/apply", "kind: Party\nname: harbor\n");
  EXPECT_FALSE(house.published->models().empty());
  EXPECT_EQ(house.send("GET", "/readyz").status, 200U);
}

// The document and the program are held together: the same routes, each with an id of its own, and references
// that lead somewhere.
TEST(OpenApi, describes_exactly_the_routes_that_exist) {
  auto parsed = parse_json(openapi_text());
  ASSERT_TRUE(parsed.ok());
  const Json& document = *parsed;
  EXPECT_EQ(document["openapi"], "3.1.0");
  std::set<std::string> described, existing, ids;
  for (const auto& path : document["paths"].items())
    for (const auto& operation : path.value().items()) {
      std::string method = operation.key();
      for (char& c : method) c = static_cast<char>(c - 'a' + 'A');
      bool open = operation.value().contains("security");
      described.insert(method + " " + path.key() + (open ? " open" : ""));
      EXPECT_TRUE(ids.insert(operation.value()["operationId"]).second);
      std::set<std::string> in_path, declared, in_query;
      for (std::size_t at = 0; (at = path.key().find('{', at)) != std::string::npos; ++at)
        in_path.insert(path.key().substr(at + 1, path.key().find('}', at) - at - 1));
      for (const Json& parameter : operation.value().value("parameters", Json::array()))
        (parameter["in"] == "path" ? declared : in_query).insert(parameter["name"].get<std::string>());
      EXPECT_EQ(in_path, declared) << path.key();
      for (const Route& route : routes()) {
        if (route.method != method || route.path != path.key()) continue;
        std::string list(route.query);
        std::set<std::string> taken;
        for (std::size_t at = 0; at < list.size(); at = std::min(list.find(", ", at), list.size() - 2) + 2)
          taken.insert(list.substr(at, list.find(", ", at) - at));
        EXPECT_EQ(taken, in_query) << path.key();
      }
    }
  for (const Route& route : routes()) {
    std::string path(route.path);
    if (std::size_t plus = path.find('+'); plus != path.npos) path.erase(plus, 1);
    existing.insert(std::string(route.method) + " " + path + (route.needs_token ? "" : " open"));
  }
  EXPECT_EQ(described, existing);
  std::string text(openapi_text());
  for (std::size_t at = 0; (at = text.find("#/components/schemas/", at)) != text.npos; ++at) {
    std::string name = text.substr(at + 21, text.find('"', at) - at - 21);
    EXPECT_TRUE(document["components"]["schemas"].contains(name)) << name;
  }
}

TEST(Api, says_what_a_balance_was_at_a_time_that_has_passed) {
  House house;
  with_key(demo_documents(), house);
  const std::string account = "/v1/accounts/prepaid%2Fdemo-prepaid%2Fbalance%2FCNY";
  auto deposit = [&](const char* amount) {
    house.ask("POST", "/v1/accounts/post",
              std::string(
                  R"({"debit":"bank","credit":"prepaid/demo-prepaid/balance/CNY","unit":"CNY","amount":")") +
                  amount + "\"}");
  };
  auto balance = [&](TimePoint at) { return house.ask("GET", account + "?at=" + to_rfc3339(at))["at"]; };
  house.time = kStart;
  deposit("1.25");
  house.time = kStart + seconds(60);
  deposit("2");
  EXPECT_EQ(balance(kStart + seconds(-1))["balance"], "0");
  EXPECT_EQ(balance(kStart + seconds(-1))["entry"], 0);
  EXPECT_EQ(balance(kStart)["balance"], "1.25") << "the entries of that very time are in it";
  EXPECT_EQ(balance(kStart + seconds(59))["balance"], "1.25");
  EXPECT_EQ(balance(kStart + seconds(60))["balance"], "3.25");
  EXPECT_FALSE(house.ask("GET", account).contains("at"));
  Json problem = house.ask("GET", account + "?at=" + to_rfc3339(kStart + seconds(61)), "", 400);
  EXPECT_NE(problem["detail"].get<std::string>().find("is to come"), std::string::npos) << problem;
  house.ask("GET", account + "?at=yesterday", "", 400);
}

// Replies have the members that the document requires, and none that it does not know.
TEST(OpenApi, replies_have_the_members_it_says) {
  House house;
  with_key(demo_documents(), house);
  std::string id = house.make_call(1, 10, 5).text();
  Json document = *parse_json(openapi_text());
  const std::map<std::string, std::string> cases = {
      {"/v1/documents", "/v1/documents"},
      {"/v1/accounts", "/v1/accounts?limit=1"},
      {"/v1/accounts/{name}", "/v1/accounts/receivable%2Fharbor%2FCNY"},
      {"/v1/accounts/{name}/statement", "/v1/accounts/receivable%2Fharbor%2FCNY/statement"},
      {"/v1/records", "/v1/records"},
      {"/v1/records/{id}/explain", "/v1/records/" + id + "/explain"},
      {"/v1/contracts/{name}/statement", "/v1/contracts/demo/statement"},
      {"/v1/acts", "/v1/acts"},
      {"/v1/log", "/v1/log"}};
  for (const auto& [path, target] : cases) {
    Json reply = house.ask("GET", target);
    std::string reference =
        document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
    const Json& schema = document["components"]["schemas"][reference.substr(reference.rfind('/') + 1)];
    for (const Json& required : schema["required"])
      EXPECT_TRUE(reply.contains(required.get<std::string>())) << path << " " << required;
    for (const auto& member : reply.items())
      EXPECT_TRUE(schema["properties"].contains(member.key())) << path << " " << member.key();
  }
}

}  // namespace
}  // namespace ciyuan::admin
