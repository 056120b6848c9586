/// Finds a service that takes the call. A call is tried again, there or elsewhere, only where nothing was
/// sent to a model: no connection, or an answer that says it was not run (429, 503).

#include "gateway/metered_call.h"

namespace ciyuan::gateway {
namespace {

// Fields the client sends to us, not to the service behind.
bool stays_here(std::string_view name, const http::Headers& headers) {
  for (std::string_view ours : {"Host", "Authorization", "Content-Length", "Accept-Encoding", "Expect",
                                "Cookie", "Idempotency-Key", "Forwarded", "X-Forwarded-For",
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
  head += "\r\nAccept-Encoding: identity\r\nContent-Length: " + std::to_string(body_size) + "\r\n\r\n";
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

http::Task<Result<http::ResponseHead>> MeteredCall::try_route(const contract::Route& route,
                                                              Upstreams::Service& service) {
  auto call = co_await service.pool->call();
  if (!call) {
    worker_.upstreams.failed(service);
    co_return std::move(call).error();
  }
  call_ = std::move(*call);
  exchange_.on_client_gone([this] {
    if (resolved_.terms.metering.upstream == contract::UpstreamOnGone::kCancel && call_) call_->cancel();
  });
  std::string body = upstream_body(route);
  auto sent = co_await call_->send(upstream_head(service, body.size()), body);
  if (!sent) co_return std::move(sent).error();
  co_return co_await call_->read_head();
}

http::Task<bool> MeteredCall::forward() {
  Error last{ErrorCode::kUnavailable, "no service is configured for this model", ""};
  bool sent = false;
  const auto& routes = resolved_.model->routes;
  // First pass leaves out services that rest after failures; the second takes them all the same.
  for (int pass = 0; pass < 2 && !sent; ++pass) {
    for (std::size_t i = 0; i < routes.size() && !sent; ++i) {
      const contract::Route& route = routes[i];
      auto service = worker_.upstreams.service(*route.upstream);
      if (!service) {
        last = service.error();
        continue;
      }
      if (worker_.upstreams.rests(**service) != (pass == 1)) continue;
      for (int attempt = 0; attempt <= route.upstream->retry_attempts && !sent; ++attempt) {
        if (exchange_.client_gone()) break;
        auto head = co_await try_route(route, **service);
        record_.upstream = route.upstream->name;
        record_.region = route.upstream->region;
        record_.region_grade = route.upstream->region_proof;
        if (head) {
          worker_.upstreams.succeeded(**service);
          record_.first_byte = now();
          bool another = i + 1 < routes.size();
          if (was_not_run(head->status) && another) {
            last = Error{ErrorCode::kUnavailable, "the service answered " + std::to_string(head->status), ""};
            ++metrics_.upstream_retried;
            break;
          }
          answer_head_ = std::move(*head);
          co_return true;
        }
        last = head.error();
        sent = call_ != nullptr && call_->sent_bytes();
        if (!sent) ++metrics_.upstream_retried;
      }
    }
  }
  ++metrics_.upstream_failed;
  bool gone = exchange_.client_gone();
  Ending ending{.state = gone ? record::State::kClientGone : record::State::kUpstreamFailed,
                .finish_reason = "",
                .nothing_served = !sent && !gone,
                .problem = last.text()};
  auto closed = co_await settle(ending);
  if (gone) co_return false;
  bool late = last.code == ErrorCode::kTimeout;
  http::Headers headers = closed ? closing_headers(*closed) : http::Headers();
  dialect::ErrorBody refusal_body{
      .status = late ? 504U : 502U,
      .message = (sent ? "the service failed this call: " : "no service took this call: ") + last.text(),
      .type = "api_error",
      .code = late ? "upstream_timeout" : "upstream_unavailable",
      .record = id_.text()};
  co_await answer_error(refusal_body, headers);
  co_return false;
}

}  // namespace ciyuan::gateway
