// Rates cases, one JSON object a line, and prints what came of each: for oracle.py, which works them out
// again.
//
//   {"book": PriceBook, "clause": price clause, "usages": [{"model", "at", "region", "service_class",
//    "input_tokens", "cache_ttl", "counts": {"input": 12}}], "end": {"of_term", "charged_before"}}
//   → {"lines": […], "closing": […], "total", "in_parts"} or {"error": {"path", "message"}}

#include <iostream>

#include "contract/document.h"
#include "price/closing.h"

using namespace ciyuan;
using namespace ciyuan::price;

namespace {

std::string text_of(const Json& object, const char* field) { return object.value(field, std::string()); }

Result<Usage> usage_of(const Json& json) {
  Usage usage;
  usage.model = text_of(json, "model");
  CIYUAN_TRY(usage.situation.at, parse_moment(text_of(json, "at")));
  // The texts live in the case, which outlives the usage.
  if (json.contains("region")) usage.situation.region = json["region"].get_ref<const std::string&>();
  if (json.contains("cache_ttl")) usage.situation.cache_ttl = json["cache_ttl"].get_ref<const std::string&>();
  if (json.contains("service_class"))
    usage.situation.service_class = service_class_named(text_of(json, "service_class")).value();
  usage.situation.input_tokens = json.value("input_tokens", std::int64_t{0});
  for (const auto& [name, count] : json["counts"].items()) usage.counts[meter_named(name).value()] = count;
  return usage;
}

Json lines_json(const std::vector<RatedLine>& lines) {
  Json list = Json::array();
  for (const RatedLine& line : lines) list.push_back(to_json(line));
  return list;
}

// In two parts, the counters handed on.
Result<Amount> total_in_parts(const Book& book, const std::vector<Usage>& usages) {
  const auto middle = usages.begin() + static_cast<std::ptrdiff_t>(usages.size() / 2);
  Counters counters;
  CIYUAN_TRY(auto first, rate(book, {usages.begin(), middle}, counters));
  CIYUAN_TRY(auto second, rate(book, {middle, usages.end()}, counters));
  first.insert(first.end(), second.begin(), second.end());
  return total(first);
}

Result<Json> answer(const Json& one) {
  const contract::Reading reading = contract::read_document(one["book"], "");
  if (!reading.errors.empty()) return reading.errors.front();
  CIYUAN_TRY(const Book book, one.contains("clause") ? Book::negotiated(one["book"], one["clause"])
                                                     : Book::parse(one["book"]));
  std::vector<Usage> usages;
  for (const Json& json : one["usages"]) {
    CIYUAN_TRY(Usage usage, usage_of(json));
    usages.push_back(std::move(usage));
  }
  Counters counters;
  CIYUAN_TRY(std::vector<RatedLine> lines, rate(book, usages, counters));
  PeriodEnd end;
  if (auto said = one.find("end"); said != one.end()) {
    end.of_term = said->value("of_term", false);
    CIYUAN_TRY(end.charged_before,
               parse_decimal(said->value("charged_before", std::string("0")), kMoneyScale));
  }
  CIYUAN_TRY(const std::vector<RatedLine> closing, close_period(book, lines, end));
  CIYUAN_TRY(const Amount parts, total_in_parts(book, usages));
  CIYUAN_TRY(const Amount rated, total(lines));
  CIYUAN_TRY(const Amount closed, total(closing));
  return Json{{"lines", lines_json(lines)},
              {"closing", lines_json(closing)},
              {"rated", format_decimal(rated, kMoneyScale)},
              {"in_parts", format_decimal(parts, kMoneyScale)},
              {"total", format_decimal(rated + closed, kMoneyScale)}};
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    const Json one = Json::parse(line);
    Result<Json> json = answer(one);
    std::cout << (json.ok()
                      ? *json
                      : Json{{"error", {{"path", json.error().path}, {"message", json.error().message}}}})
                     .dump()
              << '\n';
  }
}
