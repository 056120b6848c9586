#include "contract/licence.h"

#include "fixture.h"

namespace ciyuan::contract {
namespace {

std::string licence(const std::string& fields, const std::string& name = "l") {
  return "kind: Licence\nname: " + name + "\ncontract: acme-2026\n" + fields + "\n---\n";
}
const std::string kTerm = "ciyuan: 100\nfrom: 2026-01-01\nuntil: 2027-01-01\n";

std::string device_key(const std::string& name) {
  return tlog::VerifierKey::make(name, SigningKey::generate().public_key()).value().text();
}

std::string base_world() { return world() + contract("  - {kind: scope, models: [small]}"); }

Result<Resolved> resolved(const Registry& registry, const char* key_name, std::string_view session,
                          std::string_view at = "2026-11-23T08:00:00Z") {
  return registry.resolve({.key = registry.key_named(key_name),
                           .model = "small",
                           .session = session,
                           .endpoint = "chat/completions",
                           .request_id = Id{},
                           .at = moment(at)});
}

const Limit* limit_of_licence(const Resolved& call) {
  for (const Limit& limit : call.terms.limits)
    if (limit.clause.starts_with("licence/")) return &limit;
  return nullptr;
}

TEST(Licence, is_an_account_of_the_pool_the_site_or_the_seat) {
  struct Case {
    const char *fields, *of_key, *account, *seat;
  };
  for (const auto& [fields, of_key, account, seat] : {
           Case{"type: pool", "licence: l", "licence/l/CIYUAN/2026-01-01T00:00:00Z", ""},
           Case{"type: site", "", "licence/l/CIYUAN/2026-01-01T00:00:00Z", ""},
           Case{"type: seat\nseats: 2", "licence: l", "licence/l/CIYUAN/seat=k/2026-01-01T00:00:00Z", "k"},
           Case{"type: seat\nseats: 2\nseat_of: session", "licence: l",
                "licence/l/CIYUAN/seat=s1/2026-01-01T00:00:00Z", "s1"},
       }) {
    auto registry = registry_of(base_world() + licence(kTerm + fields) + key("k", of_key));
    ASSERT_NE(registry, nullptr) << fields;
    auto call = resolved(*registry, "k", "s1");
    ASSERT_TRUE(call.ok()) << call.error().text();
    const Limit* limit = limit_of_licence(*call);
    ASSERT_NE(limit, nullptr) << fields;
    EXPECT_EQ(limit->account, account);
    EXPECT_EQ(limit->sink, "licensed/l/CIYUAN");
    EXPECT_EQ(limit->funds, Amount(100'000'000));
    EXPECT_EQ(limit->clause, "licence/l");
    EXPECT_EQ(limit->per_token[index_of(Kind::kInput)], Amount(1'000'000));
    EXPECT_EQ(unit_in_name(limit->account), "CIYUAN");
    EXPECT_EQ(call->seat, seat);
    EXPECT_EQ(call->seat_licence != nullptr, *seat != '\0');
  }
}

TEST(Licence, does_not_touch_calls_that_are_not_under_it) {
  auto registry = registry_of(base_world() + licence(kTerm + "type: pool") + key("k"));
  auto call = resolved(*registry, "k", "");
  ASSERT_TRUE(call.ok());
  EXPECT_EQ(limit_of_licence(*call), nullptr);
}

TEST(Licence, refuses_calls_outside_of_its_term_by_its_clause_and_words) {
  auto registry = registry_of(base_world() +
                              licence("type: pool\nciyuan: 5\nfrom: 2026-02-01\nuntil: 2026-03-01\n"
                                      "text: {en: Five Ciyuan., zh: 五词元。}") +
                              key("k", "licence: l"));
  for (const char* at : {"2026-01-31T23:59:59Z", "2026-03-01T00:00:00Z"}) {
    auto call = resolved(*registry, "k", "", at);
    ASSERT_FALSE(call.ok());
    EXPECT_EQ(call.error().code, ErrorCode::kRefused);
    EXPECT_EQ(call.error().path, "licence/l");
  }
  const ClauseText* text = registry->clause_text(*registry->key_named("k"), "licence/l");
  ASSERT_NE(text, nullptr);
  EXPECT_EQ(text->zh, "五词元。");
}

TEST(Licence, of_devices_tells_their_keys_and_what_a_token_counts) {
  std::string device = device_key("cutter-1");
  auto registry = registry_of(base_world() + licence(kTerm + "type: device\ndevices: [\"" + device + "\"]"));
  const Licence* found = registry->find_licence("l");
  ASSERT_NE(found, nullptr);
  ASSERT_EQ(found->devices.size(), 1U);
  EXPECT_EQ(found->devices[0].text(), device);
  EXPECT_EQ(found->account("device=cutter-1"), "licence/l/CIYUAN/device=cutter-1/2026-01-01T00:00:00Z");
  auto weights = registry->weights_of(*found, {});
  EXPECT_EQ(weights.size(), 1U);
  EXPECT_EQ(weights.at("small")[index_of(Kind::kOutput)], Amount(1'000'000));
  EXPECT_EQ(registry->method_digest_of(*found).size(), 64U);
}

TEST(Licence, documents_that_say_nothing_right_are_refused_with_place_and_rule) {
  struct Case {
    std::string text, place, rule;
  };
  const std::string one = device_key("d"), other = device_key("d");
  const std::string pool = licence(kTerm + "type: pool"), seat = licence(kTerm + "type: seat\nseats: 1");
  for (const auto& [text, place, rule] : std::vector<Case>{
           {licence(kTerm), "Licence/l", "type is missing"},
           {licence(kTerm + "type: gold"), "/type", "\"gold\" is none of pool, seat, device, site"},
           {licence("type: pool\nciyuan: 0\nfrom: 2026-01-01\nuntil: 2027-01-01"), "/ciyuan",
            "0 is no licence"},
           {licence("type: pool\nciyuan: \"-1\"\nfrom: 2026-01-01\nuntil: 2027-01-01"), "/ciyuan", "-1"},
           {licence("type: pool\nciyuan: \"1.0000001\"\nfrom: 2026-01-01\nuntil: 2027-01-01"), "/ciyuan", ""},
           {licence("type: pool\nciyuan: 5\nfrom: soon\nuntil: 2027-01-01"), "/from", "soon"},
           {licence("type: pool\nciyuan: 5\nfrom: 2026-01-01\nuntil: 2026-01-01"), "/until",
            "is not after from"},
           {licence("type: pool\nciyuan: 5\nfrom: 2026-01-01"), "Licence/l", "until is missing"},
           {licence(kTerm + "type: seat"), "Licence/l", "the field seats is missing"},
           {licence(kTerm + "type: seat\nseats: 0"), "/seats", "0 is less than 1"},
           {licence(kTerm + "type: pool\nseats: 1"), "/seats", "means nothing for the type \"pool\""},
           {licence(kTerm + "type: site\nidle_days: 1"), "/idle_days", "means nothing for the type \"site\""},
           {licence(kTerm + "type: pool\nseat_of: key"), "/seat_of", "means nothing"},
           {licence(kTerm + "type: seat\nseats: 1\nseat_of: desk"), "/seat_of", "\"desk\" is none of"},
           {licence(kTerm + "type: seat\nseats: 1\ncool_down_days: -1"), "/cool_down_days",
            "-1 is less than 0"},
           {licence(kTerm + "type: device"), "Licence/l", "the field devices is missing"},
           {licence(kTerm + "type: device\ndevices: []"), "/devices", ""},
           {licence(kTerm + "type: device\ndevices: [x]"), "/devices/0", "\"x\" is no verifier key"},
           {licence(kTerm + "type: device\ndevices: [\"" + one + "\", \"" + other + "\"]"), "/devices/1",
            "a second device is named \"d\""},
           {licence(kTerm + "type: device\ndevices: [\"" + device_key("a/b") + "\"]"), "/devices/0",
            "a slash"},
           {licence(kTerm + "type: seat\nseats: 1\ndevices: [\"" + one + "\"]"), "/devices", "means nothing"},
           {licence(kTerm + "type: pool\nreport_days: 3"), "/report_days", "means nothing"},
           {licence(kTerm + "type: pool\ncolour: red"), "Licence/l", "colour"},
           {"kind: Licence\nname: l\ncontract: nowhere\ntype: pool\n" + kTerm, "/contract",
            "\"nowhere\" names no Contract"},
           {licence(kTerm + "type: site") + licence(kTerm + "type: site", "m"), "/contract",
            "has a site licence already"},
           {key("k", "licence: nowhere"), "Key/k /licence", "names no Licence"},
           {licence(kTerm + "type: site") + key("k", "licence: l"), "Key/k /licence", "is a site's"},
           {licence(kTerm + "type: device\ndevices: [\"" + one + "\"]") + key("k", "licence: l"),
            "Key/k /licence", "is for devices"}}) {
    std::string errors = errors_of(base_world() + text);
    EXPECT_NE(errors.find(place), std::string::npos) << text << "\n" << errors;
    EXPECT_NE(errors.find(rule), std::string::npos) << text << "\n" << errors;
  }
  EXPECT_EQ(errors_of(base_world() + pool + key("k", "licence: l")), "");
  EXPECT_EQ(errors_of(base_world() + seat + key("k", "licence: l")), "");
}

}  // namespace
}  // namespace ciyuan::contract
