/// What is billed for how the call ended, and the record that says so.

#include <algorithm>

#include "base/canonical_json.h"
#include "gateway/metered_call.h"

namespace ciyuan::gateway {
namespace {

constexpr std::size_t kServiceTextBytesMax = 256;

std::uint64_t unsigned_of(std::int64_t count) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, count));
}

// What a service calls its model and its reasons is its own text, and records are kept for good.
std::string shortened(const std::string& text) {
  std::size_t size = std::min(text.size(), kServiceTextBytesMax);
  while (size > 0 && size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

std::string remaining_json(const std::vector<clerk::Remaining>& remaining) {
  std::string out = "[";
  for (const clerk::Remaining& item : remaining) {
    int scale = contract::scale_of_unit(item.unit);
    if (out.size() > 1) out += ',';
    out += "{\"clause\":";
    append_json_string(out, item.clause);
    out += ",\"unit\":\"" + item.unit + "\",\"left\":\"" + format_decimal(item.left, scale) +
           "\",\"limit\":\"" + format_decimal(item.limit, scale) + "\"}";
  }
  return out + "]";
}

// A member that is only there where there are warnings.
std::string warnings_json(const std::vector<clerk::Warning>& warnings) {
  if (warnings.empty()) return {};
  std::string out = ",\"warnings\":[";
  for (const clerk::Warning& warning : warnings) {
    if (out.back() != '[') out += ',';
    const int scale = contract::scale_of_unit(warning.unit);
    out += "{\"clause\":\"" + warning.clause + "\",\"percent\":" + std::to_string(warning.percent) +
           ",\"used\":\"" + format_decimal(warning.used, scale) + "\",\"limit\":\"" +
           format_decimal(warning.limit, scale) + "\",\"unit\":\"" + warning.unit + "\"}";
  }
  return out + "]";
}

}  // namespace

// Nothing is billed past its hold: tool calls give way first, then the visible output. What can be over at
// all is the end-of-turn token of an answer that used its grant to the last.
void MeteredCall::clip_to_grant(KindCounts& counts) const {
  for (Kind kind : {Kind::kTool, Kind::kOutput, Kind::kReasoning}) {
    std::int64_t over = counts.generated() - granted_;
    if (over > 0) counts[kind] -= std::min(over, counts[kind]);
  }
}

// Not even for the request itself: nothing was served, or the contract gives it away.
bool MeteredCall::costs_nothing(const Ending& ending) const {
  const contract::Metering& metering = resolved_.terms.metering;
  return ending.nothing_served ||
         (ending.state == record::State::kClientGone && delivered_.generated() == 0 &&
          metering.on_client_gone == contract::OnClientGone::kNothingBeforeFirstToken) ||
         (ending.state == record::State::kUpstreamFailed &&
          metering.on_upstream_error == contract::OnUpstreamError::kNothing) ||
         // The clerk's own rule for a crash, with the delivered tokens in place of the last durable mark.
         (ending.state == record::State::kInterrupted && delivered_.generated() == 0 &&
          metering.on_upstream_error == contract::OnUpstreamError::kNothing);
}

KindCounts MeteredCall::billed_counts(const Ending& ending) const {
  if (costs_nothing(ending)) return KindCounts();
  KindCounts billed = prompt_;
  KindCounts generated = meter_ ? meter_->counts() : KindCounts();
  bool gone = ending.state == record::State::kClientGone &&
              resolved_.terms.metering.on_client_gone != contract::OnClientGone::kGenerated;
  if (gone || ending.state == record::State::kUpstreamFailed || ending.state == record::State::kInterrupted)
    generated = delivered_;
  if (reported_ && profile_->bills_reported() && ending.state == record::State::kCompleted) {
    // The method takes the service's word, up to what was held for it.
    billed[Kind::kInput] = std::min(billed[Kind::kInput], reported_->prompt);
    generated = KindCounts();
    generated[Kind::kReasoning] = std::min(reported_->reasoning, reported_->completion);
    generated[Kind::kOutput] = reported_->completion - generated[Kind::kReasoning];
  }
  clip_to_grant(generated);
  for (Kind kind : kAllKinds)
    if (is_generated(kind)) billed[kind] = generated[kind];
  return billed;
}

record::Verdict MeteredCall::verdict_on(const Ending& ending, const KindCounts& measured) const {
  using record::Verdict;
  if (!reported_ || ending.state != record::State::kCompleted) return Verdict::kUnverifiable;
  bool fine = resolved_.tolerance.allows(prompt_[Kind::kInput], reported_->prompt) &&
              resolved_.tolerance.allows(measured.generated(), reported_->completion);
  if (!fine) return Verdict::kDisputed;
  bool same = reported_->prompt == prompt_[Kind::kInput] && reported_->completion == measured.generated();
  bool proved = prompt_level_ == record::Level::kProved &&
                (measured.generated() == 0 ||
                 profile_->output_level(meter_ && meter_->saw_marked_up()) == record::Level::kProved);
  return same && proved ? Verdict::kVerified : Verdict::kWithinTolerance;
}

void MeteredCall::complete_record(const Ending& ending, const KindCounts& billed) {
  record_.state = ending.state;
  record_.finish_reason = shortened(ending.finish_reason);
  record_.closed = now();
  record_.model_answered = shortened(first_part_.model);
  record_.clauses.clear();
  const std::string& ended_by = stopped_by_.empty() ? short_of_ : stopped_by_;
  if (ending.state == record::State::kCut && !ended_by.empty()) record_.clauses.push_back(ended_by);
  KindCounts measured = meter_ ? meter_->counts() : KindCounts();
  for (Kind kind : kAllKinds)
    if (!is_generated(kind)) measured[kind] = prompt_[kind];
  for (Kind kind : kAllKinds) {
    if (measured[kind] == 0 && billed[kind] == 0 && kind != Kind::kInput && kind != Kind::kOutput) continue;
    if (kind == Kind::kOutput && endpoint_ == dialect::Endpoint::kEmbeddings) continue;
    record::Figure figure{.measured = unsigned_of(measured[kind]),
                          .billed = unsigned_of(billed[kind]),
                          .level = is_generated(kind)
                                       ? profile_->output_level(meter_ && meter_->saw_marked_up())
                                       : prompt_level_,
                          .counted_by = profile_->counted_by()};
    record_.usage[std::string(name_of(kind))] = std::move(figure);
  }
  if (reported_) {
    record_.usage["input"].reported = unsigned_of(reported_->prompt);
    if (endpoint_ != dialect::Endpoint::kEmbeddings) {
      // The service's completion figure has its reasoning tokens inside; ours stand apart.
      std::int64_t visible = reported_->completion - reported_->reasoning - measured[Kind::kTool];
      record_.usage["output"].reported = unsigned_of(visible);
      if (reported_->reasoning > 0) {
        record::Figure& reasoning = record_.usage["reasoning"];
        reasoning.reported = unsigned_of(reported_->reasoning);
        if (reasoning.counted_by.empty()) reasoning.counted_by = "reported";
      }
    }
    if (reported_->cached > 0) {
      record::Figure& cached = record_.usage["cache_read"];
      cached.reported = unsigned_of(reported_->cached);
      cached.level = record::Level::kUnverified;
      if (cached.counted_by.empty()) cached.counted_by = "reported";
    }
  }
  record_.verdict = verdict_on(ending, measured);
  if (record_.verdict == record::Verdict::kDisputed) {
    ++metrics_.disputed;
    record_.clauses.push_back("metering:disputed");
  }
  if (ending.state == record::State::kClientGone || ending.state == record::State::kUpstreamFailed ||
      ending.state == record::State::kCut || ending.state == record::State::kInterrupted) {
    record_.delivered = unsigned_of(delivered_.generated());
    record_.generated = unsigned_of(measured.generated());
  }
  record_.answer_commitment =
      answer_digest_.length() == 0
          ? Digest{}
          : record::commit(HmacKey(record_key_), record::Content::kAnswer, answer_digest_);
}

// What leaves as soon as the record is durable is in the record, and is taken back where it never becomes so.
void MeteredCall::count_last(const KindCounts& generated, std::string_view bytes) {
  before_last_.emplace(delivered_, answer_digest_);
  delivered_ = generated;
  answer_digest_.update(bytes);
}

clerk::Close MeteredCall::closing(const Ending& ending, const KindCounts& billed) {
  complete_record(ending, billed);
  clerk::Close command;
  command.id = id_;
  command.at = record_.closed;
  command.billed = billed;
  command.nothing_served = costs_nothing(ending);
  command.record = record_;
  return command;
}

// The clerk cannot write now. The call ends without what was to be recorded first: an unstreamed answer is
// not delivered at all, a stream breaks off, and is billed for what had left.
void MeteredCall::settle_later(Ending ending) {
  if (before_last_) std::tie(delivered_, answer_digest_) = *before_last_;
  if (ending.state == record::State::kCompleted || ending.state == record::State::kCut) {
    ending.state = record::State::kInterrupted;
    ending.finish_reason.clear();
    ending.nothing_served = !exchange_.started();
  }
  worker_.unsettled.add(closing(ending, billed_counts(ending)));
}

http::Task<Result<clerk::Closed>> MeteredCall::settle(const Ending& ending) {
  if (extension_) {
    // Its reply comes before the close's: the clerk answers in order.
    take_grant(co_await worker_.mailbox.take(*extension_));
    extension_.reset();
  }
  settled_ = true;
  std::int64_t begun_ns = http::monotonic_ns();
  KindCounts billed = billed_counts(ending);
  clerk::Reply reply = co_await worker_.mailbox.ask(closing(ending, billed));
  metrics_.after_upstream.add(http::monotonic_ns() - begun_ns);
  // Settled before, over a silence that lasted too long: what it billed ends where its record ends.
  if (auto* closed = std::get_if<clerk::Closed>(&reply);
      closed && !record_says(closed->record_json, ending.state))
    reply = Error{ErrorCode::kConflict, "the call was settled before its end", ""};
  if (auto* closed = std::get_if<clerk::Closed>(&reply)) {
    for (Kind kind : kAllKinds)
      metrics_.tokens[index_of(kind)].fetch_add(unsigned_of(billed[kind]), std::memory_order_relaxed);
    charged_ = !costs_nothing(ending);
    log_call(ending, closed);
    co_return std::move(*closed);
  }
  ++metrics_.unavailable;
  log_call(ending, nullptr);
  if (may_work_later(reply)) settle_later(ending);
  if (auto* error = std::get_if<Error>(&reply)) co_return std::move(*error);
  co_return Error{ErrorCode::kInternal, "the clerk did not close the call", ""};
}

dialect::ReportedUsage MeteredCall::own_usage() const {
  KindCounts counts = meter_ ? meter_->counts() : KindCounts();
  clip_to_grant(counts);
  return {.prompt = prompt_[Kind::kInput],
          .completion = counts.generated(),
          .reasoning = counts[Kind::kReasoning]};
}

http::Headers MeteredCall::closing_headers(const clerk::Closed& closed) const {
  http::Headers headers;
  headers.add("Ciyuan-Record", id_.text());
  std::string remaining;
  for (const clerk::Remaining& item : closed.remaining) {
    if (!remaining.empty()) remaining += ", ";
    int scale = contract::scale_of_unit(item.unit);
    remaining += item.clause + "=" + format_decimal(item.left, scale) + "/" +
                 format_decimal(item.limit, scale) + " " + item.unit;
  }
  if (!remaining.empty()) headers.add("Ciyuan-Remaining", std::move(remaining));
  std::string warnings;
  for (const clerk::Warning& warning : closed.warnings)
    warnings += (warnings.empty() ? "" : ", ") + warning.clause + "=" + std::to_string(warning.percent) + "%";
  if (!warnings.empty()) headers.add("Ciyuan-Warning", std::move(warnings));
  return headers;
}

std::string MeteredCall::closing_comment(const clerk::Closed& closed) const {
  return ": ciyuan-closed {\"record\":\"" + id_.text() + "\",\"leaf\":" + std::to_string(closed.leaf_index) +
         ",\"remaining\":" + remaining_json(closed.remaining) + warnings_json(closed.warnings) + "}\n\n";
}

// What the call has used so far, and what is left of each limit by what was left at its open: other calls
// since then are not in it.
std::string MeteredCall::live_comment() const {
  KindCounts used = meter_->counts();
  clip_to_grant(used);
  Amount ciyuan, money;
  for (Kind kind : kAllKinds)
    ciyuan += resolved_.terms.ciyuan_per_token[index_of(kind)] * (prompt_[kind] + used[kind]);
  for (const contract::PriceLine& price : resolved_.terms.prices)
    money += price.per_token * (prompt_[price.kind] + used[price.kind]);
  std::string out = ": ciyuan-used {\"tokens\":" + std::to_string(used.generated()) +
                    ",\"granted\":" + std::to_string(granted_) + ",\"ciyuan\":\"" +
                    format_decimal(ciyuan, contract::kCiyuanScale) + "\"";
  // Who pays for a token that several sources could pay for is known at the end.
  const auto& limits = resolved_.terms.limits;
  auto is_source = [](const contract::Limit& limit) { return limit.is_source; };
  const bool has_sources = std::any_of(limits.begin(), limits.end(), is_source);
  if (!resolved_.terms.currency.empty() && !has_sources)
    out += ",\"money\":\"" + format_decimal(money, contract::kMoneyScale) + "\",\"currency\":\"" +
           resolved_.terms.currency + "\"";
  std::vector<clerk::Remaining> remaining = remaining_;
  if (has_sources)
    std::erase_if(remaining, [&](const clerk::Remaining& item) {
      return std::any_of(limits.begin(), limits.end(), [&](const contract::Limit& limit) {
        return limit.is_source && limit.clause == item.clause;
      });
    });
  for (clerk::Remaining& item : remaining) {
    for (const contract::Limit& limit : resolved_.terms.limits) {
      if (limit.clause != item.clause || limit.unit != item.unit) continue;
      Amount dearest;
      for (Kind kind : kAllKinds) {
        if (!is_generated(kind)) continue;
        dearest = std::max(dearest, limit.per_token[index_of(kind)]);
        item.left -= limit.per_token[index_of(kind)] * used[kind];
      }
      item.left = std::max(item.left + dearest * granted_at_open_, Amount());
    }
  }
  return out + ",\"remaining\":" + remaining_json(remaining) + "}\n\n";
}

void MeteredCall::log_call(const Ending& ending, const clerk::Closed* closed) {
  if (!worker_.gateway.options().log) return;
  std::string line = "{\"at\":\"" + to_rfc3339(record_.closed) + "\",\"event\":\"call\",\"record\":\"" +
                     id_.text() + "\",\"state\":\"" + std::string(record::name_of(ending.state)) +
                     "\",\"key\":";
  append_json_string(line, record_.key);
  line += ",\"model\":";
  append_json_string(line, resolved_.model->name);
  line += ",\"upstream\":";
  append_json_string(line, record_.upstream);
  KindCounts counts = meter_ ? meter_->counts() : KindCounts();
  line += ",\"input\":" + std::to_string(prompt_[Kind::kInput]) +
          ",\"output\":" + std::to_string(counts.generated()) +
          ",\"ms\":" + std::to_string((http::monotonic_ns() - accepted_ns_) / 1'000'000) +
          ",\"recorded\":" + (closed != nullptr ? "true" : "false");
  if (!ending.problem.empty()) {
    line += ",\"problem\":";
    append_json_string(line, is_utf8(ending.problem) ? ending.problem : "(not UTF-8)");
  }
  worker_.gateway.options().log(line + "}\n");
}

}  // namespace ciyuan::gateway
