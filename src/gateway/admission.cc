/// Who asks, under which terms, and how much the prompt is: everything before the hold is durable.

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>

#include "base/canonical_json.h"
#include "gateway/metered_call.h"

namespace ciyuan::gateway {
namespace {

constexpr std::size_t kIdempotencyKeyBytesMax = 255;
constexpr std::size_t kCountedHereBytesMax = 1 << 20;  // some tens of milliseconds, for which others wait

constexpr std::int64_t kOutputTokensMax = std::int64_t{1} << 40;  // of one call: the clerk's own bound

bool counts_model_tokens(const measure::Method& method) {
  return method.basis() == measure::Basis::kNative || method.basis() == measure::Basis::kProviderReported;
}

measure::Endpoint measured(dialect::Endpoint endpoint) {
  switch (endpoint) {
    case dialect::Endpoint::kChat:
      return measure::Endpoint::kChat;
    case dialect::Endpoint::kCompletions:
      return measure::Endpoint::kCompletions;
    case dialect::Endpoint::kEmbeddings:
      return measure::Endpoint::kEmbeddings;
  }
  return measure::Endpoint::kChat;
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

std::string hex_or_empty(const Digest& digest) { return digest == Digest{} ? std::string() : to_hex(digest); }

// A list may come in several fields (RFC 9110 §5.3).
std::string tags_header(const http::Headers& headers) {
  std::string list;
  for (const auto& [name, value] : headers)
    if (http::equal_ignoring_case(name, contract::kTagsHeader)) list += (list.empty() ? "" : ",") + value;
  return list;
}

dialect::ErrorBody bad_request(const Error& error) {
  return {.status = 400, .message = error.text(), .type = "invalid_request_error", .param = error.path};
}

}  // namespace

http::Task<bool> MeteredCall::admit() {
  Gateway& gateway = worker_.gateway;
  accepted_ = now();
  accepted_ns_ = http::monotonic_ns();
  registry_version_ = gateway.registry_version();  // first: a registry newer than its number is asked again
  registry_ = gateway.registry();
  std::string_view secret = bearer_of(exchange_.head().headers);
  key_ = secret.empty() ? nullptr : registry_->find_key(secret);
  if (key_ == nullptr) {
    ++metrics_.denied;
    dialect::ErrorBody refusal_body{.status = 401,
                                    .message = secret.empty() ? "no API key: send Authorization: Bearer ck-…"
                                                              : "this API key is not known here",
                                    .type = "invalid_request_error",
                                    .code = "invalid_api_key"};
    co_await answer_error(refusal_body);
    co_return false;
  }
  body_ = exchange_.take_body();
  auto facts = dialect::read_request(endpoint_, body_);
  if (!facts) {
    ++metrics_.denied;
    co_await answer_error(bad_request(facts.error()));
    co_return false;
  }
  facts_ = std::move(*facts);

  auto tags = contract::tags_of_call(*key_->tags, tags_header(exchange_.head().headers));
  if (!tags) {
    ++metrics_.denied;
    co_await answer_error(bad_request(tags.error()));
    co_return false;
  }
  tags_ = std::move(*tags);

  const contract::NamingRules& naming = registry_->naming_rules(*key_);
  const std::string session = named_by(naming.session), tenant = named_by(naming.tenant),
                    user = named_by(naming.user), agent = named_by(naming.agent),
                    purpose = named_by(naming.purpose);
  id_ = make_uuid7(accepted_);
  contract::Call call{.key = key_,
                      .model = facts_.model,
                      .session = session,
                      .endpoint = dialect::path_of(endpoint_),
                      .request_id = id_,
                      .at = accepted_,
                      .service_tier = facts_.service_tier,
                      .prompt_tokens = 0,
                      .tenant = tenant,
                      .user = user,
                      .agent = agent,
                      .purpose = purpose};
  auto resolved = registry_->resolve(call);
  if (!resolved) {
    co_await answer_unresolved(resolved.error());
    co_return false;
  }
  resolved_ = std::move(*resolved);

  auto profile = gateway.profiles_.profile(*resolved_.method, resolved_.method_digest, resolved_.model->name,
                                           resolved_.model->tokenizer, resolved_.model->chat_template);
  if (!profile) {
    ++metrics_.unavailable;
    dialect::ErrorBody refusal_body{.status = 503,
                                    .message = "this model cannot be counted: " + profile.error().text(),
                                    .type = "service_unavailable_error",
                                    .code = "not_measurable"};
    co_await answer_error(refusal_body);
    co_return false;
  }
  profile_ = std::move(*profile);
  Result<measure::PromptCount> count = measure::PromptCount{};
  if (body_.size() <= kCountedHereBytesMax)
    count = measure::count_prompt(*profile_, measured(endpoint_), body_, facts_.plain_chat);
  else
    count = co_await count_elsewhere();
  if (!count) {
    ++metrics_.denied;
    co_await answer_error(bad_request(count.error()));
    co_return false;
  }
  prompt_[Kind::kInput] = count->tokens.value;
  prompt_level_ = count->level;
  const contract::Decision decision = registry_->decide(
      *key_, resolved_,
      {.endpoint = dialect::path_of(endpoint_), .prompt_tokens = prompt_[Kind::kInput], .at = accepted_});
  if (!decision.allowed) {
    const Error refusal{ErrorCode::kRefused, decision.message,
                        decision.rule.empty() ? decision.clause : decision.clause + "/" + decision.rule};
    co_await answer_unresolved(refusal);
    co_return false;
  }
  output_allowed_ = decision.output_tokens_max;
  if (!resolved_.by_prompt) co_return true;
  // The same call, now that its price is known. The registry is the same, so that only the price can change.
  call.prompt_tokens = prompt_[Kind::kInput];
  resolved = registry_->resolve(call);
  if (!resolved) {
    co_await answer_unresolved(resolved.error());
    co_return false;
  }
  resolved_ = std::move(*resolved);
  co_return true;
}

// What the client's header says, or the body's field where there is none.
std::string MeteredCall::named_by(const contract::NamingRule& rule) const {
  std::string name(exchange_.head().headers.get(rule.header));
  if (name.empty() && !rule.field.empty())
    name = rule.field == "user" ? facts_.user : dialect::string_member(body_, rule.field);
  return name;
}

// Why the contract does not cover the call, in the words of its clause.
http::Task<> MeteredCall::answer_unresolved(const Error& error) {
  ++metrics_.denied;
  dialect::ErrorBody body = bad_request(error);
  if (error.code == ErrorCode::kNotFound) {
    body.status = 404;
    body.code = "model_not_found";
  } else if (error.code == ErrorCode::kRefused) {
    body.status = 403;
    body.type = "permission_error";
    body.code = "refused_by_contract";
    dialect::LimitDetail detail{.clause = error.path};
    if (const auto* text = registry_->clause_text(*key_, error.path)) {
      detail.text_en = text->en;
      detail.text_zh = text->zh;
    }
    body.limit = std::move(detail);
  }
  co_await answer_error(body);
}

// A prompt of 32 MiB takes seconds to count; the loop's other calls must not stand still meanwhile.
http::Task<Result<measure::PromptCount>> MeteredCall::count_elsewhere() {
  Result<measure::PromptCount> count = measure::PromptCount{};
  using Token = http::asio::use_awaitable_t<http::Executor>;
  Token token;
  co_await http::asio::async_initiate<Token, void()>(
      [this, &count](auto handler) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        http::asio::post(worker_.gateway.large_prompts_, [this, &count, shared] {
          // Nothing may escape on a thread that is nobody's.
          try {
            count = measure::count_prompt(*profile_, measured(endpoint_), body_, facts_.plain_chat);
          } catch (const std::exception& thrown) {
            count = Error{ErrorCode::kInternal, std::string("the prompt cannot be counted: ") + thrown.what(),
                          ""};
          }
          http::asio::post(worker_.loop.context(), [shared] { std::move (*shared)(); });
        });
      },
      token);
  co_return count;
}

// The longest that one answer may get, in the model's own tokens.
std::int64_t MeteredCall::answer_tokens_max() const {
  const contract::Model& model = *resolved_.model;
  std::int64_t most = facts_.output_tokens_max.value_or(model.output_tokens_max);
  if (model.output_tokens_max > 0) most = std::min(most, model.output_tokens_max);
  if (output_allowed_) most = std::min(most, *output_allowed_);
  // A strict service refuses a limit that does not fit behind the prompt; the client's own is its own matter.
  if (!facts_.output_tokens_max && facts_.prompts == 1 && counts_model_tokens(*resolved_.method))
    most = std::clamp<std::int64_t>(model.context_tokens - prompt_[Kind::kInput], 1, most);
  return most;
}

// How many of the model's tokens these units of the method can be at most.
std::int64_t MeteredCall::tokens_within(std::int64_t units) const {
  constexpr std::int64_t kUnbounded = std::numeric_limits<std::int64_t>::max();
  if (counts_model_tokens(*resolved_.method)) return units;
  // A token is a byte at least.
  const std::optional<std::int64_t> bytes = resolved_.method->unit_bytes_max();
  return bytes && units < kUnbounded / *bytes ? units * *bytes : kUnbounded;
}

// A call under a seat licence has a seat before anything is held for it.
http::Task<bool> MeteredCall::take_seat() {
  const contract::Licence* licence = resolved_.seat_licence;
  if (licence == nullptr) co_return true;
  Seats& seats = worker_.gateway.seats_;
  auto taken = seats.take(*licence, resolved_.seat, accepted_, *worker_.reader);
  if (!taken) {
    if (taken.error().code == ErrorCode::kRefused) {
      co_await answer_unresolved(taken.error());
    } else {
      const std::string why = taken.error().text();
      co_await answer_unrecorded(why);
    }
    co_return false;
  }
  // The seat's account is its own, whoever sits on it.
  const std::string account = licence->account("seat=" + resolved_.seat);
  for (contract::Limit& limit : resolved_.terms.limits)
    if (limit.account == account) limit.account = licence->account("seat=" + taken->seat);
  if (!taken->command) co_return true;
  clerk::Command command = std::move(*taken->command);
  clerk::Reply reply = co_await worker_.mailbox.ask(std::move(command));
  if (std::holds_alternative<clerk::Done>(reply)) {
    seats.confirm(*licence, resolved_.seat);
    co_return true;
  }
  seats.give_back(*licence, resolved_.seat);
  const auto* error = std::get_if<Error>(&reply);
  // Named: GCC 12 ends the life of a conditional's temporary before the coroutine that has it.
  const std::string why = error != nullptr ? error->text() : "no reply";
  co_await answer_unrecorded(why);
  co_return false;
}

// Nothing is ever served unrecorded (P9).
http::Task<> MeteredCall::answer_unrecorded(const std::string& why) {
  ++metrics_.unavailable;
  http::Headers headers;
  headers.add("Retry-After", "1");
  dialect::ErrorBody refusal_body{.status = 503,
                                  .message = "the call could not be recorded, so it was not served: " + why,
                                  .type = "service_unavailable_error",
                                  .code = "not_recordable"};
  co_await answer_error(refusal_body, headers);
}

http::Task<bool> MeteredCall::open() {
  const bool has_seat = co_await take_seat();
  if (!has_seat) co_return false;
  std::int64_t wanted = std::min(answer_tokens_max() * facts_.answers, kOutputTokensMax);
  if (endpoint_ == dialect::Endpoint::kEmbeddings) wanted = 0;
  clerk::Open command;
  command.id = id_;
  command.at = accepted_;
  command.prompt = prompt_;
  command.output_wanted = wanted;
  own_limit_ = counts_model_tokens(*resolved_.method) ? wanted : kOutputTokensMax;
  // An unstreamed answer comes all at once: its hold is whole from the beginning, and grows only where the
  // method counts other units than the model's tokens.
  if (!facts_.stream)
    resolved_.terms.metering.quantum_tokens = std::max<std::int64_t>(1, command.output_wanted);
  command.terms = resolved_.terms;

  if (std::string_view key = exchange_.head().headers.get("Idempotency-Key"); !key.empty()) {
    if (key.size() > kIdempotencyKeyBytesMax || !is_printable(key)) {
      ++metrics_.denied;
      co_await answer_error(
          bad_request(invalid("Idempotency-Key", "must be 1 to 255 printable ASCII characters")));
      co_return false;
    }
    idempotent_ = true;
    command.idempotency =
        clerk::Idempotency{key_->name + "/" + std::string(key),
                           hmac_sha256(worker_.gateway.options().instance_key,
                                       bytes_of(std::string(dialect::path_of(endpoint_)) + '\0' + body_))};
  }

  record_.id = id_;
  record_.verdict = record::Verdict::kUnverifiable;  // what a crash would have to record
  record_.accepted = accepted_;
  record_.party = resolved_.consumer;
  record_.contract = resolved_.contract;
  record_.key = key_->name;
  record_.session = resolved_.session;
  record_.tenant = resolved_.tenant;
  record_.user = resolved_.user;
  record_.agent = resolved_.agent;
  record_.purpose = resolved_.purpose;
  record_.tags = std::move(tags_);
  record_.model_asked = facts_.model;
  record_.service_class = resolved_.service_class;
  record_.contract_digest = hex_or_empty(resolved_.contract_digest);
  record_.method_digest = hex_or_empty(resolved_.method_digest);
  record_.price_book_digest = hex_or_empty(resolved_.price_book_digest);
  record_.tokenizer_digest = profile_->tokenizer_digest_hex();
  record_.template_digest = profile_->template_digest_hex();
  command.request.update(body_);
  record_.usage["input"] = {.measured = static_cast<std::uint64_t>(prompt_[Kind::kInput]),
                            .billed = static_cast<std::uint64_t>(prompt_[Kind::kInput]),
                            .level = prompt_level_,
                            .counted_by = profile_->counted_by()};
  command.draft = record_;

  // A client that leaves while its call waits for headroom must not hold up those behind it, nor be served.
  exchange_.on_client_gone([this] { withdraw(); });
  clerk::Reply reply = co_await worker_.mailbox.ask(std::move(command));
  exchange_.on_client_gone(nullptr);
  if (exchange_.client_gone() && !std::holds_alternative<clerk::Opened>(reply)) {
    ++metrics_.client_gone;
    co_return false;
  }
  if (auto* opened = std::get_if<clerk::Opened>(&reply)) {
    granted_ = opened->granted;
    record_key_ = opened->record_key;
    // What may still be spent: the service is told not to generate beyond it.
    spendable_ = std::min(wanted, tokens_within(opened->within_reach));
    grant_final_ = granted_ >= wanted && (wanted == 0 || counts_model_tokens(*resolved_.method));
    granted_at_open_ = granted_;
    remaining_ = std::move(opened->remaining);
    co_return true;
  }
  if (auto* refusal = std::get_if<clerk::Refusal>(&reply)) {
    ++metrics_.refused;
    co_await answer_refusal(*refusal);
  } else if (auto* replay = std::get_if<clerk::Replay>(&reply)) {
    co_await answer_replay(*replay);
  } else {
    const auto* error = std::get_if<Error>(&reply);
    // Named: GCC 12 ends the life of a conditional's temporary before the coroutine that has it.
    const std::string why = error != nullptr ? error->text() : "no reply";
    co_await answer_unrecorded(why);
  }
  co_return false;
}

void MeteredCall::withdraw() {
  Ending ending{.state = record::State::kClientGone,
                .finish_reason = "",
                .nothing_served = true,
                .problem = "the client left while the call waited"};
  // Should the call open before this arrives, it is closed here, and closing it again gives the same record.
  complete_record(ending, KindCounts());
  worker_.mailbox.abandon(worker_.mailbox.send(
      clerk::Close{.id = id_, .at = now(), .billed = {}, .nothing_served = true, .record = record_}));
}

http::Task<> MeteredCall::answer_error(const dialect::ErrorBody& error, const http::Headers& extra) {
  http::Response response;
  response.status = error.status;
  response.headers = extra;
  response.headers.add("Content-Type", "application/json");
  // The official clients honour this before their own idea of what may be tried again.
  if (error.status == 429 && !extra.has("Retry-After")) response.headers.add("x-should-retry", "false");
  response.body = dialect::to_json(error);
  // A call that was charged is not run again under its Idempotency-Key: this is its answer.
  if (idempotent_ && charged_)
    worker_.gateway.recent_.keep(id_, {response.status, "application/json", response.body});
  co_await exchange_.respond(response);
}

http::Task<> MeteredCall::answer_refusal(const clerk::Refusal& refusal) {
  int scale = contract::scale_of_unit(refusal.unit);
  dialect::LimitDetail detail{.clause = refusal.clause,
                              .unit = refusal.unit,
                              .limit = format_decimal(refusal.limit, scale),
                              .left = format_decimal(refusal.left, scale),
                              .held = format_decimal(refusal.held, scale)};
  if (const auto* text = registry_->clause_text(*key_, refusal.clause)) {
    detail.text_en = text->en;
    detail.text_zh = text->zh;
  }
  std::string message = "clause " + refusal.clause + " of contract " + resolved_.contract + ": " +
                        detail.left + " of " + detail.limit + " " + refusal.unit + " left" +
                        (refusal.held.is_zero() ? "" : " (" + detail.held + " held by other calls)") +
                        ", this call needs at least " + format_decimal(refusal.needed, scale);
  http::Headers headers;
  if (refusal.retry_at.ns != 0) {
    std::int64_t wait_s = std::max<std::int64_t>(1, (refusal.retry_at - now()).count / 1'000'000'000 + 1);
    headers.add("Retry-After", std::to_string(wait_s));
    // A window that opens in hours is nothing to wait for inside a call.
    if (wait_s > 60) headers.add("x-should-retry", "false");
  }
  bool money = refusal.unit != "CIYUAN" && refusal.unit != "REQUEST";
  dialect::ErrorBody refusal_body{.status = 429,
                                  .message = message,
                                  .type = money ? "insufficient_quota" : "tokens",
                                  .code = money ? "insufficient_quota" : "rate_limit_exceeded",
                                  .limit = std::move(detail)};
  co_await answer_error(refusal_body, headers);
}

http::Task<> MeteredCall::answer_replay(const clerk::Replay& replay) {
  http::Headers headers;
  headers.add("Ciyuan-Record", replay.id.text());
  dialect::ErrorBody refusal_body{
      .status = 409, .type = "invalid_request_error", .param = "Idempotency-Key", .record = replay.id.text()};
  if (!replay.same_body) {
    refusal_body.status = 422;
    refusal_body.message = "this Idempotency-Key was used with another request body";
    refusal_body.code = "idempotency_key_reused";
  } else if (replay.in_progress) {
    headers.add("Retry-After", "1");
    refusal_body.message = "the call with this Idempotency-Key is still running";
    refusal_body.code = "idempotency_key_in_progress";
  } else if (auto kept = worker_.gateway.recent_.find(replay.id)) {
    headers.add("Content-Type", kept->content_type);
    headers.add("Ciyuan-Replayed", "true");
    http::Response again{kept->status, headers, kept->body};
    co_await exchange_.respond(again);
    co_return;
  } else {
    headers.add("x-should-retry", "false");
    refusal_body.message =
        "the call with this Idempotency-Key is done and was charged once; its answer is no longer kept, its "
        "record is";
    refusal_body.code = "idempotency_key_done";
  }
  co_await answer_error(refusal_body, headers);
}

}  // namespace ciyuan::gateway
