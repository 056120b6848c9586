/// Which line applies, and which books are refused because that cannot be told.

#include "sample.h"

namespace ciyuan::price {
namespace {

std::string price_in(const Book& book, const Situation& situation, Kind kind = Kind::kInput) {
  auto rates = book.rates_for("m", situation);
  if (!rates || !rates->knows(kind)) return "none";
  return format_decimal(rates->per_token[ciyuan::index_of(kind)], 6) + " " +
         std::string(rates->line_id(kind));
}

constexpr const char* kLong =
    R"({"model": "m", "kind": "input", "price": 1}, {"id": "long", "model": "m", "kind": "input", "price": 2, "when": {"input_tokens": {"from": 200001}}})";

TEST(Conditions, the_length_of_the_prompt_decides_for_the_whole_call) {
  Book book = book_of(kLong);
  EXPECT_EQ(price_in(book, {.input_tokens = 200'000}), "1 prices/0");
  EXPECT_EQ(price_in(book, {.input_tokens = 200'001}), "2 long");
  EXPECT_TRUE(book.find("m")->by_input_tokens);
  EXPECT_FALSE(book.find("m")->by_service_class);
}

TEST(Conditions, hours_pass_midnight_and_belong_to_the_day_they_begin_on) {
  Book book = book_of(
      R"({"model": "m", "kind": "input", "price": 1},
         {"id": "night", "model": "m", "kind": "input", "price": 2,
          "when": {"hours": {"from": "22:00", "until": "06:00", "utc_offset_minutes": 480, "days": ["fri"]}}})");
  // 2026-11-27 is a Friday; Beijing is eight hours ahead.
  EXPECT_EQ(price_in(book, {.at = moment("2026-11-27T13:59:59Z")}), "1 prices/0");
  EXPECT_EQ(price_in(book, {.at = moment("2026-11-27T14:00:00Z")}), "2 night");
  EXPECT_EQ(price_in(book, {.at = moment("2026-11-27T21:59:59.999999999Z")}), "2 night");
  EXPECT_EQ(price_in(book, {.at = moment("2026-11-27T22:00:00Z")}), "1 prices/0");
  EXPECT_EQ(price_in(book, {.at = moment("2026-11-28T14:30:00Z")}), "1 prices/0") << "Saturday night";
}

TEST(Conditions, the_minute_of_the_week_is_counted_from_monday) {
  EXPECT_EQ(minute_of_week(moment("2026-11-30")), 0U);
  EXPECT_EQ(minute_of_week(moment("2026-11-29T23:59:59Z")), kMinutesOfWeek - 1);
  EXPECT_EQ(minute_of_week(TimePoint{0}), 3U * 1440);
  EXPECT_EQ(minute_of_week(TimePoint{-1}), 3U * 1440 - 1);
}

TEST(Conditions, class_region_and_ttl_are_sets) {
  Book book = book_of(
      R"({"model": "m", "kind": "input", "price": 1},
         {"id": "cheap", "model": "m", "kind": "input", "price": 0.5, "when": {"service_class": ["batch", "flex"]}},
         {"id": "here", "model": "m", "kind": "output", "price": 3, "when": {"region": ["cn-beijing"]}},
         {"model": "m", "kind": "output", "price": 4},
         {"id": "hour", "model": "m", "kind": "cache_write", "price": 6, "when": {"cache_ttl": ["1h"]}},
         {"model": "m", "kind": "cache_write", "price": 5})");
  EXPECT_EQ(price_in(book, {.service_class = ServiceClass::kFlex}), "0.5 cheap");
  EXPECT_EQ(price_in(book, {.service_class = ServiceClass::kPriority}), "1 prices/0");
  EXPECT_EQ(price_in(book, {.region = "cn-beijing"}, Kind::kOutput), "3 here");
  EXPECT_EQ(price_in(book, {.region = "us-east"}, Kind::kOutput), "4 prices/3");
  EXPECT_EQ(price_in(book, {.cache_ttl = "1h"}, Kind::kCacheWrite), "6 hour");
  EXPECT_EQ(price_in(book, {}, Kind::kCacheWrite), "5 prices/5");
}

TEST(Conditions, lines_come_into_force_at_their_moment) {
  Book book = book_of(
      R"({"id": "old", "model": "m", "kind": "input", "price": 1, "effective_until": "2026-03-01T00:00:00+08:00"},
         {"id": "new", "model": "m", "kind": "input", "price": 2, "effective_from": "2026-03-01T00:00:00+08:00"})");
  EXPECT_EQ(price_in(book, {.at = moment("2026-02-28T15:59:59Z")}), "1 old");
  EXPECT_EQ(price_in(book, {.at = moment("2026-02-28T16:00:00Z")}), "2 new");
}

TEST(Conditions, the_tier_of_a_request_is_a_class) {
  EXPECT_EQ(service_class_of_tier(""), ServiceClass::kStandard);
  EXPECT_EQ(service_class_of_tier("auto"), ServiceClass::kStandard);
  EXPECT_EQ(service_class_of_tier("default"), ServiceClass::kStandard);
  EXPECT_EQ(service_class_of_tier("priority"), ServiceClass::kPriority);
  EXPECT_EQ(service_class_of_tier("Priority"), std::nullopt);
}

TEST(Conditions, a_book_in_which_the_price_cannot_be_told_is_refused) {
  auto line = [](const std::string& when, const std::string& more = "") {
    return R"({"model": "m", "kind": "input", "price": 1)" + (when.empty() ? "" : R"(, "when": )" + when) +
           more + "}";
  };
  struct Case {
    std::string prices, place, rule;
  };
  const Case cases[] = {
      {line("") + "," + line(""), "/prices/1", "two prices for input under the same conditions"},
      {line(R"({"input_tokens": {"from": 100}})") + "," + line(R"({"input_tokens": {"until": 101}})"),
       "/prices/1", "both hold; the other is prices/0"},
      {line("") + "," + line(R"({"service_class": ["batch"]})") + "," +
           line(R"({"input_tokens": {"from": 9}})"),
       "/prices/2", "both hold; the other is prices/1"},
      {line(R"({"input_tokens": {"until": 100}})") + "," + line(R"({"input_tokens": {"from": 101}})"),
       "/prices/0", "no price for input of calls of 100 input tokens"},
      {line(R"({"input_tokens": {"from": 1}})"), "/prices/0", "calls of 0 input tokens"},
      {line(R"({"hours": {"from": "08:00", "until": "20:00"}})"), "/prices/0",
       "calls of 0 input tokens at Mon 00:00 UTC"},
      {line("", R"(, "effective_until": "2026-02-01")") + "," +
           line("", R"(, "effective_from": "2026-02-02")"),
       "/prices/0", "from 2026-02-01T00:00:00Z"},
      {line(R"({"input_tokens": {"from": 5, "until": 5}})"), "/prices/0/when/input_tokens/until",
       "never holds"},
      {line(R"({"hours": {"from": "08:00", "until": "08:00"}})"), "/prices/0/when/hours/until", "never hold"},
      {line(R"({"hours": {"from": "25:00", "until": "08:00"}})"), "/prices/0/when/hours/from",
       "25:00 is no time of day"},
      {line(R"({"cache_ttl": ["1h"]})"), "/prices/0/when/cache_ttl", "can never hold: input writes no cache"},
      {line("", R"(, "effective_from": "2026-02-02", "effective_until": "2026-02-01")"),
       "/prices/0/effective_until", "not after"},
  };
  for (const Case& one : cases) {
    const std::string error = error_of(one.prices);
    EXPECT_TRUE(error.starts_with(one.place + ":")) << error;
    EXPECT_NE(error.find(one.rule), error.npos) << error;
  }
  EXPECT_NE(error_of(line("", R"(, "effective_from": "2027-01-01")"), R"("effective_until": "2026-06-01")")
                .find("can never hold"),
            std::string::npos);
}

TEST(Conditions, what_may_be_meant_is_a_warning) {
  auto warnings = [](const std::string& prices) {
    const Book book = book_of(prices);
    std::string all;
    for (const std::string& warning : book.warnings()) all += warning + "\n";
    return all;
  };
  EXPECT_NE(warnings(R"({"model": "m", "kind": "input", "price": 1, "when": {"service_class": ["batch"]}})")
                .find("of service class standard"),
            std::string::npos);
  EXPECT_NE(warnings(R"({"model": "m", "kind": "input", "price": 1, "when": {"region": ["a"]}})")
                .find("in region any other"),
            std::string::npos);
  EXPECT_NE(
      warnings(
          std::string(kLong) +
          R"(, {"id": "all", "model": "m", "kind": "input", "price": 2, "when": {"input_tokens": {"until": 200001}}})")
          .find("/prices/0: can never apply"),
      std::string::npos);
  EXPECT_EQ(warnings(kLong), "");
}

}  // namespace
}  // namespace ciyuan::price
