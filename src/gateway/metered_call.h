#pragma once

/// The road of one metered request, from its whole body to the release of the last byte.
///
///   admit ─► open (durable) ─► forward ─► relay: count, extend, cut ─► close (durable) ─► last byte
///
/// The last byte of an answer leaves only after the commit that holds its record. What passes unchanged keeps
/// its bytes; only a cut rewrites an event.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dialect/openai_answer.h"
#include "dialect/openai_error.h"
#include "dialect/openai_request.h"
#include "gateway/echo.h"
#include "gateway/gateway.h"
#include "gateway/stream_meter.h"
#include "http/sse.h"
#include "measure/prompt.h"
#include "record/commitment.h"

namespace ciyuan::gateway {

class MeteredCall {
 public:
  MeteredCall(Worker& worker, http::Exchange& exchange, dialect::Endpoint endpoint)
      : worker_(worker), metrics_(worker.gateway.metrics()), exchange_(exchange), endpoint_(endpoint) {}

  http::Task<> run();

 private:
  /// How the call ended, for settling.
  struct Ending {
    record::State state = record::State::kCompleted;
    std::string finish_reason;
    bool nothing_served = false;
    std::string problem;  ///< for the log; never content
  };

  // admission.cc: who asks, under which terms, how much the prompt is. False: the answer was already given.
  http::Task<bool> admit();
  http::Task<Result<measure::PromptCount>> count_elsewhere();
  http::Task<bool> take_seat();
  http::Task<> answer_unrecorded(const std::string& why);
  http::Task<> answer_unresolved(const Error& error);
  std::string named_by(const contract::NamingRule& rule) const;
  http::Task<bool> open();
  void withdraw();
  std::int64_t answer_tokens_max() const;
  std::int64_t tokens_within(std::int64_t units) const;
  http::Task<> answer_error(const dialect::ErrorBody& error, const http::Headers& extra);
  http::Task<> answer_error(const dialect::ErrorBody& error) { return answer_error(error, no_headers_); }
  http::Task<> answer_refusal(const clerk::Refusal& refusal);
  http::Task<> answer_replay(const clerk::Replay& replay);

  // forward.cc: finds a service that takes the call. False: it was settled and answered.
  http::Task<bool> forward();
  http::Task<Result<http::ResponseHead>> try_route(const contract::Route& route, Upstreams::Service& service);
  http::Task<Result<http::ResponseHead>> send_once(const contract::Route& route, Upstreams::Service& service,
                                                   bool fresh);
  http::Task<> answer_failed_forward(const Error& last, bool sent);
  void judge_head(unsigned status);
  void judge_failure(Health::Failure failure, const std::string& problem);
  void judge_end();
  void log_service(bool up, const std::string& problem);
  std::string upstream_head(const Upstreams::Service& service, std::size_t body_size) const;
  std::string upstream_body(const contract::Route& route) const;

  // relay.cc: the answer, whole or streamed.
  http::Task<> serve();
  http::Task<> give_up(std::string_view fault);
  http::Task<> relay_whole();
  http::Task<> relay_error();
  http::Task<> fail_whole(const std::string& problem, bool refused);
  http::Task<> relay_stream();
  http::Task<bool> pass_event(const http::SseEvent& event);
  http::Task<bool> pass_part(const http::SseEvent& event, const dialect::AnswerPart& part);
  http::Task<bool> pass_bytes(std::string_view bytes);
  http::Task<> cut_stream(const http::SseEvent& event, const dialect::AnswerPart& part);
  http::Task<> complete_stream();
  http::Task<> fail_stream(std::string problem, std::string error_json, bool refused);
  http::Task<> let_body_end();
  http::Task<> deliver(std::string_view bytes);
  http::Task<> end_stream(Ending ending, std::string tail);
  http::Task<Result<std::string>> read_all_body(std::size_t bytes_max);

  // grants: the hold grows ahead of the stream.
  void ask_for_more();
  http::Task<bool> fits_or_grows(const dialect::AnswerPart& part);
  std::int64_t within_own_limit(std::int64_t wanted, bool marked_up) const;
  http::Task<bool> more_granted(std::int64_t wanted);
  http::Task<bool> paced();
  bool is_stopped();
  http::Task<> take_extension();
  void take_grant(clerk::Reply reply);
  void clip_to_grant(KindCounts& counts) const;

  // settle.cc: what is billed, and the record.
  KindCounts billed_counts(const Ending& ending) const;
  bool costs_nothing(const Ending& ending) const;
  http::Task<Result<clerk::Closed>> settle(const Ending& ending);
  clerk::Close closing(const Ending& ending, const KindCounts& billed);
  void settle_later(Ending ending);
  void count_last(const KindCounts& generated, std::string_view bytes);
  record::Verdict verdict_on(const Ending& ending, const KindCounts& measured) const;
  void complete_record(const Ending& ending, const KindCounts& billed);
  http::Headers closing_headers(const clerk::Closed& closed) const;
  std::string closing_comment(const clerk::Closed& closed) const;
  std::string live_comment() const;
  dialect::ReportedUsage own_usage() const;
  void log_call(const Ending& ending, const clerk::Closed* closed);

  const http::Headers no_headers_;
  Worker& worker_;
  Metrics& metrics_;
  http::Exchange& exchange_;
  dialect::Endpoint endpoint_;

  std::shared_ptr<const contract::Registry> registry_;
  const contract::KeyPlan* key_ = nullptr;
  std::string body_;
  dialect::RequestFacts facts_;
  contract::Resolved resolved_;
  contract::Tags tags_;
  std::optional<std::int64_t> output_allowed_;  // tokens of one answer, by an access rule
  std::shared_ptr<const measure::Profile> profile_;
  Id id_;
  TimePoint accepted_;
  std::int64_t accepted_ns_ = 0;
  SecretKey record_key_{};
  record::UsageRecord record_;
  KindCounts prompt_;
  record::Level prompt_level_ = record::Level::kProved;
  bool idempotent_ = false;

  std::vector<clerk::Remaining> remaining_;  // of each limit, beside what was held at open
  std::int64_t granted_at_open_ = 0;
  std::int64_t granted_ = 0;  // generated tokens that may be delivered
  std::int64_t own_limit_ =
      0;  // tokens that the client's and the model's own limits allow all answers together
  std::int64_t spendable_ = 0;  // the model's tokens that could still be paid for at open, the grant included
  bool grant_final_ = false;    // the last extension gave nothing
  TimePoint paced_until_;       // then time alone will have given more; zero: it will not
  std::string short_of_;        // the clause whose limit had nothing left
  std::string stopped_by_;      // the suspension that ends the stream
  std::uint64_t registry_version_ = 0;  // of the registry that was last asked whether the stream is stopped
  std::optional<LoopMailbox::Ticket> extension_;

  Health* health_ = nullptr;  // of the service that was tried last
  std::unique_ptr<http::Call> call_;
  http::ResponseHead answer_head_;
  std::optional<StreamMeter> meter_;
  std::optional<Echo> echo_;
  KindCounts delivered_;  // generated tokens whose bytes were handed to the client's socket
  record::ContentDigest answer_digest_;
  // The two above as they were before the bytes that wait for the record to be durable.
  std::optional<std::pair<KindCounts, record::ContentDigest>> before_last_;
  std::optional<dialect::ReportedUsage> reported_;
  dialect::AnswerPart first_part_;  // id, model, created of the answer
  std::string tail_;                // events held back until the record is durable
  std::string kept_answer_;         // for a repeated Idempotency-Key
  bool settled_ = false, live_ = false, client_left_ = false;
  bool answer_began_ = false;  // an event of the stream came that is no error
  bool charged_ = false;       // settled, and not for nothing
};

}  // namespace ciyuan::gateway
