#include "price/book.h"

#include <optional>

namespace ciyuan::price {
namespace {

// Above this many units of currency for one million tokens a price is more likely mistyped than meant.
constexpr Int128 kPlausiblePerToken = 10'000'000'000;  // 10^-12 units: 10,000 a million tokens

struct Lines {
  std::array<std::optional<Amount>, kKinds> per_token;
  std::optional<Amount> per_request;
};

std::string text_at(const Json& document, const char* field) {
  auto found = document.find(field);
  if (found == document.end()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::int64_t power_of_ten(int exponent) {
  std::int64_t value = 1;
  while (exponent-- > 0) value *= 10;
  return value;
}

std::optional<Amount> first_of(std::initializer_list<std::optional<Amount>> choices) {
  for (const auto& choice : choices)
    if (choice) return choice;
  return std::nullopt;
}

// A model's own line beats the star's line; either beats the line of a wider kind.
Rates rates_from(const Lines& own, const Lines& star) {
  Rates rates;
  auto line = [&](Kind kind) {
    return first_of({own.per_token[index_of(kind)], star.per_token[index_of(kind)]});
  };
  // Within the model's own lines the wider kind comes first: a star's cache price does not undercut them.
  auto with_wider = [&](Kind kind, Kind wider) {
    return first_of({own.per_token[index_of(kind)], own.per_token[index_of(wider)], line(kind), line(wider)});
  };
  auto set = [&](Kind kind, std::optional<Amount> price) {
    if (!price) return;
    rates.per_token[index_of(kind)] = *price;
    rates.known[index_of(kind)] = true;
  };
  set(Kind::kInput, line(Kind::kInput));
  set(Kind::kCacheRead, with_wider(Kind::kCacheRead, Kind::kInput));
  set(Kind::kCacheWrite, with_wider(Kind::kCacheWrite, Kind::kInput));
  set(Kind::kOutput, line(Kind::kOutput));
  set(Kind::kReasoning, with_wider(Kind::kReasoning, Kind::kOutput));
  set(Kind::kTool, with_wider(Kind::kTool, Kind::kOutput));
  rates.per_request = first_of({own.per_request, star.per_request}).value_or(Amount());
  return rates;
}

}  // namespace

Result<TimePoint> parse_moment(std::string_view text) {
  if (text.size() == 10) return parse_rfc3339(std::string(text) + "T00:00:00Z");
  return parse_rfc3339(text);
}

Result<Amount> decimal_of(const Json& value, int scale) {
  if (value.is_string()) return parse_decimal(value.get_ref<const std::string&>(), scale);
  if (value.is_number_integer()) return parse_decimal(value.dump(), scale);
  return invalid("", value.dump() + " is not a decimal written as text or a whole number");
}

Result<Book> Book::parse(const Json& document) {
  Book book;
  book.name_ = text_at(document, "name");
  book.version_ = text_at(document, "version");
  book.currency_ = text_at(document, "currency");
  for (auto [field, moment] :
       {std::pair{"effective_from", &book.effective_from_}, {"effective_until", &book.effective_until_}}) {
    if (!document.contains(field)) continue;
    Result<TimePoint> parsed = parse_moment(text_at(document, field));
    if (!parsed.ok()) return invalid(std::string("/") + field, parsed.error().message);
    *moment = *parsed;
  }
  if (book.effective_until_ != TimePoint{} && book.effective_until_ <= book.effective_from_)
    return invalid("/effective_until", text_at(document, "effective_until") + " is not after effective_from");
  if (Result<TimePoint> date = parse_moment(text_at(document, "date")); !date.ok())
    return invalid("/date", date.error().message);

  int exponent = document.at("per_tokens") == 1 ? 0 : document.at("per_tokens") == 1000 ? 3 : 6;
  std::map<std::string, Lines, std::less<>> lines;
  const Json& prices = document.at("prices");
  for (std::size_t i = 0; i < prices.size(); ++i) {
    std::string pointer = "/prices/" + std::to_string(i);
    const Json& entry = prices[i];
    std::string model = text_at(entry, "model"), kind_name = text_at(entry, "kind");
    Result<Amount> price = decimal_of(entry.at("price"), kPriceDecimalsMax);
    if (!price.ok()) return invalid(pointer + "/price", price.error().message);
    if (price->is_negative()) return invalid(pointer + "/price", entry.at("price").dump() + " is negative");
    // The price has 6 decimals, the amount 12: what is left after dividing by 10^exponent is a factor, never
    // a rest.
    bool whole_request = kind_name == "request";
    std::optional<Amount> unit = checked_multiply(
        *price, power_of_ten(kMoneyScale - kPriceDecimalsMax - (whole_request ? 0 : exponent)));
    if (!unit) return invalid(pointer + "/price", entry.at("price").dump() + " is too large");
    std::optional<Kind> kind = kind_named(kind_name);
    if (!kind && !whole_request)
      return invalid(pointer + "/kind", kind_name + " is not a kind that has a price");
    std::optional<Amount>& slot =
        whole_request ? lines[model].per_request : lines[model].per_token[index_of(*kind)];
    if (slot) return invalid(pointer, model + " has two prices for " + kind_name);
    slot = unit;
    if (!whole_request && unit->units() > kPlausiblePerToken)
      book.warnings_.push_back(pointer + "/price: " + text_at(entry, "price") + " " + book.currency_ +
                               " for " + text_at(document, "per_tokens") + " tokens is implausibly high");
  }
  Lines star = lines.contains("*") ? lines["*"] : Lines{};
  for (const auto& [model, own] : lines) {
    Rates rates = rates_from(own, star);
    auto above = [&](Kind kind, Kind wider) {
      if (rates.knows(kind) && rates.knows(wider) &&
          rates.per_token[index_of(kind)] > rates.per_token[index_of(wider)])
        book.warnings_.push_back(model + ": " + std::string(name_of(kind)) + " costs more than " +
                                 std::string(name_of(wider)));
    };
    above(Kind::kCacheRead, Kind::kInput);
    above(Kind::kInput, Kind::kOutput);
    book.rates_.emplace(model, rates);
  }
  return book;
}

const Rates* Book::rates_for(std::string_view model) const {
  auto found = rates_.find(model);
  if (found == rates_.end()) found = rates_.find(std::string_view("*"));
  return found == rates_.end() ? nullptr : &found->second;
}

Result<std::vector<ChargeLine>> charge(const Rates& rates, const KindCounts& counts, std::int64_t requests) {
  std::vector<ChargeLine> lines;
  auto add = [&](std::string_view kind, std::int64_t quantity, Amount unit_price) -> Status {
    std::optional<Amount> amount = checked_multiply(unit_price, quantity);
    if (!amount)
      return Error{ErrorCode::kTooLarge, "the charge for " + std::to_string(quantity) + " leaves 128 bits",
                   std::string(kind)};
    lines.push_back({kind, quantity, unit_price, *amount});
    return {};
  };
  for (Kind kind : kAllKinds) {
    if (counts[kind] == 0) continue;
    if (counts[kind] < 0)
      return invalid(std::string(name_of(kind)), std::to_string(counts[kind]) + " tokens is negative");
    if (!rates.knows(kind))
      return Error{ErrorCode::kRefused, "the price book has no price for this kind",
                   std::string(name_of(kind))};
    CIYUAN_TRY_STATUS(add(name_of(kind), counts[kind], rates.per_token[index_of(kind)]));
  }
  if (requests > 0 && !rates.per_request.is_zero())
    CIYUAN_TRY_STATUS(add("request", requests, rates.per_request));
  return lines;
}

Result<Amount> total(const std::vector<ChargeLine>& lines) {
  Amount sum;
  for (const ChargeLine& line : lines) {
    std::optional<Amount> next = checked_add(sum, line.amount);
    if (!next) return Error{ErrorCode::kTooLarge, "the sum leaves 128 bits", std::string(line.kind)};
    sum = *next;
  }
  return sum;
}

}  // namespace ciyuan::price
