#include <random>

#include "sample.h"

namespace ciyuan::price {
namespace {

Schedule schedule_of(const std::string& schedule) {
  return book_of(R"({"id": "l", "model": "m", "kind": "output", "schedule": )" + schedule + "}")
      .lines()
      .front()
      .schedule;
}

// The slow twin: one unit after the other, by what the schedule's words say.
Amount cost_unit_by_unit(const Schedule& schedule, std::int64_t units) {
  Amount cost;
  auto step_of = [&](std::int64_t unit) {
    std::size_t step = 0;
    while (unit > schedule.steps[step].up_to) ++step;
    return step;
  };
  switch (schedule.type) {
    case ScheduleType::kFlat:
      for (std::int64_t i = 0; i < units; ++i) cost += schedule.steps[0].unit_price;
      break;
    case ScheduleType::kGraduated:
      for (std::int64_t unit = 1; unit <= units; ++unit) {
        const std::size_t step = step_of(unit);
        if (unit == 1 || step_of(unit - 1) != step) cost += schedule.steps[step].fee;
        cost += schedule.steps[step].unit_price;
      }
      break;
    case ScheduleType::kVolume:
      for (std::int64_t i = 0; i < units; ++i) cost += schedule.steps[step_of(units)].unit_price;
      if (units > 0) cost += schedule.steps[step_of(units)].fee;
      break;
    case ScheduleType::kPackage:
      for (std::int64_t paid = 0; paid < units; paid += schedule.block) cost += schedule.steps[0].unit_price;
      break;
  }
  return cost;
}

Amount cost_of(const Schedule& schedule, std::int64_t prior, std::int64_t quantity) {
  Amount cost;
  schedule.each_piece(prior, quantity,
                      [&](const Piece& piece) { cost += piece.unit_price * piece.quantity; });
  return cost;
}

TEST(Schedule, agrees_with_its_slow_twin_from_any_unit_to_any_other) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 3'000; ++round) {
    Schedule schedule;
    schedule.type = static_cast<ScheduleType>(random() % 4);
    schedule.block = 1 + static_cast<std::int64_t>(random() % 9);
    schedule.steps.clear();
    std::int64_t up_to = 0;
    for (std::size_t steps = 1 + random() % 4; schedule.steps.size() < steps;)
      schedule.steps.push_back({up_to += 1 + static_cast<std::int64_t>(random() % 12),
                                Amount(static_cast<std::int64_t>(random() % 1000)),
                                Amount(static_cast<std::int64_t>(random() % 3 * 100))});
    schedule.steps.back().up_to = std::numeric_limits<std::int64_t>::max();
    if (schedule.type == ScheduleType::kFlat || schedule.type == ScheduleType::kPackage)
      schedule.steps.front().fee = Amount();
    const auto prior = static_cast<std::int64_t>(random() % 40),
               quantity = static_cast<std::int64_t>(random() % 40);
    ASSERT_EQ(cost_of(schedule, prior, quantity),
              cost_unit_by_unit(schedule, prior + quantity) - cost_unit_by_unit(schedule, prior))
        << "round " << round << ": " << name_of(schedule.type) << " " << prior << " " << quantity;
  }
}

TEST(Schedule, is_charged_at_its_first_step_where_nobody_can_count) {
  EXPECT_EQ(schedule_of(R"({"type": "volume", "steps": [{"up_to": 5, "price": 4}, {"price": 3}]})")
                .price_at_capture(),
            Amount(4'000'000));
  EXPECT_EQ(schedule_of(R"({"type": "package", "block": 3, "price": 1})").price_at_capture(),
            Amount(333'333'333'334));
}

TEST(Schedule, is_refused_whole_where_a_step_is_wrong) {
  auto error = [](const std::string& schedule) {
    return error_of(R"({"model": "m", "kind": "output", "schedule": )" + schedule + "}");
  };
  EXPECT_EQ(
      error(
          R"({"type": "graduated", "steps": [{"up_to": 5, "price": 4}, {"up_to": 5, "price": 3}, {"price": 1}]})"),
      "/prices/0/schedule/steps/1/up_to: 5 overlaps the step before, which goes up to 5");
  EXPECT_EQ(error(R"({"type": "volume", "steps": [{"up_to": 5, "price": 4}]})"),
            "/prices/0/schedule/steps/0/up_to: nothing has a price above 5: the last step has no up_to");
  EXPECT_EQ(error(R"({"type": "volume", "steps": [{"price": 4}, {"price": 3}]})"),
            "/prices/0/schedule/steps/0: has no up_to: the steps behind it can never apply");
  EXPECT_EQ(error(R"({"type": "package", "block": 5})"),
            "/prices/0/schedule/price: is missing from a package schedule");
  EXPECT_EQ(error(R"({"type": "graduated", "block": 5, "steps": [{"price": 1}]})"),
            "/prices/0/schedule/block: does not belong to a graduated schedule");
  EXPECT_EQ(error_of(R"({"model": "m", "kind": "output"})"), "/prices/0: has neither price nor schedule");
  EXPECT_EQ(error_of(R"({"model": "m", "kind": "output", "price": 1, "unit": "page"})"),
            "/prices/0/unit: page is not the unit of output, which is token");
  EXPECT_EQ(error_of(R"({"model": "m", "kind": "output", "price": "0.0000001"})"),
            "/prices/0/price: \"0.0000001\" is not a decimal: more than 6 decimals");
  EXPECT_EQ(error_of(R"({"model": "m", "kind": "request", "price": 1000001})"),
            "/prices/0/price: more than 1,000,000 CNY for one request is not a price");
}

constexpr const char* kTariff =
    R"({"id": "in", "model": "*", "kind": "input", "schedule": {"type": "graduated", "steps": [{"up_to": 100, "price": 4}, {"price": 1}]}},
       {"id": "out", "model": "*", "kind": "output", "schedule": {"type": "volume", "period": "day", "steps": [{"up_to": 50, "price": 8}, {"price": 2, "fee": 1}]}},
       {"id": "call", "model": "*", "kind": "request", "schedule": {"type": "package", "block": 3, "price": 5}},
       {"id": "read", "model": "m", "kind": "cache_read", "price": 0.5})";

std::vector<Usage> random_usages(std::mt19937_64& random) {
  std::vector<Usage> usages;
  for (std::size_t i = 1 + random() % 8; i > 0; --i) {
    Usage usage = usage_of(Meter::kInput, static_cast<std::int64_t>(random() % 90),
                           random() % 2 == 0 ? "2026-02-10T12:00:00Z" : "2026-02-11T12:00:00Z");
    if (random() % 3 == 0) usage.model = "n";
    usage.counts[Meter::kReasoning] = static_cast<std::int64_t>(random() % 30);
    usage.counts[Meter::kRequest] = static_cast<std::int64_t>(random() % 3);
    usage.counts[Meter::kCacheRead] = static_cast<std::int64_t>(random() % 30);
    usages.push_back(std::move(usage));
  }
  return usages;
}

TEST(Rating, in_parts_and_in_any_order_comes_to_the_same_total) {
  Book book = book_of(kTariff);
  std::mt19937_64 random(9);
  for (int round = 0; round < 2'000; ++round) {
    std::vector<Usage> usages = random_usages(random);
    const std::string whole = total_of(rated(book, usages));
    Counters counters;
    Amount parts;
    for (const Usage& usage : usages) parts += total(rate(book, {usage}, counters).value()).value();
    ASSERT_EQ(format_decimal(parts, kMoneyScale), whole) << "round " << round;
    std::shuffle(usages.begin(), usages.end(), random);
    ASSERT_EQ(total_of(rated(book, usages)), whole) << "round " << round;
  }
}

TEST(Rating, every_line_is_quantity_times_price_and_names_its_step) {
  auto lines = rated(book_of(kTariff), {usage_of(Meter::kInput, 150), usage_of(Meter::kOutput, 40),
                                        usage_of(Meter::kOutput, 20)});
  std::string text;
  for (const RatedLine& line : lines) {
    EXPECT_EQ(line.unit_price * line.quantity, line.amount);
    text += line.line + " " + std::string(name_of(line.rule)) + " " + std::to_string(line.step) + " " +
            std::to_string(line.quantity) + " " + format_decimal(line.amount, kMoneyScale) + "\n";
  }
  EXPECT_EQ(text,
            "in graduated 1 100 0.0004\nin graduated 2 50 0.00005\n"
            "out volume 1 40 0.00032\nout volume 2 20 0.00004\nout volume_rerate 2 40 -0.00024\nout step_fee "
            "2 1 1\n");
}

TEST(Rating, what_has_no_price_is_refused_by_its_place_and_counts_nothing) {
  Book book =
      book_of(R"({"model": "m", "kind": "input", "schedule": {"type": "package", "block": 2, "price": 1}})");
  Counters counters;
  auto lines = rate(book, {usage_of(Meter::kInput, 1), usage_of(Meter::kOutput, 1)}, counters);
  ASSERT_FALSE(lines.ok());
  EXPECT_EQ(lines.error().path, "usage/1/output");
  EXPECT_TRUE(counters.empty());
  Usage other = usage_of(Meter::kInput, 1);
  other.model = "other";
  EXPECT_EQ(rate(book, {other}, counters).error().path, "usage/0/model");
  EXPECT_EQ(rate(book, {usage_of(Meter::kInput, -1)}, counters).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(rate(book, {usage_of(Meter::kInput, kUnitsMax + 1)}, counters).error().code,
            ErrorCode::kTooLarge);
}

TEST(Rating, the_difference_is_what_leads_from_one_to_the_other) {
  Book dear = book_of(kTariff);
  std::string cheaper = kTariff;
  cheaper.replace(cheaper.find("\"price\": 4"), 10, "\"price\": 3");
  Book cheap = book_of(cheaper);
  std::mt19937_64 random(3);
  for (int round = 0; round < 500; ++round) {
    const std::vector<Usage> usages = random_usages(random);
    const auto before = rated(dear, usages), after = rated(cheap, usages);
    const auto posted = difference(before, after).value();
    ASSERT_EQ(total(before).value() + total(posted).value(), total(after).value());
    for (const RatedLine& line : posted) ASSERT_EQ(line.state, UsageState::kRerated);
    ASSERT_TRUE(difference(after, after).value().empty());
    for (const RatedLine& line : posted) ASSERT_EQ(line.line, "in") << "what did not change is not posted";
  }
}

TEST(UsageState, a_bill_is_the_end_and_rerating_comes_before_it) {
  using enum UsageState;
  EXPECT_TRUE(may_follow(kReceived, kRated));
  EXPECT_TRUE(may_follow(kRated, kRerated));
  EXPECT_TRUE(may_follow(kRerated, kRerated));
  EXPECT_TRUE(may_follow(kRerated, kBilled));
  EXPECT_TRUE(may_follow(kRejected, kRecycled));
  EXPECT_FALSE(may_follow(kBilled, kRerated));
  EXPECT_FALSE(may_follow(kRejected, kBilled));
}

TEST(Closing, rounds_by_the_mode_away_from_zero_or_to_it) {
  auto all = [](Int128 numerator) {
    std::string text;
    for (Rounding mode : {Rounding::kHalfUp, Rounding::kHalfEven, Rounding::kUp, Rounding::kDown})
      text += to_text(Amount(rounded_quotient(numerator, 10, mode))) + " ";
    return text;
  };
  EXPECT_EQ(all(25), "3 2 3 2 ");
  EXPECT_EQ(all(35), "4 4 4 3 ");
  EXPECT_EQ(all(-25), "-3 -2 -3 -2 ");
  EXPECT_EQ(all(21), "2 2 3 2 ");
  EXPECT_EQ(all(30), "3 3 3 3 ");
  EXPECT_EQ(all(0), "0 0 0 0 ");
}

TEST(Closing, a_closed_period_adds_up_line_by_line) {
  Book book = book_of(R"({"id": "p", "model": "m", "kind": "output", "price": 4})",
                      R"("free": [{"id": "gift", "quantity": 1000000, "kinds": ["output"]}],
                         "percentages": [{"type": "fee", "percent": 10}], "minimum": {"amount": 100},
                         "tax": {"percent": 6}, "rounding": {"decimals": 2, "mode": "half_up", "at": "document"})");
  auto lines = rated(book, {usage_of(Meter::kOutput, 10'000'000)});
  std::string text;
  for (const RatedLine& line : close_period(book, lines, {}).value()) {
    EXPECT_EQ(line.state, UsageState::kBilled);
    text += line.line + " " + format_decimal(line.amount, kMoneyScale) + "\n";
  }
  EXPECT_EQ(text, "gift -4\npercentages/0 3.6\nminimum 60.4\ntax 6\n");
}

TEST(Closing, rules_that_cannot_be_meant_are_refused) {
  const char* price = R"({"model": "m", "kind": "output", "price": 4})";
  EXPECT_EQ(error_of(price, R"("percentages": [{"type": "discount", "percent": 101}])"),
            "/percentages/0/percent: 101 percent is not from 0 to 100");
  EXPECT_EQ(
      error_of(price,
               R"("minimum": {"amount": "1.005"}, "rounding": {"decimals": 2, "mode": "up", "at": "line"})"),
      "/minimum/amount: 1.005 has more decimals than the book rounds to, 2");
  EXPECT_EQ(error_of(price, R"("free": [{"quantity": 1, "kinds": ["output", "request"]}])"),
            "/free/0/kinds: counts requests and tokens together");
  Json unknown = document_of(price);
  unknown["currency"] = "ZZZ";
  EXPECT_EQ(Book::parse(unknown).error().text(), "/currency: ZZZ is no currency of ISO 4217");
}

TEST(Negotiated, the_clauses_lines_come_first_and_its_discounts_are_off_the_books) {
  Json document = document_of(
      R"({"model": "m", "kind": "input", "price": 2}, {"model": "m", "kind": "cache_read", "price": 0.5}, {"model": "m", "kind": "output", "price": 8})");
  Json clause = {{"kind", "price"},
                 {"book", "b"},
                 {"prices", {{{"model", "m"}, {"kind", "input"}, {"price", "1.9"}}}},
                 {"discounts", {{{"percent", "12.5"}}}}};
  Book book = Book::negotiated(document, clause).value();
  auto rates = book.rates_for("m").value();
  EXPECT_EQ(rates.line_id(Kind::kInput), "price/prices/0");
  EXPECT_EQ(rates.per_token[ciyuan::index_of(Kind::kInput)], Amount(1'900'000));
  EXPECT_EQ(rates.per_token[ciyuan::index_of(Kind::kCacheRead)], Amount(437'500));
  EXPECT_EQ(rates.per_token[ciyuan::index_of(Kind::kOutput)], Amount(7'000'000));
  clause["discounts"][0]["percent"] = "0.00001";
  EXPECT_EQ(Book::negotiated(document, clause).error().path, "/discounts/0/percent") << "no price is rounded";
  clause["discounts"][0] = {{"percent", "5"}, {"model", "n"}};
  EXPECT_EQ(Book::negotiated(document, clause).error().path, "/discounts/0") << "it fits no line";
}

}  // namespace
}  // namespace ciyuan::price
