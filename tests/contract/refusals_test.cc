/// Every class of bad document, refused by its place and rule.

#include "fixture.h"

namespace ciyuan::contract {
namespace {

struct Case {
  std::string name;
  std::string text;   ///< put behind the world
  std::string place;  ///< must stand in the errors, as must
  std::string rule;
};

std::string cap(const std::string& fields) { return "  - {kind: cap, id: c, " + fields + "}"; }

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  std::size_t at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  return at == text.npos ? text : text.replace(at, from.size(), to);
}

std::vector<Case> cases() {
  const std::string good = contract(cap("unit: ciyuan, limit: 1, per: contract, window: month"));
  auto with_cap = [](const std::string& fields) { return contract(cap(fields)); };
  auto upstream = [](const std::string& fields) {
    return "kind: Upstream\nname: u\ndialect: openai\n" + fields;
  };
  auto model = [](const std::string& fields) {
    return "kind: Model\nname: m\nupstreams: [{upstream: local}]\ntokenizer: qwen3\ncontext_tokens: 100\n" +
           fields;
  };
  auto book = [](const std::string& prices, const std::string& fields = "") {
    return "kind: PriceBook\nname: b\nversion: 1\ndate: 2026-01-01\nsource: s\ncurrency: CNY\nper_tokens: "
           "1000000\n" +
           fields + "\nprices: [" + prices + "]";
  };
  const std::string ok_price = "{model: m, kind: input, price: 1}";
  return {
      // Upstream and Model
      {"secret in an address", upstream("url: http://user:pass@host"), "Upstream/u /url", "does not match"},
      {"port out of range", upstream("url: http://host:70000"), "Upstream/u /url",
       "port between 1 and 65535"},
      {"secret in a document", upstream("url: http://h\napi_key: sk-123"), "/api_key",
       "not of the type \"object\""},
      {"two sources of a secret", upstream("url: http://h\napi_key: {env: A, file: b}"), "/api_key",
       "no more than 1"},
      {"tls on http", upstream("url: http://h\ntls: {verify: true}"), "/tls", "is not https"},
      {"timeouts contradict", upstream("url: http://h\ntimeouts: {first_byte_ms: 100, total_ms: 10}"),
       "/timeouts/total_ms", "10 is shorter"},
      {"timeout zero", upstream("url: http://h\ntimeouts: {connect_ms: 0}"), "/timeouts/connect_ms",
       "0 is less than 1"},
      {"unknown region proof", upstream("url: http://h\nregion: {code: cn, proof: hope}"), "/region/proof",
       "\"hope\" is none of"},
      {"unknown dialect", replaced(upstream("url: http://h"), "openai", "gopher"), "/dialect",
       "\"gopher\" is none of"},
      {"model without upstream", replaced(model(""), "upstream: local", "upstream: nowhere"),
       "Model/m /upstreams/0/upstream", "\"nowhere\" names no Upstream"},
      {"model with no upstreams", replaced(model(""), "[{upstream: local}]", "[]"), "/upstreams",
       "fewer than 1"},
      {"alias taken", model("aliases: [tiny]"), "/aliases/0", "\"tiny\" already names the model"},
      {"output beyond context", model("output_tokens_max: 101"), "/output_tokens_max",
       "101 is more than context_tokens, 100"},
      {"weights hash", model("weights_sha256: abc"), "/weights_sha256", "\"abc\" does not match"},
      // PriceBook
      {"negative price", book("{model: m, kind: input, price: -1}"), "/prices/0/price", "-1 is less than 0"},
      {"negative price as text", book("{model: m, kind: input, price: \"-1\"}"), "/prices/0/price",
       "\"-1\" does not match"},
      {"price with exponent", book("{model: m, kind: input, price: 1e3}"), "/prices/0/price",
       "\"1e3\" does not match"},
      {"price with too many decimals", book("{model: m, kind: input, price: 0.0000001}"), "/prices/0/price",
       "decimals"},
      {"two prices for one thing", book(ok_price + ", " + ok_price), "/prices/1", "two prices for input"},
      {"unknown price kind", book("{model: m, kind: vibes, price: 1}"), "/prices/0/kind",
       "\"vibes\" is none of"},
      {"odd price block", replaced(book(ok_price), "1000000", "500"), "/per_tokens", "500 is none of"},
      {"currency in lower case", replaced(book(ok_price), "CNY", "cny"), "/currency",
       "\"cny\" does not match"},
      {"book ends before it begins",
       book(ok_price, "effective_from: 2026-02-01\neffective_until: 2026-01-01"), "/effective_until",
       "is not after"},
      {"impossible date", replaced(book(ok_price), "2026-01-01", "2026-02-30"), "/date", "2026-02-30"},
      // Contract
      {"unknown provider", replaced(good, "provider: vendor", "provider: ghost"), "/parties/provider",
       "\"ghost\" names no Party"},
      {"both sides the same", replaced(good, "provider: vendor", "provider: acme"), "/parties", "same party"},
      {"unknown method", replaced(good, "method: native-v1", "method: guess"), "/method",
       "\"guess\" names no Method"},
      {"unknown price book", replaced(good, "price_book: prices", "price_book: none"), "/price_book",
       "\"none\" names no PriceBook"},
      {"ends before it begins", replaced(good, "2027-01-01", "2025-01-01"), "/effective/until",
       "is not after from"},
      {"month thirteen", replaced(good, "2026-01-01", "2026-13-01"), "/effective/from", "2026-13-01"},
      {"unknown clause", contract("  - {kind: residency, id: r}"), "/clauses/0/kind",
       "\"residency\" is none of scope, access, cap, rate, price"},
      {"clause without kind", contract("  - {id: r}"), "/clauses/0", "field kind is missing"},
      {"misspelt field", with_cap("unit: ciyuan, limit: 1, per: contract, window: month, lmit: 2"),
       "/clauses/0", "unknown field 'lmit'"},
      {"two clauses of one id",
       contract(cap("unit: ciyuan, limit: 1, per: contract, window: month") + "\n" +
                cap("unit: ciyuan, limit: 2, per: contract, window: day")),
       "/clauses/1/id", "two clauses have the id \"c\""},
      {"two scopes", contract("  - {kind: scope, id: a}\n  - {kind: scope, id: b}"), "/clauses/1",
       "a second clause of the kind scope"},
      {"scope over an unknown model", contract("  - {kind: scope, models: [huge]}"), "/clauses/0/models/0",
       "\"huge\" names no Model"},
      {"scope over a model without price", contract("  - {kind: scope, models: [large]}"),
       "/clauses/0/models/0", "has no price"},
      {"scope over an unknown endpoint", contract("  - {kind: scope, endpoints: [images]}"),
       "/clauses/0/endpoints/0", "\"images\" is none of"},
      {"price clause contradicts", contract("  - {kind: price, book: other}"), "/clauses/0/book",
       "contradicts the price book prices"},
      {"cap of zero", with_cap("unit: ciyuan, limit: 0, per: contract, window: month"), "/clauses/0/limit",
       "0 is not above zero"},
      {"negative cap", with_cap("unit: ciyuan, limit: \"-4\", per: contract, window: month"),
       "/clauses/0/limit", "\"-4\" does not match"},
      {"half a request", with_cap("unit: request, limit: 0.5, per: key, window: day"), "/clauses/0/limit",
       "0.5"},
      {"cap without limit", with_cap("unit: ciyuan, per: contract, window: month"), "/clauses/0",
       "field limit is missing"},
      {"unknown unit", with_cap("unit: euros, limit: 1, per: contract, window: month"), "/clauses/0/unit",
       "\"euros\" does not match"},
      {"unknown window", with_cap("unit: ciyuan, limit: 1, per: contract, window: fortnight"),
       "/clauses/0/window", "\"fortnight\" is none of"},
      {"cap in another currency", with_cap("unit: USD, limit: 1, per: contract, window: month"),
       "/clauses/0/unit", "\"USD\" is not the currency"},
      {"cap in money without prices", contract(cap("unit: CNY, limit: 1, per: contract, window: month"), ""),
       "/clauses/0/unit", "needs a price book"},
      {"request window for a contract", with_cap("unit: ciyuan, limit: 1, per: contract, window: request"),
       "/clauses/0/window", "go together"},
      {"session window for a key", with_cap("unit: ciyuan, limit: 1, per: key, window: session"),
       "/clauses/0/window", "needs per \"session\""},
      {"prepaid with a limit", with_cap("unit: CNY, limit: 1, per: contract, window: prepaid"),
       "/clauses/0/limit", "no limit but what is deposited"},
      {"prepaid for a session", with_cap("unit: CNY, per: session, window: prepaid"), "/clauses/0/per",
       "per contract or per key"},
      {"prepaid money for a part", with_cap("unit: CNY, per: contract, window: prepaid, on: output"),
       "/clauses/0/on", "pays for the whole call"},
      {"kinds of a request", with_cap("unit: request, limit: 1, per: key, window: day, on: output"),
       "/clauses/0/on", "no kinds of token"},
      {"a request cut short", with_cap("unit: request, limit: 1, per: key, window: day, action: cut"),
       "/clauses/0/action", "cannot be cut short"},
      {"tokens denied", with_cap("unit: ciyuan, limit: 1, per: key, window: day, action: deny"),
       "/clauses/0/action", "says cut"},
      {"fails open", with_cap("unit: ciyuan, limit: 1, per: key, window: day, fails: open"),
       "/clauses/0/fails", "\"open\" is none of closed"},
      {"offset without a calendar",
       with_cap("unit: ciyuan, limit: 1, per: contract, window: term, utc_offset_minutes: 480"),
       "/utc_offset_minutes", "means nothing"},
      {"two prepaid balances",
       contract("  - {kind: cap, id: a, unit: CNY, per: contract, window: prepaid}\n  - {kind: cap, id: b, "
                "unit: CNY, per: key, window: prepaid}"),
       "/clauses", "paid twice"},
      {"a stream's cost unsaid", contract("  - {kind: metering, on_client_gone: shrug}"),
       "/clauses/0/on_client_gone", "\"shrug\" is none of"},
      {"content kept", contract("  - {kind: logging, content: everything}"), "/clauses/0/content",
       "\"everything\" is none of none"},
      // Key
      {"key of no contract", key("k"), "Key/k /contract", "\"acme-2026\" names no Contract"},
      {"a secret instead of its hash", good + "kind: Key\nname: k\ncontract: acme-2026\nsha256: ck-secret",
       "/sha256", "does not match"},
      {"two keys of one secret", good + key("k") + replaced(key("k"), "name: k", "name: l"), "Key/l /sha256",
       "secret of the key k"},
      {"clause id used by the contract",
       good + key("k", "caps: [{kind: cap, id: c, unit: ciyuan, limit: 1, per: key, window: day}]"),
       "/caps/0/id", "id of another clause"},
      {"a key's cap for the contract",
       good + key("k", "caps: [{kind: cap, id: d, unit: ciyuan, limit: 1, per: contract, window: day}]"),
       "/caps/0/per", "cannot be for the whole contract"},
      {"key that expires never", good + key("k", "expires: never"), "/expires", "never"},
      // Whole sets
      {"the same document twice", "kind: Party\nname: acme", "Party/acme /name", "stands twice"},
  };
}

TEST(Refusals, every_class_of_bad_document_is_refused_with_its_place_and_rule) {
  ASSERT_EQ(errors_of(world() + contract("  []")), "");
  for (const Case& bad : cases()) {
    SCOPED_TRACE(bad.name);
    std::string errors = errors_of(world() + bad.text);
    EXPECT_NE(errors.find(bad.place), errors.npos) << bad.place << " in\n" << errors;
    EXPECT_NE(errors.find(bad.rule), errors.npos) << bad.rule << " in\n" << errors;
  }
}

TEST(Refusals, errors_of_several_documents_come_together) {
  std::string errors = errors_of(world() + contract("  - {kind: scope, models: [huge]}", "price_book: none") +
                                 key("k", "expires: never"));
  for (const char* part : {"names no PriceBook", "names no Model", "/expires"})
    EXPECT_NE(errors.find(part), errors.npos) << errors;
}

TEST(Refusals, no_more_than_fifty_errors_are_listed) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "kind: Nothing\n---\n";
  Reading reading = read_documents(text, "x");
  EXPECT_EQ(reading.errors.size(), kDocumentErrorsMax + 1);
  EXPECT_EQ(reading.errors.back().message, "and 150 more errors");
}

TEST(Refusals, what_is_only_unlikely_is_a_warning) {
  std::string book =
      "kind: PriceBook\nname: b\nversion: 1\ndate: 2026-01-01\nsource: s\ncurrency: CNY\nper_tokens: 1\n"
      "prices: [{model: m, kind: input, price: 2.00}, {model: m, kind: cache_read, price: 3}]\n---\n";
  std::string caps =
      "  - {kind: cap, id: day, unit: ciyuan, limit: 100, per: contract, window: day}\n"
      "  - {kind: cap, id: month, unit: ciyuan, limit: 50, per: contract, window: month}";
  BuildOutcome outcome = Registry::build(documents_of(world() + book + contract(caps)));
  ASSERT_TRUE(outcome.errors.empty());
  std::string warnings;
  for (const std::string& warning : outcome.warnings) warnings += warning + "\n";
  for (const char* part :
       {"implausibly high", "cache_read costs more than input", "clause day can never be reached"})
    EXPECT_NE(warnings.find(part), warnings.npos) << warnings;
}

}  // namespace
}  // namespace ciyuan::contract
