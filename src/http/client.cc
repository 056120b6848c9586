#include "http/client.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

namespace ciyuan::http {
namespace {

constexpr std::size_t kReadBytes = 16 * 1024;
constexpr Nanoseconds kNamesKept = seconds(30);  // a service that moves is followed within this time

// Closes a socket when its time is up: connecting has no deadline of its own.
class Guillotine : public Watched {
 public:
  Guillotine(Loop& loop, std::int64_t deadline_ns, std::function<void()> act)
      : deadline_ns_(deadline_ns), act_(std::move(act)) {
    loop.watch(*this);
  }
  void on_tick(std::int64_t now_ns) override {
    if (now_ns < deadline_ns_ || fell_) return;
    fell_ = true;
    act_();
  }
  bool fell() const { return fell_; }

 private:
  std::int64_t deadline_ns_;
  std::function<void()> act_;
  bool fell_ = false;
};

}  // namespace

// ---- Call

Call::Call(Pool& pool, std::unique_ptr<Stream> stream, bool reused)
    : pool_(pool), stream_(std::move(stream)), reused_(reused) {
  pool_.loop_.watch(*this);
}

Call::~Call() {
  if (complete_ && keep_alive_ && buffer_.empty() && !cancelled_) pool_.give_back(std::move(stream_));
}

void Call::on_tick(std::int64_t now_ns) {
  if (now_ns < total_deadline_ns_ && (deadline_ns_ == 0 || now_ns < deadline_ns_)) return;
  total_deadline_ns_ = std::numeric_limits<std::int64_t>::max();
  deadline_ns_ = 0;
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

Error Call::broken(const error_code& error) const {
  if (timed_out_) return Error{ErrorCode::kTimeout, "the service did not answer in time", ""};
  if (error == asio::error::eof)
    return Error{ErrorCode::kUnavailable, "the service closed the connection", ""};
  return Error{ErrorCode::kUnavailable, "the connection to the service broke: " + error.message(), ""};
}

Task<Status> Call::send(std::string_view head, std::string_view body) {
  deadline_ns_ = monotonic_ns() + pool_.options_.first_byte_timeout.count;
  to_head_request_ = head.starts_with("HEAD ");
  sent_ = true;
  error_code error =
      co_await stream_->write(asio::buffer(head.data(), head.size()), asio::buffer(body.data(), body.size()));
  if (error) {
    // A refused first write on a connection that the peer had already closed: no byte was taken.
    if (error == boost::system::errc::broken_pipe || error == boost::system::errc::connection_reset)
      sent_ = !reused_;
    co_return broken(error);
  }
  co_return Status();
}

Task<Status> Call::read_some() {
  buffer_.resize(kReadBytes);
  auto [error, size] = co_await stream_->read_some(asio::buffer(buffer_));
  buffer_.resize(error ? 0 : size);
  if (error == asio::error::eof && parser_->head_done()) {
    if (auto ended = parser_->end_of_stream(); !ended)
      co_return Error{ErrorCode::kUnavailable, "the service broke off its answer", ""};
    keep_alive_ = false;
    co_return Status();
  }
  if (error) co_return broken(error);
  deadline_ns_ = monotonic_ns() + pool_.options_.idle_timeout.count;
  co_return Status();
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
      if (!used)
        co_return Error{ErrorCode::kUnavailable, "the service's answer is " + used.error().text(), ""};
      if (*used == 0 && !parser_->head_done()) {
        // The parser wants the line whole: read more behind what there is.
        std::string kept = std::move(buffer_);
        if (kept.size() > kHeadBytesMax * 2)
          co_return Error{ErrorCode::kUnavailable, "the service's header is too large", ""};
        auto got = co_await read_some();
        if (!got) co_return std::move(got).error();
        buffer_.insert(0, kept);
        continue;
      }
      buffer_.erase(0, *used);
    }
    ResponseHead head = parser_->take_head();
    if (head.status >= 200 || head.status == 101) {
      keep_alive_ = head.keep_alive;
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
      deadline_ns_ = 0;
      co_return std::string();
    }
    if (buffer_.empty()) {
      auto got = co_await read_some();
      if (!got) co_return std::move(got).error();
      if (buffer_.empty()) continue;
    }
    auto used = parser_->feed(buffer_);
    if (!used) co_return Error{ErrorCode::kUnavailable, "the service's answer is " + used.error().text(), ""};
    if (*used == 0) {
      std::string kept = std::move(buffer_);
      auto got = co_await read_some();
      if (!got) co_return std::move(got).error();
      buffer_.insert(0, kept);
      continue;
    }
    buffer_.erase(0, *used);
  }
}

// ---- Pool

Pool::Pool(Loop& loop, ClientOptions options) : loop_(loop), options_(std::move(options)) {
  loop_.watch(*this);
}
Pool::~Pool() = default;

void Pool::on_tick(std::int64_t now_ns) {
  std::erase_if(idle_, [&](const Idle& idle) { return now_ns - idle.since_ns > options_.keep_alive.count; });
}

void Pool::give_back(std::unique_ptr<Stream> stream) {
  if (idle_.size() < options_.idle_max && stream->is_open())
    idle_.push_back({std::move(stream), monotonic_ns()});
}

Task<Status> Pool::resolve() {
  if (!addresses_.empty() && monotonic_ns() - resolved_ns_ < kNamesKept.count) co_return Status();
  asio::ip::basic_resolver<tcp, Executor> resolver(loop_.executor());
  auto [error, results] = co_await resolver.async_resolve(options_.url.host, options_.url.port, kAsTuple);
  if (error) {
    // A name server that fails for a moment does not make known addresses wrong.
    if (!addresses_.empty()) co_return Status();
    co_return Error{ErrorCode::kUnavailable, "cannot find " + options_.url.host + ": " + error.message(), ""};
  }
  addresses_.clear();
  for (const auto& entry : results) addresses_.push_back(entry.endpoint());
  first_address_ = 0;
  resolved_ns_ = monotonic_ns();
  co_return Status();
}

Task<Result<std::unique_ptr<Stream>>> Pool::connect() {
  auto found = co_await resolve();
  if (!found) co_return std::move(found).error();
  error_code last;
  std::int64_t deadline_ns = monotonic_ns() + options_.connect_timeout.count;
  for (std::size_t i = 0; i < addresses_.size(); ++i) {
    std::size_t which = (first_address_ + i) % addresses_.size();
    TcpSocket socket(loop_.executor());
    Guillotine guillotine(loop_, deadline_ns, [&socket] {
      error_code ignored;
      socket.close(ignored);
    });
    auto [error] = co_await socket.async_connect(addresses_[which], kAsTuple);
    if (guillotine.fell()) co_return Error{ErrorCode::kTimeout, "no connection within the time allowed", ""};
    if (error) {
      last = error;
      continue;
    }
    first_address_ = which;
    auto stream = std::make_unique<Stream>(std::move(socket));
    if (options_.url.tls) {
      Guillotine tls_guillotine(loop_, deadline_ns, [&stream] { stream->close(); });
      const std::string& name = options_.server_name.empty() ? options_.url.host : options_.server_name;
      error_code tls_error = co_await stream->handshake_as_client(*options_.tls, name, options_.verify);
      if (tls_error)
        co_return Error{ErrorCode::kUnavailable, "TLS with " + name + ": " + tls_error.message(), ""};
    }
    co_return stream;
  }
  addresses_.clear();
  co_return Error{ErrorCode::kUnavailable, "cannot connect: " + last.message(), ""};
}

Task<Result<std::unique_ptr<Call>>> Pool::call() {
  while (!idle_.empty()) {
    std::unique_ptr<Stream> stream = std::move(idle_.back().stream);
    idle_.pop_back();
    // A connection that the service closed while it lay here, or on which it said something unasked, is
    // stale.
    if (stream->peer_gone() || stream->has_bytes()) continue;
    co_return std::unique_ptr<Call>(new Call(*this, std::move(stream), true));
  }
  auto stream = co_await connect();
  if (!stream) co_return std::move(stream).error();
  co_return std::unique_ptr<Call>(new Call(*this, std::move(*stream), false));
}

}  // namespace ciyuan::http
