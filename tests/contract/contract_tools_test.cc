/// What is done with a contract outside of a server: signatures, what covers it, what changed.

#include <gmock/gmock.h>

#include "contract/coverage.h"
#include "contract/redline.h"
#include "contract/signing.h"
#include "fixture.h"

namespace ciyuan::contract {
namespace {

using ::testing::HasSubstr;

tlog::NoteSigner signer(const std::string& name) {
  return tlog::NoteSigner::make(name, SigningKey::from_seed(sha256("seed of " + name))).value();
}

/// The world, with these keys of the parties.
std::string signed_world(const std::string& vendor, const std::string& acme) {
  std::string text = world();
  text.replace(text.find("name: vendor\n"), 13, "name: vendor\nsettlement_key: " + vendor + "\n");
  text.replace(text.find("name: acme\n"), 11, "name: acme\nsettlement_key: " + acme + "\n");
  return text;
}

Json contract_value(const std::string& fields = "price_book: prices") {
  return documents_of(contract("  - {kind: scope, models: [small]}", fields)).at(0).value;
}

std::string build_errors(const std::string& parties, const Json& contract) {
  std::vector<Document> documents = documents_of(parties);
  documents.push_back(read_document(contract, "contract").documents.at(0));
  std::string lines;
  for (const Error& error : Registry::build(documents).errors) lines += error.text() + "\n";
  return lines;
}

TEST(Signatures, of_both_parties_are_of_the_contract_as_it_stands) {
  const auto vendor = signer("vendor.example"), acme = signer("acme.example");
  const std::string parties = signed_world(vendor.verifier().text(), acme.verifier().text());
  Json value = contract_value("price_book: prices\nsigned_by: [provider, consumer]");
  EXPECT_THAT(build_errors(parties, value), HasSubstr("has no signature by the key vendor.example"));
  const std::string text = *contract_text(value);
  value = *with_signature(value, text, vendor);
  EXPECT_EQ(*contract_text(value), text) << "a signature is no part of what is signed";
  EXPECT_THAT(build_errors(parties, value), HasSubstr("has no signature by the key acme.example"));
  value = *with_signature(value, text, acme);
  EXPECT_EQ(build_errors(parties, value), "");
  EXPECT_EQ(with_signature(value, text, acme)->at("signatures").size(), 2U) << "signed again";

  Json amended = value;
  amended["version"] = 2;
  EXPECT_THAT(build_errors(parties, amended), HasSubstr("is not of this contract as it stands"));
}

TEST(Signatures, that_are_nobodys_or_both_parties_at_once_are_refused) {
  const auto vendor = signer("vendor.example"), acme = signer("acme.example"),
             other = signer("other.example");
  const std::string parties = signed_world(vendor.verifier().text(), acme.verifier().text());
  const Json value = contract_value();
  const std::string text = *contract_text(value);
  EXPECT_THAT(build_errors(parties, *with_signature(value, text, other)),
              HasSubstr("1 of 1 lines are no right signatures"));
  EXPECT_THAT(build_errors(signed_world(vendor.verifier().text(), vendor.verifier().text()),
                           *with_signature(value, text, vendor)),
              HasSubstr("the same settlement_key"));
  EXPECT_THAT(build_errors(world(), contract_value("price_book: prices\nsigned_by: [consumer]")),
              HasSubstr("has no settlement_key"));
  Json two_lines = value;
  two_lines["signatures"] = Json::array({"a\n\nb"});
  EXPECT_NE(build_errors(parties, two_lines), "");
}

TEST(Coverage, says_enforced_of_nothing_that_only_warns) {
  const Json value =
      documents_of(contract("  - {kind: scope, models: [small]}\n"
                            "  - {kind: cap, id: hard, unit: ciyuan, limit: 9, per: key, window: day}\n"
                            "  - {kind: cap, id: soft, unit: ciyuan, limit: 9, per: key, window: day, "
                            "action: warn}\n"
                            "  - {kind: settlement, due_days: 30}"))
          .at(0)
          .value;
  std::map<std::string, Coverage> by_id;
  for (const ClauseCoverage& one : coverage_of(value)) by_id[one.id] = one.coverage;
  EXPECT_EQ(by_id, (std::map<std::string, Coverage>{{"scope", Coverage::kEnforced},
                                                    {"hard", Coverage::kEnforced},
                                                    {"soft", Coverage::kMonitored},
                                                    {"settlement", Coverage::kManual}}));
  EXPECT_EQ(coverage_of({{"clauses", {{{"kind", "force-majeure"}}}}}).at(0).coverage, Coverage::kManual);
}

TEST(Redline, compares_clauses_by_their_ids) {
  const Json before = {{"version", 1},
                       {"clauses",
                        {{{"kind", "scope"}, {"models", {"a"}}},
                         {{"kind", "cap"}, {"id", "c"}, {"limit", "400"}},
                         {{"kind", "cap"}, {"id", "gone"}, {"limit", "1"}}}}};
  const Json after = {{"version", 2},
                      {"clauses",
                       {{{"kind", "cap"}, {"id", "c"}, {"limit", "500"}, {"on", "output"}},
                        {{"kind", "scope"}, {"models", {"a", "b"}}},
                        {{"kind", "rate"}, {"id", "new"}}}}};
  const std::vector<Change> expected = {
      {"/clauses/scope/models", {"a"}, {"a", "b"}},  {"/clauses/c/limit", "400", "500"},
      {"/clauses/c/on", Json(), "output"},           {"/clauses/gone", before["clauses"][2], Json()},
      {"/clauses/new", Json(), after["clauses"][2]}, {"/version", 1, 2}};
  EXPECT_EQ(redline(before, after), expected);
  EXPECT_TRUE(redline(before, before).empty());
}

// Whatever one value of a contract changes is one change.
TEST(Redline, leaves_out_no_change) {
  const Json value = documents_of(source_file("examples/governance.yaml")).at(0).value;
  const Json flat = value.flatten();
  for (const auto& leaf : flat.items()) {
    if (leaf.key().ends_with("/id") || leaf.key().ends_with("/kind")) continue;
    Json changed = value;
    changed[Json::json_pointer(leaf.key())] = "changed";
    const auto changes = redline(value, changed);
    ASSERT_EQ(changes.size(), 1U) << leaf.key();
  }
}

}  // namespace
}  // namespace ciyuan::contract
