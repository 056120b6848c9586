#include "contract/access.h"

#include <gmock/gmock.h>

#include <random>

#include "fixture.h"

namespace ciyuan::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Facts {
  Call call{};
  std::string endpoint = "chat/completions";
  std::int64_t prompt_tokens = 10;
  std::string at = "2026-06-01T09:00:00Z";  // a Monday
};

Decision decide(const Registry& registry, const std::string& key, Facts facts = {}) {
  Call call = facts.call;
  call.key = registry.key_named(key);
  if (call.model.empty()) call.model = "small";
  call.endpoint = facts.endpoint;
  call.request_id = id_from_content("r");
  call.at = moment(facts.at);
  auto resolved = registry.resolve(call);
  EXPECT_TRUE(resolved.ok()) << resolved.error().text();
  if (!resolved.ok()) return {};
  return registry.decide(*call.key, *resolved,
                         {.endpoint = facts.endpoint, .prompt_tokens = facts.prompt_tokens, .at = call.at});
}

std::string with(const std::string& rules) {
  return world() + contract("  - kind: access\n    id: who\n    rules:\n" + rules, "") + key("k1") +
         key("k2") + key("k3", "parent: k1");
}

TEST(Access, allows_everything_where_no_rule_speaks_of_it) {
  auto registry = registry_of(with("      - {id: no-fun, effect: deny, purposes: [fun]}"));
  EXPECT_TRUE(decide(*registry, "k1").allowed);
  Decision denied = decide(*registry, "k1", {.call = {.purpose = "fun"}});
  EXPECT_FALSE(denied.allowed);
  EXPECT_EQ(denied.clause, "who");
  EXPECT_EQ(denied.rule, "no-fun");
}

TEST(Access, refuses_what_no_rule_allows_once_any_allows_something) {
  auto registry = registry_of(with("      - {id: support, effect: allow, purposes: [support]}"));
  EXPECT_TRUE(decide(*registry, "k1", {.call = {.purpose = "support"}}).allowed);
  Decision refused = decide(*registry, "k1");
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.clause, "who");
  EXPECT_EQ(refused.rule, "");
  EXPECT_THAT(refused.message, HasSubstr("no access rule"));
}

TEST(Access, a_denying_rule_wins_wherever_it_stands) {
  for (const char* rules : {"      - {id: a, effect: allow}\n      - {id: d, effect: deny, users: [eve]}",
                            "      - {id: d, effect: deny, users: [eve]}\n      - {id: a, effect: allow}"}) {
    auto registry = registry_of(with(rules));
    EXPECT_TRUE(decide(*registry, "k1", {.call = {.user = "ann"}}).allowed);
    Decision eve = decide(*registry, "k1", {.call = {.user = "eve"}});
    EXPECT_FALSE(eve.allowed);
    EXPECT_EQ(eve.rule, "d");
    EXPECT_EQ(eve.matched.size(), 2U);
  }
}

TEST(Access, knows_keys_and_agents_with_those_below_them) {
  auto registry =
      registry_of(with("      - {id: k, effect: allow, keys: [k1]}\n"
                       "      - {id: a, effect: allow, agents: [planner]}"));
  EXPECT_TRUE(decide(*registry, "k1").allowed);
  EXPECT_TRUE(decide(*registry, "k3").allowed) << "below k1";
  EXPECT_FALSE(decide(*registry, "k2").allowed);
  EXPECT_TRUE(decide(*registry, "k2", {.call = {.agent = "planner/search"}}).allowed);
  EXPECT_FALSE(decide(*registry, "k2", {.call = {.agent = "planner2"}}).allowed);
}

TEST(Access, knows_models_by_any_name_endpoints_tenants_and_regions) {
  auto registry =
      registry_of(with("      - {id: m, effect: deny, models: [tiny]}\n"
                       "      - {id: e, effect: deny, endpoints: [embeddings]}\n"
                       "      - {id: t, effect: deny, tenants: [south]}\n"
                       "      - {id: r, effect: deny, models: [large], regions: [unknown], users: [x]}"));
  EXPECT_EQ(decide(*registry, "k1").rule, "m");
  EXPECT_EQ(decide(*registry, "k1", {.call = {.model = "large"}, .endpoint = "embeddings"}).rule, "e");
  EXPECT_EQ(decide(*registry, "k1", {.call = {.model = "large", .tenant = "south"}}).rule, "t");
  EXPECT_EQ(decide(*registry, "k1", {.call = {.model = "large", .user = "x"}}).rule, "r");
  EXPECT_TRUE(decide(*registry, "k1", {.call = {.model = "large"}}).allowed);
}

TEST(Access, bounds_prompts_and_answers) {
  auto registry =
      registry_of(with("      - {id: long, effect: deny, prompt_tokens_over: 100}\n"
                       "      - {id: short, effect: allow, output_tokens_max: 50}\n"
                       "      - {id: longer, effect: allow, users: [ann], output_tokens_max: 200}\n"
                       "      - {id: endless, effect: allow, users: [root]}"));
  EXPECT_FALSE(decide(*registry, "k1", {.prompt_tokens = 101}).allowed);
  EXPECT_EQ(decide(*registry, "k1", {.prompt_tokens = 100}).output_tokens_max, 50);
  EXPECT_EQ(decide(*registry, "k1", {.call = {.user = "ann"}}).output_tokens_max, 200);
  EXPECT_EQ(decide(*registry, "k1", {.call = {.user = "root"}}).output_tokens_max, std::nullopt);
}

TEST(Access, knows_hours_of_the_contracts_own_day_and_nights_that_go_on) {
  auto registry =
      registry_of(with("      - {id: day, effect: allow, users: [a], hours: {days: [mon, fri], from: "
                       "\"08:00\", until: \"18:00\", "
                       "utc_offset_minutes: 480}}\n"
                       "      - {id: night, effect: allow, users: [b], hours: {days: [fri], from: \"22:00\", "
                       "until: \"06:00\"}}"));
  auto allows = [&](const char* user, const char* at) {
    return decide(*registry, "k1", {.call = {.user = user}, .at = at}).allowed;
  };
  EXPECT_TRUE(allows("a", "2026-06-01T00:00:00Z")) << "08:00 on Monday in Beijing";
  EXPECT_FALSE(allows("a", "2026-05-31T23:59:59Z"));
  EXPECT_FALSE(allows("a", "2026-06-01T10:00:00Z")) << "18:00";
  EXPECT_FALSE(allows("a", "2026-06-02T02:00:00Z")) << "Tuesday";
  EXPECT_TRUE(allows("b", "2026-06-05T22:00:00Z"));
  EXPECT_TRUE(allows("b", "2026-06-06T05:59:00Z")) << "Friday's night, on Saturday";
  EXPECT_FALSE(allows("b", "2026-06-06T06:00:00Z"));
  EXPECT_FALSE(allows("b", "2026-06-05T05:00:00Z")) << "Thursday's night";
}

TEST(Access, has_the_words_of_its_rule_or_else_of_its_clause) {
  auto registry = registry_of(
      world() +
      contract("  - kind: access\n    id: who\n    text: {en: Who may., zh: 谁可以。}\n    rules:\n"
               "      - {id: own, effect: deny, users: [a], text: {en: Not you., zh: 不是你。}}\n"
               "      - {id: plain, effect: deny, users: [b]}",
               "") +
      key("k1"));
  const KeyPlan& key = *registry->key_named("k1");
  EXPECT_EQ(registry->clause_text(key, "who/own")->zh, "不是你。");
  EXPECT_EQ(registry->clause_text(key, "who/plain")->en, "Who may.");
}

TEST(Access, warns_of_rules_that_decide_nothing) {
  BuildOutcome outcome =
      Registry::build(documents_of(with("      - {id: a, effect: allow, users: [ann], models: [small]}\n"
                                        "      - {id: d, effect: deny, models: [small]}\n"
                                        "      - {id: k, effect: allow, keys: [gone]}")));
  ASSERT_EQ(outcome.errors.size(), 0U);
  EXPECT_THAT(outcome.warnings, ::testing::Contains(HasSubstr("who/a allows nothing: who/d denies all")));
  EXPECT_THAT(outcome.warnings, ::testing::Contains(HasSubstr("names the key gone")));
}

TEST(Access, that_cannot_mean_anything_is_refused_by_field) {
  for (const auto& [rules, rule] : std::vector<std::pair<std::string, std::string>>{
           {"      - {id: a, effect: maybe}", "/rules/0/effect"},
           {"      - {id: a, effect: allow}\n      - {id: a, effect: deny}", "/rules/1/id"},
           {"      - {id: a, effect: allow, models: [none]}", "names no Model"},
           {"      - {id: a, effect: allow, users: []}", "/rules/0/users"},
           {"      - {id: a, effect: allow, hours: {from: \"25:00\", until: \"06:00\"}}",
            "/rules/0/hours/from"},
           {"      - {id: a, effect: allow, hours: {from: \"06:00\", until: \"06:00\"}}",
            "/rules/0/hours/until"},
           {"      - {id: a, effect: deny, output_tokens_max: 5}", "/rules/0/output_tokens_max"},
           {"      - {id: a, effect: allow, colour: red}", "colour"}})
    EXPECT_THAT(errors_of(with(rules)), HasSubstr(rule)) << rules;
}

// The law: the order of rules never matters, one more denial never allows, and one more permission never
// refuses what was allowed.
TEST(Access, combines_its_rules_in_any_order_at_random) {
  std::mt19937 random(7);
  const char* users[] = {"a", "b", "c"};
  const char* purposes[] = {"p", "q"};
  for (int turn = 0; turn < 60; ++turn) {
    std::vector<std::string> rules;
    bool any_allows = false;
    for (std::size_t i = 0, count = 1 + random() % 5; i < count; ++i) {
      const bool allow = random() % 2 == 0;
      any_allows |= allow;
      std::string rule = "      - {id: r" + std::to_string(i) + ", effect: " + (allow ? "allow" : "deny");
      if (random() % 2) rule += std::string(", users: [") + users[random() % 3] + "]";
      if (random() % 2) rule += std::string(", purposes: [") + purposes[random() % 2] + "]";
      rules.push_back(rule + "}\n");
    }
    auto joined = [](const std::vector<std::string>& lines) {
      std::string text;
      for (const std::string& line : lines) text += line;
      return text;
    };
    std::vector<std::string> mixed = rules;
    std::shuffle(mixed.begin(), mixed.end(), random);
    auto plain = registry_of(with(joined(rules))), shuffled = registry_of(with(joined(mixed)));
    rules.push_back("      - {id: more, effect: deny, users: [a]}\n");
    auto stricter = registry_of(with(joined(rules)));
    rules.back() = "      - {id: more, effect: allow, users: [a]}\n";
    auto looser = registry_of(with(joined(rules)));
    for (const char* user : users)
      for (const char* purpose : purposes) {
        const Facts facts{.call = {.user = user, .purpose = purpose}};
        const bool allowed = decide(*plain, "k1", facts).allowed;
        EXPECT_EQ(allowed, decide(*shuffled, "k1", facts).allowed);
        if (!allowed) EXPECT_FALSE(decide(*stricter, "k1", facts).allowed);
        if (allowed && any_allows) EXPECT_TRUE(decide(*looser, "k1", facts).allowed);
      }
  }
}

}  // namespace
}  // namespace ciyuan::contract
