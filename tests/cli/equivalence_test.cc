#include "cli/internal/equivalence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/crypto.h"
#include "token/vocabulary_set.h"

namespace ciyuan::cli {
namespace {

using measure::EquivalenceBasis;
using testing::HasSubstr;

EquivalenceRequest request_of(EquivalenceBasis basis) {
  EquivalenceRequest request;
  request.basis = basis;
  request.name = "t";
  request.date = "2026-11-30";
  request.source = "the test";
  request.models = {{"small", "smollm2"}, {"wide", "o200k"}};
  request.texts = {{"en", "", "", {"Hello world", "", "What is a token?", "One more line."}},
                   {"zh", "", "", {"你好世界", "空行", "词元是什么？", "再来一行。"}}};
  request.resamples = 200;
  return request;
}

std::string refusal(const EquivalenceRequest& request) {
  Result<Json> made = make_equivalence(request);
  return made.ok() ? "" : made.error().text();
}

TEST(EquivalenceMaking, counts_the_lines_that_every_text_has) {
  Json table = make_equivalence(request_of(EquivalenceBasis::kBytes)).value();
  EXPECT_EQ(table["corpus"]["lines"], 3);
  EXPECT_EQ(table["corpus"]["lines_left_out"], 1);
  EXPECT_EQ(table["corpus"]["units"]["bytes"], 11 + 16 + 14 + 12 + 18 + 15);
  const std::string kept = "Hello world\nWhat is a token?\nOne more line.\n";
  EXPECT_EQ(table["corpus"]["texts"][0]["sha256"], to_hex(sha256(kept)));
  std::int64_t tokens = 0;
  auto vocabulary = token::VocabularySet::standard().find("o200k").value();
  for (const char* line :
       {"Hello world", "What is a token?", "One more line.", "你好世界", "词元是什么？", "再来一行。"})
    tokens += vocabulary->count(line).value;
  EXPECT_EQ(table["models"][1]["tokens"], tokens);
  EXPECT_EQ(table["models"][1]["middle"],
            format_decimal(measure::ciyuan_ratio(86 * 250'000, tokens * 1'000'000).value(), 6));
}

TEST(EquivalenceMaking, tells_han_from_other_characters) {
  Json table = make_equivalence(request_of(EquivalenceBasis::kHanCharacters)).value();
  EXPECT_EQ(table["corpus"]["units"], (Json{{"han", 4 + 5 + 4}, {"other", 11 + 16 + 14 + 1 + 1}}));
  EXPECT_EQ(table["weights"], (Json{{"han", "0.6"}, {"other", "0.3"}}));
}

TEST(EquivalenceMaking, a_model_is_worth_one_of_its_own_tokenizer) {
  EquivalenceRequest request = request_of(EquivalenceBasis::kReferenceTokenizer);
  request.tokenizer = "o200k";
  Json row = make_equivalence(request).value()["models"][1];
  for (const char* value : {"low", "middle", "high"}) EXPECT_EQ(row[value], "1") << value;
}

TEST(EquivalenceMaking, the_same_seed_gives_the_same_table) {
  EquivalenceRequest request = request_of(EquivalenceBasis::kBytes);
  Json first = make_equivalence(request).value();
  EXPECT_EQ(make_equivalence(request).value(), first);
  request.seed = 2;
  Json other = make_equivalence(request).value();
  EXPECT_EQ(other["models"][0]["middle"], first["models"][0]["middle"]);
  EXPECT_NE(other["interval"], first["interval"]);
}

TEST(EquivalenceMaking, scaling_the_weights_scales_the_table) {
  EquivalenceRequest request = request_of(EquivalenceBasis::kBytes);
  request.models = {{"small", "smollm2"}};
  auto middle = [&](std::int64_t micro) {
    request.weights = {{"bytes", Amount(micro)}};
    Json row = make_equivalence(request).value()["models"][0];
    return parse_decimal(row["middle"].get<std::string>(), 6).value();
  };
  const Amount one = middle(250'000);
  for (std::int64_t factor : {2, 3, 10, 1000})
    EXPECT_LE(std::abs(static_cast<long long>((middle(250'000 * factor) - one * factor).units())), factor);
}

TEST(EquivalenceMaking, low_and_high_are_made_again_of_the_same_texts_and_of_no_others) {
  for (EquivalenceBasis basis :
       {EquivalenceBasis::kReferenceTokenizer, EquivalenceBasis::kBytes, EquivalenceBasis::kHanCharacters}) {
    EquivalenceRequest request = request_of(basis);
    request.tokenizer = basis == EquivalenceBasis::kReferenceTokenizer ? "qwen3" : "";
    const Json table = make_equivalence(request).value();
    const Status right = check_interval(table, request.texts);
    EXPECT_TRUE(right.ok()) << right.error().text();
    for (const char* value : {"low", "high"}) {
      Json moved = table;
      moved["models"][1][value] = value == std::string("low") ? "0.000001" : "999";
      const Status wrong = check_interval(moved, request.texts);
      EXPECT_EQ(wrong.error().code, ErrorCode::kInvalid);
      EXPECT_EQ(wrong.error().path, std::string("/models/1/") + value);
    }
    Json reseeded = table;
    reseeded["interval"]["seed"] = 77;
    EXPECT_FALSE(check_interval(reseeded, request.texts).ok());
    auto others = request.texts;
    others[1].lines[3] += "！";
    EXPECT_EQ(check_interval(table, others).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(check_interval(table, others).error().path, "/corpus/texts/1");
    EXPECT_EQ(check_interval(table, {request.texts[0]}).error().path, "/corpus/texts/1");
  }
}

TEST(EquivalenceMaking, reads_one_figure_or_three) {
  EXPECT_EQ(figures_in("1.5").value(),
            (measure::Figures{Amount(1'500'000), Amount(1'500'000), Amount(1'500'000)}));
  EXPECT_EQ(figures_in("1/2/3").value()[2], Amount(3'000'000));
  for (const char* bad : {"", "1/2", "1/2/3/4", "0", "-1", "1/x/3", "1.0000001"})
    EXPECT_FALSE(figures_in(bad).ok()) << bad;
}

TEST(EquivalenceMaking, refuses_what_cannot_be_made_by_the_option_at_fault) {
  auto changed = [](EquivalenceBasis basis, const auto& change) {
    EquivalenceRequest request = request_of(basis);
    change(request);
    return refusal(request);
  };
  auto nothing = [](EquivalenceRequest&) {};
  EXPECT_THAT(changed(EquivalenceBasis::kBytes, [](auto& r) { r.models.clear(); }),
              HasSubstr("--model: is missing"));
  EXPECT_THAT(changed(EquivalenceBasis::kBytes, [](auto& r) { r.models[0].second = "no-such"; }),
              HasSubstr("--model: small: "));
  EXPECT_THAT(changed(EquivalenceBasis::kBytes, [](auto& r) { r.texts.clear(); }), HasSubstr("TEXT: "));
  EXPECT_THAT(changed(EquivalenceBasis::kBytes,
                      [](auto& r) {
                        r.weights = {{"han", Amount(1)}};
                      }),
              HasSubstr("--unit-weight: this basis weighs bytes"));
  EXPECT_THAT(changed(EquivalenceBasis::kReferenceTokenizer, nothing), HasSubstr("--tokenizer: is missing"));
  EXPECT_THAT(changed(EquivalenceBasis::kPriceRatio, nothing), HasSubstr("--reference: is missing"));
  EXPECT_THAT(changed(EquivalenceBasis::kPriceRatio, [](auto& r) { r.reference = "small"; }),
              HasSubstr("--book: is missing"));
  EXPECT_THAT(changed(EquivalenceBasis::kCapacity, [](auto& r) { r.reference = "huge"; }),
              HasSubstr("--reference: \"huge\" is none of the models"));
  EXPECT_THAT(changed(EquivalenceBasis::kCapacity, [](auto& r) { r.reference = "small"; }),
              HasSubstr("--hardware: is missing"));
  EXPECT_THAT(changed(EquivalenceBasis::kBurndown, nothing),
              HasSubstr("--figure: is missing for the model small"));
  EXPECT_THAT(changed(EquivalenceBasis::kIdentity, [](auto& r) { r.models[1].first = "small"; }),
              HasSubstr("\"small\" has a row already"));
  EXPECT_THAT(changed(EquivalenceBasis::kIdentity, [](auto& r) { r.date = "soon"; }), HasSubstr("/date"));
}

}  // namespace
}  // namespace ciyuan::cli
