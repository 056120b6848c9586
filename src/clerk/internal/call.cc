#include "clerk/internal/call.h"

#include <algorithm>
#include <set>

#include "clerk/internal/draft.h"
#include "store/varint.h"

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

// Bytes in the store

namespace {

constexpr std::uint64_t kCallVersion = 4;

void write_counts(store::ByteWriter& out, const KindCounts& counts) {
  for (std::int64_t count : counts.tokens) out.integer(count);
}
KindCounts read_counts(store::ByteReader& in) {
  KindCounts counts;
  for (std::int64_t& count : counts.tokens) count = in.integer();
  return counts;
}

void write_limit(store::ByteWriter& out, const contract::Limit& limit) {
  out.text(limit.clause);
  out.text(limit.unit);
  out.text(limit.account);
  out.text(limit.sink);
  out.amount(limit.funds);
  out.number(limit.may_overdraw);
  out.amount(limit.per_request);
  for (Amount amount : limit.per_token) out.amount(amount);
  out.integer(limit.window_end.ns);
  out.amount(limit.credit_limit);
  out.number(limit.is_source);
  out.number(limit.shares.size());
  for (const contract::Share& share : limit.shares) {
    out.text(share.account);
    out.integer(share.per_million);
  }
}
contract::Limit read_limit(store::ByteReader& in, std::uint64_t version) {
  contract::Limit limit;
  limit.clause = in.text();
  limit.unit = in.text();
  limit.account = in.text();
  limit.sink = in.text();
  limit.funds = in.amount();
  limit.may_overdraw = in.number() != 0;
  limit.per_request = in.amount();
  for (Amount& amount : limit.per_token) amount = in.amount();
  limit.window_end.ns = in.integer();
  if (version < 3) return limit;
  limit.credit_limit = in.amount();
  limit.is_source = in.number() != 0;
  for (std::uint64_t shares = in.number(); shares > 0 && in.ok(); --shares) {
    contract::Share share;
    share.account = in.text();
    share.per_million = in.integer();
    limit.shares.push_back(std::move(share));
  }
  return limit;
}

void write_metering(store::ByteWriter& out, const contract::Metering& metering) {
  out.number(static_cast<std::uint64_t>(metering.on_client_gone));
  out.number(static_cast<std::uint64_t>(metering.on_upstream_error));
  out.number(static_cast<std::uint64_t>(metering.upstream));
  out.integer(metering.drain_max.count);
  out.integer(metering.quantum_tokens);
  out.number(static_cast<std::uint64_t>(metering.contention));
  out.integer(metering.wait_max.count);
}
contract::Metering read_metering(store::ByteReader& in) {
  contract::Metering metering;
  metering.on_client_gone = static_cast<contract::OnClientGone>(in.number());
  metering.on_upstream_error = static_cast<contract::OnUpstreamError>(in.number());
  metering.upstream = static_cast<contract::UpstreamOnGone>(in.number());
  metering.drain_max.count = in.integer();
  metering.quantum_tokens = in.integer();
  metering.contention = static_cast<contract::Contention>(in.number());
  metering.wait_max.count = in.integer();
  return metering;
}

void write_rating(store::ByteWriter& out, const contract::Rating& rating) {
  for (const std::string* text : {&rating.kind, &rating.name, &rating.version, &rating.digest, &rating.value})
    out.text(*text);
  for (const auto& weights : rating.ciyuan_per_token)
    for (Amount weight : weights) out.amount(weight);
}
contract::Rating read_rating(store::ByteReader& in) {
  contract::Rating rating;
  for (std::string* text : {&rating.kind, &rating.name, &rating.version, &rating.digest, &rating.value})
    *text = in.text();
  for (auto& weights : rating.ciyuan_per_token)
    for (Amount& weight : weights) weight = in.amount();
  return rating;
}

void write_held(store::ByteWriter& out, const Held& held) {
  out.number(held.size());
  for (const std::optional<Amount>& amount : held) {
    out.number(amount.has_value());
    if (amount) out.amount(*amount);
  }
}
Held read_held(store::ByteReader& in, std::uint64_t limits) {
  Held held;
  std::uint64_t size = in.number();
  for (std::uint64_t i = 0; i < size && i < limits && in.ok(); ++i) {
    held.emplace_back();
    if (in.number() != 0) held.back() = in.amount();
  }
  return held;
}

}  // namespace

std::string encode_call(const Open& command, std::int64_t granted, const Held& held,
                        std::optional<std::uint64_t> key_slot) {
  std::string bytes;
  bytes.reserve(2048);
  store::ByteWriter out(bytes);
  out.number(kCallVersion);
  out.number(key_slot ? 1 + *key_slot : 0);
  out.fixed(command.id.bytes);
  out.integer(command.at.ns);
  out.integer(granted);
  out.integer(command.output_wanted);
  write_counts(out, command.prompt);
  out.number(command.terms.limits.size());
  for (const contract::Limit& limit : command.terms.limits) write_limit(out, limit);
  write_held(out, held);
  write_metering(out, command.terms.metering);
  out.text(command.terms.currency);
  out.number(command.terms.prices.size());
  for (const contract::PriceLine& price : command.terms.prices) {
    out.number(index_of(price.kind));
    out.amount(price.per_token);
    out.text(price.line);
  }
  out.amount(command.terms.per_request);
  out.text(command.terms.request_line);
  for (Amount weight : command.terms.ciyuan_per_token) out.amount(weight);
  out.number(command.terms.ratings.size());
  for (const contract::Rating& rating : command.terms.ratings) write_rating(out, rating);
  out.number(command.idempotency.has_value());
  if (command.idempotency) {
    out.text(command.idempotency->key);
    out.fixed(command.idempotency->body);
  }
  write_draft(out, command.draft);
  return bytes;
}

Result<DecodedCall> decode_call(std::string_view bytes) {
  store::ByteReader in(bytes);
  Error damaged{ErrorCode::kCorrupt, "an open call in the store cannot be read", ""};
  DecodedCall call;
  std::uint64_t version = in.number();
  if (version < 1 || version > kCallVersion) return damaged;
  if (version >= 2)
    if (std::uint64_t slot = in.number(); slot != 0) call.key_slot = slot - 1;
  Open& command = call.command;
  command.id.bytes = in.fixed<16>();
  command.at.ns = in.integer();
  call.granted = in.integer();
  command.output_wanted = in.integer();
  command.prompt = read_counts(in);
  std::uint64_t limits = in.number();
  if (!in.ok() || limits > contract::kLimitsMax) return damaged;
  for (std::uint64_t i = 0; i < limits; ++i) command.terms.limits.push_back(read_limit(in, version));
  if (version >= 3) call.held = read_held(in, limits);
  command.terms.metering = read_metering(in);
  command.terms.currency = in.text();
  std::uint64_t prices = in.number();
  for (std::uint64_t i = 0; i < prices && in.ok(); ++i) {
    std::uint64_t kind = in.number();
    if (kind >= kKinds) return damaged;
    command.terms.prices.push_back({kAllKinds[kind], in.amount(), {}});
    if (version >= 3) command.terms.prices.back().line = in.text();
  }
  command.terms.per_request = in.amount();
  if (version >= 3) command.terms.request_line = in.text();
  for (Amount& weight : command.terms.ciyuan_per_token) weight = in.amount();
  if (version >= 4) {
    std::uint64_t ratings = in.number();
    if (!in.ok() || ratings > contract::kRatingsMax) return damaged;
    for (; ratings > 0; --ratings) command.terms.ratings.push_back(read_rating(in));
  }
  if (in.number() != 0) {
    command.idempotency.emplace();
    command.idempotency->key = in.text();
    command.idempotency->body = in.fixed<32>();
  }
  command.draft = read_draft(in, version >= 3, version >= 4);
  if (!in.done()) return damaged;
  return call;
}

std::string encode_mark(const Mark& mark) {
  std::string bytes;
  store::ByteWriter out(bytes);
  out.integer(mark.granted);
  write_counts(out, mark.used);
  out.integer(mark.at.ns);
  if (!mark.held.empty()) write_held(out, mark.held);
  return bytes;
}

Result<Mark> decode_mark(std::string_view bytes) {
  store::ByteReader in(bytes);
  Mark mark;
  mark.granted = in.integer();
  mark.used = read_counts(in);
  mark.at.ns = in.integer();
  if (!in.done()) mark.held = read_held(in, contract::kLimitsMax);
  if (!in.done()) return Error{ErrorCode::kCorrupt, "the mark of an open call cannot be read", ""};
  return mark;
}

}  // namespace ciyuan::clerk::internal
