#include "measure/equivalence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace ciyuan::measure {
namespace {

Json head(const std::string& basis) {
  return {{"kind", "Equivalence"}, {"name", "t"}, {"version", "1"}, {"basis", basis}};
}
Json row(const std::string& model, const std::string& low, const std::string& middle,
         const std::string& high) {
  return {{"model", model}, {"low", low}, {"middle", middle}, {"high", high}};
}
Json of_bytes() {
  Json table = head("bytes");
  table["corpus"] = {{"units", {{"bytes", 1000}}}};
  table["weights"] = {{"bytes", "0.25"}};
  table["interval"] = {{"by", "bootstrap over lines"}, {"percent", "95"}};
  table["models"] = Json::array({row("small", "0.9", "1", "1.2")});
  table["models"][0]["tokens"] = 250;
  table["models"][0]["tokenizer"] = "smollm2";
  return table;
}
Json of_prices() {
  Json table = head("price_ratio");
  table["price_book"] = {{"name", "b"}};
  table["reference"] = "small";
  table["models"] = Json::array({row("small", "1", "1", "1"), row("large", "1.5", "1.666667", "2")});
  table["models"][0]["prices"] = {{"input", "2"}, {"output", "4"}};
  table["models"][1]["prices"] = {{"input", "4"}, {"output", "6"}, {"tool", "9"}};
  return table;
}
Json of_capacity() {
  Json table = head("capacity");
  table["hardware"] = "one card";
  table["reference"] = "small";
  table["models"] = Json::array({row("small", "0.8", "1", "1.25"), row("large", "2", "2.5", "4")});
  table["models"][0]["capacity"] = {{"low", "80"}, {"middle", "100"}, {"high", "125"}};
  table["models"][1]["capacity"] = {{"low", "25"}, {"middle", "40"}, {"high", "50"}};
  return table;
}
Json identity() {
  Json table = head("identity");
  table["models"] = Json::array({row("small", "1", "1", "1.0")});
  return table;
}
Json burndown() {
  Json table = head("burndown");
  table["models"] = Json::array({row("small", "1", "1", "5")});
  table["models"][0]["kinds"]["output"] = {{"low", "4"}, {"middle", "5"}, {"high", "5"}};
  return table;
}

std::string text_of(const std::array<Amount, kKinds>& weights, Kind kind) {
  return format_decimal(weights[index_of(kind)], kEquivalenceScale);
}

TEST(Equivalence, reads_a_table_of_each_basis) {
  for (const Json& table : {of_bytes(), of_prices(), of_capacity(), identity(), burndown()}) {
    Result<Equivalence> read = Equivalence::from_json(table);
    ASSERT_TRUE(read.ok()) << table["basis"] << " " << read.error().text();
    EXPECT_EQ(name_of(read->basis()), table["basis"]);
    EXPECT_TRUE(read->covers("small"));
  }
  Equivalence table = Equivalence::from_json(of_capacity()).value();
  EXPECT_EQ(text_of(table.ciyuan_per_token("large", Value::kLow), Kind::kInput), "2");
  EXPECT_EQ(text_of(table.ciyuan_per_token("large", Value::kHigh), Kind::kTool), "4");
  EXPECT_EQ(table.models(), (std::vector<std::string>{"small", "large"}));
}

TEST(Equivalence, a_kind_with_figures_of_its_own_has_those) {
  Equivalence table = Equivalence::from_json(burndown()).value();
  EXPECT_EQ(text_of(table.ciyuan_per_token("small", Value::kMiddle), Kind::kInput), "1");
  EXPECT_EQ(text_of(table.ciyuan_per_token("small", Value::kMiddle), Kind::kOutput), "5");
  EXPECT_EQ(text_of(table.ciyuan_per_token("small", Value::kLow), Kind::kOutput), "4");
  EXPECT_EQ(text_of(table.ciyuan_per_token("other", Value::kLow), Kind::kOutput), "0");
}

TEST(Equivalence, an_alias_has_the_models_row) {
  Json document = identity();
  document["models"][0]["aliases"] = {"tiny"};
  Equivalence table = Equivalence::from_json(document).value();
  EXPECT_TRUE(table.covers("tiny") && !table.covers("t"));
  EXPECT_EQ(table.ciyuan_per_token("tiny", Value::kHigh), table.ciyuan_per_token("small", Value::kHigh));
}

struct Refusal {
  const char* name;
  Json document;
  const char* path;
  const char* rule;
};

TEST(Equivalence, refuses_a_bad_table_by_path_value_and_rule) {
  auto changed = [](Json table, const char* pointer, Json value) {
    table[Json::json_pointer(pointer)] = std::move(value);
    return table;
  };
  auto without = [](Json table, const char* parent, const char* member) {
    table[Json::json_pointer(parent)].erase(member);
    return table;
  };
  const Refusal refusals[] = {
      {"no table", Json("x"), "", "must be an object"},
      {"basis", changed(identity(), "/basis", "vibes"), "/basis", "\"vibes\" is no basis"},
      {"no version", without(identity(), "", "version"), "/version", "is missing"},
      {"no rows", changed(identity(), "/models", Json::array()), "/models", "1 to 10000"},
      {"zero", changed(of_bytes(), "/models/0/low", "0"), "/models/0/low", "\"0\" must be above 0"},
      {"negative", changed(of_bytes(), "/models/0/low", "-1"), "/models/0/low", "must not be negative"},
      {"seven decimals", changed(of_bytes(), "/models/0/low", "0.1234567"), "/models/0/low", "decimals"},
      {"order low", changed(of_bytes(), "/models/0/low", "1.1"), "/models/0/low",
       "\"1.1\" must not be above middle"},
      {"order high", changed(of_bytes(), "/models/0/high", "0.95"), "/models/0/middle",
       "\"1\" must not be above high"},
      {"too much", changed(of_bytes(), "/models/0/high", "1000001"), "/models/0/high",
       "\"1000001\" must be at most 1000000"},
      {"identity of two", changed(identity(), "/models/0/high", "2"), "/models/0/high",
       "\"2\" is not what basis \"identity\" makes of the row, 1"},
      {"other middle", changed(of_bytes(), "/models/0/middle", "1.1"), "/models/0/middle",
       "\"1.1\" is not what basis \"bytes\" makes of the row, 1"},
      {"no weight", changed(of_bytes(), "/weights", Json::object()), "/weights/bytes", "is missing"},
      {"other unit", changed(of_bytes(), "/corpus/units/han", 5), "/corpus/units/han", "does not belong"},
      {"no corpus", without(of_bytes(), "", "corpus"), "/corpus", "is missing: basis \"bytes\""},
      {"foreign member", changed(identity(), "/hardware", "a card"), "/hardware",
       "does not belong to basis \"identity\""},
      {"foreign row member", changed(identity(), "/models/0/tokens", 5), "/models/0/tokens",
       "does not belong to basis \"identity\""},
      {"kinds", changed(of_prices(), "/models/0/kinds", {{"input", row("x", "1", "1", "1")}}),
       "/models/0/kinds", "does not belong to basis \"price_ratio\""},
      {"unknown kind", changed(burndown(), "/models/0/kinds/vibes", row("x", "1", "1", "1")),
       "/models/0/kinds/vibes", "is no kind of token"},
      {"twice", changed(of_prices(), "/models/1/model", "small"), "/models/1/model",
       "\"small\" has a row already"},
      {"unknown reference", changed(of_prices(), "/reference", "huge"), "/reference",
       "\"huge\" is none of /models"},
      {"price high", changed(of_prices(), "/models/1/high", "3"), "/models/1/high",
       "\"3\" is not what basis \"price_ratio\" makes of the row, 2"},
      {"nothing in common", changed(of_prices(), "/models/1/prices", {{"tool", "9"}}), "/models/1/prices",
       "no kind of token has a price here and at the reference"},
      {"capacity low", changed(of_capacity(), "/models/1/low", "1"), "/models/1/low",
       "\"1\" is not what basis \"capacity\" makes of the row, 2"},
      {"capacity order", changed(of_capacity(), "/models/1/capacity/low", "60"), "/models/1/capacity/low",
       "\"60\" must not be above middle"},
  };
  for (const Refusal& refusal : refusals) {
    Result<Equivalence> read = Equivalence::from_json(refusal.document);
    ASSERT_FALSE(read.ok()) << refusal.name;
    EXPECT_EQ(read.error().path, refusal.path) << refusal.name << ": " << read.error().message;
    EXPECT_NE(read.error().message.find(refusal.rule), std::string::npos)
        << refusal.name << ": " << read.error().message;
  }
}

// The slow twin: long division by hand, digit by digit.
std::string divided(std::int64_t numerator, std::int64_t denominator) {
  std::string digits = std::to_string(numerator / denominator);
  std::int64_t rest = numerator % denominator;
  std::string decimals;
  for (int i = 0; i < 7; ++i) {
    rest *= 10;
    decimals += static_cast<char>('0' + rest / denominator);
    rest %= denominator;
  }
  std::int64_t all = std::stoll(digits + decimals);
  all = all / 10 + (all % 10 >= 5 ? 1 : 0);
  return format_decimal(Amount(all), kEquivalenceScale);
}

TEST(Equivalence, a_ratio_is_long_division_half_up) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 5000; ++i) {
    const auto a = static_cast<std::int64_t>(random() % 100'000 + 1);
    const auto b = static_cast<std::int64_t>(random() % 10'000 + 1);
    Result<Amount> ratio = ciyuan_ratio(a, b);
    ASSERT_TRUE(ratio.ok());
    EXPECT_EQ(format_decimal(*ratio, kEquivalenceScale), divided(a, b)) << a << "/" << b;
  }
  EXPECT_FALSE(ciyuan_ratio(1, 3'000'000).ok());
  EXPECT_FALSE(ciyuan_ratio(0, 1).ok());
  EXPECT_FALSE(ciyuan_ratio(1, 0).ok());
}

TEST(Equivalence, prices_make_figures_in_order_whatever_they_are) {
  std::mt19937_64 random(6);
  for (int i = 0; i < 3000; ++i) {
    TokenPrices model, reference;
    for (const char* kind : {"input", "cache_read", "output", "reasoning"}) {
      if (random() % 4 != 0) model[kind] = Amount(Int128{random() % 1'000'000'000 + 1000});
      if (random() % 4 != 0) reference[kind] = Amount(Int128{random() % 1'000'000'000 + 1000});
    }
    Result<Figures> figures = figures_of_prices(model, reference);
    if (!figures.ok()) continue;
    EXPECT_LE((*figures)[0], (*figures)[1]);
    EXPECT_LE((*figures)[1], (*figures)[2]);
    for (auto& [kind, price] : model) price = price * 2;
    Result<Figures> twice = figures_of_prices(model, reference);
    if (!twice.ok()) continue;
    // Twice as dear is twice the Ciyuan, but for the last digit.
    for (std::size_t value = 0; value < kValues; ++value)
      EXPECT_LE(std::abs(static_cast<long long>(((*twice)[value] - (*figures)[value] * 2).units())), 1);
  }
}

}  // namespace
}  // namespace ciyuan::measure
