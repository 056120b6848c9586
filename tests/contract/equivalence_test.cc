#include "contract/equivalence.h"

#include <random>

#include "fixture.h"

namespace ciyuan::contract {
namespace {

tlog::NoteSigner signer_of(const std::string& name, std::uint8_t seed) {
  std::array<std::uint8_t, 32> bytes;
  bytes.fill(seed);
  return tlog::NoteSigner::make(name, SigningKey::from_seed(bytes)).value();
}
const tlog::NoteSigner& vendor_key() {
  static const tlog::NoteSigner key = signer_of("vendor.example", 1);
  return key;
}
const tlog::NoteSigner& acme_key() {
  static const tlog::NoteSigner key = signer_of("acme.example", 2);
  return key;
}

/// Of two models, by declared weights: small and large at these figures.
Json table(const std::string& name, const std::array<std::string, 3>& small,
           const std::array<std::string, 3>& large = {"2", "2.5", "3"}) {
  Json document = {{"kind", "Equivalence"},  {"name", name},         {"version", "7"},
                   {"date", "2026-11-01"},   {"source", "the test"}, {"basis", "burndown"},
                   {"models", Json::array()}};
  document["parties"] = {{"provider", "vendor"}, {"consumer", "acme"}};
  document["effective_from"] = "2026-01-01";
  for (const auto& [model, figures] : {std::pair("small", small), std::pair("large", large)})
    document["models"].push_back(
        {{"model", model}, {"low", figures[0]}, {"middle", figures[1]}, {"high", figures[2]}});
  return document;
}
Json identity(const std::string& name) {
  Json document = table(name, {"1", "1", "1"}, {"1", "1", "1"});
  document["basis"] = "identity";
  return document;
}
Json with_signature(Json document, const tlog::NoteSigner& key) {
  std::string line = key.signature_line(equivalence_text(document).value());
  line.pop_back();
  document["signatures"].push_back(line);
  return document;
}
std::string text_of(const Json& document) { return document.dump() + "\n---\n"; }

/// The world, but its parties have keys.
std::string signing_world() {
  std::string text = world();
  auto with_key = [&](const std::string& party, const tlog::NoteSigner& key) {
    text.insert(text.find("name: " + party) + 6 + party.size(),
                "\nsettlement_key: \"" + key.verifier().text() + "\"");
  };
  with_key("vendor", vendor_key());
  with_key("acme", acme_key());
  return text;
}

const std::string kCap =
    "\n  - {kind: cap, id: month, unit: ciyuan, limit: 1000, per: contract, window: month}";
std::string contract_of(const std::string& clause) {
  return contract("  - {kind: equivalence, id: worth, " + clause + "}" + kCap) + key("k");
}

Result<Resolved> resolve(const Registry& registry, std::string_view at, std::string_view model = "small") {
  return registry.resolve({.key = registry.key_named("k"),
                           .model = model,
                           .session = "s",
                           .endpoint = "chat/completions",
                           .request_id = make_uuid7(moment(at)),
                           .at = moment(at)});
}
std::string weight(const std::array<Amount, kKinds>& weights, Kind kind = Kind::kOutput) {
  return format_decimal(weights[index_of(kind)], kCiyuanScale);
}
const Limit& cap_of(const Resolved& resolved) {
  for (const Limit& limit : resolved.terms.limits)
    if (limit.clause == "month") return limit;
  ADD_FAILURE() << "no cap";
  return resolved.terms.limits.front();
}

constexpr std::string_view kDay = "2026-06-01T00:00:00Z";

TEST(EquivalenceClause, what_bills_is_what_caps_and_records_count) {
  for (const auto& [value, figure] :
       {std::pair("low", "0.9"), std::pair("middle", "1.25"), std::pair("high", "1.5")}) {
    auto registry = registry_of(world() + text_of(table("t", {"0.9", "1.25", "1.5"})) +
                                contract_of("table: t, bills: " + std::string(value)));
    ASSERT_TRUE(registry);
    Resolved resolved = resolve(*registry, kDay).value();
    EXPECT_EQ(weight(resolved.terms.ciyuan_per_token), figure);
    EXPECT_EQ(weight(cap_of(resolved).per_token), figure);
    ASSERT_EQ(resolved.terms.ratings.size(), 1u);
    const Rating& rating = resolved.terms.ratings[0];
    EXPECT_EQ(rating.kind + rating.name + rating.version + rating.value,
              std::string("Equivalencet7") + value);
    EXPECT_EQ(rating.digest, to_hex(registry->find_document("Equivalence", "t")->digest));
    EXPECT_EQ(weight(rating.ciyuan_per_token[0]), "0.9");
    EXPECT_EQ(weight(rating.ciyuan_per_token[2]), "1.5");
  }
}

TEST(EquivalenceClause, identity_changes_nothing) {
  auto plain = registry_of(world() + contract(kCap.substr(1)) + key("k"));
  auto same = registry_of(world() + text_of(identity("t")) + contract_of("table: t"));
  for (const char* model : {"small", "tiny"}) {
    Resolved a = resolve(*plain, kDay, model).value(), b = resolve(*same, kDay, model).value();
    EXPECT_EQ(a.terms.ciyuan_per_token, b.terms.ciyuan_per_token);
    EXPECT_EQ(cap_of(a).per_token, cap_of(b).per_token);
    EXPECT_TRUE(a.terms.ratings.empty());
  }
}

TEST(EquivalenceClause, scaling_a_table_scales_the_ciyuan) {
  std::mt19937_64 random(9);
  for (int i = 0; i < 20; ++i) {
    const std::int64_t factor = 2 + static_cast<std::int64_t>(random() % 9);
    std::array<std::string, 3> one, many;
    Amount figure(static_cast<std::int64_t>(random() % 1'000'000 + 1));
    for (std::size_t value = 0; value < 3; ++value) {
      one[value] = format_decimal(figure, kCiyuanScale);
      many[value] = format_decimal(figure * factor, kCiyuanScale);
      figure += Amount(static_cast<std::int64_t>(random() % 1'000'000));
    }
    auto a = registry_of(world() + text_of(table("t", one)) + contract_of("table: t"));
    auto b = registry_of(world() + text_of(table("t", many)) + contract_of("table: t"));
    Resolved first = resolve(*a, kDay).value(), second = resolve(*b, kDay).value();
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      EXPECT_EQ(first.terms.ciyuan_per_token[kind] * factor, second.terms.ciyuan_per_token[kind]);
      EXPECT_EQ(cap_of(first).per_token[kind] * factor, cap_of(second).per_token[kind]);
      for (std::size_t value = 0; value < 3; ++value)
        EXPECT_EQ(first.terms.ratings[0].ciyuan_per_token[value][kind] * factor,
                  second.terms.ratings[0].ciyuan_per_token[value][kind]);
    }
  }
}

TEST(EquivalenceClause, the_parallel_figures_are_what_the_other_table_alone_would_bill) {
  const std::string tables =
      text_of(table("old", {"1", "2", "3"})) + text_of(table("new", {"0.4", "0.5", "0.75"}));
  auto both = registry_of(world() + tables + contract_of("table: old, parallel: {table: new, bills: high}"));
  auto alone = registry_of(world() + tables + contract_of("table: new, bills: high"));
  Resolved resolved = resolve(*both, kDay).value(), other = resolve(*alone, kDay).value();
  EXPECT_EQ(weight(resolved.terms.ciyuan_per_token), "2");
  ASSERT_EQ(resolved.terms.ratings.size(), 2u);
  EXPECT_EQ(resolved.terms.ratings[1], other.terms.ratings[0]);
  EXPECT_EQ(resolved.terms.ratings[1].ciyuan_per_token[2], other.terms.ciyuan_per_token);
}

TEST(EquivalenceClause, a_switch_swaps_what_bills_with_what_runs_beside_it) {
  const std::string tables =
      text_of(table("old", {"1", "2", "3"})) + text_of(table("new", {"0.4", "0.5", "0.75"}));
  auto registry = registry_of(
      world() + tables +
      contract_of(
          "table: old, switch_at: \"2026-07-01\", parallel: {table: new, from: \"2026-06-01\", until: "
          "\"2026-08-01\"}"));
  ASSERT_TRUE(registry);
  auto names = [&](std::string_view at) {
    std::string list;
    const Resolved resolved = resolve(*registry, at).value();
    for (const Rating& rating : resolved.terms.ratings) list += rating.name + " ";
    return list + weight(resolved.terms.ciyuan_per_token) + " " + weight(cap_of(resolved).per_token);
  };
  EXPECT_EQ(names("2026-05-31T23:59:59Z"), "old 2 2");
  EXPECT_EQ(names("2026-06-01T00:00:00Z"), "old new 2 2");
  EXPECT_EQ(names("2026-06-30T23:59:59Z"), "old new 2 2");
  EXPECT_EQ(names("2026-07-01T00:00:00Z"), "new old 0.5 0.5");
  EXPECT_EQ(names("2026-08-01T00:00:00Z"), "new 0.5 0.5");
}

TEST(EquivalenceClause, a_method_with_other_weights_runs_beside_the_contracts_own) {
  Json dear = parse_json(source_file("data/methods/native-v1.json")).value();
  dear["name"] = "dear", dear["version"] = "3";
  dear["weights"]["output"] = "4";
  auto registry = registry_of(world() + text_of(dear) + contract_of("parallel: {method: dear}"));
  ASSERT_TRUE(registry);
  const Resolved resolved = resolve(*registry, kDay).value();
  ASSERT_EQ(resolved.terms.ratings.size(), 2u);
  EXPECT_EQ(resolved.terms.ratings[0].name, "native-v1");
  EXPECT_EQ(resolved.terms.ratings[1].kind, "Method");
  EXPECT_EQ(weight(resolved.terms.ciyuan_per_token), "1");
  EXPECT_EQ(weight(resolved.terms.ratings[1].ciyuan_per_token[0]), "4");
  EXPECT_EQ(weight(resolved.terms.ratings[1].ciyuan_per_token[2], Kind::kInput), "1");
}

TEST(EquivalenceClause, a_kind_that_the_method_does_not_count_stays_uncounted) {
  Json method = parse_json(source_file("data/methods/native-v1.json")).value();
  method["name"] = "no-cache";
  method["weights"].erase("cache_read");
  method["kinds"] = {"input", "cache_write", "output", "reasoning", "tool"};
  std::string text = contract_of("table: t");
  text.replace(text.find("native-v1"), 9, "no-cache");
  auto registry = registry_of(world() + text_of(method) + text_of(table("t", {"1", "2", "3"})) + text);
  const Resolved resolved = resolve(*registry, kDay).value();
  EXPECT_EQ(weight(resolved.terms.ciyuan_per_token, Kind::kCacheRead), "0");
  EXPECT_EQ(weight(resolved.terms.ciyuan_per_token, Kind::kInput), "2");
}

TEST(EquivalenceClause, a_call_when_the_table_is_not_in_force_is_refused_by_the_clause) {
  Json document = table("t", {"1", "2", "3"});
  document["effective_from"] = "2026-03-01", document["effective_until"] = "2026-09-01";
  BuildOutcome outcome = Registry::build(documents_of(world() + text_of(document) + contract_of("table: t")));
  ASSERT_TRUE(outcome.registry);
  EXPECT_EQ(outcome.warnings.size(), 2u);
  EXPECT_TRUE(resolve(*outcome.registry, "2026-03-01T00:00:00Z").ok());
  for (const char* at : {"2026-02-28T23:59:59Z", "2026-09-01T00:00:00Z"}) {
    Result<Resolved> resolved = resolve(*outcome.registry, at);
    ASSERT_FALSE(resolved.ok());
    EXPECT_EQ(resolved.error().path, "worth");
    EXPECT_EQ(resolved.error().code, ErrorCode::kRefused);
    EXPECT_NE(resolved.error().message.find("the table t is not in force"), std::string::npos);
  }
}

TEST(EquivalenceSignature, both_parties_sign_one_after_the_other) {
  const Json plain = table("t", {"1", "2", "3"});
  const Json signed_table = with_signature(with_signature(plain, vendor_key()), acme_key());
  EXPECT_EQ(equivalence_text(plain).value(), equivalence_text(signed_table).value());
  EXPECT_TRUE(check_equivalence_signature(signed_table, vendor_key().verifier()).ok());
  EXPECT_TRUE(check_equivalence_signature(signed_table, acme_key().verifier()).ok());
  EXPECT_TRUE(registry_of(signing_world() + text_of(signed_table) +
                          contract_of("table: t, signed_by: [provider, consumer]")));
}

TEST(EquivalenceSignature, any_change_of_the_table_leaves_none_right) {
  const Json signed_table = with_signature(table("t", {"1", "2", "3"}), vendor_key());
  auto fails = [&](const Json& document) {
    return check_equivalence_signature(document, vendor_key().verifier()).error().message;
  };
  for (const char* pointer : {"/name", "/version", "/date", "/source", "/models/0/low", "/models/1/middle",
                              "/parties/consumer", "/effective_from"}) {
    Json changed = signed_table;
    changed[Json::json_pointer(pointer)] = "9";
    EXPECT_NE(fails(changed).find("is not of this table as it stands"), std::string::npos) << pointer;
  }
  Json garbled = signed_table;
  garbled["signatures"][0] = "\xE2\x80\x94 vendor.example AAAA";
  EXPECT_FALSE(check_equivalence_signature(garbled, vendor_key().verifier()).ok());
  Json smuggled = signed_table;
  smuggled["signatures"].insert(smuggled["signatures"].begin(), "another text\n");
  EXPECT_FALSE(check_equivalence_signature(smuggled, vendor_key().verifier()).ok());
  EXPECT_NE(check_equivalence_signature(signed_table, acme_key().verifier())
                .error()
                .message.find("has no signature by the key acme.example"),
            std::string::npos);
}

TEST(EquivalenceClause, every_bad_one_is_refused_by_path_value_and_rule) {
  const Json good = table("t", {"1", "2", "3"});
  const Json one_signature = with_signature(good, vendor_key());
  Json forged = with_signature(one_signature, acme_key());
  forged["models"][0]["high"] = "4";
  auto signed_with = [&](const char* member, Json value) {
    Json document = good;
    if (value.is_null())
      document.erase(member);
    else
      document[member] = std::move(value);
    return text_of(with_signature(document, vendor_key())) + contract_of("table: t, signed_by: [provider]");
  };
  Json short_table = good;
  short_table["models"].erase(1);
  Json weighted = parse_json(source_file("data/methods/native-v1.json")).value();
  weighted["name"] = "weighted", weighted["weights"]["output"] = "5";
  auto under = [](const std::string& method, std::string text) {
    return text.replace(text.find("native-v1"), 9, method);
  };
  struct Case {
    const char* name;
    std::string text, place, rule;
  };
  const std::string with_good = text_of(good);
  const std::string bytes = source_file("data/methods/bytes-v1.json") + "\n---\n";
  const Case cases[] = {
      {"unknown table", contract_of("table: nowhere"), "/clauses/0/table",
       "\"nowhere\" names no Equivalence"},
      {"nothing named", contract_of("bills: low"), "/clauses/0:", "names neither a table nor a parallel one"},
      {"value", with_good + contract_of("table: t, bills: mean"), "/clauses/0/bills", "\"mean\" is none of"},
      {"value without table", with_good + contract_of("bills: low, parallel: {table: t}"), "/clauses/0/bills",
       "there is none"},
      {"model without row", text_of(short_table) + contract_of("table: t"), "/clauses/0/table",
       "has no row for the model large"},
      {"two parallel", with_good + contract_of("table: t, parallel: {table: t, method: native-v1}"),
       "/clauses/0/parallel", "not both"},
      {"no parallel", with_good + contract_of("table: t, parallel: {from: \"2026-02-01\"}"),
       "/clauses/0/parallel", "not none"},
      {"unknown parallel table", with_good + contract_of("table: t, parallel: {table: u}"),
       "/clauses/0/parallel/table", "\"u\" names no Equivalence"},
      {"unknown method", with_good + contract_of("table: t, parallel: {method: m}"),
       "/clauses/0/parallel/method", "\"m\" names no Method"},
      {"method of other units", bytes + with_good + contract_of("table: t, parallel: {method: bytes-v1}"),
       "/clauses/0/parallel/method", "\"bytes-v1\" counts something else"},
      {"value of a method", with_good + contract_of("table: t, parallel: {method: native-v1, bills: low}"),
       "/clauses/0/parallel/bills", "a method has one value"},
      {"bad date", with_good + contract_of("table: t, parallel: {table: t, from: soon}"),
       "/clauses/0/parallel/from", "soon"},
      {"until before from",
       with_good + contract_of("table: t, parallel: {table: t, from: \"2026-03-01\", until: \"2026-02-01\"}"),
       "/clauses/0/parallel/until", "\"2026-02-01\" is not after from"},
      {"switch to nothing", with_good + contract_of("table: t, switch_at: \"2026-03-01\""),
       "/clauses/0/switch_at", "no parallel one to switch to"},
      {"switch after the end",
       with_good + contract_of("table: t, switch_at: \"2027-03-01\", parallel: {method: native-v1}"),
       "/clauses/0/switch_at", "\"2027-03-01\" is not within the contract's time"},
      {"weighed twice", text_of(weighted) + with_good + under("weighted", contract_of("table: t")),
       "/clauses/0/table", "so does the method weighted, with 5"},
      {"bytes weighed as tokens", bytes + with_good + under("bytes-v1", contract_of("table: t")),
       "/clauses/0/table", "counts by basis \"bytes\""},
      {"no signature", with_good + contract_of("table: t, signed_by: [provider]"), "/clauses/0/signed_by/0",
       "has no signature by the key vendor.example"},
      {"one signature of two",
       text_of(one_signature) + contract_of("table: t, signed_by: [provider, consumer]"),
       "/clauses/0/signed_by/1", "\"consumer\": the table t has no signature"},
      {"forged", text_of(forged) + contract_of("table: t, signed_by: [provider, consumer]"),
       "/clauses/0/signed_by/0", "is not of this table as it stands"},
      {"signed for nobody", signed_with("parties", nullptr), "/clauses/0/signed_by",
       "the table t names no parties"},
      {"signed for others", signed_with("parties", {{"provider", "vendor"}, {"consumer", "other"}}),
       "/clauses/0/signed_by", "is signed for the provider vendor and the consumer other"},
      {"signed for ever", signed_with("effective_from", nullptr), "/clauses/0/signed_by",
       "the table t has no effective_from"},
      {"unsigned parallel",
       with_good + text_of(with_signature(table("s", {"1", "1", "1"}), vendor_key())) +
           contract_of("table: s, signed_by: [provider], parallel: {table: t}"),
       "/clauses/0/signed_by/0", "the table t has no signature"},
      {"stranger signs", with_good + contract_of("table: t, signed_by: [auditor]"), "/clauses/0/signed_by/0",
       "\"auditor\" is none of"},
      {"nothing to sign", contract_of("signed_by: [provider], parallel: {method: native-v1}"),
       "/clauses/0/signed_by", "no table to be signed"},
      {"two clauses",
       with_good + contract("  - {kind: equivalence, table: t}\n  - {kind: equivalence, id: b, table: t}"),
       "/clauses/1", "a second clause of the kind equivalence"},
      {"unknown member", with_good + contract_of("table: t, tabel: u"), "/clauses/0", "tabel"},
      {"table that ends before it begins", text_of([&] {
         Json ended = good;
         ended["effective_from"] = "2026-02-01", ended["effective_until"] = "2026-01-01";
         return ended;
       }()),
       "Equivalence/t /effective_until", "\"2026-01-01\" is not after effective_from"},
  };
  for (const Case& one : cases) {
    const std::string errors = errors_of(signing_world() + one.text);
    EXPECT_NE(errors.find(one.place), std::string::npos) << one.name << "\n" << errors;
    EXPECT_NE(errors.find(one.rule), std::string::npos) << one.name << "\n" << errors;
  }
  const std::string unsigned_party =
      errors_of(world() + with_good + contract_of("table: t, signed_by: [provider]"));
  EXPECT_NE(unsigned_party.find("the party vendor has no settlement_key"), std::string::npos)
      << unsigned_party;
}

}  // namespace
}  // namespace ciyuan::contract
