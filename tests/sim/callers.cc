/// Those who send commands: gateways that open, extend, close and repeat themselves, and an operator.

#include <algorithm>

#include "simulation.h"

namespace ciyuan::clerk::sim {

using contract::Contention;

namespace {

constexpr std::int64_t kUnit = 1'000'000;
constexpr std::int64_t kPerRequest = 3 * kUnit;
/// Of a token of each kind, in money as in Ciyuan: reasoning is dearer.
constexpr std::array<Amount, kKinds> kPrices = {Amount(kUnit), Amount(kUnit),     Amount(kUnit),
                                                Amount(kUnit), Amount(2 * kUnit), Amount(kUnit)};

}  // namespace

contract::Limit Simulation::cap(std::string account, std::int64_t tokens) {
  contract::Limit limit;
  limit.clause = account;
  limit.account = std::move(account);
  limit.unit = "CIYUAN";
  limit.sink = "used/CIYUAN";
  limit.funds = Amount(tokens * kUnit);
  limit.per_token = kPrices;
  limit.window_end = clock_ + seconds(60);
  return limit;
}

contract::Limit Simulation::money(std::string account, bool may_overdraw) {
  contract::Limit limit = cap(std::move(account), 0);
  limit.unit = "CNY";
  limit.sink = "revenue/CNY";
  limit.may_overdraw = may_overdraw;
  limit.per_request = Amount(kPerRequest);
  if (chance(300)) limit.shares = {{"royalty/maker/CNY", 125'000}, {"royalty/reseller/CNY", 333'333}};
  return limit;
}

// Packages, dearer and cheaper ones, and money behind them: with a bound, without, or none.
void Simulation::add_sources(contract::Terms& terms) {
  for (std::uint64_t i = 0, packages = below(3); i < packages; ++i) {
    const std::string number = std::to_string(2 * below(4) + i);  // no package twice
    terms.limits.push_back(cap("package/" + number, static_cast<std::int64_t>(100 + below(2) * 400)));
    terms.limits.back().sink = "used/package";
    for (Amount& price : terms.limits.back().per_token) price = Amount(price.units() * (i == 0 ? 1 : 3));
  }
  if (terms.limits.empty() || !terms.limits.back().account.starts_with("package/") || chance(600)) {
    const bool is_endless = chance(300);
    terms.limits.push_back(money(is_endless ? "postpaid/endless" : "postpaid/bounded", is_endless));
    if (!is_endless) terms.limits.back().credit_limit = Amount(2000 * kUnit);
  }
  for (contract::Limit& limit : terms.limits)
    limit.is_source = limit.account.starts_with("package/") || limit.account.starts_with("postpaid/");
}

// A rate, a rolling window, and a bound on what runs at one time.
void Simulation::add_renewing(contract::Terms& terms) {
  if (chance(250)) {
    contract::Limit limit = cap("rate/" + std::to_string(below(3)), 400);
    limit.renewal = contract::Renewal::kDrips;
    limit.period = seconds(1);
    limit.drip = Amount(7 * kUnit);
    terms.limits.push_back(std::move(limit));
  }
  if (chance(250)) {
    contract::Limit limit = cap("rolling/" + std::to_string(below(3)), kRollingTokens);
    limit.renewal = contract::Renewal::kAges;
    limit.period = kRollingPeriod;
    limit.sink = "used/rolling";
    terms.limits.push_back(std::move(limit));
  }
  if (chance(150)) {
    contract::Limit limit = cap("running/" + std::to_string(below(3)), 0);
    limit.unit = "REQUEST";
    limit.sink = "used/REQUEST";
    limit.funds = Amount(5);
    limit.per_token = {};
    limit.per_request = Amount(1);
    limit.is_returned = true;
    terms.limits.push_back(std::move(limit));
  }
}

contract::Terms Simulation::some_terms() {
  contract::Terms terms;
  // Now and then the contract changes: higher limits, or lower ones.
  if (chance(20)) session_tokens_ = static_cast<std::int64_t>(100 + below(600));
  if (chance(20)) window_tokens_ = static_cast<std::int64_t>(500 + below(4000));
  std::string session = std::to_string(below(40));
  std::string window = std::to_string(clock_.ns / seconds(300).count);
  if (chance(100)) {
    // One limit, and time to wait: what the auditor can follow in the line of its account.
    terms.limits.push_back(cap("cap/session=" + std::to_string(below(3)), session_tokens_));
  } else {
    if (chance(800)) terms.limits.push_back(cap("cap/session=" + session, session_tokens_));
    if (chance(700)) terms.limits.push_back(cap("cap/window=" + window, window_tokens_));
    const bool has_sources = chance(300);
    if (!has_sources && chance(500))
      terms.limits.push_back(money("prepaid/" + std::to_string(below(3)), false));
    if (!has_sources && chance(300)) terms.limits.push_back(money("receivable/CNY", true));
    if (chance(400)) {
      contract::Limit limit;
      limit.clause = "rate";
      limit.account = "cap/rate=" + window;
      limit.unit = "REQUEST";
      limit.sink = "used/REQUEST";
      limit.funds = Amount(60);
      limit.per_request = Amount(1);
      terms.limits.push_back(limit);
    }
    add_renewing(terms);
    if (has_sources) add_sources(terms);
  }
  terms.metering.contention = static_cast<Contention>(below(3));
  terms.metering.quantum_tokens = static_cast<std::int64_t>(1 + below(120));
  terms.metering.wait_max = seconds(static_cast<std::int64_t>(below(30)));
  if (chance(300)) terms.metering.on_upstream_error = contract::OnUpstreamError::kNothing;
  terms.currency = "CNY";
  for (Kind kind : kAllKinds) terms.prices.push_back({kind, kPrices[index_of(kind)]});
  terms.per_request = Amount(kPerRequest);
  terms.ciyuan_per_token = kPrices;
  return terms;
}

Queued Simulation::send(Command command, Sent sent) {
  sent_.emplace(++tickets_, sent);
  ++figures_.commands;
  return {std::move(command), {nullptr, tickets_}};
}

Queued Simulation::open_command() {
  Open open;
  open.at = clock_;
  ++names_;
  // As UUIDv7 in real life; the rest of the bits come from the seed.
  open.id = id_from_content(std::to_string(options_.seed) + "/" + std::to_string(names_));
  auto ms = static_cast<std::uint64_t>(clock_.ns / 1'000'000);
  for (std::size_t i = 0; i < 6; ++i) open.id.bytes[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  if (chance(900)) open.id.bytes[6] = static_cast<std::uint8_t>((open.id.bytes[6] & 0x0F) | 0x70);
  open.terms = some_terms();
  // Per-request caps are named for the request.
  if (chance(200)) {
    open.terms.limits.push_back(cap("cap/request=" + open.id.text(), 120));
  }
  open.prompt[Kind::kInput] = static_cast<std::int64_t>(below(60));
  open.prompt[Kind::kCacheRead] = static_cast<std::int64_t>(chance(200) ? below(20) : 0);
  open.output_wanted = static_cast<std::int64_t>(chance(100) ? 0 : below(400));
  if (chance(300))
    open.idempotency = Idempotency{"key/" + std::to_string(below(60)), sha256(std::to_string(below(2)))};
  if (chance(900)) open.request.update("request " + std::to_string(names_));
  open.draft.session = "s";
  open.draft.key = "k" + std::to_string(below(3));
  open.draft.contract = "c";
  Call call;
  call.open = open;
  calls_[open.id] = std::move(call);
  call_order_.push_back(open.id);
  return send(open, {Sent::What::kOpen, open.id});
}

Queued Simulation::repeat_open() {
  Open open = calls_.at(call_order_[below(call_order_.size())]).open;
  open.at = clock_;
  return send(open, {Sent::What::kOpen, open.id});
}

Simulation::Call* Simulation::some_call(bool open_only) {
  const std::vector<Id>& from = open_only ? open_now_ : call_order_;
  if (from.empty()) return nullptr;
  // Mostly recent ones, so that things meet.
  std::size_t back = static_cast<std::size_t>(below(std::min<std::size_t>(from.size(), 60)));
  return &calls_.at(from[from.size() - 1 - back]);
}

// Counts as a meter gives them: they grow, but a token may move to another kind, or turn out to be half a
// word.
void Simulation::generate(Call& call) {
  constexpr Kind kGenerated[] = {Kind::kOutput, Kind::kReasoning, Kind::kTool};
  for (Kind kind : kGenerated) {
    std::int64_t left = call.granted - call.used.generated();
    if (left > 0 && chance(500))
      call.used[kind] += static_cast<std::int64_t>(below(static_cast<std::uint64_t>(left) + 1));
  }
  Kind from = kGenerated[below(3)], to = kGenerated[below(3)];
  if (call.used[from] > 0 && chance(300)) --call.used[from], ++call.used[to];
  if (call.used[from] > 0 && chance(300)) --call.used[from];
}

Queued Simulation::some_close(Call& call) {
  Close close;
  close.id = call.open.id;
  close.at = clock_;
  if (!call.sent_close) {
    KindCounts billed = call.open.prompt;
    if (chance(200))
      billed[Kind::kInput] =
          static_cast<std::int64_t>(below(static_cast<std::uint64_t>(billed[Kind::kInput]) + 1));
    billed[Kind::kOutput] = static_cast<std::int64_t>(below(static_cast<std::uint64_t>(call.granted) + 1));
    if (billed[Kind::kOutput] > 0 && chance(300)) --billed[Kind::kOutput], billed[Kind::kReasoning] = 1;
    if (chance(20)) billed[Kind::kOutput] = call.granted + 100'000;  // refused, whatever is granted meanwhile
    call.sent_nothing_served = chance(80);
    // A close that is too large is refused, and a right one follows: only the latter counts.
    if (billed.generated() <= call.granted) call.sent_close = billed;
    close.billed = billed;
  } else {
    close.billed = *call.sent_close;  // sent again, as it was
  }
  close.nothing_served = call.sent_nothing_served;
  close.record = call.open.draft;
  return send(close, {Sent::What::kClose, close.id});
}

Queued Simulation::some_post() {
  Post post;
  if (!posts_sent_.empty() && chance(300)) {
    post = posts_sent_[below(posts_sent_.size())];
  } else {
    post.id = id_from_content("post " + std::to_string(++names_));
    post.actor = "root";
    post.debit = "cash";
    post.credit = "prepaid/" + std::to_string(below(3));
    post.unit = "CNY";
    if (chance(200)) {
      // To caps too: before their first call, on top of what they are granted, and where none may go.
      const std::string to[] = {"cap/session=" + std::to_string(below(60)),
                                "cap/window=" + std::to_string(clock_.ns / seconds(300).count + 1),
                                "funds/CIYUAN"};
      post.debit = "reserve";
      post.credit = to[below(3)];
      post.unit = "CIYUAN";
    }
    post.amount = Amount(static_cast<Int128>(1 + below(800)) * kUnit);
    posts_sent_.push_back(post);
  }
  post.at = clock_;
  posts_[post.id] = post;
  return send(post, {Sent::What::kPost, post.id});
}

Queued Simulation::tick() {
  return send(Tick{clock_, std::exchange(since_tick_, {})}, {Sent::What::kTick, {}});
}

Queued Simulation::some_command() {
  std::uint64_t die = below(100);
  if (die < 36 || call_order_.empty()) return open_command();
  if (die < 38) return repeat_open();
  if (die < 60) {
    if (Call* call = some_call(!chance(20))) {
      Extend extend;
      extend.id = call->open.id;
      extend.at = clock_;
      if (!call->unsure_grant) generate(*call);
      extend.used = call->used;
      extend.wanted = static_cast<std::int64_t>(below(150));
      return send(extend, {Sent::What::kExtend, extend.id, extend.wanted, extend.used});
    }
  }
  if (die < 90)
    if (Call* call = some_call(!chance(30))) return some_close(*call);
  if (die < 94) return some_post();
  if (die < 96)
    return send(ChangeDocuments{clock_,
                                "root",
                                {{"Contract", "c" + std::to_string(below(3)),
                                  "{\"v\":" + std::to_string(below(4)) + "}"}}},
                {Sent::What::kPut, {}});
  if (die < 97)
    return send(ChangeDocuments{clock_, "root", {{"Contract", "c" + std::to_string(below(3)), ""}}},
                {Sent::What::kDelete, {}});
  return tick();
}

}  // namespace ciyuan::clerk::sim
