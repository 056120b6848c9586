#include "gateway/unsettled_calls.h"

#include <algorithm>

#include "base/canonical_json.h"

namespace ciyuan::gateway {
namespace {

constexpr Nanoseconds kPauseFirst = milliseconds(200);
constexpr Nanoseconds kPauseMost = seconds(5);
constexpr std::size_t kAtOnce = 256;  // a quarter of the clerk's batch: calls that are served go on meanwhile

}  // namespace

bool record_says(std::string_view record_json, record::State state) {
  // Quotes within a value are escaped, and no other member has this name.
  return record_json.find("\"state\":\"" + std::string(record::name_of(state)) + '"') != record_json.npos;
}

bool may_work_later(const clerk::Reply& reply) {
  const auto* error = std::get_if<Error>(&reply);
  return error != nullptr && error->code != ErrorCode::kNotFound && error->code != ErrorCode::kInvalid &&
         error->code != ErrorCode::kConflict;
}

UnsettledCalls::UnsettledCalls(http::Loop& loop, LoopMailbox& mailbox, Metrics& metrics,
                               const std::function<void(std::string_view)>& log)
    : mailbox_(mailbox), metrics_(metrics), log_(log), pause_(kPauseFirst) {
  loop.watch(*this);
}

UnsettledCalls::~UnsettledCalls() = default;

void UnsettledCalls::add(clerk::Close close) {
  if (calls_.size() >= kCallsMax) return tell(close, "left to the clerk: too many before it");
  if (calls_.empty()) next_ns_ = http::monotonic_ns() + kPauseFirst.count;
  calls_.push_back({std::move(close), std::nullopt, false});
  ++metrics_.unsettled_calls;
}

void UnsettledCalls::on_tick(std::int64_t now_ns) {
  std::size_t sent = 0;
  for (Unsettled& call : calls_) {
    if (call.sent && mailbox_.has_reply(*call.sent)) {
      clerk::Reply reply = mailbox_.collect(*call.sent);
      call.sent.reset();
      hear(call, reply, now_ns);
    }
    if (call.sent) ++sent;
  }
  metrics_.unsettled_calls -=
      static_cast<std::int64_t>(std::erase_if(calls_, [](const Unsettled& call) { return call.done; }));
  if (now_ns < next_ns_) return;
  // After a failure one call tries whether the clerk can write again; the others follow once it could.
  std::size_t at_once = pause_ > kPauseFirst ? 1 : kAtOnce;
  for (Unsettled& call : calls_) {
    if (sent >= at_once) break;
    if (call.sent) continue;
    call.sent = mailbox_.send(call.close);
    ++sent;
  }
}

void UnsettledCalls::hear(Unsettled& call, const clerk::Reply& reply, std::int64_t now_ns) {
  if (may_work_later(reply)) {
    next_ns_ = now_ns + pause_.count;
    pause_ = std::min(Nanoseconds{pause_.count * 2}, kPauseMost);
    return;
  }
  pause_ = kPauseFirst;
  next_ns_ = now_ns;
  call.done = true;
  if (const auto* closed = std::get_if<clerk::Closed>(&reply)) {
    bool as_asked = record_says(closed->record_json, call.close.record.state);
    tell(call.close, as_asked ? "settled late" : "was settled before, as its record says");
  } else {
    const auto* error = std::get_if<Error>(&reply);
    tell(call.close, error != nullptr ? error->text() : "the clerk gave no answer to its close");
  }
}

void UnsettledCalls::tell(const clerk::Close& close, std::string_view what) const {
  if (!log_) return;
  std::string line = "{\"at\":\"" + to_rfc3339(now()) + "\",\"event\":\"unsettled\",\"record\":\"" +
                     close.id.text() + "\",\"what\":";
  append_json_string(line, what);
  log_(line + "}\n");
}

}  // namespace ciyuan::gateway
