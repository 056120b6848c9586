#include <gmock/gmock.h>

#include "fixture.h"

namespace ciyuan::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<Resolved> resolve(const Registry& registry, const std::string& key, Call call = {}) {
  call.key = registry.key_named(key);
  if (call.model.empty()) call.model = "small";
  call.endpoint = "chat/completions";
  call.request_id = id_from_content("r");
  call.at = moment("2026-06-01T08:00:30Z");
  return registry.resolve(call);
}

std::vector<std::string> accounts_of(const Resolved& resolved) {
  std::vector<std::string> names;
  for (const Limit& limit : resolved.terms.limits) names.push_back(limit.account);
  return names;
}

std::string caps(const std::string& clauses, const std::string& more = "") {
  return world() + contract(clauses, "") + key("k1") + more;
}

TEST(Caps, of_a_rolling_window_are_one_account_whose_usage_ages) {
  auto registry =
      registry_of(caps("  - {kind: cap, id: day, unit: ciyuan, limit: 100, per: user, window: rolling, "
                       "period_minutes: 1440}"));
  auto resolved = resolve(*registry, "k1", {.user = "ann"});
  ASSERT_TRUE(resolved.ok()) << resolved.error().text();
  const Limit& limit = resolved->terms.limits.at(0);
  EXPECT_EQ(limit.account, "cap/acme-2026/day/CIYUAN/rolling=86400s/user=ann");
  EXPECT_EQ(limit.renewal, Renewal::kAges);
  EXPECT_EQ(limit.period, seconds(86400));
}

TEST(Caps, on_running_requests_come_back) {
  auto registry =
      registry_of(caps("  - {kind: cap, id: at-once, unit: request, limit: 3, per: key, window: running}"));
  const Limit limit = resolve(*registry, "k1")->terms.limits.at(0);
  EXPECT_TRUE(limit.is_returned);
  EXPECT_EQ(limit.funds, Amount(3));
  EXPECT_EQ(limit.per_request, Amount(1));
}

TEST(Caps, that_only_warn_refuse_nothing_and_tell_when_they_are_reached) {
  auto registry = registry_of(
      caps("  - {kind: cap, id: soft, unit: ciyuan, limit: 5, per: contract, window: month, action: warn}\n"
           "  - {kind: cap, id: hard, unit: ciyuan, limit: 9, per: contract, window: month, warn_percent: "
           "[50, 90]}"));
  auto limits = resolve(*registry, "k1")->terms.limits;
  EXPECT_TRUE(limits.at(0).may_overdraw);
  EXPECT_THAT(limits[0].warn_percent, ElementsAre(100, 0, 0, 0));
  EXPECT_FALSE(limits.at(1).may_overdraw);
  EXPECT_THAT(limits[1].warn_percent, ElementsAre(50, 90, 0, 0));
}

TEST(Caps, per_user_agent_or_tenant_want_the_call_to_name_one) {
  for (const std::string who : {"user", "agent", "tenant"}) {
    auto registry =
        registry_of(caps("  - {kind: cap, id: c, unit: ciyuan, limit: 9, per: " + who + ", window: day}"));
    auto resolved = resolve(*registry, "k1");
    ASSERT_FALSE(resolved.ok());
    EXPECT_EQ(resolved.error().code, ErrorCode::kInvalid);
    EXPECT_EQ(resolved.error().path, who);
    EXPECT_THAT(resolved.error().message, HasSubstr("the clause c counts per " + who));
  }
}

TEST(Caps, of_nested_agents_narrow) {
  auto registry =
      registry_of(caps("  - {kind: cap, id: c, unit: ciyuan, limit: 9, per: agent, window: day}"));
  auto resolved = resolve(*registry, "k1", {.agent = "planner/search/web"});
  ASSERT_TRUE(resolved.ok()) << resolved.error().text();
  EXPECT_THAT(accounts_of(*resolved),
              ElementsAre("cap/acme-2026/c/CIYUAN/agent=planner/2026-06-01T00:00:00Z",
                          "cap/acme-2026/c/CIYUAN/agent=planner/search/2026-06-01T00:00:00Z",
                          "cap/acme-2026/c/CIYUAN/agent=planner/search/web/2026-06-01T00:00:00Z"));
  for (const char* agent : {"/a", "a/", "a//b", "a/b/c/d/e/f/g/h/i"})
    EXPECT_EQ(resolve(*registry, "k1", {.agent = agent}).error().path, "agent") << agent;
}

TEST(Rates, are_accounts_that_drip) {
  auto registry = registry_of(
      caps("  - {kind: rate, id: pace, unit: request, limit: 600, every: minute, burst: 20, per: key}\n"
           "  - {kind: rate, id: flow, unit: ciyuan, limit: 0.5, every: second, per: contract, on: output}"));
  auto limits = resolve(*registry, "k1")->terms.limits;
  EXPECT_EQ(limits.at(0).account, "rate/acme-2026/pace/REQUEST/key=k1");
  EXPECT_EQ(limits[0].funds, Amount(20));
  EXPECT_EQ(limits[0].drip, Amount(600));
  EXPECT_EQ(limits[0].period, seconds(60));
  EXPECT_EQ(limits.at(1).account, "rate/acme-2026/flow/CIYUAN");
  EXPECT_EQ(limits[1].funds, Amount(500'000));
  EXPECT_EQ(limits[1].per_token[index_of(Kind::kInput)], Amount());
}

TEST(Keys, below_another_count_on_its_limits_too_and_end_with_it) {
  const std::string clauses = "  - {kind: cap, id: c, unit: ciyuan, limit: 9, per: key, window: term}";
  const std::string own = "caps: [{kind: cap, id: own, unit: ciyuan, limit: 5, per: key, window: day}]";
  auto registry = registry_of(world() + contract(clauses, "") + key("team", own) +
                              key("agent",
                                  "parent: team\nrates: [{kind: rate, id: slow, unit: request, limit: 1, "
                                  "every: second, per: key}]"));
  EXPECT_THAT(accounts_of(*resolve(*registry, "agent")),
              ElementsAre("cap/acme-2026/c/CIYUAN/2026-01-01T00:00:00Z/key=agent",
                          "rate/acme-2026/slow/REQUEST/key=agent",
                          "cap/acme-2026/c/CIYUAN/2026-01-01T00:00:00Z/key=team",
                          "cap/acme-2026/own/CIYUAN/key=team/2026-06-01T00:00:00Z"));
  auto disabled = registry_of(world() + contract(clauses, "") + key("team", "disabled: true") +
                              key("agent", "parent: team"));
  EXPECT_THAT(resolve(*disabled, "agent").error().message, HasSubstr("the key team is disabled"));
}

TEST(Keys, below_themselves_or_below_nothing_are_refused) {
  const std::string clauses = "  - {kind: scope, models: [small]}";
  EXPECT_THAT(errors_of(world() + contract(clauses, "") + key("a", "parent: b") + key("b", "parent: a")),
              HasSubstr("below itself"));
  EXPECT_THAT(errors_of(world() + contract(clauses, "") + key("a", "parent: c")),
              HasSubstr("\"c\" names no Key"));
}

TEST(Keys, say_for_whom_their_calls_are) {
  auto registry = registry_of(world() + contract("  - {kind: scope, models: [small]}", "") +
                              key("k1", "identity: {tenant: north, agent: planner}"));
  auto resolved = resolve(*registry, "k1", {.user = "ann", .agent = "planner/search"});
  ASSERT_TRUE(resolved.ok()) << resolved.error().text();
  EXPECT_EQ(resolved->tenant, "north");
  EXPECT_EQ(resolved->user, "ann");
  EXPECT_EQ(resolved->agent, "planner/search");
  for (Call other : {Call{.tenant = "south"}, Call{.agent = "plannerx"}, Call{.agent = "other"}}) {
    auto refused = resolve(*registry, "k1", other);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::kRefused);
  }
}

TEST(Caps, that_cannot_mean_anything_are_refused_by_field) {
  for (const auto& [clause, rule] : std::vector<std::pair<std::string, std::string>>{
           {"kind: cap, id: c, unit: ciyuan, limit: 9, per: key, window: rolling", "/period_minutes"},
           {"kind: cap, id: c, unit: ciyuan, limit: 9, per: key, window: day, period_minutes: 5",
            "/period_minutes"},
           {"kind: cap, id: c, unit: ciyuan, limit: 9, per: key, window: running",
            "only requests are counted"},
           {"kind: cap, id: c, unit: request, limit: 9, per: key, window: running, action: warn", "/action"},
           {"kind: cap, id: c, unit: CNY, per: key, window: prepaid, warn_percent: [50]", "prepaid"},
           {"kind: cap, id: c, unit: ciyuan, limit: 9, per: key, window: day, warn_percent: [80, 50]",
            "/warn_percent/1"},
           {"kind: cap, id: c, unit: ciyuan, limit: 9, per: key, window: day, warn_percent: [101]",
            "/warn_percent/0"},
           {"kind: rate, id: c, unit: request, limit: 9, every: year, per: key", "/every"},
           {"kind: rate, id: c, unit: request, limit: 0, every: day, per: key", "/limit"},
           {"kind: rate, id: c, unit: request, limit: 9, every: day, burst: 0, per: key", "/burst"},
           {"kind: rate, id: c, unit: request, limit: 9, every: day, per: key, on: input", "/on"},
           {"kind: rate, id: c, unit: ciyuan, every: day, per: key", "limit"}}) {
    const std::string errors = errors_of(world() + contract("  - {" + clause + "}"));
    EXPECT_THAT(errors, HasSubstr("/clauses/0")) << clause;
    EXPECT_THAT(errors, HasSubstr(rule)) << clause;
  }
}

std::string suspension(const std::string& fields) {
  return "kind: Suspension\nname: stop\n" + fields + "\nreason: {en: Under review., zh: 审查中。}\n---\n";
}

TEST(Suspensions, refuse_the_calls_that_all_their_names_match_in_their_own_words) {
  const std::string base = world() + contract("  - {kind: scope, models: [small, large]}", "") + key("k1") +
                           key("k2", "parent: k1") + key("k3");
  auto refuses = [&](const std::string& of, const std::string& name, Call call = {}) {
    auto registry = registry_of(base + suspension("effect: suspend\nof: " + of));
    auto resolved = resolve(*registry, name, call);
    if (resolved.ok()) return false;
    EXPECT_EQ(resolved.error().code, ErrorCode::kRefused);
    EXPECT_EQ(resolved.error().path, "suspension/stop");
    EXPECT_EQ(registry->clause_text(*registry->key_named(name), "suspension/stop")->zh, "审查中。");
    return true;
  };
  EXPECT_TRUE(refuses("{contract: acme-2026}", "k1"));
  EXPECT_TRUE(refuses("{key: k1}", "k2")) << "and those below it";
  EXPECT_FALSE(refuses("{key: k1}", "k3"));
  EXPECT_TRUE(refuses("{session: s1}", "k1", {.session = "s1"}));
  EXPECT_FALSE(refuses("{session: s1}", "k1", {.session = "s2"}));
  EXPECT_TRUE(refuses("{agent: a}", "k1", {.agent = "a/b"}));
  EXPECT_FALSE(refuses("{agent: a}", "k1", {.agent = "ab"}));
  EXPECT_FALSE(refuses("{contract: acme-2026, model: large}", "k1"));
  EXPECT_TRUE(refuses("{contract: acme-2026, model: tiny}", "k1"));
  EXPECT_FALSE(refuses("{key: k1}\neffective: {from: \"2026-07-01\"}", "k1"));
  EXPECT_FALSE(refuses("{key: k1}\neffective: {until: \"2026-05-01\"}", "k1"));
}

TEST(Suspensions, may_lead_to_another_model_instead) {
  const std::string base = world() + contract("  - {kind: scope, models: [small, large]}", "") + key("k1");
  auto registry = registry_of(base + suspension("effect: downgrade\nof: {model: large}\nmodel: small"));
  EXPECT_EQ(resolve(*registry, "k1", {.model = "large"})->model->name, "small");
  EXPECT_EQ(registry->stopped_by("k1", *resolve(*registry, "k1"), moment("2026-06-01T00:00:00Z")), "");
}

TEST(Suspensions, end_what_runs_unless_they_drain) {
  const std::string base = world() + contract("  - {kind: scope, models: [small]}", "") + key("k1");
  const TimePoint at = moment("2026-06-01T00:00:00Z");
  auto before = registry_of(base);
  const Resolved running = *resolve(*before, "k1");
  EXPECT_EQ(before->stopped_by("k1", running, at), "");
  EXPECT_EQ(registry_of(base + suspension("effect: suspend\nof: {key: k1}"))->stopped_by("k1", running, at),
            "suspension/stop");
  EXPECT_EQ(registry_of(base + suspension("effect: drain\nof: {key: k1}"))->stopped_by("k1", running, at),
            "");
  EXPECT_EQ(
      registry_of(world() + contract("  - {kind: scope, models: [small]}", "") + key("k1", "disabled: true"))
          ->stopped_by("k1", running, at),
      "key");
}

TEST(Suspensions, of_nothing_that_there_is_are_refused_by_field) {
  const std::string base = world() + contract("  - {kind: scope, models: [small]}", "") + key("k1");
  for (const auto& [fields, rule] : std::vector<std::pair<std::string, std::string>>{
           {"effect: suspend\nof: {}", "/of"},
           {"effect: suspend\nof: {key: k9}", "names no Key"},
           {"effect: suspend\nof: {contract: c}", "names no Contract"},
           {"effect: suspend\nof: {model: m}", "names no Model"},
           {"effect: downgrade\nof: {key: k1}", "/model"},
           {"effect: suspend\nof: {key: k1}\nmodel: small", "/model"},
           {"effect: downgrade\nof: {model: tiny}\nmodel: small", "is the model that it is of"},
           {"effect: stop\nof: {key: k1}", "/effect"},
           {"effect: suspend\nof: {key: k1}\neffective: {from: \"2026-02-01\", until: \"2026-01-01\"}",
            "is not after from"}})
    EXPECT_THAT(errors_of(base + suspension(fields)), HasSubstr(rule)) << fields;
}

}  // namespace
}  // namespace ciyuan::contract
