/// What a contract's calls would have been in Ciyuan under another table or method, against figures by hand.

#include "report/comparison.h"

#include "house.h"

namespace ciyuan::admin {
namespace {

std::string table_document(const std::string& name, const std::string& model) {
  return "\n---\nkind: Equivalence\nname: " + name +
         "\nversion: \"3\"\ndate: 2026-11-01\nsource: the test\nbasis: burndown\nmodels:\n  - {model: " +
         model +
         ", low: \"0.5\", middle: \"2\", high: \"3\", kinds: {output: {low: \"1\", middle: \"4\", high: "
         "\"5\"}}}\n";
}
std::string method_document(const std::string& name, const std::string& change_from = "",
                            const std::string& change_to = "", const std::string& file = "native-v1") {
  std::string text = source_file("data/methods/" + file + ".json");
  text.replace(text.find(file), file.size(), name);
  if (!change_from.empty()) text.replace(text.find(change_from), change_from.size(), change_to);
  return "\n---\n" + text;
}

struct ComparisonHouse : House {
  explicit ComparisonHouse(const std::string& documents) {
    ask("POST", "/v1/apply",
        demo_documents() + book_document("deal-prices", R"(per_tokens: 1
prices: [{model: "*", kind: input, price: "1"}, {model: "*", kind: output, price: "2"}])") +
            deal_document("deal-prices") + documents);
    ask("POST", "/v1/keys", R"({"name":"alice","contract":"deal"})", 201);
    make_call(1, 100, 10);
    make_call(2, 50, 5);
  }
  Json compare(const std::string& with) {
    auto reader = store->reader().value();
    Result<Json> made = report::compare_equivalence(*reader, "deal", {}, with);
    EXPECT_TRUE(made.ok()) << made.error().text();
    return made.ok() ? *made : Json();
  }
  Error refusal(const std::string& with) {
    return report::compare_equivalence(*store->reader().value(), "deal", {}, with).error();
  }
};

TEST(Comparison, multiplies_each_kind_by_the_tables_figures) {
  ComparisonHouse house(table_document("declared", "smollm2"));
  Json made = house.compare("declared");
  EXPECT_EQ(made["calls"], 2);
  ASSERT_EQ(made["rows"].size(), 2U);
  const Json input = {
      {"model", "smollm2"}, {"kind", "input"}, {"tokens", 150}, {"billed", "150"},
      {"low", "75"},        {"middle", "300"}, {"high", "450"}, {"difference_percent", "100"}};
  const Json output = {
      {"model", "smollm2"}, {"kind", "output"}, {"tokens", 15}, {"billed", "15"},
      {"low", "15"},        {"middle", "60"},   {"high", "75"}, {"difference_percent", "300"}};
  EXPECT_EQ(made["rows"][0], input);
  EXPECT_EQ(made["rows"][1], output);
  EXPECT_EQ(made["totals"]["billed"], "165");
  EXPECT_EQ(made["totals"]["middle"], "360");
  EXPECT_EQ(made["totals"]["difference_percent"], "118.18") << "195 of 165";
  EXPECT_EQ(made["table"]["kind"], "Equivalence");
  EXPECT_EQ(made["table"]["version"], "3");
  EXPECT_EQ(made["unexplained"]["calls"], 0);
}

TEST(Comparison, takes_a_method_whose_three_figures_are_one) {
  ComparisonHouse house(method_document("dear-output", R"("output": "1")", R"("output": "2.5")"));
  Json made = house.compare("dear-output");
  EXPECT_EQ(made["table"]["kind"], "Method");
  EXPECT_EQ(made["table"]["basis"], "native");
  EXPECT_EQ(made["rows"][0]["middle"], "150");
  EXPECT_EQ(made["rows"][0]["difference_percent"], "0");
  for (const char* value : {"low", "middle", "high"}) EXPECT_EQ(made["rows"][1][value], "37.5") << value;
  EXPECT_EQ(made["totals"]["middle"], "187.5");
  EXPECT_EQ(house.compare("Method/dear-output"), made);
  EXPECT_EQ(house.ask("GET", "/v1/contracts/deal/equivalence?period=2026-11&with=dear-output")["totals"],
            made["totals"]);
}

TEST(Comparison, a_table_comes_before_a_method_of_the_same_name) {
  ComparisonHouse house(table_document("both", "smollm2") + method_document("both"));
  EXPECT_EQ(house.compare("both")["table"]["kind"], "Equivalence");
  EXPECT_EQ(house.compare("Equivalence/both")["table"]["kind"], "Equivalence");
  EXPECT_EQ(house.compare("Method/both")["table"]["kind"], "Method");
}

TEST(Comparison, leaves_calls_without_a_row_apart_and_refuses_what_counts_no_tokens) {
  ComparisonHouse house(table_document("elsewhere", "another") +
                        method_document("by-bytes", "", "", "bytes-v1"));
  Json made = house.compare("elsewhere");
  EXPECT_EQ(made["calls"], 0);
  EXPECT_EQ(made["uncovered"], (Json{{"smollm2", 2}}));
  EXPECT_EQ(made["totals"]["billed"], "0");
  EXPECT_FALSE(made["totals"].contains("difference_percent")) << "nothing was billed";
  EXPECT_EQ(house.refusal("by-bytes").code, ErrorCode::kRefused);
  EXPECT_EQ(house.refusal("nowhere").code, ErrorCode::kNotFound);
  EXPECT_EQ(house.refusal("Method/elsewhere").code, ErrorCode::kNotFound);
  EXPECT_EQ(house.refusal("Party/lantern").code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace ciyuan::admin
