#include <algorithm>

#include "fixture.h"

namespace ciyuan::contract {
namespace {

std::string payment(const std::string& sources, const std::string& more = "") {
  return "  - {kind: payment, id: pay, sources: [" + sources + "]" + more + "}\n";
}

std::string package(const std::string& name, const std::string& fields) {
  return "kind: Package\nname: " + name + "\ncontracts: [acme-2026]\n" + fields + "\n---\n";
}

std::string package_of_year(const std::string& name, const std::string& more = "") {
  return package(name, "ciyuan: 1000\nfrom: \"2026-01-01\"\nuntil: \"2027-01-01\"\n" + more);
}

std::vector<Limit> sources_at(const Registry& registry, std::string_view at,
                              std::string_view model = "small") {
  auto resolved = registry.resolve({.key = registry.key_named("k1"),
                                    .model = model,
                                    .session = "s1",
                                    .endpoint = "chat/completions",
                                    .request_id = parse_id("0198a000-0000-7000-8000-000000000001").value(),
                                    .at = moment(at)});
  if (!resolved.ok()) ADD_FAILURE() << resolved.error().text();
  return resolved.value().terms.limits;
}

std::vector<std::string> names_at(const Registry& registry, std::string_view at) {
  std::vector<std::string> names;
  for (const Limit& limit : sources_at(registry, at)) {
    EXPECT_TRUE(limit.is_source);
    names.push_back(limit.account);
  }
  return names;
}

using Names = std::vector<std::string>;

TEST(Payment, sources_stand_in_the_order_of_the_clause) {
  auto registry =
      registry_of(world() +
                  contract(payment(
                      "{source: reserved, ciyuan: 500, window: hour}, {source: packages}, {source: prepaid}, "
                      "{source: postpaid, credit_limit: \"12.5\"}")) +
                  package_of_year("p1") + key("k1"));
  const std::vector<Limit> sources = sources_at(*registry, "2026-11-23T08:15:30Z");
  ASSERT_EQ(sources.size(), 4u);
  EXPECT_EQ(sources[0].account, "reserved/acme-2026/pay/CIYUAN/0/2026-11-23T08:00:00Z");
  EXPECT_EQ(sources[0].funds, Amount(500'000'000));
  EXPECT_EQ(sources[1].account, "package/p1/CIYUAN");
  EXPECT_EQ(sources[1].per_token[index_of(Kind::kOutput)], Amount(1'000'000));
  EXPECT_EQ(sources[2].account, "prepaid/acme-2026/pay/CNY");
  EXPECT_EQ(sources[2].per_request, Amount(1'000'000'000));
  EXPECT_EQ(sources[3].account, "receivable/acme/CNY");
  EXPECT_EQ(sources[3].credit_limit, Amount(12'500'000'000'000));
  EXPECT_FALSE(sources[3].may_overdraw);
  EXPECT_EQ(registry->balances(), (Names{"prepaid/acme-2026/pay/CNY", "receivable/acme/CNY"}));
}

TEST(Payment, a_package_pays_from_its_start_to_its_end_and_its_roll_over) {
  auto registry = registry_of(world() + contract(payment("{source: packages}, {source: postpaid}")) +
                              package("p1",
                                      "ciyuan: 9\nfrom: \"2026-02-01\"\nuntil: \"2026-03-01\"\n"
                                      "roll_over: {days: 10, limit: \"2.5\"}") +
                              key("k1"));
  const Names money = {"receivable/acme/CNY"}, both = {"package/p1/CIYUAN", "receivable/acme/CNY"};
  EXPECT_EQ(names_at(*registry, "2026-01-31T23:59:59Z"), money);
  EXPECT_EQ(names_at(*registry, "2026-02-01T00:00:00Z"), both);
  EXPECT_EQ(names_at(*registry, "2026-03-10T23:59:59Z"), both);
  EXPECT_EQ(names_at(*registry, "2026-03-11T00:00:00Z"), money);
  EXPECT_TRUE(registry->expired_packages(moment("2026-02-28T00:00:00Z")).empty());
  const auto rolling = registry->expired_packages(moment("2026-03-01T00:00:00Z"));
  ASSERT_EQ(rolling.size(), 1u);
  EXPECT_EQ(rolling[0].keep, Amount(2'500'000));
  EXPECT_EQ(registry->expired_packages(moment("2026-03-11T00:00:00Z")).at(0).keep, Amount());
}

TEST(Payment, the_contract_says_which_package_is_used_first) {
  const std::string packages =
      package("a",
              "ciyuan: 300\nfrom: \"2026-01-02\"\nuntil: \"2026-12-01\"\nprice: {amount: 2, currency: CNY}") +
      package("b",
              "ciyuan: 100\nfrom: \"2026-01-03\"\nuntil: \"2026-11-30\"\nprice: {amount: 1, currency: CNY}\n"
              "models: [small]") +
      package(
          "c",
          "ciyuan: 7\nfrom: \"2026-01-01\"\nuntil: \"2026-12-31\"\nprice: {amount: \"0.05\", currency: CNY}");
  auto order_of = [&](const std::string& order) {
    auto registry = registry_of(world() + contract(payment("{source: packages}", ", order: " + order)) +
                                packages + key("k1"));
    std::string names;
    for (const std::string& name : names_at(*registry, "2026-11-23T08:15:30Z")) names += name[8];
    return names;
  };
  EXPECT_EQ(order_of("soonest_expiry"), "bac");
  EXPECT_EQ(order_of("cheapest"), "acb") << "1/150, 1/140, 1/100 a Ciyuan";
  EXPECT_EQ(order_of("narrowest"), "bac");
  EXPECT_EQ(order_of("oldest"), "cab");
}

TEST(Payment, a_package_pays_for_its_own_models_only) {
  auto registry = registry_of(world() + contract(payment("{source: packages}"), "") +
                              package_of_year("p1", "models: [tiny]") + key("k1"));
  EXPECT_EQ(sources_at(*registry, "2026-11-23T08:15:30Z", "tiny").size(), 1u);
  auto refused = registry->resolve({.key = registry->key_named("k1"),
                                    .model = "large",
                                    .session = "",
                                    .endpoint = "chat/completions",
                                    .request_id = {},
                                    .at = moment("2026-11-23T08:15:30Z")});
  ASSERT_FALSE(refused.ok()) << "it would be free";
  EXPECT_EQ(refused.error().code, ErrorCode::kRefused);
  EXPECT_EQ(refused.error().path, "pay");
}

TEST(Payment, a_package_may_be_shared_by_contracts_of_one_consumer) {
  std::string second = contract(payment("{source: packages}"));
  second.replace(second.find("acme-2026"), 9, "acme-2027");
  auto registry = registry_of(world() + contract(payment("{source: packages}")) + second +
                              "kind: Package\nname: pool\ncontracts: [acme-2026, acme-2027]\nciyuan: 5\n"
                              "from: \"2026-01-01\"\nuntil: \"2027-01-01\"\n---\n" +
                              key("k1"));
  EXPECT_EQ(names_at(*registry, "2026-11-23T08:15:30Z"), Names{"package/pool/CIYUAN"});
  EXPECT_EQ(registry->expired_packages(moment("2028-01-01T00:00:00Z")).size(), 1u);
}

TEST(Payment, royalties_are_shares_of_what_is_charged_in_money) {
  auto registry = registry_of(world() + "kind: Party\nname: maker\n---\n" +
                              contract(payment("{source: packages}, {source: postpaid}") +
                                       "  - {kind: royalty, id: royalty, shares: [{party: maker, percent: "
                                       "\"12.5\", models: [small]}]}\n") +
                              package_of_year("p1") + key("k1"));
  const std::vector<Limit> sources = sources_at(*registry, "2026-11-23T08:15:30Z");
  EXPECT_TRUE(sources[0].shares.empty());
  ASSERT_EQ(sources[1].shares.size(), 1u);
  EXPECT_EQ(sources[1].shares[0], (Share{"royalty/maker/CNY", 125'000}));
}

TEST(Payment, refuses_what_contradicts_itself_and_says_where) {
  const std::string with_packages = contract(payment("{source: packages}"));
  const auto refusal = [&](const std::string& documents) { return errors_of(world() + documents); };
  const auto says = [](const std::string& errors, const char* part) {
    return errors.find(part) != errors.npos ? ::testing::AssertionSuccess()
                                            : ::testing::AssertionFailure() << errors;
  };
  EXPECT_TRUE(
      says(refusal(with_packages + package("p", "ciyuan: 1\nfrom: \"2026-02-01\"\nuntil: \"2026-02-01\"")),
           "/until: \"2026-02-01\" is not after from: the package would expire before it starts"));
  EXPECT_TRUE(
      says(refusal(with_packages + package("p", "ciyuan: 0\nfrom: \"2026-02-01\"\nuntil: \"2026-03-01\"")),
           "/ciyuan: 0 is not above zero"));
  EXPECT_TRUE(says(refusal(with_packages + package_of_year("p", "models: [huge]")),
                   "/models/0: \"huge\" names no Model"));
  EXPECT_TRUE(
      says(refusal(contract("  []") + package_of_year("p")), "has no payment clause with the source"));
  EXPECT_TRUE(
      says(refusal(contract(payment("{source: reserved, ciyuan: 5}"))), "the field window is missing"));
  EXPECT_TRUE(says(refusal(contract(payment("{source: prepaid, credit_limit: 5}"))),
                   "/sources/0/credit_limit: 5: means nothing for the source \"prepaid\""));
  EXPECT_TRUE(says(refusal(contract(payment("{source: postpaid}, {source: prepaid}"))),
                   "/sources/1: is never reached: the postpaid source before it has no credit limit"));
  EXPECT_TRUE(
      says(refusal(contract(payment("{source: prepaid}, {source: prepaid}"))), "\"prepaid\" stands twice"));
  EXPECT_TRUE(says(refusal(contract(payment("{source: prepaid}"), "")), "needs a price book"));
  EXPECT_TRUE(says(refusal(contract(payment("{source: prepaid}") +
                                    "  - {kind: cap, id: b, unit: CNY, per: contract, window: prepaid}\n")),
                   "beside a payment clause: a call would be paid twice"));
  EXPECT_TRUE(says(refusal(contract("  - {kind: royalty, id: r, shares: [{party: nobody, percent: 5}]}\n")),
                   "/shares/0/party: \"nobody\" names no Party"));
  EXPECT_TRUE(says(refusal(contract("  - {kind: royalty, id: r, shares: [{party: acme, percent: \"60.5\"}, "
                                    "{party: acme, percent: 40}]}\n")),
                   "come to more than 100 percent"));
  EXPECT_TRUE(
      says(refusal(contract("  - {kind: royalty, id: r, shares: [{party: acme, percent: \"0.00001\"}]}\n")),
           "/shares/0/percent"));
  std::string many;
  for (int i = 0; i < 25; ++i) many += package_of_year("p" + std::to_string(i));
  EXPECT_TRUE(says(refusal(with_packages + many), "more than 24 packages are in force at 2026-01-01"));
}

}  // namespace
}  // namespace ciyuan::contract
