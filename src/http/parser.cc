#include "http/parser.h"

#include <algorithm>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <limits>

namespace ciyuan::http {
namespace {

namespace beast = boost::beast;

std::string text(beast::string_view view) { return {view.data(), view.size()}; }

Error refuse(const beast::error_code& error) {
  ErrorCode code = error == beast::http::error::header_limit || error == beast::http::error::body_limit
                       ? ErrorCode::kTooLarge
                       : ErrorCode::kInvalid;
  return Error{code, "not HTTP/1.1: " + error.message(), ""};
}

Error head_too_large(std::size_t bytes_max) {
  return Error{ErrorCode::kTooLarge, "the head is larger than " + std::to_string(bytes_max) + " bytes",
               "headers"};
}

// Beast stops at each stage (start line, head, body); this goes on until it asks for more bytes or is done.
template <class Parser>
Result<std::size_t> feed_all(Parser& parser, std::string_view bytes, bool stop_behind_head) {
  std::size_t used = 0;
  while (used < bytes.size() && !parser.is_done() && !(stop_behind_head && parser.is_header_done())) {
    beast::error_code error;
    std::size_t taken = parser.put(boost::asio::buffer(bytes.data() + used, bytes.size() - used), error);
    used += taken;
    if (error == beast::http::error::need_more) break;
    if (error) return refuse(error);
    if (taken == 0) break;
  }
  return used;
}

// Bodies are taken away as they arrive. Beast's own string body makes room for the whole declared length at
// once, which a service may declare as it likes.
struct PieceBody {
  using value_type = std::string;
  class reader {
   public:
    template <bool isRequest, class Fields>
    reader(beast::http::header<isRequest, Fields>&, std::string& body) : body_(body) {}
    void init(const boost::optional<std::uint64_t>&, beast::error_code& error) { error = {}; }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, beast::error_code& error) {
      error = {};
      std::size_t before = body_.size();
      for (auto buffer : beast::buffers_range_ref(buffers))
        body_.append(static_cast<const char*>(buffer.data()), buffer.size());
      return body_.size() - before;
    }
    void finish(beast::error_code& error) { error = {}; }

   private:
    std::string& body_;
  };
};

bool is_host(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("-._~!$&'()*+,;=:[]%").find(c) != std::string_view::npos;
  });
}

Status check_host(const RequestHead& head) {
  auto hosts = std::count_if(head.headers.begin(), head.headers.end(),
                             [](const auto& field) { return equal_ignoring_case(field.first, "Host"); });
  if (hosts > 1) return invalid("Host", "given more than once");
  if (hosts == 0 && !head.http_10) return invalid("Host", "is missing");
  if (!is_host(head.headers.get("Host"))) return invalid("Host", "is not a host and port");
  return {};
}

// "http://host/path?query" becomes "/path?query".
Status shorten_absolute_form(std::string& target) {
  for (std::string_view scheme : {"http://", "https://"}) {
    if (!equal_ignoring_case(std::string_view(target).substr(0, scheme.size()), scheme)) continue;
    std::size_t end = target.find_first_of("/?", scheme.size());
    if (end == scheme.size() || target.size() == scheme.size()) return invalid("target", "names no host");
    std::string rest = end == target.npos ? std::string() : target.substr(end);
    target = rest.starts_with('/') ? rest : "/" + rest;
    return {};
  }
  return {};
}

template <class Message>
Status check_fields(const Message& message, Headers& headers) {
  std::size_t lengths = 0, codings = 0, count = 0;
  for (const auto& field : message.base()) {
    if (++count > kHeadFieldsMax)
      return Error{ErrorCode::kTooLarge, "more than " + std::to_string(kHeadFieldsMax) + " header fields",
                   "headers"};
    if (field.name() == beast::http::field::content_length) {
      ++lengths;
      if (field.value().find(',') != beast::string_view::npos)
        return invalid("Content-Length", "\"" + text(field.value()) + "\" is a list");
    }
    if (field.name() == beast::http::field::transfer_encoding) {
      ++codings;
      if (!beast::iequals(field.value(), "chunked"))
        return invalid("Transfer-Encoding",
                       "\"" + text(field.value()) + "\" is not supported: only chunked is");
    }
    headers.add(text(field.name_string()), text(field.value()));
  }
  if (lengths > 1) return invalid("Content-Length", "given more than once");
  if (codings > 1) return invalid("Transfer-Encoding", "given more than once");
  if (lengths + codings > 1) return invalid("Content-Length", "given together with Transfer-Encoding");
  return {};
}

}  // namespace

struct RequestParser::State {
  State() {
    parser.header_limit(kHeadBytesMax);
    parser.body_limit(boost::none);
    parser.eager(false);
  }
  beast::http::request_parser<beast::http::string_body> parser;
  RequestHead head;
  bool checked = false;
  std::size_t head_bytes = 0;
  std::size_t body_max = 0;
};

RequestParser::RequestParser() : state_(std::make_unique<State>()) {}
RequestParser::~RequestParser() = default;
RequestParser::RequestParser(RequestParser&&) noexcept = default;

Result<std::size_t> RequestParser::feed(std::string_view bytes) {
  State& s = *state_;
  bool before_head = !s.parser.is_header_done();
  CIYUAN_TRY(std::size_t used, feed_all(s.parser, bytes, before_head));
  // Beast's own limit holds for what it is given at once, and lines come as they please; of what it leaves,
  // all belongs to the head while that has not ended.
  if (before_head) {
    s.head_bytes += used;
    const std::size_t left = s.parser.is_header_done() ? 0 : bytes.size() - used;
    if (s.head_bytes + left > kHeadBytesMax) return head_too_large(kHeadBytesMax);
  }
  if (before_head && s.parser.is_header_done() && !s.checked) {
    const auto& message = s.parser.get();
    s.checked = true;
    CIYUAN_TRY_STATUS(check_fields(message, s.head.headers));
    s.head.method = text(message.method_string());
    s.head.target = text(message.target());
    s.head.http_10 = message.version() == 10;
    if (message.version() != 10 && message.version() != 11)
      return invalid("version", "only HTTP/1.0 and 1.1 are served");
    CIYUAN_TRY_STATUS(check_host(s.head));
    CIYUAN_TRY_STATUS(shorten_absolute_form(s.head.target));
    if (s.head.http_10 && s.head.headers.has("Transfer-Encoding"))
      return invalid("Transfer-Encoding", "not allowed in HTTP/1.0");
    s.head.keep_alive = message.keep_alive();
    s.head.expects_continue = equal_ignoring_case(s.head.headers.get("Expect"), "100-continue");
  }
  if (!before_head && s.parser.get().body().size() > s.body_max)
    return Error{ErrorCode::kTooLarge, "larger than " + std::to_string(s.body_max) + " bytes", "body"};
  return used;
}

bool RequestParser::head_done() const { return state_->parser.is_header_done(); }
bool RequestParser::done() const { return state_->parser.is_done(); }

Status RequestParser::allow_body(std::size_t bytes_max) {
  state_->body_max = bytes_max;
  auto declared = state_->parser.content_length();
  if (declared && *declared > bytes_max)
    return Error{ErrorCode::kTooLarge, "larger than " + std::to_string(bytes_max) + " bytes", "body"};
  state_->parser.eager(true);
  return {};
}

RequestHead RequestParser::take_head() { return std::move(state_->head); }
std::string RequestParser::take_body() { return std::move(state_->parser.get().body()); }

struct ResponseParser::State {
  explicit State(bool to_head_request) {
    parser.header_limit(kHeadBytesMax * 2);
    parser.body_limit(boost::none);
    parser.eager(true);
    parser.skip(to_head_request);
  }
  beast::http::response_parser<PieceBody> parser;
  ResponseHead head;
  bool checked = false;
  std::size_t head_bytes = 0;
};

ResponseParser::ResponseParser(bool to_head_request) : state_(std::make_unique<State>(to_head_request)) {}
ResponseParser::~ResponseParser() = default;
ResponseParser::ResponseParser(ResponseParser&&) noexcept = default;

Result<std::size_t> ResponseParser::feed(std::string_view bytes) {
  State& s = *state_;
  CIYUAN_TRY(std::size_t used, feed_all(s.parser, bytes, false));
  if (!s.parser.is_header_done() && (s.head_bytes += used) + bytes.size() - used > kHeadBytesMax * 2)
    return head_too_large(kHeadBytesMax * 2);
  if (s.parser.is_header_done() && !s.checked) {
    s.checked = true;
    const auto& message = s.parser.get();
    CIYUAN_TRY_STATUS(check_fields(message, s.head.headers));
    s.head.status = message.result_int();
    s.head.keep_alive = message.keep_alive() && !message.need_eof();
  }
  return used;
}

Status ResponseParser::end_of_stream() {
  beast::error_code error;
  if (!state_->parser.is_done()) state_->parser.put_eof(error);
  if (error) return refuse(error);
  return {};
}

bool ResponseParser::head_done() const { return state_->checked; }
bool ResponseParser::done() const { return state_->parser.is_done(); }
std::string ResponseParser::take_body() {
  std::string body = std::move(state_->parser.get().body());
  state_->parser.get().body().clear();
  return body;
}
ResponseHead ResponseParser::take_head() { return std::move(state_->head); }

}  // namespace ciyuan::http
