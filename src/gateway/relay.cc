/// The answer on its way to the client: whole answers, streams, and the cut at the token.

#include <algorithm>
#include <charconv>
#include <utility>

#include "gateway/metered_call.h"

namespace ciyuan::gateway {
namespace {

constexpr std::size_t kErrorBodyBytesMax = 256 << 10;
constexpr std::size_t kTailBytesMax = 1 << 20;            // of events behind the end of the last answer
constexpr Nanoseconds kAfterDoneMax = milliseconds(500);  // for the end of the body behind [DONE]

// The service's own fields that make sense behind us.
http::Headers passed_on(const http::Headers& from) {
  http::Headers headers;
  for (const auto& [name, value] : from) {
    bool ours = http::equal_ignoring_case(name, "Content-Length") ||
                http::equal_ignoring_case(name, "Date") || http::equal_ignoring_case(name, "Set-Cookie") ||
                (name.size() >= 7 && http::equal_ignoring_case(name.substr(0, 7), "Ciyuan-"));
    if (!ours && !http::is_hop_by_hop(name, from)) headers.add(name, value);
  }
  return headers;
}

bool is_compressed(const http::Headers& headers) {
  std::string_view coding = headers.get("Content-Encoding");
  return !coding.empty() && !http::equal_ignoring_case(coding, "identity");
}

// A gauge that is one higher for a while, whatever ends it.
class Raised {
 public:
  explicit Raised(std::atomic<std::int64_t>& gauge) : gauge_(gauge) { ++gauge_; }
  ~Raised() { --gauge_; }
  Raised(const Raised&) = delete;
  Raised& operator=(const Raised&) = delete;

 private:
  std::atomic<std::int64_t>& gauge_;
};

bool has_text(const dialect::AnswerPart& part) {
  return std::any_of(part.choices.begin(), part.choices.end(), [](const dialect::ChoiceText& text) {
    return !text.content.empty() || !text.reasoning.empty() || !text.tool.empty() || !text.other.empty();
  });
}

bool is_event_stream(std::string_view type) {
  constexpr std::string_view kEventStream = "text/event-stream";
  return http::equal_ignoring_case(type.substr(0, kEventStream.size()), kEventStream);
}

std::string_view trimmed(std::string_view text) {
  std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::string sse(std::string_view data) { return "data: " + std::string(data) + "\n\n"; }

}  // namespace

http::Task<> MeteredCall::run() {
  ++metrics_.calls;
  if (!co_await admit()) co_return;
  if (!co_await open()) co_return;
  Raised open_calls(metrics_.open_calls);
  metrics_.before_upstream.add(http::monotonic_ns() - accepted_ns_);
  // What a library throws over an answer must not leave the hold behind.
  std::string fault;
  try {
    co_await serve();
  } catch (const std::exception& thrown) {
    fault = thrown.what();
  }
  if (!fault.empty()) co_await give_up(fault);
  exchange_.on_client_gone(nullptr);
}

http::Task<> MeteredCall::serve() {
  if (!co_await forward()) co_return;
  if (endpoint_ != dialect::Endpoint::kEmbeddings) meter_.emplace(profile_);
  if (facts_.echo) echo_.emplace(dialect::prompt_texts(body_), facts_.choices);
  bool is_stream = facts_.stream && is_event_stream(answer_head_.headers.get("Content-Type"));
  if (answer_head_.status >= 300 || answer_head_.status < 200 || is_compressed(answer_head_.headers))
    co_await relay_error();
  else if (is_stream)
    co_await relay_stream();
  else
    co_await relay_whole();
  judge_end();
}

http::Task<> MeteredCall::give_up(std::string_view fault) {
  if (call_) call_->cancel();
  ++metrics_.upstream_failed;
  if (!settled_) {
    Ending ending{.state = record::State::kUpstreamFailed,
                  .finish_reason = "",
                  .nothing_served = false,
                  .problem = "the answer could not be read: " + std::string(fault)};
    co_await settle(ending);
  }
  if (exchange_.started()) {
    exchange_.abort();
    co_return;
  }
  dialect::ErrorBody refusal_body{.status = 502,
                                  .message = "the service's answer could not be read",
                                  .type = "api_error",
                                  .code = "upstream_broken",
                                  .record = id_.text()};
  co_await answer_error(refusal_body);
}

http::Task<Result<std::string>> MeteredCall::read_all_body(std::size_t bytes_max) {
  std::string body;
  std::string_view length = answer_head_.headers.get("Content-Length");
  std::size_t declared = 0;
  std::from_chars(length.data(), length.data() + length.size(), declared);
  if (declared <= bytes_max) body.reserve(declared);
  for (;;) {
    auto piece = co_await call_->read_body();
    if (!piece) co_return std::move(piece).error();
    if (piece->empty()) co_return body;
    if (std::max(declared, body.size() + piece->size()) > bytes_max) {
      call_->cancel();
      co_return Error{ErrorCode::kTooLarge,
                      "the service's answer is larger than " + std::to_string(bytes_max) + " bytes", ""};
    }
    if (body.empty() && body.capacity() < piece->size())
      body = std::move(*piece);
    else
      body += *piece;
  }
}

// A refusal of the service passes as it came; it costs nothing, not even the request.
http::Task<> MeteredCall::relay_error() {
  bool unreadable = is_compressed(answer_head_.headers);
  auto body = co_await read_all_body(kErrorBodyBytesMax);
  ++metrics_.upstream_failed;
  Ending ending{.state = record::State::kUpstreamRefused,
                .finish_reason = "",
                .nothing_served = true,
                .problem = unreadable ? "the service sent a compressed answer that was not asked for"
                                      : "the service answered " + std::to_string(answer_head_.status)};
  auto closed = co_await settle(ending);
  http::Headers headers = closed ? closing_headers(*closed) : http::Headers();
  if (answer_head_.status == 401 || answer_head_.status == 403) {
    // It is the operator's key that was refused: the client's is in order, and the text is not for it.
    dialect::ErrorBody refusal_body{.status = 502,
                                    .message = "the service refused the credentials of this gateway",
                                    .type = "api_error",
                                    .code = "upstream_refused_credentials",
                                    .record = id_.text()};
    co_await answer_error(refusal_body, headers);
    co_return;
  }
  if (unreadable || !body || answer_head_.status < 400) {
    dialect::ErrorBody refusal_body{.status = 502,
                                    .message = ending.problem,
                                    .type = "api_error",
                                    .code = "upstream_unreadable",
                                    .record = id_.text()};
    co_await answer_error(refusal_body, headers);
    co_return;
  }
  // An answer is no part of an error: what stands beside it was neither counted nor held for.
  auto part = dialect::read_answer(endpoint_, *body);
  if (part && !part->choices.empty()) *body = dialect::error_alone(*body);
  http::Response response{answer_head_.status, passed_on(answer_head_.headers), std::move(*body)};
  for (const auto& [name, value] : headers) response.headers.add(name, value);
  co_await exchange_.respond(response);
}

// An answer that cannot be given. An error in place of one is a refusal, whatever its status says.
http::Task<> MeteredCall::fail_whole(const std::string& problem, bool refused) {
  bool gone = exchange_.client_gone();
  if (!gone) ++metrics_.upstream_failed;
  Ending ending{.state = refused ? record::State::kUpstreamRefused
                         : gone  ? record::State::kClientGone
                                 : record::State::kUpstreamFailed,
                .finish_reason = "",
                .nothing_served = refused,
                .problem = problem};
  auto closed = co_await settle(ending);
  bool late = call_->timed_out();
  dialect::ErrorBody refusal_body{.status = late ? 504U : 502U,
                                  .message = problem,
                                  .type = "api_error",
                                  .code = late ? "upstream_timeout" : "upstream_broken",
                                  .record = id_.text()};
  http::Headers headers = closed ? closing_headers(*closed) : http::Headers();  // named, see CONTRIBUTING.md
  co_await answer_error(refusal_body, headers);
}

http::Task<> MeteredCall::relay_whole() {
  auto body = co_await read_all_body(worker_.gateway.options().answer_bytes_max);
  record_.first_token = record_.last_token = now();
  Result<dialect::AnswerPart> part =
      body ? dialect::read_answer(endpoint_, *body) : Result<dialect::AnswerPart>(body.error());
  if (!part || part->is_error) {
    std::string problem =
        !part ? part.error().text() : "the service answered with an error in a successful answer";
    co_await fail_whole(problem, part.ok());
    co_return;
  }
  if (echo_) echo_->take_out(*part);
  reported_ = part->usage;
  first_part_ = dialect::AnswerPart{{}, {}, part->id, part->model, part->created};
  Ending ending;
  std::string out;
  if (!meter_ || co_await fits_or_grows(*part)) {
    if (meter_) meter_->add(*part);
    ending.finish_reason = meter_ ? meter_->finish_reason() : "";
    out = std::move(*body);
  } else {
    // The service went past what may be spent: the answer is cut at the token.
    auto cuts = meter_->add_what_fits(*part, granted_);
    ending.state = record::State::kCut;
    ending.finish_reason = "length";
    auto shortened = dialect::with_cuts(endpoint_, *body, cuts, false, own_usage());
    if (!shortened) {
      std::string problem = shortened.error().text();
      co_await fail_whole(problem, false);
      co_return;
    }
    out = std::move(*shortened);
    ++metrics_.cut;
  }
  bool gone = exchange_.client_gone();
  if (gone) {
    ending.state = record::State::kClientGone;
    ++metrics_.client_gone;
  } else {
    count_last(meter_ ? meter_->counts() : KindCounts(), out);
  }
  auto closed = co_await settle(ending);
  if (gone) co_return;
  if (!closed) {
    // Nothing is served unrecorded (P9).
    dialect::ErrorBody refusal_body{
        .status = 503,
        .message = "the answer could not be recorded, so it was not delivered: " + closed.error().text(),
        .type = "service_unavailable_error",
        .code = "not_recordable",
        .record = id_.text()};
    co_await answer_error(refusal_body);
    co_return;
  }
  http::Response response{answer_head_.status, passed_on(answer_head_.headers), std::move(out)};
  for (const auto& [name, value] : closing_headers(*closed)) response.headers.add(name, value);
  if (idempotent_)
    worker_.gateway.recent_.keep(
        id_, {response.status, std::string(answer_head_.headers.get("Content-Type")), response.body});
  auto sent = co_await exchange_.respond(response);
  if (sent) ++metrics_.completed;
}

// ---- streams

void MeteredCall::take_grant(clerk::Reply reply) {
  if (auto* extended = std::get_if<clerk::Extended>(&reply)) {
    granted_ = std::max(granted_, extended->granted);
    grant_final_ = extended->final;
    paced_until_ = extended->retry_at;
    short_of_ = std::move(extended->clause);
  } else {
    grant_final_ = true;  // the store cannot be written: what is held may still be delivered, and no more
  }
}

// Asked for at half the quantum, so that the grant is there before the stream needs it.
void MeteredCall::ask_for_more() {
  std::int64_t quantum = resolved_.terms.metering.quantum_tokens;
  if (extension_ || grant_final_ || granted_ - meter_->upper_bound() > quantum / 2) return;
  KindCounts used = meter_->counts();
  clip_to_grant(used);
  if (granted_ - used.generated() > quantum / 2) return;
  std::int64_t wanted = within_own_limit(quantum, meter_->saw_marked_up());
  if (wanted == 0) return;
  extension_ = worker_.mailbox.send(clerk::Extend{.id = id_, .at = now(), .used = used, .wanted = wanted});
}

http::Task<> MeteredCall::take_extension() {
  auto ticket = *extension_;
  take_grant(co_await worker_.mailbox.take(ticket));
  extension_.reset();
}

// What of these tokens the client's own limit, or the model's, leaves. A service may ignore it; its client
// did not ask for more. Texts in markup that we do not see are counted by estimate: they are bounded by the
// caps alone.
std::int64_t MeteredCall::within_own_limit(std::int64_t wanted, bool marked_up) const {
  return marked_up ? wanted : std::clamp<std::int64_t>(own_limit_ - granted_, 0, wanted);
}

// Waits for more; false where no more is to be had.
http::Task<bool> MeteredCall::more_granted(std::int64_t wanted) {
  std::int64_t before = granted_;
  if (extension_) {
    co_await take_extension();
    if (granted_ > before) co_return true;
    // That answer is as old as its question: other calls may have given something back since.
  }
  KindCounts used = meter_->counts();
  clip_to_grant(used);
  do {
    extension_ = worker_.mailbox.send(clerk::Extend{.id = id_, .at = now(), .used = used, .wanted = wanted});
    co_await take_extension();
    if (granted_ > before) co_return true;
  } while (co_await paced());
  co_return false;
}

// Under a rate or a rolling window a stream waits until time has given it more; false where it would wait for
// longer than a call may, or has ended meanwhile.
http::Task<bool> MeteredCall::paced() {
  if (paced_until_ == TimePoint{}) co_return false;
  const Nanoseconds pause = paced_until_ - now();
  if (pause > resolved_.terms.metering.wait_max) co_return false;
  http::SteadyTimer timer(worker_.loop.executor());
  timer.expires_after(std::chrono::nanoseconds(std::max<std::int64_t>(pause.count, 0)));
  co_await timer.async_wait(http::kAsTuple);
  co_return !exchange_.client_gone() && !is_stopped();
}

bool MeteredCall::is_stopped() {
  const std::uint64_t version = worker_.gateway.registry_version();
  if (version == registry_version_) return false;
  registry_version_ = version;
  stopped_by_ = worker_.gateway.registry()->stopped_by(key_->name, resolved_, now());
  return !stopped_by_.empty();
}

// True once the part fits into the grant; false where that cannot grow so far.
http::Task<bool> MeteredCall::fits_or_grows(const dialect::AnswerPart& part) {
  if (!has_text(part) || meter_->surely_fits(part, granted_)) co_return true;
  std::int64_t needed = meter_->counted_with(part);
  bool marked_up = meter_->saw_marked_up() ||
                   std::any_of(part.choices.begin(), part.choices.end(), [](const dialect::ChoiceText& text) {
                     return !text.tool.empty() || !text.other.empty();
                   });
  while (needed > granted_) {
    std::int64_t wanted =
        within_own_limit(std::max(needed - granted_, resolved_.terms.metering.quantum_tokens), marked_up);
    if (wanted == 0 || !co_await more_granted(wanted)) co_return false;
  }
  co_return true;
}

http::Task<> MeteredCall::deliver(std::string_view bytes) {
  if (client_left_ || bytes.empty()) co_return;
  if (idempotent_ && kept_answer_.size() <= RecentAnswers::kAnswerBytesMax) kept_answer_ += bytes;
  auto written = co_await exchange_.write(bytes);
  if (!written) {
    client_left_ = true;
    co_return;
  }
  answer_digest_.update(bytes);
}

// All that is left of the stream waits for the record: what fits of the event, and the end.
http::Task<> MeteredCall::cut_stream(const http::SseEvent& event, const dialect::AnswerPart& part) {
  auto cuts = meter_->add_what_fits(part, granted_);
  call_->cancel();  // nothing more is generated on this account
  bool any = std::any_of(cuts.begin(), cuts.end(), [](const dialect::Cut& cut) {
    return cut.whole || !cut.content.empty() || !cut.reasoning.empty();
  });
  if (any) {
    auto shortened = dialect::with_cuts(endpoint_, event.data, cuts, true, std::nullopt);
    if (!shortened) {
      // Never the event as it came: the stream ends without it.
      std::string problem = shortened.error().text();
      std::string told = dialect::to_json({.status = 502,
                                           .message = problem,
                                           .type = "api_error",
                                           .code = "upstream_broken",
                                           .record = id_.text()});
      co_await fail_stream(std::move(problem), std::move(told), false);
      co_return;
    }
    tail_ += sse(*shortened);
  }
  ++metrics_.cut;
  if (auto open = meter_->unfinished(); !open.empty())
    tail_ += sse(dialect::final_chunk(endpoint_, first_part_, open));
  if (facts_.usage_asked) tail_ += sse(dialect::usage_chunk(endpoint_, first_part_, own_usage()));
  tail_ += "data: [DONE]\n\n";
  Ending ending{
      .state = record::State::kCut, .finish_reason = "length", .nothing_served = false, .problem = ""};
  co_await end_stream(ending, std::move(tail_));
}

http::Task<> MeteredCall::complete_stream() {
  Ending ending{.state = record::State::kCompleted,
                .finish_reason = meter_->finish_reason(),
                .nothing_served = false,
                .problem = ""};
  co_await end_stream(ending, std::move(tail_));
}

http::Task<> MeteredCall::fail_stream(std::string problem, std::string error_json, bool refused) {
  call_->cancel();
  ++metrics_.upstream_failed;
  Ending ending{.state = refused ? record::State::kUpstreamRefused : record::State::kUpstreamFailed,
                .finish_reason = "",
                .nothing_served = refused,
                .problem = std::move(problem)};
  co_await end_stream(ending, sse(error_json));
}

// What follows the end of the last answer that began is held back until the record is durable. Should another
// answer begin, it is let go. False where the service goes on and on behind the end: nobody waits for that.
http::Task<bool> MeteredCall::pass_bytes(std::string_view bytes) {
  if (meter_->all_finished()) {
    if (tail_.size() + bytes.size() > kTailBytesMax) co_return false;
    tail_ += bytes;
    co_return true;
  }
  std::string held = std::exchange(tail_, {});
  co_await deliver(held);
  co_await deliver(bytes);
  if (!client_left_) delivered_ = meter_->counts();
  co_return true;
}

http::Task<bool> MeteredCall::pass_part(const http::SseEvent& event, const dialect::AnswerPart& part) {
  if (meter_->all_finished() && tail_.size() + event.raw.size() > kTailBytesMax) {
    call_->cancel();
    co_await complete_stream();
    co_return false;
  }
  if (is_stopped() || !co_await fits_or_grows(part)) {
    co_await cut_stream(event, part);
    co_return false;
  }
  meter_->add(part);
  if (has_text(part)) {
    record_.last_token = now();
    if (record_.first_token.ns == 0) record_.first_token = record_.last_token;
  }
  if (extension_ && worker_.mailbox.has_reply(*extension_)) co_await take_extension();
  ask_for_more();
  bool usage_only = part.choices.empty() && part.usage.has_value();
  if (usage_only && !facts_.usage_asked) co_return true;  // it was asked for by us, not by the client
  co_await pass_bytes(event.raw);
  if (live_ && !client_left_ && has_text(part) && tail_.empty()) {
    if (!co_await exchange_.write(live_comment())) client_left_ = true;
  }
  co_return true;
}

// False once the stream is at its end, settled and answered.
http::Task<bool> MeteredCall::pass_event(const http::SseEvent& event) {
  std::string_view data = trimmed(event.data);
  if (data.empty()) {  // a comment, another field, or a service's empty sign of life
    if (co_await pass_bytes(event.raw)) co_return true;
    call_->cancel();
    co_await complete_stream();
    co_return false;
  }
  if (data == "[DONE]") {
    tail_ += event.raw;
    co_await complete_stream();
    co_await let_body_end();
    co_return false;
  }
  auto part = dialect::read_answer(endpoint_, data);
  if (!part || part->is_error) {
    // Error text is passed on so that the client learns of it, and is never counted as output. Where nothing
    // came before it, it is a refusal, as in an answer that is no stream.
    bool refused = part.ok() && !answer_began_;
    std::string problem = refused ? "the service answered with an error in a successful answer"
                          : part  ? "the service broke off with an error"
                                  : part.error().text();
    std::string told = part ? dialect::error_alone(data)
                            : dialect::to_json({.status = 502,
                                                .message = problem,
                                                .type = "api_error",
                                                .code = "upstream_broken",
                                                .record = id_.text()});
    co_await fail_stream(std::move(problem), std::move(told), refused);
    co_return false;
  }
  answer_began_ = true;
  if (echo_) echo_->take_out(*part);
  if (part->usage) reported_ = part->usage;
  if (first_part_.id.empty()) first_part_ = dialect::AnswerPart{{}, {}, part->id, part->model, part->created};
  co_return co_await pass_part(event, *part);
}

// Behind [DONE] there should be nothing but the end of the body, and then the connection can serve again.
http::Task<> MeteredCall::let_body_end() {
  call_->finish_by(http::monotonic_ns() + kAfterDoneMax.count);
  auto more = co_await call_->read_body();
  if (more && !more->empty()) call_->cancel();
}

http::Task<> MeteredCall::relay_stream() {
  Raised open_streams(metrics_.open_streams);
  live_ = exchange_.head().headers.has("Ciyuan-Live");
  http::Headers headers = passed_on(answer_head_.headers);
  headers.add("Ciyuan-Record", id_.text());
  headers.set("Cache-Control", "no-cache");
  headers.set("X-Accel-Buffering", "no");
  auto started = co_await exchange_.start_stream(200, headers);
  client_left_ = !started;
  http::SseParser parser(worker_.gateway.options().event_bytes_max);
  const contract::Metering& metering = resolved_.terms.metering;
  std::int64_t drain_until_ns = 0;
  bool going = true;
  Error broken;
  while (going) {
    bool gone = client_left_ || exchange_.client_gone();
    if (gone) {
      client_left_ = true;
      if (metering.upstream == contract::UpstreamOnGone::kCancel) break;
      if (drain_until_ns == 0) drain_until_ns = http::monotonic_ns() + metering.drain_max.count;
      if (http::monotonic_ns() > drain_until_ns) break;
    }
    auto piece = co_await call_->read_body();
    if (!piece) {
      broken = std::move(piece).error();
      break;
    }
    going = !piece->empty();
    // At the end of the body an event may lack its blank line: it is an event like any other.
    parser.feed(going || parser.rest().empty() ? std::string_view(*piece) : std::string_view("\n\n"));
    http::SseEvent event;
    while (!(client_left_ && metering.upstream == contract::UpstreamOnGone::kCancel) && parser.next(event)) {
      if (!co_await pass_event(event)) co_return;
    }
    if (parser.too_large()) {
      broken = Error{ErrorCode::kTooLarge, "an event of the service's stream is too large", ""};
      break;
    }
  }
  if (client_left_ || exchange_.client_gone()) {
    client_left_ = true;
    ++metrics_.client_gone;
    call_->cancel();
    Ending ending{.state = record::State::kClientGone,
                  .finish_reason = meter_->finish_reason(),
                  .nothing_served = false,
                  .problem = ""};
    co_await end_stream(ending, {});
  } else if (meter_->all_finished()) {
    co_await complete_stream();  // only [DONE] is missing, whatever became of the connection
  } else {
    if (broken.message.empty())
      broken = Error{ErrorCode::kUnavailable, "the service's stream ended before its answer", ""};
    std::string told = dialect::to_json({.status = 502,
                                         .message = broken.text(),
                                         .type = "api_error",
                                         .code = call_->timed_out() ? "upstream_timeout" : "upstream_broken",
                                         .record = id_.text()});
    co_await fail_stream(broken.text(), std::move(told), false);
  }
}

// Makes the record durable, then lets go of the last bytes.
http::Task<> MeteredCall::end_stream(Ending ending, std::string tail) {
  bool whole = ending.state == record::State::kCompleted || ending.state == record::State::kCut;
  bool delivers = !client_left_ && !exchange_.client_gone();
  if (whole && !delivers) {
    // Nobody pays for a token of an answer that nobody was there to receive, but as the contract says.
    ending.state = record::State::kClientGone;
    ++metrics_.client_gone;
  }
  if (delivers) {
    count_last(whole ? meter_->counts() : delivered_, tail);
    if (idempotent_) kept_answer_ += tail;
  }
  auto closed = co_await settle(ending);
  if (!delivers) {
    exchange_.abort();
    co_return;
  }
  if (!closed) {
    // Without a record the answer must not look whole (P9).
    exchange_.abort();
    co_return;
  }
  if (idempotent_)
    worker_.gateway.recent_.keep(
        id_, {200, std::string(answer_head_.headers.get("Content-Type")), std::move(kept_answer_)});
  auto sent = co_await exchange_.finish(tail + closing_comment(*closed));
  if (sent && whole) ++metrics_.completed;
}

}  // namespace ciyuan::gateway
