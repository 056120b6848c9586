/// Finds a service that takes the call. A call is tried again, there or elsewhere, only where nothing was
/// sent to a model: no connection, one that was closed before the request reached it, or an answer that says
/// it was not run (429, 503).

#include "base/canonical_json.h"
#include "gateway/metered_call.h"

namespace ciyuan::gateway {
namespace {

// Fields the client sends to us, not to the service behind.
bool stays_here(std::string_view name, const http::Headers& headers) {
  for (std::string_view ours :
       {"Host", "Authorization", "Content-Type", "Content-Encoding", "Content-Length", "Accept-Encoding",
        "Expect", "Cookie", "Idempotency-Key", "Forwarded", "X-Forwarded-For",
        // of the client's own account with the service, beside the operator's key
        "OpenAI-Organization", "OpenAI-Project", "api-key", "x-api-key"})
    if (http::equal_ignoring_case(name, ours)) return true;
  return name.size() >= 7 && http::equal_ignoring_case(name.substr(0, 7), "Ciyuan-")
             ? true
             : http::is_hop_by_hop(name, headers);
}

bool was_not_run(unsigned status) { return status == 429 || status == 503; }

}  // namespace

std::string MeteredCall::upstream_head(const Upstreams::Service& service, std::size_t body_size) const {
  std::string head = "POST " + service.base_path + "/" + std::string(dialect::path_of(endpoint_)) +
                     " HTTP/1.1\r\nHost: " + service.pool->options().url.authority();
  const http::Headers& headers = exchange_.head().headers;
  for (const auto& [name, value] : headers) {
    if (stays_here(name, headers)) continue;
    head += "\r\n";
    head += name;
    head += ": ";
    head += value;
  }
  if (!service.authorization.empty()) head += "\r\nAuthorization: " + service.authorization;
  // What cannot be read cannot be counted: no compression between the service and us.
  head += "\r\nAccept-Encoding: identity\r\nContent-Type: application/json\r\nContent-Length: " +
          std::to_string(body_size) + "\r\n\r\n";
  return head;
}

std::string MeteredCall::upstream_body(const contract::Route& route) const {
  dialect::RequestEdit edit;
  if (route.model != facts_.model) edit.model = route.model;
  edit.ask_usage = true;
  if (!resolved_.model->limit_member.empty()) edit.limit_member = resolved_.model->limit_member;
  if (endpoint_ != dialect::Endpoint::kEmbeddings && resolved_.model->output_control) {
    // At least one: a service takes 0 as "no limit" or refuses it.
    std::int64_t per_answer =
        std::max<std::int64_t>(1, spendable_ / std::max<std::int64_t>(1, facts_.answers));
    if (!facts_.output_tokens_max || per_answer < *facts_.output_tokens_max)
      edit.output_tokens_max = per_answer;
  }
  return dialect::edited(body_, facts_, edit);
}

http::Task<Result<http::ResponseHead>> MeteredCall::send_once(const contract::Route& route,
                                                              Upstreams::Service& service, bool fresh) {
  call_.reset();  // what another service was sent says nothing about this one
  auto call = co_await service.pool->call(fresh);
  if (!call) {
    if (call.error().code != ErrorCode::kTooLarge)
      judge_failure(Health::Failure::kNoConnection, call.error().text());
    co_return std::move(call).error();
  }
  // Whoever left while we connected has had nothing sent for them, and owes nothing.
  if (exchange_.client_gone()) co_return Error{ErrorCode::kUnavailable, "the client left", ""};
  call_ = std::move(*call);
  exchange_.on_client_gone([this] {
    if (!call_) return;  // between two tries
    const contract::Metering& metering = resolved_.terms.metering;
    if (metering.upstream == contract::UpstreamOnGone::kCancel || worker_.gateway.draining())
      call_->cancel();
    else
      call_->finish_by(http::monotonic_ns() + metering.drain_max.count);
  });
  std::string body = upstream_body(route);
  auto sent = co_await call_->send(upstream_head(service, body.size()), body);
  if (!sent) co_return std::move(sent).error();
  co_return co_await call_->read_head();
}

http::Task<Result<http::ResponseHead>> MeteredCall::try_route(const contract::Route& route,
                                                              Upstreams::Service& service) {
  health_ = service.health;
  record_.upstream = route.upstream->name;
  record_.region = route.upstream->region;
  record_.region_grade = route.upstream->region_proof;
  auto head = co_await send_once(route, service, false);
  // The service had closed the kept connection before the request reached it: not a failure of this call.
  if (!head && call_ && call_->reused() && !call_->sent_bytes() && !exchange_.client_gone()) {
    ++metrics_.upstream_retried;
    head = co_await send_once(route, service, true);
  }
  if (head)
    judge_head(head->status);
  else if (call_ && !exchange_.client_gone())
    judge_failure(Health::Failure::kCall, head.error().text());
  co_return head;
}

void MeteredCall::judge_head(unsigned status) {
  if (status == 502 || status == 503 || status == 504)
    judge_failure(Health::Failure::kCall, "answered " + std::to_string(status));
  else if (status != 500 && health_->answered())
    log_service(true, "");
}

void MeteredCall::judge_failure(Health::Failure failure, const std::string& problem) {
  if (health_->failed(failure, http::monotonic_ns())) log_service(false, problem);
}

void MeteredCall::judge_end() {
  if (record_.state == record::State::kCompleted || record_.state == record::State::kCut)
    health_->completed();
  else if (record_.state == record::State::kUpstreamFailed)
    judge_failure(Health::Failure::kCall, "broke off its answer");
}

void MeteredCall::log_service(bool up, const std::string& problem) {
  if (!worker_.gateway.options().log) return;
  std::string line = "{\"at\":\"" + to_rfc3339(now()) + "\",\"event\":\"upstream\",\"upstream\":";
  append_json_string(line, record_.upstream);
  line += up ? ",\"up\":true" : ",\"up\":false,\"problem\":";
  if (!up) append_json_string(line, is_utf8(problem) ? problem : "(not UTF-8)");
  worker_.gateway.options().log(line + "}\n");
}

http::Task<bool> MeteredCall::forward() {
  Error last{ErrorCode::kUnavailable, "no service is configured for this model", ""};
  bool sent = false;
  const auto& routes = resolved_.model->routes;
  std::vector<bool> tried(routes.size());
  std::size_t untried = routes.size();
  // First pass leaves out services that rest after failures; the second takes them all the same.
  for (int pass = 0; pass < 2; ++pass) {
    for (std::size_t i = 0; i < routes.size(); ++i) {
      if (tried[i] || sent || exchange_.client_gone()) continue;
      const contract::Route& route = routes[i];
      auto service = worker_.upstreams.service(*route.upstream);
      if (service && pass == 0 && (*service)->health->rests(http::monotonic_ns())) continue;
      tried[i] = true;
      --untried;
      if (!service) {
        last = service.error();
        continue;
      }
      for (int attempt = 0; attempt <= route.upstream->retry_attempts && !sent; ++attempt) {
        if (exchange_.client_gone()) break;
        auto head = co_await try_route(route, **service);
        if (head && was_not_run(head->status) && untried > 0) {
          last = Error{ErrorCode::kUnavailable, "the service answered " + std::to_string(head->status), ""};
          ++metrics_.upstream_retried;
          break;
        }
        if (head) {
          record_.first_byte = now();
          answer_head_ = std::move(*head);
          co_return true;
        }
        last = head.error();
        sent = call_ != nullptr && call_->sent_bytes();
        if (!sent) ++metrics_.upstream_retried;
        if (last.code == ErrorCode::kTooLarge)
          break;  // trying again at once would pass those who wait in order
      }
    }
  }
  co_await answer_failed_forward(last, sent);
  co_return false;
}

http::Task<> MeteredCall::answer_failed_forward(const Error& last, bool sent) {
  bool gone = exchange_.client_gone();
  ++(gone ? metrics_.client_gone : metrics_.upstream_failed);
  Ending ending{.state = gone ? record::State::kClientGone : record::State::kUpstreamFailed,
                .finish_reason = "",
                .nothing_served = !sent,
                .problem = last.text()};
  auto closed = co_await settle(ending);
  if (gone) co_return;
  http::Headers headers = closed ? closing_headers(*closed) : http::Headers();
  dialect::ErrorBody refusal_body{
      .status = 502,
      .message = (sent ? "the service failed this call: " : "no service took this call: ") + last.text(),
      .type = "api_error",
      .code = "upstream_unavailable",
      .record = id_.text()};
  if (last.code == ErrorCode::kTimeout) {
    refusal_body.status = 504;
    refusal_body.code = "upstream_timeout";
  } else if (last.code == ErrorCode::kTooLarge) {
    refusal_body.status = 503;
    refusal_body.code = "gateway_busy";
    headers.add("Retry-After", "1");
  }
  co_await answer_error(refusal_body, headers);
}

}  // namespace ciyuan::gateway
