#include "clerk/internal/call.h"

#include <algorithm>
#include <set>

namespace ciyuan::clerk::internal {
namespace {

std::optional<Error> check_amount(Amount amount, Int128 units_max, std::string path) {
  if (amount.is_negative()) return invalid(std::move(path), "is negative");
  if (amount.units() > units_max) return invalid(std::move(path), "is too large");
  return std::nullopt;
}

std::optional<Error> check_name(const std::string& name, std::string path) {
  if (name.empty()) return invalid(std::move(path), "is empty");
  if (name.size() > kNameBytesMax) return invalid(std::move(path), "is longer than 1024 bytes");
  if (!is_utf8(name) || name.find('\0') != name.npos) return invalid(std::move(path), "is not UTF-8 text");
  return std::nullopt;
}

std::optional<Error> check_limit(const contract::Limit& limit, const std::string& path) {
  if (auto wrong = check_name(limit.account, path + "/account")) return wrong;
  if (auto wrong = check_name(limit.sink, path + "/sink")) return wrong;
  if (auto wrong = check_name(limit.unit, path + "/unit")) return wrong;
  if (auto wrong = check_amount(limit.funds, kUnitPriceMax * 1'000'000'000'000, path + "/funds"))
    return wrong;
  if (auto wrong =
          check_amount(limit.credit_limit, kUnitPriceMax * 1'000'000'000'000, path + "/credit_limit"))
    return wrong;
  if (auto wrong = check_amount(limit.per_request, kUnitPriceMax, path + "/per_request")) return wrong;
  for (Kind kind : kAllKinds)
    if (auto wrong = check_amount(limit.per_token[index_of(kind)], kUnitPriceMax, path + "/per_token"))
      return wrong;
  if (limit.renewal != contract::Renewal::kNever) {
    // Amounts and times whose products stay within 128 bits (renewal.cc).
    if (limit.period.count < 1'000'000'000 || limit.period > kRenewalPeriodMax)
      return invalid(path + "/period", "is not between a second and 366 days");
    if (auto wrong = check_amount(limit.funds, kRenewedMax, path + "/funds")) return wrong;
    if (auto wrong = check_amount(limit.drip, kRenewedMax, path + "/drip")) return wrong;
    if (limit.renewal == contract::Renewal::kDrips && limit.drip.is_zero())
      return invalid(path + "/drip", "is zero");
    if (limit.is_source || limit.is_returned) return invalid(path + "/renewal", "is of a source");
  }
  if (limit.shares.size() > contract::kSharesMax) return invalid(path + "/shares", "are too many");
  std::int64_t shared = 0;
  for (const contract::Share& share : limit.shares) {
    if (auto wrong = check_name(share.account, path + "/shares")) return wrong;
    if (share.account == limit.sink || share.account == limit.account)
      return invalid(path + "/shares", "name an account of the limit itself");
    if (share.per_million <= 0 || (shared += share.per_million) > 1'000'000)
      return invalid(path + "/shares", "are not above zero, or more than the whole");
  }
  return std::nullopt;
}

// "12.500000": all decimals of the scale, so that totals in a column line up.
std::string fixed_decimal(Amount amount, int scale) {
  std::string text = format_decimal(amount, scale);
  std::size_t point = text.find('.');
  std::size_t decimals = point == text.npos ? 0 : text.size() - point - 1;
  if (point == text.npos && scale > 0) text += '.';
  text.append(static_cast<std::size_t>(scale) - decimals, '0');
  return text;
}

/// The price book's line for a kind; empty where none is known.
std::string line_of(const contract::Terms& terms, Kind kind) {
  const auto line = std::find_if(terms.prices.begin(), terms.prices.end(),
                                 [&](const contract::PriceLine& price) { return price.kind == kind; });
  return line == terms.prices.end() ? "" : line->line;
}

/// A line for each kind that a source paid for, which it names.
void charge_sources(record::UsageRecord& record, const contract::Terms& terms, const Split& split) {
  for (std::size_t i = 0; i < terms.limits.size(); ++i) {
    const contract::Limit& limit = terms.limits[i];
    if (!limit.is_source || !split.amounts[i]) continue;
    const int scale = contract::scale_of_unit(limit.unit);
    const bool is_money = limit.unit == terms.currency;
    auto charge = [&](std::string_view kind, std::int64_t quantity, Amount price, const std::string& line) {
      record.charges.push_back({std::string(kind), std::to_string(quantity), format_decimal(price, scale),
                                format_decimal(price * quantity, scale), limit.unit, is_money ? line : "",
                                limit.account});
    };
    for (Kind kind : kAllKinds)
      if (const std::int64_t count = split.tokens[i][kind]; count != 0)
        charge(name_of(kind), count, limit.per_token[index_of(kind)], line_of(terms, kind));
    if (split.request_by == i && !limit.per_request.is_zero())
      charge("request", 1, limit.per_request, terms.request_line);
  }
}

}  // namespace

Amount fixed_cost(const contract::Limit& limit, const KindCounts& prompt) {
  return limit.per_request + billed_cost(limit, prompt);
}

Amount output_cost(const contract::Limit& limit) {
  Amount dearest;
  for (Kind kind : kAllKinds)
    if (is_generated(kind)) dearest = std::max(dearest, limit.per_token[index_of(kind)]);
  return dearest;
}

std::vector<Amount> held_amounts(const contract::Terms& terms, const KindCounts& prompt, std::int64_t granted,
                                 const Held& held) {
  std::vector<Amount> amounts;
  amounts.reserve(terms.limits.size());
  for (std::size_t i = 0; i < terms.limits.size(); ++i) {
    const contract::Limit& limit = terms.limits[i];
    amounts.push_back(limit.is_source ? held[i].value_or(Amount())
                                      : fixed_cost(limit, prompt) + output_cost(limit) * granted);
  }
  return amounts;
}

Amount billed_cost(const contract::Limit& limit, const KindCounts& billed) {
  Amount cost;
  for (Kind kind : kAllKinds)
    if (billed[kind] != 0) cost += limit.per_token[index_of(kind)] * billed[kind];
  return cost;
}

KindCounts generated_of(const KindCounts& counts) {
  KindCounts generated;
  for (Kind kind : kAllKinds)
    if (is_generated(kind)) generated[kind] = counts[kind];
  return generated;
}

KindCounts within_grant(const KindCounts& used, std::int64_t granted) {
  KindCounts within;
  for (Kind kind : kAllKinds) {
    if (!is_generated(kind)) continue;
    within[kind] = std::min(used[kind], granted - within.generated());
  }
  return within;
}

std::optional<Error> check_counts(const KindCounts& counts, std::string_view path) {
  for (Kind kind : kAllKinds) {
    if (counts[kind] < 0 || counts[kind] > kTokensMax)
      return invalid(std::string(path) + "/" + std::string(name_of(kind)),
                     std::to_string(counts[kind]) + " is not a count of tokens");
  }
  return std::nullopt;
}

std::optional<Error> check_open(const Open& command) {
  if (command.id.is_nil()) return invalid("id", "is nil");
  if (command.terms.limits.size() > contract::kLimitsMax)
    return invalid("terms/limits", "more than " + std::to_string(contract::kLimitsMax));
  if (auto wrong = check_counts(command.prompt, "prompt")) return wrong;
  if (command.prompt.generated() != 0) return invalid("prompt", "a prompt has no generated tokens");
  if (command.output_wanted < 0 || command.output_wanted > kTokensMax)
    return invalid("output_wanted", "is not a count of tokens");
  if (command.terms.metering.quantum_tokens < 1)
    return invalid("terms/metering/quantum_tokens", "is not positive");
  if (command.idempotency) {
    const std::string& key = command.idempotency->key;
    if (key.empty() || key.size() > kIdempotencyKeyBytesMax)
      return invalid("idempotency/key", "is empty or longer than 512 bytes");
  }
  const auto& limits = command.terms.limits;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    std::string path = "terms/limits/" + std::to_string(i);
    if (auto wrong = check_limit(limits[i], path)) return wrong;
    for (std::size_t j = 0; j < limits.size(); ++j) {
      if (j < i && limits[j].account == limits[i].account)
        return invalid(path + "/account", "stands there twice");
      if (limits[j].sink == limits[i].account) return invalid(path + "/account", "is a sink too");
      if (limits[j].sink == limits[i].sink && limits[j].unit != limits[i].unit)
        return invalid(path + "/sink", "receives two units");
    }
  }
  for (const contract::PriceLine& price : command.terms.prices)
    if (auto wrong = check_amount(price.per_token, kUnitPriceMax, "terms/prices")) return wrong;
  if (auto wrong = check_amount(command.terms.per_request, kUnitPriceMax, "terms/per_request")) return wrong;
  for (Amount weight : command.terms.ciyuan_per_token)
    if (auto wrong = check_amount(weight, kUnitPriceMax, "terms/ciyuan_per_token")) return wrong;
  if (command.terms.ratings.size() > contract::kRatingsMax)
    return invalid("terms/ratings", "are more than the one that bills and one in parallel");
  for (const contract::Rating& rating : command.terms.ratings)
    for (const auto& weights : rating.ciyuan_per_token)
      for (Amount weight : weights)
        if (auto wrong = check_amount(weight, kUnitPriceMax, "terms/ratings")) return wrong;
  return std::nullopt;
}

namespace {

Amount ciyuan_of(const KindCounts& billed, const std::array<Amount, kKinds>& per_token) {
  Amount ciyuan;
  for (Kind kind : kAllKinds)
    if (billed[kind] != 0) ciyuan += per_token[index_of(kind)] * billed[kind];
  return ciyuan;
}

record::Rating rated(const contract::Rating& rating, const KindCounts& billed) {
  auto figure = [&](std::size_t value) {
    return fixed_decimal(ciyuan_of(billed, rating.ciyuan_per_token[value]), contract::kCiyuanScale);
  };
  return {rating.kind,  rating.name, rating.version, rating.digest,
          rating.value, figure(0),   figure(1),      figure(2)};
}

}  // namespace

void complete_record(record::UsageRecord& record, const contract::Terms& terms, const KindCounts& billed,
                     bool nothing_served, const Split* split) {
  record.charges.clear();
  const auto balance =
      std::find_if(terms.limits.begin(), terms.limits.end(), [&](const contract::Limit& limit) {
        return limit.unit == terms.currency && limit.account.starts_with("prepaid/");
      });
  const std::string paid_from = balance == terms.limits.end() ? "" : balance->account;
  auto charge = [&](std::string_view kind, std::int64_t quantity, Amount price, const std::string& line) {
    record.charges.push_back(
        {std::string(kind), std::to_string(quantity), format_decimal(price, contract::kMoneyScale),
         format_decimal(price * quantity, contract::kMoneyScale), terms.currency, line, paid_from});
  };
  if (split != nullptr) {
    charge_sources(record, terms, *split);
  } else {
    for (const contract::PriceLine& price : terms.prices)
      if (billed[price.kind] != 0)
        charge(name_of(price.kind), billed[price.kind], price.per_token, price.line);
    if (!nothing_served && !terms.per_request.is_zero())
      charge("request", 1, terms.per_request, terms.request_line);
  }
  for (Kind kind : kAllKinds) {
    auto figure = record.usage.find(std::string(name_of(kind)));
    if (figure != record.usage.end()) {
      figure->second.billed = static_cast<std::uint64_t>(billed[kind]);
    } else if (billed[kind] != 0) {
      record.usage[std::string(name_of(kind))].billed = static_cast<std::uint64_t>(billed[kind]);
    }
  }
  record.ciyuan = fixed_decimal(ciyuan_of(billed, terms.ciyuan_per_token), contract::kCiyuanScale);
  record.equivalence.reset();
  if (terms.ratings.empty()) return;
  record.equivalence.emplace().billed = rated(terms.ratings[0], billed);
  if (terms.ratings.size() > 1) record.equivalence->parallel = rated(terms.ratings[1], billed);
}

record::UsageRecord interrupted_record(const record::UsageRecord& draft, const KindCounts& used) {
  record::UsageRecord record = draft;
  record.state = record::State::kInterrupted;
  record.finish_reason.clear();
  for (Kind kind : kAllKinds) {
    if (!is_generated(kind) || used[kind] == 0) continue;
    // At least this much was generated: the mark proves it, and the rest was never written down.
    record::Figure& figure = record.usage[std::string(name_of(kind))];
    figure.measured = static_cast<std::uint64_t>(used[kind]);
    figure.level = record::Level::kBounded;
    if (figure.counted_by.empty()) figure.counted_by = "last durable mark";
  }
  return record;
}

std::vector<ledger::Line> make_lines(const std::vector<ledger::AccountIndex>& accounts,
                                     const std::vector<ledger::AccountIndex>& sinks,
                                     const std::vector<Amount>& amounts, bool skip_zero) {
  std::vector<ledger::Line> lines;
  lines.reserve(accounts.size() * 2);
  for (std::size_t i = 0; i < accounts.size(); ++i)
    if (!skip_zero || !amounts[i].is_zero()) lines.push_back({accounts[i], -amounts[i]});
  std::size_t first_sink = lines.size();
  for (std::size_t i = 0; i < sinks.size(); ++i) {
    if (skip_zero && amounts[i].is_zero()) continue;
    auto same = std::find_if(lines.begin() + static_cast<std::ptrdiff_t>(first_sink), lines.end(),
                             [&](const ledger::Line& line) { return line.account == sinks[i]; });
    if (same != lines.end())
      same->amount += amounts[i];
    else
      lines.push_back({sinks[i], amounts[i]});
  }
  return lines;
}

Id derived_id(const Id& id, std::uint8_t purpose) {
  Id derived = id;
  // The variant bits of RFC 9562 are 10; 01 is reserved and made by nobody.
  derived.bytes[8] = static_cast<std::uint8_t>((derived.bytes[8] & 0x3F) | 0x40);
  derived.bytes[6] = static_cast<std::uint8_t>(derived.bytes[6] ^ purpose);
  return derived;
}

}  // namespace ciyuan::clerk::internal
