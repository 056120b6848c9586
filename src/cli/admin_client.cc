// The only file of the command line that compiles Beast.

#include "cli/admin_client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cstdlib>

#include "base/file.h"

namespace ciyuan::cli {
namespace {

namespace beast = boost::beast;
namespace asio = boost::asio;

constexpr auto kTimeout = std::chrono::seconds(60);
constexpr std::uint64_t kReplyBytesMax = std::uint64_t{256} << 20;

struct Address {
  std::string host, port, base;
};

Result<Address> parse_address(const std::string& url) {
  constexpr std::string_view kScheme = "http://";
  auto wrong = [&](const char* why) {
    return invalid("--admin", "\"" + url + "\" " + why + "; it is like http://127.0.0.1:8090");
  };
  if (url.starts_with("https://"))
    return wrong("is https, which the control plane does not speak: it listens on this machine");
  if (!url.starts_with(kScheme)) return wrong("does not begin with http://");
  std::string rest = url.substr(kScheme.size());
  std::size_t slash = rest.find('/');
  std::string authority = rest.substr(0, slash);
  Address address;
  address.base = slash == rest.npos ? "" : rest.substr(slash);
  while (address.base.ends_with('/')) address.base.pop_back();
  std::size_t bracket = authority.rfind(']');
  std::size_t colon = authority.find(':', bracket == authority.npos ? 0 : bracket);
  address.host = authority.substr(0, colon);
  address.port = colon == authority.npos ? "80" : authority.substr(colon + 1);
  if (address.host.starts_with('[') && address.host.ends_with(']'))
    address.host = address.host.substr(1, address.host.size() - 2);
  if (address.host.empty() || address.port.empty() ||
      address.port.find_first_not_of("0123456789") != std::string::npos)
    return wrong("has no host and port");
  return address;
}

class HttpAdminClient final : public AdminClient {
 public:
  HttpAdminClient(Address address, std::string token)
      : address_(std::move(address)), token_(std::move(token)) {}

  Result<AdminReply> send(std::string_view method, std::string_view target, std::string_view body) override {
    std::string where = "http://" + address_.host + ":" + address_.port;
    boost::system::error_code error;
    asio::io_context context;
    asio::ip::tcp::resolver resolver(context);
    auto endpoints = resolver.resolve(address_.host, address_.port, error);
    if (error) return unavailable(where, error);
    beast::tcp_stream stream(context);
    // Blocking calls ignore the stream's deadline: run the asynchronous ones to their end instead.
    auto finish = [&] {
      context.restart();
      context.run();
    };
    auto keep = [&](const boost::system::error_code& result, auto&&...) { error = result; };
    stream.expires_after(kTimeout);
    stream.async_connect(endpoints, keep), finish();
    if (error) return unavailable(where, error);

    beast::http::request<beast::http::string_body> request;
    request.method_string({method.data(), method.size()});
    request.target(address_.base + std::string(target));
    request.set(beast::http::field::host, address_.host + ":" + address_.port);
    request.set(beast::http::field::authorization, "Bearer " + token_);
    request.set(beast::http::field::connection, "close");
    request.body() = body;
    request.prepare_payload();
    beast::http::async_write(stream, request, keep), finish();
    if (error) return unavailable(where, error);

    beast::flat_buffer buffer;
    beast::http::response_parser<beast::http::string_body> parser;
    parser.body_limit(kReplyBytesMax);
    stream.expires_after(kTimeout);
    beast::http::async_read(stream, buffer, parser, keep), finish();
    if (error) return unavailable(where, error);
    AdminReply reply;
    reply.status = parser.get().result_int();
    auto type = parser.get()[beast::http::field::content_type];
    reply.content_type.assign(type.data(), type.size());
    reply.body = std::move(parser.get().body());
    return reply;
  }

 private:
  static Error unavailable(const std::string& where, const boost::system::error_code& error) {
    bool late = error == beast::error::timeout;
    return {late ? ErrorCode::kTimeout : ErrorCode::kUnavailable,
            "no answer from the control plane: " + (late ? std::string("timed out") : error.message()) +
                " (is `ciyuan serve` running? --admin says where)",
            where};
  }

  Address address_;
  std::string token_;
};

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Result<std::unique_ptr<AdminClient>> connect_admin(const AdminAddress& wanted) {
  std::string url = !wanted.url.empty() ? wanted.url : from_environment("CIYUAN_ADMIN");
  if (url.empty()) url = "http://127.0.0.1:8090";
  CIYUAN_TRY(Address address, parse_address(url));
  std::string token = !wanted.token.empty() ? wanted.token : from_environment("CIYUAN_ADMIN_TOKEN");
  if (token.empty()) {
    std::string file = wanted.folder + "/admin.token";
    Result<std::string> text = read_file(file, 4096);
    if (!text.ok())
      return Error{ErrorCode::kInvalid,
                   "no token for the control plane: " + text.error().text() +
                       "; --data names the server's folder, or set CIYUAN_ADMIN_TOKEN",
                   ""};
    token = text->substr(0, text->find('\n'));
  }
  if (token.empty() || token.find_first_of("\r\n") != token.npos)
    return invalid("CIYUAN_ADMIN_TOKEN", "is no token");
  return std::unique_ptr<AdminClient>(new HttpAdminClient(std::move(address), std::move(token)));
}

std::string percent_encoded(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                 c == '_' || c == '.' || c == '~';
    if (plain) {
      encoded += c;
    } else {
      auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return encoded;
}

}  // namespace ciyuan::cli
