/// Open calls as bytes in the store: what a restart finds of them.

#include "clerk/internal/call.h"
#include "clerk/internal/draft.h"
#include "store/varint.h"

namespace ciyuan::clerk::internal {

namespace {

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
  out.number(limit.is_returned);
  out.number(static_cast<std::uint64_t>(limit.renewal));
  out.integer(limit.period.count);
  out.amount(limit.drip);
  for (std::uint8_t percent : limit.warn_percent) out.number(percent);
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
  if (version < 5) return limit;
  limit.is_returned = in.number() != 0;
  limit.renewal = static_cast<contract::Renewal>(in.number());
  limit.period.count = in.integer();
  limit.drip = in.amount();
  for (std::uint8_t& percent : limit.warn_percent) percent = static_cast<std::uint8_t>(in.number());
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
  command.draft = read_draft(in, version);
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
