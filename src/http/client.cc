#include "http/client.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace ciyuan::http {
namespace {

constexpr std::size_t kReadBytes = 16 * 1024;
constexpr Nanoseconds kKeepAliveMost = seconds(600);
constexpr std::string_view kTimeoutParameter = "timeout=";

// How long the service keeps an unused connection, by its own word, less a second for the way.
Nanoseconds kept_for(const Headers& headers, Nanoseconds unsaid) {
  std::string_view value = headers.get("Keep-Alive");
  std::size_t at = value.find(kTimeoutParameter);
  if (at == value.npos) return unsaid;
  value.remove_prefix(at + kTimeoutParameter.size());
  std::int64_t stated_s = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), stated_s);
  if (error != std::errc() || stated_s < 1) return Nanoseconds{0};
  return std::min(Nanoseconds{seconds(1).count * (stated_s - 1)}, kKeepAliveMost);
}

Error unavailable(std::string message) { return Error{ErrorCode::kUnavailable, std::move(message), ""}; }

}  // namespace

Call::Call(Pool& pool)
    : pool_(&pool), total_deadline_ns_(monotonic_ns() + pool.options_.total_timeout.count) {
  pool.calls_.insert(this);
  pool.loop_.watch(*this);
}

Call::~Call() {
  if (pool_ != nullptr) pool_->end(*this);
}

void Call::on_tick(std::int64_t now_ns) {
  bool step_late = deadline_ns_ != 0 && now_ns >= deadline_ns_;
  if (complete_ || timed_out_ || !stream_ || (!step_late && now_ns < total_deadline_ns_)) return;
  timed_out_ = true;
  stream_->close();
}

void Call::cancel() {
  cancelled_ = true;
  stream_->close();
}

void Call::finish_by(std::int64_t deadline_ns) {
  total_deadline_ns_ = std::min(total_deadline_ns_, deadline_ns);
}

bool Call::none_acknowledged() const {
  return reused_ && acknowledged_before_ && stream_->acknowledged_bytes() == acknowledged_before_;
}

Error Call::broken(const error_code& error) {
  if (timed_out_) return Error{ErrorCode::kTimeout, "the service did not answer in time", ""};
  // Broken pipe: the goodbye came first, and a refusal of what was sent behind it.
  bool goodbye =
      error == asio::error::eof || error == boost::system::errc::broken_pipe || Stream::is_truncation(error);
  if (goodbye && !heard_ && none_acknowledged()) sent_ = false;
  if (goodbye) return unavailable("the service closed the connection");
  return unavailable("the connection to the service broke: " + error.message());
}

Task<Status> Call::send(std::string_view head, std::string_view body) {
  begun_ = true;
  deadline_ns_ = monotonic_ns() + pool_->options_.first_byte_timeout.count;
  to_head_request_ = head.starts_with("HEAD ");
  if (reused_) acknowledged_before_ = stream_->acknowledged_bytes();
  sent_ = true;
  error_code error =
      co_await stream_->write(asio::buffer(head.data(), head.size()), asio::buffer(body.data(), body.size()));
  if (error) {
    // A refused write on a connection that the peer had already closed: the kernel did not take all of it.
    if (error == boost::system::errc::broken_pipe || error == boost::system::errc::connection_reset)
      sent_ = !reused_;
    co_return broken(error);
  }
  co_return Status();
}

Task<Status> Call::read_some() {
  // Until the head is there, the deadline of send() holds. Later on there is one only while we read: a client
  // that takes its time is not the service's fault.
  if (head_done_) deadline_ns_ = monotonic_ns() + pool_->options_.idle_timeout.count;
  buffer_.resize(kReadBytes);
  auto [error, size] = co_await stream_->read_some(asio::buffer(buffer_));
  buffer_.resize(error ? 0 : size);
  if (head_done_) deadline_ns_ = 0;
  if (error == asio::error::eof && !timed_out_ && parser_->head_done()) {
    if (auto ended = parser_->end_of_stream(); !ended)
      co_return unavailable("the service broke off its answer");
    keep_alive_ = false;
    co_return Status();
  }
  if (error) co_return broken(error);
  heard_ = true;
  co_return Status();
}

// Reads more behind a line that is not whole yet.
Task<Status> Call::read_behind() {
  if (buffer_.size() > kHeadBytesMax * 2) co_return unavailable("a line of the service's answer is too long");
  std::string kept = std::move(buffer_);
  auto got = co_await read_some();
  buffer_.insert(0, kept);
  co_return got;
}

Task<Result<ResponseHead>> Call::read_head() {
  for (;;) {
    parser_ = std::make_unique<ResponseParser>(to_head_request_);
    while (!parser_->head_done()) {
      if (buffer_.empty()) {
        auto got = co_await read_some();
        if (!got) co_return std::move(got).error();
      }
      auto used = parser_->feed(buffer_);
      if (!used) co_return unavailable("the service's answer is " + used.error().text());
      buffer_.erase(0, *used);
      if (*used == 0 && !parser_->head_done()) {
        auto got = co_await read_behind();
        if (!got) co_return std::move(got).error();
      }
    }
    ResponseHead head = parser_->take_head();
    if (head.status >= 200 || head.status == 101) {
      keep_alive_ = head.keep_alive;
      keep_for_ = kept_for(head.headers, pool_->options_.keep_alive);
      head_done_ = true;
      deadline_ns_ = 0;
      complete_ = parser_->done();
      co_return head;
    }
  }
}

Task<Result<std::string>> Call::read_body() {
  for (;;) {
    if (std::string body = parser_->take_body(); !body.empty()) co_return body;
    if (parser_->done()) {
      complete_ = true;
      co_return std::string();
    }
    if (buffer_.empty()) {
      auto got = co_await read_some();
      if (!got) co_return std::move(got).error();
      if (buffer_.empty()) continue;
    }
    auto used = parser_->feed(buffer_);
    if (!used) co_return unavailable("the service's answer is " + used.error().text());
    buffer_.erase(0, *used);
    if (*used == 0) {
      auto got = co_await read_behind();
      if (!got) co_return std::move(got).error();
    }
  }
}

// ---- Pool

Pool::Pool(Loop& loop, ClientOptions options) : loop_(loop), options_(std::move(options)) {
  loop_.watch(*this);
}

Pool::~Pool() {
  for (Call* call : calls_) call->pool_ = nullptr;
}

void Pool::on_tick(std::int64_t now_ns) {
  std::erase_if(idle_, [&](const Idle& idle) { return now_ns >= idle.until_ns; });
}

void Pool::end(Call& call) {
  calls_.erase(&call);
  bool whole = call.complete_ && call.keep_alive_ && call.buffer_.empty();
  if (!call.begun_) call.keep_for_ = options_.keep_alive;
  std::int64_t now_ns = monotonic_ns();
  std::int64_t until_ns =
      std::min(now_ns + call.keep_for_.count, call.connected_ns_ + options_.connection_life.count);
  if ((whole || !call.begun_) && !call.cancelled_ && !call.timed_out_ && call.stream_ &&
      call.stream_->is_open() && until_ns > now_ns)
    idle_.push_back({std::move(call.stream_), call.connected_ns_, until_ns});
  if (waiting_.empty()) return;
  ++promised_;
  wake(waiting_);
}

Task<bool> Pool::wait_in(Waiters& waiters, std::int64_t deadline_ns) {
  Waiter waiter{SteadyTimer(loop_.executor())};
  waiter.timer.expires_after(std::chrono::nanoseconds(deadline_ns - monotonic_ns()));
  waiters.push_back(&waiter);
  co_await waiter.timer.async_wait(kAsTuple);
  if (!waiter.called) std::erase(waiters, &waiter);
  co_return waiter.called;
}

void Pool::wake(Waiters& waiters) {
  Waiter* first = waiters.front();
  waiters.pop_front();
  first->called = true;
  first->timer.cancel();
}

bool Pool::take_idle(Call& call) {
  std::int64_t now_ns = monotonic_ns();
  while (!idle_.empty()) {
    Idle idle = std::move(idle_.back());
    idle_.pop_back();
    // What the service said unasked, or its goodbye, makes a connection stale.
    if (now_ns >= idle.until_ns || !idle.stream->is_quiet()) continue;
    call.stream_ = std::move(idle.stream);
    call.connected_ns_ = idle.connected_ns;
    call.reused_ = true;
    return true;
  }
  return false;
}

Task<Result<std::unique_ptr<Call>>> Pool::call(bool fresh) {
  std::int64_t deadline_ns = monotonic_ns() + options_.connect_timeout.count;
  if (!waiting_.empty() || calls_.size() + promised_ >= options_.connections_max) {
    if (!co_await wait_in(waiting_, deadline_ns))
      co_return Error{ErrorCode::kTooLarge,
                      "all " + std::to_string(options_.connections_max) + " connections are in use", ""};
    --promised_;
  }
  std::unique_ptr<Call> call(new Call(*this));
  if (!fresh && take_idle(*call)) co_return call;
  // One connection more: an unused one makes room for it.
  while (!idle_.empty() && calls_.size() + promised_ + idle_.size() > options_.connections_max)
    idle_.erase(idle_.begin());
  auto connected = co_await connect(*call, deadline_ns);
  if (!connected) co_return std::move(connected).error();
  co_return call;
}

}  // namespace ciyuan::http
