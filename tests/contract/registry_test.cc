#include "contract/registry.h"

#include <set>

#include "fixture.h"

namespace ciyuan::contract {
namespace {

const char* const kClauses = R"(
  - {kind: scope, id: scope, models: [tiny], endpoints: [chat/completions], text: {en: "small only", zh: "仅限小模型"}}
  - {kind: cap, id: one, unit: ciyuan, limit: 50, per: request, window: request}
  - {kind: cap, id: session, unit: ciyuan, limit: "400", per: session, window: session}
  - {kind: cap, id: month, unit: ciyuan, limit: "1000000.5", per: contract, window: month, utc_offset_minutes: 480}
  - {kind: cap, id: rpm, unit: request, limit: 5, per: key, window: minute}
  - {kind: cap, id: term, unit: CNY, limit: "12.34", per: contract, window: term}
  - {kind: cap, id: model-output, unit: ciyuan, limit: 9, per: model, window: day, on: output})";

Call call_of(const Registry& registry, const char* key_name, std::string_view session = "s1") {
  return {.key = registry.key_named(key_name),
          .model = "small",
          .session = session,
          .endpoint = "chat/completions",
          .request_id = parse_id("0198a000-0000-7000-8000-000000000001").value(),
          .at = moment("2026-11-23T08:15:30Z")};
}

const Limit* limit_named(const Resolved& resolved, std::string_view clause) {
  for (const Limit& limit : resolved.terms.limits)
    if (limit.clause == clause) return &limit;
  return nullptr;
}

TEST(Registry, names_the_account_of_every_window) {
  auto registry =
      registry_of(world() + contract(kClauses) +
                  key("k1", "caps: [{kind: cap, id: budget, unit: CNY, limit: 5, per: key, window: day}]"));
  ASSERT_NE(registry, nullptr);
  auto resolved = registry->resolve(call_of(*registry, "k1"));
  ASSERT_TRUE(resolved.ok()) << resolved.error().text();
  struct Expected {
    const char *clause, *account, *sink, *unit, *window_end;
    const char* funds;
  };
  const Expected expected[] = {
      {"one", "cap/acme-2026/one/CIYUAN/request=0198a000-0000-7000-8000-000000000001",
       "used/acme-2026/one/CIYUAN", "CIYUAN", "1970-01-01T00:00:00Z", "50"},
      {"session", "cap/acme-2026/session/CIYUAN/session=s1", "used/acme-2026/session/CIYUAN", "CIYUAN",
       "1970-01-01T00:00:00Z", "400"},
      {"month", "cap/acme-2026/month/CIYUAN/2026-10-31T16:00:00Z", "used/acme-2026/month/CIYUAN", "CIYUAN",
       "2026-11-30T16:00:00Z", "1000000.5"},
      {"rpm", "cap/acme-2026/rpm/REQUEST/key=k1/2026-11-23T08:15:00Z", "used/acme-2026/rpm/REQUEST",
       "REQUEST", "2026-11-23T08:16:00Z", "5"},
      {"term", "cap/acme-2026/term/CNY/2026-01-01T00:00:00Z", "used/acme-2026/term/CNY", "CNY",
       "2027-01-01T00:00:00Z", "12.34"},
      {"model-output", "cap/acme-2026/model-output/CIYUAN/model=small/2026-11-23T00:00:00Z",
       "used/acme-2026/model-output/CIYUAN", "CIYUAN", "2026-11-24T00:00:00Z", "9"},
      {"budget", "cap/acme-2026/budget/CNY/key=k1/2026-11-23T00:00:00Z", "used/acme-2026/budget/CNY", "CNY",
       "2026-11-24T00:00:00Z", "5"},
      {"price", "receivable/acme/CNY", "revenue/vendor/CNY", "CNY", "1970-01-01T00:00:00Z", "0"},
  };
  EXPECT_EQ(resolved->terms.limits.size(), std::size(expected));
  for (const Expected& want : expected) {
    const Limit* limit = limit_named(*resolved, want.clause);
    ASSERT_NE(limit, nullptr) << want.clause;
    EXPECT_EQ(limit->account, want.account);
    EXPECT_EQ(limit->sink, want.sink);
    EXPECT_EQ(limit->unit, want.unit);
    EXPECT_EQ(unit_in_name(limit->account), want.unit);
    EXPECT_EQ(unit_in_name(limit->sink), want.unit);
    EXPECT_EQ(to_rfc3339(limit->window_end), want.window_end) << want.clause;
    EXPECT_EQ(format_decimal(limit->funds, scale_of_unit(limit->unit)), want.funds);
    EXPECT_EQ(limit->may_overdraw, std::string_view(want.clause) == "price");
  }
}

TEST(Registry, a_clause_that_changes_its_unit_counts_on_another_account) {
  auto account = [](const std::string& unit) {
    auto registry = registry_of(
        world() +
        contract("  - {kind: cap, id: c, unit: " + unit + ", limit: 9, per: session, window: session}") +
        key("k1"));
    return limit_named(registry->resolve(call_of(*registry, "k1")).value(), "c")->account;
  };
  EXPECT_EQ(account("ciyuan"), "cap/acme-2026/c/CIYUAN/session=s1");
  EXPECT_EQ(account("CNY"), "cap/acme-2026/c/CNY/session=s1");
}

TEST(Registry, names_that_contracts_do_not_make_say_no_unit) {
  for (const char* name : {"cash", "bank/CNY", "cap", "cap/acme", "prepaid/acme/balance", "used/acme/x/lower",
                           "capital/a/b/CNY", "revenue/vendor/"})
    EXPECT_EQ(unit_in_name(name), std::nullopt) << name;
}

TEST(Registry, costs_follow_the_unit_and_the_kinds_that_count) {
  auto registry = registry_of(world() + contract(kClauses) + key("k1"));
  auto resolved = registry->resolve(call_of(*registry, "k1"));
  ASSERT_TRUE(resolved.ok());
  auto cost = [&](const char* clause, Kind kind) {
    return limit_named(*resolved, clause)->per_token[index_of(kind)];
  };
  EXPECT_EQ(cost("session", Kind::kInput), Amount(1'000'000));  // native-v1: one token, one Ciyuan
  EXPECT_EQ(cost("model-output", Kind::kInput), Amount());
  EXPECT_EQ(cost("model-output", Kind::kReasoning), Amount(1'000'000));
  EXPECT_EQ(cost("term", Kind::kInput), Amount(2'000'000));  // 2.00 a million, in 10^-12
  EXPECT_EQ(cost("term", Kind::kCacheRead), Amount(2'000'000));
  EXPECT_EQ(cost("price", Kind::kOutput), Amount(8'000'000));
  EXPECT_EQ(limit_named(*resolved, "price")->per_request, Amount(1'000'000'000));
  EXPECT_EQ(limit_named(*resolved, "rpm")->per_request, Amount(1));
  EXPECT_EQ(cost("rpm", Kind::kOutput), Amount());
  EXPECT_EQ(resolved->terms.currency, "CNY");
  EXPECT_EQ(resolved->terms.prices.size(), kKinds);
  EXPECT_EQ(resolved->terms.per_request, Amount(1'000'000'000));
  EXPECT_EQ(resolved->terms.ciyuan_per_token[0], Amount(1'000'000));
}

TEST(Registry, a_record_can_name_everything_that_was_applied) {
  auto registry = registry_of(world() + contract(kClauses) + key("k1"));
  auto resolved = registry->resolve(call_of(*registry, "k1"));
  ASSERT_TRUE(resolved.ok());
  EXPECT_EQ(resolved->contract, "acme-2026");
  EXPECT_EQ(resolved->provider, "vendor");
  EXPECT_EQ(resolved->consumer, "acme");
  EXPECT_EQ(resolved->contract_digest, registry->find_document("Contract", "acme-2026")->digest);
  EXPECT_EQ(resolved->method_digest, registry->find_document("Method", "native-v1")->digest);
  EXPECT_EQ(resolved->price_book_digest, registry->find_document("PriceBook", "prices")->digest);
  EXPECT_EQ(resolved->model->routes.at(0).model, "small-1");
  EXPECT_EQ(resolved->model->routes.at(0).upstream->url, "http://127.0.0.1:8081");
  EXPECT_EQ(registry->clause_text(*registry->key_named("k1"), "scope")->zh, "仅限小模型");
  EXPECT_EQ(registry->clause_text(*registry->key_named("k1"), "rpm"), nullptr);
}

TEST(Registry, without_prepaid_money_a_price_is_a_receivable_and_with_it_a_balance) {
  auto limits = [](const std::string& clauses, const std::string& key_fields) {
    auto registry = registry_of(world() + contract(clauses) + key("k1", key_fields));
    auto resolved = registry->resolve(call_of(*registry, "k1"));
    std::set<std::string> names;
    for (const Limit& limit : resolved.value().terms.limits) names.insert(limit.account + " > " + limit.sink);
    return names;
  };
  using Names = std::set<std::string>;
  EXPECT_EQ(limits("  []", ""), Names{"receivable/acme/CNY > revenue/vendor/CNY"});
  std::string of_contract = "  - {kind: cap, id: balance, unit: CNY, per: contract, window: prepaid}";
  EXPECT_EQ(limits(of_contract, ""), Names{"prepaid/acme-2026/balance/CNY > revenue/vendor/CNY"});
  std::string of_key = "caps: [{kind: cap, id: purse, unit: CNY, per: key, window: prepaid}]";
  EXPECT_EQ(limits("  []", of_key), Names{"prepaid/acme-2026/purse/CNY/key=k1 > revenue/vendor/CNY"});
  std::string package = "  - {kind: cap, id: package, unit: ciyuan, per: contract, window: prepaid}";
  EXPECT_EQ(limits(package, ""), (Names{"prepaid/acme-2026/package/CIYUAN > used/acme-2026/package/CIYUAN",
                                        "receivable/acme/CNY > revenue/vendor/CNY"}));
}

TEST(Registry, finds_a_key_by_its_secret_only) {
  auto registry = registry_of(world() + contract("  []") + key("k1") + key("k2"));
  ASSERT_NE(registry->find_key("secret-k2"), nullptr);
  EXPECT_EQ(registry->find_key("secret-k2")->name, "k2");
  for (const char* wrong : {"", "secret-k", "secret-k22", "k2"})
    EXPECT_EQ(registry->find_key(wrong), nullptr);
  EXPECT_EQ(registry->find_key(to_hex(sha256("secret-k2"))), nullptr) << "the stored hash is not a secret";
}

TEST(Registry, refuses_what_the_contract_does_not_cover_and_names_the_clause) {
  std::string clauses =
      "  - {kind: scope, id: small-only, models: [small], endpoints: [chat/completions, embeddings]}";
  auto registry = registry_of(world() + contract(clauses) + key("k1") + key("off", "disabled: true") +
                              key("old", "expires: \"2026-03-01\""));
  struct Refusal {
    const char *key, *model, *endpoint, *at;
    ErrorCode code;
    const char* path;
  };
  const Refusal refusals[] = {
      {"k1", "nothing", "chat/completions", "2026-11-23T00:00:00Z", ErrorCode::kNotFound, "model"},
      {"k1", "large", "chat/completions", "2026-11-23T00:00:00Z", ErrorCode::kRefused, "small-only"},
      {"k1", "small", "completions", "2026-11-23T00:00:00Z", ErrorCode::kRefused, "small-only"},
      {"off", "small", "chat/completions", "2026-11-23T00:00:00Z", ErrorCode::kRefused, "key"},
      {"old", "small", "chat/completions", "2026-03-01T00:00:00Z", ErrorCode::kRefused, "key"},
      {"k1", "small", "chat/completions", "2025-12-31T23:59:59Z", ErrorCode::kRefused, "effective"},
      {"k1", "small", "chat/completions", "2027-01-01T00:00:00Z", ErrorCode::kRefused, "effective"},
  };
  for (const Refusal& want : refusals) {
    Call call = call_of(*registry, want.key);
    call.model = want.model;
    call.endpoint = want.endpoint;
    call.at = moment(want.at);
    auto resolved = registry->resolve(call);
    ASSERT_FALSE(resolved.ok()) << want.key << want.model << want.at;
    EXPECT_EQ(resolved.error().code, want.code) << resolved.error().text();
    EXPECT_EQ(resolved.error().path, want.path) << resolved.error().text();
  }
  Call last = call_of(*registry, "old");
  last.at = moment("2026-02-28T23:59:59.999999999Z");
  EXPECT_TRUE(registry->resolve(last).ok());
}

TEST(Registry, a_model_without_a_price_is_refused_rather_than_free) {
  auto registry = registry_of(world() + contract("  []") + key("k1"));
  Call call = call_of(*registry, "k1");
  call.model = "large";
  auto resolved = registry->resolve(call);
  ASSERT_FALSE(resolved.ok());
  EXPECT_EQ(resolved.error().path, "price");
  auto unpriced = registry_of(world() + contract("  []", "") + key("k1"));
  call.key = unpriced->key_named("k1");
  auto free = unpriced->resolve(call);
  ASSERT_TRUE(free.ok()) << "no price book is a contract that counts only";
  EXPECT_TRUE(free->terms.limits.empty());
}

// The book of world(), with prices that hang on the call.
std::string conditional_world() {
  std::string text = world();
  const std::string flat = "  - {model: small, kind: request, price: \"0.001\"}\n";
  text.insert(text.find(flat), R"(
  - {id: long, model: small, kind: input, price: 4, when: {input_tokens: {from: 1001}}}
  - {id: night, model: small, kind: output, price: 5, when: {hours: {from: "00:30", until: "08:30", utc_offset_minutes: 480}}}
  - {id: here, model: small, kind: tool, price: 7, when: {region: [cn-beijing]}}
  - {id: bulk, model: small, kind: cache_read, price: 1, when: {service_class: [batch]}}
  - {model: small, kind: cache_read, price: 2}
  - {model: small, kind: tool, price: 9}
)");
  const std::string url = "url: http://127.0.0.1:8081/\n";
  return text.insert(text.find(url), "region: {code: cn-beijing, proof: unknown}\n");
}

TEST(Registry, a_call_is_priced_in_its_situation) {
  auto registry = registry_of(conditional_world() + contract(kClauses) + key("k1"));
  Call call = call_of(*registry, "k1");  // 16:15 in Beijing
  auto price = [&](Kind kind) {
    Resolved resolved = registry->resolve(call).value();
    const PriceLine& line = resolved.terms.prices.at(index_of(kind));
    EXPECT_EQ(limit_named(resolved, "price")->per_token[index_of(kind)], line.per_token);
    EXPECT_EQ(limit_named(resolved, "term")->per_token[index_of(kind)], line.per_token);
    EXPECT_EQ(line.kind, kind);
    return format_decimal(line.per_token, 6) + " " + line.line;
  };
  EXPECT_EQ(price(Kind::kInput), "2 prices/0");
  EXPECT_EQ(price(Kind::kOutput), "8 prices/1");
  EXPECT_EQ(price(Kind::kTool), "7 here");
  EXPECT_EQ(price(Kind::kCacheRead), "2 prices/6");
  EXPECT_TRUE(registry->resolve(call)->by_prompt);
  EXPECT_EQ(registry->resolve(call)->terms.request_line, "prices/8");
  call.prompt_tokens = 1000;
  EXPECT_EQ(price(Kind::kInput), "2 prices/0");
  call.prompt_tokens = 1001;
  EXPECT_EQ(price(Kind::kInput), "4 long");
  call.at = moment("2026-11-23T19:00:00Z");  // 03:00
  EXPECT_EQ(price(Kind::kOutput), "5 night");
  call.service_tier = "batch";
  EXPECT_EQ(price(Kind::kCacheRead), "1 bulk");
  EXPECT_EQ(registry->resolve(call)->service_class, "batch");
}

TEST(Registry, a_class_of_service_that_no_price_names_is_refused_where_prices_differ) {
  auto registry = registry_of(conditional_world() + contract("  []") + key("k1"));
  Call call = call_of(*registry, "k1");
  for (const char* tier : {"", "auto", "default", "batch"}) {
    call.service_tier = tier;
    EXPECT_TRUE(registry->resolve(call).ok()) << tier;
  }
  for (const char* tier : {"priority", "warp"}) {
    call.service_tier = tier;
    auto refused = registry->resolve(call);
    ASSERT_FALSE(refused.ok()) << tier;
    EXPECT_EQ(refused.error().path, "service_tier");
  }
  auto flat = registry_of(world() + contract("  []") + key("k1"));
  call.key = flat->key_named("k1");
  EXPECT_TRUE(flat->resolve(call).ok()) << "no price depends on it";
  EXPECT_FALSE(flat->resolve(call)->by_prompt);
}

TEST(Registry, what_was_negotiated_is_charged_and_named) {
  auto registry = registry_of(world() +
                              contract("  - {kind: price, book: prices, discounts: [{percent: 10, kind: "
                                       "output}], prices: [{id: ours, model: small, "
                                       "kind: input, price: \"1.50\"}]}") +
                              key("k1"));
  auto resolved = registry->resolve(call_of(*registry, "k1")).value();
  EXPECT_EQ(resolved.terms.prices[0].per_token, Amount(1'500'000));
  EXPECT_EQ(resolved.terms.prices[0].line, "ours");
  EXPECT_EQ(resolved.terms.prices[index_of(Kind::kOutput)].per_token, Amount(7'200'000));
  std::string wrong = errors_of(
      world() + contract("  - {kind: price, book: prices, discounts: [{percent: 10, model: large}]}") +
      key("k1"));
  EXPECT_NE(wrong.find("Contract/acme-2026 /clauses/0/discounts/0: fits no line"), wrong.npos) << wrong;
}

TEST(Registry, a_model_in_two_regions_with_two_prices_is_a_warning) {
  std::string text = conditional_world();
  const std::string route = "upstreams: [{upstream: local, model: small-1}]";
  text.replace(text.find(route), route.size(),
               "upstreams: [{upstream: local, model: small-1}, {upstream: far}]");
  text +=
      "kind: Upstream\nname: far\nurl: http://127.0.0.1:8082/\ndialect: openai\nregion: {code: us-east, "
      "proof: unknown}\n---\n";
  auto outcome = Registry::build(documents_of(text + contract("  []") + key("k1")));
  ASSERT_NE(outcome.registry, nullptr);
  std::string warnings;
  for (const std::string& warning : outcome.warnings) warnings += warning + "\n";
  EXPECT_NE(warnings.find("depend on the region"), warnings.npos) << warnings;
}

TEST(Registry, a_call_without_a_session_runs_in_its_keys_own_or_is_refused) {
  std::string caps = "  - {kind: cap, id: s, unit: ciyuan, limit: 4, per: session, window: session}\n";
  auto lenient = registry_of(world() + contract(caps) + key("k1"));
  auto resolved = lenient->resolve(call_of(*lenient, "k1", ""));
  ASSERT_TRUE(resolved.ok());
  EXPECT_EQ(resolved->session, "key:k1");
  EXPECT_EQ(limit_named(*resolved, "s")->account, "cap/acme-2026/s/CIYUAN/session=key:k1");
  for (std::string bad : {std::string("key:k1"), std::string("a b"), std::string("a\n"), std::string("词"),
                          std::string(129, 'a')}) {
    auto refused = lenient->resolve(call_of(*lenient, "k1", bad));
    ASSERT_FALSE(refused.ok()) << bad;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalid);
    EXPECT_EQ(refused.error().path, "session");
  }
  auto strict = registry_of(
      world() +
      contract(caps + "  - {kind: metering, session: {header: X-Session, field: user, required: true}}") +
      key("k1"));
  EXPECT_EQ(strict->naming_rules(*strict->key_named("k1")).session.header, "X-Session");
  EXPECT_EQ(strict->naming_rules(*strict->key_named("k1")).session.field, "user");
  EXPECT_FALSE(strict->resolve(call_of(*strict, "k1", "")).ok());
}

TEST(Registry, reads_the_metering_clause) {
  auto registry = registry_of(
      world() +
      contract("  - {kind: metering, on_client_gone: nothing_before_first_token, on_upstream_error: nothing, "
               "upstream: drain, drain_max_s: 7, quantum_tokens: 16, contention: refuse, wait_max_s: 3, "
               "tolerance: {tokens: 2, per_mille: 5}}") +
      key("k1"));
  auto resolved = registry->resolve(call_of(*registry, "k1"));
  ASSERT_TRUE(resolved.ok());
  const Metering& metering = resolved->terms.metering;
  EXPECT_EQ(metering.on_client_gone, OnClientGone::kNothingBeforeFirstToken);
  EXPECT_EQ(metering.on_upstream_error, OnUpstreamError::kNothing);
  EXPECT_EQ(metering.upstream, UpstreamOnGone::kDrain);
  EXPECT_EQ(metering.drain_max, seconds(7));
  EXPECT_EQ(metering.quantum_tokens, 16);
  EXPECT_EQ(metering.contention, Contention::kRefuse);
  EXPECT_EQ(metering.wait_max, seconds(3));
  EXPECT_TRUE(resolved->tolerance.allows(10, 12));
  EXPECT_FALSE(resolved->tolerance.allows(10, 13));
  EXPECT_TRUE(resolved->tolerance.allows(1000, 1005));
  EXPECT_FALSE(resolved->tolerance.allows(1000, 1006));
  EXPECT_FALSE(resolved->tolerance.allows(0, std::numeric_limits<std::int64_t>::max()));
}

TEST(Registry, a_model_says_which_member_limits_its_answers) {
  auto limit_member = [](const std::string& line) {
    std::string documents = world();
    documents.replace(documents.find("kind: Model\n"), 12, "kind: Model\n" + line);
    auto registry = registry_of(documents);
    return registry->models().front()->limit_member + registry->models().back()->limit_member;
  };
  EXPECT_EQ(limit_member(""), "");
  EXPECT_EQ(limit_member("limit_member: max_completion_tokens\n"), "max_completion_tokens");
}

TEST(Registry, lists_the_models_of_a_key_by_name) {
  auto registry = registry_of(world() + contract("  - {kind: scope, models: [tiny]}") + key("k1"));
  auto models = registry->models_of(*registry->key_named("k1"));
  ASSERT_EQ(models.size(), 1U);
  EXPECT_EQ(models[0]->name, "small");
  EXPECT_EQ(registry->find_model("tiny"), models[0]);
}

TEST(Registry, documents_are_put_over_others_and_taken_away) {
  auto present = documents_of("kind: Party\nname: a\n---\nkind: Party\nname: b\n---\nkind: Party\nname: c\n");
  auto changes = documents_of("kind: Party\nname: b\ncontact: new\n---\nkind: Party\nname: d\n");
  auto outcome = Registry::build(merged(present, changes, {"Party/c"}));
  ASSERT_NE(outcome.registry, nullptr);
  std::string names;
  for (const Document& document : outcome.registry->documents()) names += document.name;
  EXPECT_EQ(names, "abd");
  EXPECT_EQ(outcome.registry->find_document("Party", "b")->value["contact"], "new");
  EXPECT_EQ(outcome.registry->find_document("Party", "c"), nullptr);
}

TEST(Registry, secrets_are_long_and_never_the_same) {
  NewSecret one = make_key_secret(), two = make_key_secret();
  EXPECT_NE(one.secret, two.secret);
  EXPECT_EQ(one.secret.size(), 3U + 64U);
  EXPECT_TRUE(one.secret.starts_with("ck-"));
  EXPECT_EQ(one.sha256_hex, to_hex(sha256(one.secret)));
}

TEST(Registry, the_examples_are_right) {
  std::string text =
      source_file("examples/demo.yaml") + "\n---\n" + source_file("examples/prepaid.yaml") + "\n---\n" +
      source_file("examples/packages.yaml") + "\n---\n" + source_file("examples/tiers.yaml") + "\n---\n" +
      source_file("examples/equivalence.yaml") + "\n---\n" + source_file("examples/licences.yaml") +
      "\n---\n" + source_file("examples/governance.yaml") + "\n---\n" +
      source_file("data/methods/native-v1.json");
  EXPECT_EQ(errors_of(text), "");
  EXPECT_TRUE(Registry::build(documents_of(text)).warnings.empty());
}

}  // namespace
}  // namespace ciyuan::contract
