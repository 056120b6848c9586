#include "standin/standin.h"

#include <sys/socket.h>

#include <atomic>
#include <boost/asio.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <map>
#include <optional>
#include <thread>
#include <unordered_map>

#include "standin/answer.h"
#include "standin/http_text.h"

namespace ciyuan::standin {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using Task = asio::awaitable<void>;
using Clock = std::chrono::steady_clock;
using Request = http::request<http::string_body>;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::uint64_t kBodyBytesMax = 512 << 20;  // tests send prompts of 100 MB
constexpr std::size_t kFillerBlockBytes = 64 << 10;
constexpr const char* kVerbatim = "standin_answer";
constexpr auto kBeforeReset = std::chrono::milliseconds(100);  // so that what was written is read first
constexpr auto kStall = std::chrono::seconds(30);
constexpr auto kPeerCheck = std::chrono::milliseconds(200);

struct Counters {
  std::atomic<std::uint64_t> requests{0}, completed{0}, client_gone{0}, broken{0}, open{0}, prompt_tokens{0},
      generated_tokens{0};

  StandinStats read() const {
    return {requests, completed, client_gone, broken, open, prompt_tokens, generated_tokens};
  }
  void reset() {
    for (auto* one : {&requests, &completed, &client_gone, &broken, &prompt_tokens, &generated_tokens})
      *one = 0;
  }
};

/// What all connections read; changed by the loop's thread only (the counters apart).
struct Shared {
  StandinOptions options;
  Script script;
  std::optional<TextCutter> cutter;
  Texts texts;
  Counters counters;
  std::map<std::string, std::uint64_t> failures;  ///< by the label of fail-first
  std::string last_request = "null";              ///< JSON
};

std::string stats_body(const StandinStats& stats) {
  return Json{{"requests", stats.requests},
              {"completed", stats.completed},
              {"client_gone", stats.client_gone},
              {"broken", stats.broken},
              {"open", stats.open},
              {"prompt_tokens", stats.prompt_tokens},
              {"generated_tokens", stats.generated_tokens}}
      .dump();
}

/// One connection: a coroutine that reads a request, answers it, and goes on.
class Connection {
 public:
  Connection(tcp::socket socket, Shared& shared)
      : socket_(std::move(socket)), timer_(socket_.get_executor()), shared_(shared) {}

  Task run() {
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    while (alive_) {
      http::request_parser<http::string_body> parser;
      parser.body_limit(kBodyBytesMax);
      auto [error, size] = co_await http::async_read(socket_, buffer_, parser, kTuple);
      if (error) break;
      Request request = parser.release();
      co_await answer(request);
      if (!request.keep_alive()) break;
    }
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
  }

 private:
  Task answer(const Request& request);
  Task answer_call(const Request& request, std::string_view path);
  Task answer_whole(unsigned status, std::string body, std::uint64_t tokens);
  Task answer_stream();
  Task answer_long_line();
  Task answer_verbatim(const Json& wanted);
  Task send_parts(std::uint64_t& sent);

  Task write(std::string_view data);
  Task write_event(std::string_view json);
  Task write_filler(std::uint64_t size);
  Task pause(Clock::duration span);
  Task finish_body();
  void reset();
  void end();

  bool peer_gone() {
    char byte;
    ssize_t got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
  }
  Head head_of(unsigned status, std::string_view content_type, std::uint64_t length) const {
    bool until_close = script_.no_content_length;
    Framing framing = until_close                                                       ? Framing::kUntilClose
                      : content_type == "text/event-stream" || script_.chunked_trailers ? Framing::kChunked
                                                                                        : Framing::kLength;
    return {status, content_type, framing, length, !(until_close || script_.close)};
  }
  Task write_head(const Head& head);
  Task refuse(Refusal refusal) { co_await answer_whole(refusal.status, refusal.body(), 0); }
  std::string as_framed(std::string_view data) const {
    return framing_ == Framing::kChunked ? chunk_text(data) : std::string(data);
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  Shared& shared_;
  boost::beast::flat_buffer buffer_;
  Script script_;
  Plan plan_;
  Framing framing_ = Framing::kLength;
  bool alive_ = true;    ///< the connection may carry another request
  bool gone_ = false;    ///< the client has left
  bool broken_ = false;  ///< broken off on purpose
};

Refusal invalid_request(unsigned status, std::string message) {
  return {status, std::move(message), "invalid_request_error", "", ""};
}

std::string described(const Request& request) {
  Json headers = Json::array();
  for (const auto& field : request)
    headers.push_back({std::string(field.name_string()), std::string(field.value())});
  return Json{{"method", std::string(request.method_string())},
              {"target", std::string(request.target())},
              {"headers", std::move(headers)},
              {"body", request.body()}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

Task Connection::answer(const Request& request) {
  std::string_view path = request.target();
  path = path.substr(0, path.find('?'));
  script_ = Script();
  plan_ = Plan();
  gone_ = broken_ = false;
  if (path == "/health" || path == "/healthz") co_return co_await answer_whole(200, R"({"status":"ok"})", 0);
  if (path == "/standin/stats") co_return co_await answer_whole(200, stats_body(shared_.counters.read()), 0);
  if (path == "/standin/last") {
    co_return co_await answer_whole(200, shared_.last_request, 0);
  }
  if (path == "/standin/reset") {
    shared_.counters.reset();
    shared_.failures.clear();
    co_return co_await answer_whole(200, "{}", 0);
  }
  ++shared_.counters.requests;
  ++shared_.counters.open;
  co_await answer_call(request, path);
  --shared_.counters.open;
  ++(broken_ ? shared_.counters.broken : gone_ ? shared_.counters.client_gone : shared_.counters.completed);
}

Task Connection::answer_call(const Request& request, std::string_view path) {
  shared_.last_request = described(request);
  script_ = shared_.script;
  Json body;
  Status scripted = script_.add(std::string_view(request["X-Standin"]));
  bool is_post = request.method() == http::verb::post;
  if (is_post) {
    Result<Json> parsed = parse_json(request.body());
    if (!parsed) {
      co_return co_await refuse(
          invalid_request(400, "We could not parse the JSON body of your request: " + parsed.error().text()));
    }
    body = std::move(*parsed);
    if (scripted.ok() && body.is_object() && body.contains("standin") && body["standin"].is_string()) {
      scripted = script_.add(body["standin"].get<std::string>());
    }
  }
  if (!scripted.ok()) co_return co_await refuse(invalid_request(400, scripted.error().text()));

  if (script_.reset) co_return reset();
  co_await pause(std::chrono::milliseconds(script_.stall_ms));
  if (gone_) co_return;
  const std::string& key = shared_.options.api_key;
  if (!key.empty() && std::string_view(request[http::field::authorization]) != "Bearer " + key) {
    co_return co_await refuse(refusal_of_status(401));
  }
  if (script_.status != 0) co_return co_await refuse(refusal_of_status(script_.status));
  if (!script_.fail_label.empty() && shared_.failures[script_.fail_label]++ < script_.fail_first) {
    co_return co_await refuse(refusal_of_status(script_.fail_status));
  }
  if (is_post && body.is_object() && body.contains(kVerbatim) && body[kVerbatim].is_object())
    co_return co_await answer_verbatim(body[kVerbatim]);
  if (script_.empty) co_return co_await answer_whole(200, "", 0);
  if (path == "/v1/models") co_return co_await answer_whole(200, models_body(shared_.options), 0);
  Form form = path == "/v1/chat/completions" ? Form::kChat : Form::kCompletion;
  bool known = form == Form::kChat || path == "/v1/completions" || path == "/v1/embeddings";
  if (!known || !is_post) {
    std::string url = std::string(request.method_string()) + " " + std::string(path);
    co_return co_await refuse(invalid_request(known ? 405 : 404, "Invalid URL (" + url + ")"));
  }
  if (script_.garbage) {
    std::string noise = "<html>\x01 this is neither JSON nor an event stream </html>\n";
    co_return co_await answer_whole(200, noise + noise, 0);
  }
  std::string embeddings;
  Planned planned;
  if (path == "/v1/embeddings") {
    planned = plan_embeddings(body, *shared_.cutter, embeddings);
  } else {
    planned = plan_answer(form, body, script_, shared_.options, *shared_.cutter, shared_.texts,
                          shared_.counters.requests);
  }
  if (planned.refused) co_return co_await refuse(planned.refusal);
  shared_.counters.prompt_tokens += planned.plan.prompt_tokens;
  if (!embeddings.empty()) co_return co_await answer_whole(200, std::move(embeddings), 0);
  plan_ = std::move(planned.plan);
  if (script_.long_line > 0) co_return co_await answer_long_line();
  if (plan_.stream) co_return co_await answer_stream();
  double rate = script_.rate.value_or(shared_.options.tokens_per_second);
  std::uint64_t tokens = plan_.completion_tokens * plan_.choices;
  if (rate > 0)
    co_await pause(std::chrono::microseconds(
        static_cast<std::int64_t>(1e6 * static_cast<double>(plan_.completion_tokens) / rate)));
  if (!gone_) co_await answer_whole(200, whole_body(plan_), tokens);
}

Task Connection::write_head(const Head& head) {
  framing_ = head.framing;
  alive_ = alive_ && head.keep_alive;
  std::string text = head_text(head, script_);
  if (script_.slow_headers_ms == 0) co_return co_await write(text);
  for (std::size_t i = 0; i < text.size() && !gone_; ++i) {
    co_await write(std::string_view(text).substr(i, 1));
    co_await pause(std::chrono::milliseconds(script_.slow_headers_ms));
  }
}

Task Connection::answer_whole(unsigned status, std::string body, std::uint64_t tokens) {
  if (script_.gzip) body = gzip_stored(body);
  bool cut = script_.break_after || script_.half_close;
  Head head = head_of(status, "application/json", body.size());
  if (!cut && script_.slow_headers_ms == 0 && head.framing == Framing::kLength) {
    framing_ = head.framing;
    alive_ = alive_ && head.keep_alive;
    std::string bytes = head_text(head, script_) + body;  // one write: most answers fit one packet
    co_await write(bytes);
  } else {
    co_await write_head(head);
    std::string_view sent = std::string_view(body).substr(0, cut ? body.size() / 2 : body.size());
    std::string framed_body = as_framed(sent);
    co_await write(framed_body);
    if (script_.break_after) co_return reset();
    if (script_.half_close) co_return end();
    co_await finish_body();
  }
  if (!gone_) shared_.counters.generated_tokens += tokens;
}

Task Connection::answer_long_line() {
  const Part mark_part = {"\x01", 1, false};
  std::string before, after;
  if (plan_.stream) {
    before = "data: " + part_event(plan_, 0, mark_part);
    after = "\n\ndata: [DONE]\n\n";
  } else {
    plan_.rounds = 0;
    plan_.rest.assign(1, mark_part);
    before = whole_body(plan_);
  }
  std::size_t mark = before.find('\x01');
  after.insert(0, before.substr(mark + 1));
  before.resize(mark);
  std::uint64_t size = before.size() + script_.long_line + after.size();
  co_await write_head(head_of(200, plan_.stream ? "text/event-stream" : "application/json", size));
  if (framing_ == Framing::kChunked) {
    char line[24];
    std::snprintf(line, sizeof line, "%llx\r\n", static_cast<unsigned long long>(size));
    co_await write(line);
  }
  co_await write(before);
  co_await write_filler(script_.long_line);
  co_await write(after);
  if (framing_ == Framing::kChunked) co_await write("\r\n");
  co_await finish_body();
  if (!gone_) shared_.counters.generated_tokens += plan_.completion_tokens;
}

Task Connection::answer_verbatim(const Json& wanted) {
  std::string type = wanted.value("type", "application/json"), then = wanted.value("then", "");
  Head head = head_of(wanted.value("status", 200U), type, 0);
  head.framing = Framing::kChunked;
  co_await write_head(head);
  for (const Json& piece : wanted.value("pieces", Json::array())) {
    std::string bytes = as_framed(piece.get<std::string>());
    co_await write(bytes);
  }
  if (then == "reset") {
    co_await pause(kBeforeReset);
    co_return reset();
  }
  if (then == "stall") co_await pause(kStall);
  co_await finish_body();
}

Task Connection::answer_stream() {
  co_await write_head(head_of(200, "text/event-stream", 0));
  if (plan_.form == Form::kChat) {
    for (std::uint64_t choice = 0; choice < plan_.choices; ++choice)
      co_await write_event(first_event(plan_, choice));
  }
  std::uint64_t generated = 0;
  co_await send_parts(generated);
  if (gone_ || broken_) co_return;
  for (std::uint64_t choice = 0; choice < plan_.choices; ++choice)
    co_await write_event(last_event(plan_, choice));
  if (plan_.include_usage && !script_.no_usage) co_await write_event(usage_event(plan_, generated));
  if (!script_.no_done) co_await write_event("[DONE]");
  co_await finish_body();
}

Task Connection::send_parts(std::uint64_t& sent) {
  double rate = script_.rate.value_or(shared_.options.tokens_per_second);
  Clock::time_point begin = Clock::now();
  std::uint64_t chunks = 0, paced_tokens = 0;
  PartCursor cursor(plan_);
  while (const Part* next = cursor.next()) {
    const Part& part = *next;
    if (script_.break_after && chunks >= *script_.break_after) co_return reset();
    if (script_.half_close && chunks >= *script_.half_close) co_return end();
    if (script_.error_after && chunks >= *script_.error_after) {
      co_await write_event(refusal_of_status(500).body());
      co_await finish_body();
      broken_ = true;
      co_return;
    }
    if (script_.stall_after_ms > 0 && chunks == script_.stall_after)
      co_await pause(std::chrono::milliseconds(script_.stall_after_ms));
    if (rate > 0) {
      paced_tokens += part.tokens;
      auto due = begin + std::chrono::microseconds(
                             static_cast<std::int64_t>(1e6 * static_cast<double>(paced_tokens) / rate));
      co_await pause(due - Clock::now());
    }
    for (std::uint64_t choice = 0; choice < plan_.choices && !gone_; ++choice) {
      co_await write_event(part_event(plan_, choice, part));
      if (gone_) break;
      sent += part.tokens;
      shared_.counters.generated_tokens += part.tokens;
    }
    if (gone_) co_return;
    ++chunks;
  }
}

Task Connection::write_event(std::string_view json) {
  if (gone_) co_return;
  std::string event = framed(script_, json);
  std::string bytes = as_framed(event);
  co_await write(bytes);
}

Task Connection::write(std::string_view data) {
  std::size_t step = script_.split > 0 ? script_.split : data.size();
  while (!data.empty() && !gone_) {
    auto [error, size] = co_await asio::async_write(socket_, asio::buffer(data.substr(0, step)), kTuple);
    if (error) gone_ = true;
    data.remove_prefix(std::min(step, data.size()));
  }
  if (gone_) alive_ = false;
}

Task Connection::write_filler(std::uint64_t size) {
  const std::string block(kFillerBlockBytes, 'a');
  while (size > 0 && !gone_) {
    std::uint64_t now_bytes = std::min<std::uint64_t>(size, block.size());
    co_await write(std::string_view(block).substr(0, now_bytes));
    size -= now_bytes;
  }
}

Task Connection::finish_body() {
  if (framing_ != Framing::kChunked) co_return;
  std::string bytes = last_chunk_text(script_);
  co_await write(bytes);
}

/// Waits, and looks now and then whether somebody still listens.
Task Connection::pause(Clock::duration span) {
  Clock::time_point due = Clock::now() + span;
  while (!gone_ && Clock::now() < due) {
    timer_.expires_after(std::min<Clock::duration>(due - Clock::now(), kPeerCheck));
    co_await timer_.async_wait(kTuple);
    if (peer_gone()) gone_ = true, alive_ = false;
  }
}

/// Ends the connection with a RST: what was written may be lost, as with a service that dies.
void Connection::reset() {
  error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
  broken_ = true;
  alive_ = false;
}

/// Ends the connection with a FIN in the middle of the body.
void Connection::end() {
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  broken_ = true;
  alive_ = false;
}

}  // namespace

struct Standin::State {
  explicit State(StandinOptions options) : acceptor(context) { shared.options = std::move(options); }

  static Task serve(tcp::socket socket, Shared& shared) {
    Connection connection(std::move(socket), shared);
    co_await connection.run();
  }
  Task accept() {
    for (;;) {
      auto [error, socket] = co_await acceptor.async_accept(kTuple);
      if (error == asio::error::operation_aborted) co_return;
      if (!error) asio::co_spawn(context, serve(std::move(socket), shared), asio::detached);
    }
  }
  Status load();

  Shared shared;
  asio::io_context context{1};
  tcp::acceptor acceptor;
  std::thread thread;
};

Status Standin::State::load() {
  auto named = [](const char* option, const std::string& value, const Error& error) {
    return invalid(option, "\"" + value + "\": " + error.message);
  };
  if (Status script = shared.script.add(shared.options.script); !script.ok())
    return invalid("--script", script.error().text());
  Result<TextCutter> made = TextCutter::make(shared.options.tokenizer);
  if (!made.ok()) return named("--tokenizer", shared.options.tokenizer, made.error());
  TextCutter cutter = std::move(made).value();
  Result<std::string> own = load_text(shared.options.text);
  if (!own.ok()) return named("--text", shared.options.text, own.error());
  for (auto [name, pieces] :
       {std::pair{"en", &shared.texts.en}, {"zh", &shared.texts.zh}, {"code", &shared.texts.code}}) {
    CIYUAN_TRY(std::string text, load_text(name));
    *pieces = cutter.cut(text);
  }
  shared.texts.own = cutter.cut(*own);
  if (shared.texts.own.empty())
    return invalid("--text", "\"" + shared.options.text + "\": the text is empty");
  shared.cutter = std::move(cutter);
  return {};
}

Standin::Standin(StandinOptions options) : state_(std::make_unique<State>(std::move(options))) {}

Standin::~Standin() { stop(); }

Status Standin::start() {
  CIYUAN_TRY_STATUS(state_->load());
  error_code error;
  auto host = asio::ip::make_address(state_->shared.options.host, error);
  if (error) return invalid("--host", "\"" + state_->shared.options.host + "\" is not an IP address");
  tcp::endpoint endpoint(host, state_->shared.options.port);
  state_->acceptor.open(endpoint.protocol(), error);
  if (!error) state_->acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) state_->acceptor.bind(endpoint, error);
  if (!error) state_->acceptor.listen(4096, error);
  if (error)
    return Error{ErrorCode::kUnavailable, error.message(),
                 state_->shared.options.host + ":" + std::to_string(state_->shared.options.port)};
  asio::co_spawn(state_->context, state_->accept(), asio::detached);
  state_->thread = std::thread([this] { state_->context.run(); });
  return {};
}

void Standin::stop() {
  state_->context.stop();
  if (state_->thread.joinable()) state_->thread.join();
}

std::uint16_t Standin::port() const {
  error_code ignored;
  return state_->acceptor.local_endpoint(ignored).port();
}

StandinStats Standin::stats() const { return state_->shared.counters.read(); }

int run_standin(const StandinOptions& options) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before the thread starts, so that it inherits the mask
  std::signal(SIGPIPE, SIG_IGN);
  Standin standin(options);
  if (Status started = standin.start(); !started.ok()) {
    std::fprintf(stderr, "ciyuan standin: %s\n", started.error().text().c_str());
    return started.error().code == ErrorCode::kInvalid ? 2 : 1;
  }
  std::printf("ciyuan standin: listening on http://%s:%u\n", options.host.c_str(), standin.port());
  std::fflush(stdout);
  int received = 0;
  sigwait(&signals, &received);
  standin.stop();
  return 0;
}

}  // namespace ciyuan::standin
