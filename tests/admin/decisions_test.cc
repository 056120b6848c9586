/// Decisions without a call, and about recorded ones.

#include "house.h"

namespace ciyuan::admin {
namespace {

struct Desk : House {
  Desk() {
    ask("POST", "/v1/apply", demo_documents() + "\n---\n" + source_file("examples/governance.yaml"));
    ask("POST", "/v1/keys", R"({"name":"desk-bot","contract":"desk"})", 201);
    ask("POST", "/v1/keys", R"({"name":"alice","contract":"demo"})", 201);
  }
  Json decide(const std::string& facts) { return ask("POST", "/v1/decisions", facts); }
};

TEST(Decisions, name_the_rule_its_words_and_what_is_left_of_each_limit) {
  Desk desk;
  const Json allowed = desk.decide(
      R"({"key":"desk-bot","model":"smollm2","user":"ann","purpose":"support","prompt_tokens":10})");
  EXPECT_EQ(allowed["allowed"], true);
  EXPECT_EQ(allowed["clause"], "who-may/support");
  EXPECT_EQ(allowed["contract"], "desk");
  EXPECT_EQ(allowed["output_tokens_max"], 400);
  EXPECT_EQ(allowed["session"], "key:desk-bot");
  ASSERT_EQ(allowed["limits"].size(), 5U);
  EXPECT_EQ(allowed["limits"][0]["clause"], "user-day");
  EXPECT_EQ(allowed["limits"][0]["left"], "3000");
  const Json denied =
      desk.decide(R"({"key":"desk-bot","model":"smollm2","user":"ann","purpose":"profiling"})");
  EXPECT_EQ(denied["allowed"], false);
  EXPECT_EQ(denied["clause"], "who-may/no-profiling");
  EXPECT_EQ(denied["text"]["zh"], "不得利用本服务进行个人画像。");
}

TEST(Decisions, are_those_that_resolving_refuses_too) {
  Desk desk;
  const Json nobody = desk.decide(R"({"key":"desk-bot","model":"smollm2","purpose":"support"})");
  EXPECT_EQ(nobody["allowed"], false);
  EXPECT_EQ(nobody["clause"], "user");
  EXPECT_EQ(desk.decide(R"({"key":"desk-bot","model":"none","user":"ann"})")["clause"], "model");
}

TEST(Decisions, change_nothing) {
  Desk desk;
  const std::size_t before = desk.ask("GET", "/v1/accounts")["accounts"].size();
  desk.decide(R"({"key":"desk-bot","model":"smollm2","user":"ann","purpose":"support"})");
  EXPECT_EQ(desk.ask("GET", "/v1/accounts")["accounts"].size(), before);
}

TEST(Decisions, about_facts_that_are_none_are_refused_by_field) {
  Desk desk;
  for (const auto& [facts, field, status] : std::vector<std::tuple<std::string, std::string, unsigned>>{
           {R"({"model":"smollm2"})", "key", 400},
           {R"({"key":"desk-bot"})", "model", 400},
           {R"({"key":"gone","model":"smollm2"})", "key", 404},
           {R"({"key":"desk-bot","model":7})", "model", 400},
           {R"({"key":"desk-bot","model":"smollm2","prompt_tokens":-1})", "prompt_tokens", 400},
           {R"({"key":"desk-bot","model":"smollm2","at":"yesterday"})", "at", 400},
           {R"({"key":"desk-bot","model":"smollm2","colour":"red"})", "colour", 400},
           {R"([])", "object", 400}}) {
    http::Response response = desk.send("POST", "/v1/decisions", facts);
    EXPECT_EQ(response.status, status) << facts << response.body;
    EXPECT_NE(response.body.find(field), std::string::npos) << response.body;
  }
}

TEST(Decisions, about_a_recorded_call_are_made_again_and_say_whether_its_contract_is_the_same) {
  Desk desk;
  const Id id = desk.make_call(1, 10, 20);
  Json again = desk.ask("GET", "/v1/records/" + id.text() + "/decision");
  EXPECT_EQ(again["allowed"], true);
  EXPECT_EQ(again["same_contract"], true);
  EXPECT_EQ(again["record"], id.text());
  desk.ask("POST", "/v1/apply",
           "kind: Suspension\nname: stop\nof: {key: alice}\neffect: suspend\nreason: {en: Under review.}\n");
  again = desk.ask("GET", "/v1/records/" + id.text() + "/decision");
  EXPECT_EQ(again["allowed"], false);
  EXPECT_EQ(again["clause"], "suspension/stop");
  EXPECT_EQ(desk.send("GET", "/v1/records/" + id_from_content("none").text() + "/decision").status, 404U);
}

}  // namespace
}  // namespace ciyuan::admin
