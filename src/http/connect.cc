/// How a pool gets a new connection: the name's addresses, one after the other, then TLS.

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "http/client.h"

namespace ciyuan::http {
namespace {

constexpr std::size_t kAddressesMax = 16;
constexpr Nanoseconds kShareLeast =
    milliseconds(250);  // for an address that is tried: a round trip round the world

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

Error too_late() { return Error{ErrorCode::kTimeout, "no connection within the time allowed", ""}; }

// What this process or machine ran out of is not the service's fault.
bool is_ours(const error_code& error) {
  namespace errc = boost::system::errc;
  return error == errc::too_many_files_open || error == errc::too_many_files_open_in_system ||
         error == errc::no_buffer_space || error == errc::address_not_available ||
         error == errc::not_enough_memory;
}

}  // namespace

Task<> Pool::look_up() {
  Result<std::vector<tcp::endpoint>> found(std::vector<tcp::endpoint>{});
  if (options_.resolve) {
    found = options_.resolve(options_.url);
  } else {
    asio::ip::basic_resolver<tcp, Executor> resolver(loop_.executor());
    auto [error, results] = co_await resolver.async_resolve(options_.url.host, options_.url.port, kAsTuple);
    if (error)
      found = Error{ErrorCode::kUnavailable, "cannot find " + options_.url.host + ": " + error.message(), ""};
    else
      for (const auto& entry : results) found->push_back(entry.endpoint());
  }
  // A name server that fails for a moment does not make known addresses wrong.
  if (!found) {
    look_up_problem_ = found.error();
  } else if (found->empty()) {
    look_up_problem_ = Error{ErrorCode::kUnavailable, options_.url.host + " has no address", ""};
  } else {
    addresses_ = std::move(*found);
    if (addresses_.size() > kAddressesMax) addresses_.resize(kAddressesMax);
    first_address_ = 0;
  }
  resolved_ns_ = monotonic_ns();
  looking_up_ = false;
  while (!waiting_for_names_.empty()) wake(waiting_for_names_);
}

Task<Status> Pool::find_addresses(std::int64_t deadline_ns) {
  if (!addresses_.empty() && monotonic_ns() - resolved_ns_ < options_.names_kept.count) co_return Status();
  if (!looking_up_) {
    error_code not_a_literal;
    auto address = asio::ip::make_address(options_.url.host, not_a_literal);
    if (!not_a_literal && !options_.resolve) {
      addresses_.assign(1, tcp::endpoint(address, static_cast<unsigned short>(std::stoi(options_.url.port))));
      resolved_ns_ = monotonic_ns();
      co_return Status();
    }
    // On its own: the system's look-up cannot be broken off, and one is enough for all who wait.
    looking_up_ = true;
    asio::co_spawn(loop_.context(), look_up(), asio::detached);
  }
  bool believed = !addresses_.empty() && resolved_ns_ != 0;
  if (believed) co_return Status();  // the old ones serve meanwhile
  if (looking_up_ && !co_await wait_in(waiting_for_names_, deadline_ns)) co_return too_late();
  if (addresses_.empty()) co_return look_up_problem_;
  co_return Status();
}

Task<Result<std::unique_ptr<Stream>>> Pool::connect_to(tcp::endpoint address, std::int64_t deadline_ns) {
  TcpSocket socket(loop_.executor());
  {
    Guillotine guillotine(loop_, deadline_ns, [&socket] {
      error_code ignored;
      socket.close(ignored);
    });
    auto [error] = co_await socket.async_connect(address, kAsTuple);
    if (guillotine.fell()) co_return too_late();
    if (error && is_ours(error))
      co_return Error{ErrorCode::kTooLarge, "no further connection can be made: " + error.message(), ""};
    if (error) co_return Error{ErrorCode::kUnavailable, "cannot connect: " + error.message(), ""};
  }
  auto stream = std::make_unique<Stream>(std::move(socket));
  if (!options_.url.tls) co_return stream;
  Guillotine guillotine(loop_, deadline_ns, [&stream] { stream->close(); });
  const std::string& name = options_.server_name.empty() ? options_.url.host : options_.server_name;
  error_code error = co_await stream->handshake_as_client(*options_.tls, name, options_.verify, session_);
  if (guillotine.fell()) co_return too_late();
  if (error) co_return Error{ErrorCode::kUnavailable, "TLS with " + name + ": " + error.message(), ""};
  ++handshakes_;
  if (stream->resumed()) ++resumed_handshakes_;
  co_return stream;
}

Task<Status> Pool::connect(Call& call, std::int64_t deadline_ns) {
  if (auto found = co_await find_addresses(deadline_ns); !found) co_return found;
  // A copy: a look-up may bring others while this one connects.
  std::vector<tcp::endpoint> addresses = addresses_;
  std::size_t first = first_address_;
  Error last = too_late();
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    std::int64_t now_ns = monotonic_ns();
    if (now_ns >= deadline_ns) break;
    // One address that swallows everything must leave time for those behind it.
    std::int64_t share_ns = (deadline_ns - now_ns) / static_cast<std::int64_t>(addresses.size() - i);
    const tcp::endpoint& address = addresses[(first + i) % addresses.size()];
    auto stream = co_await connect_to(address, now_ns + std::max(share_ns, kShareLeast.count));
    if (stream) {
      call.stream_ = std::move(*stream);
      call.connected_ns_ = monotonic_ns();
      auto place = std::find(addresses_.begin(), addresses_.end(), address);
      first_address_ = place == addresses_.end() ? 0 : static_cast<std::size_t>(place - addresses_.begin());
      co_return Status();
    }
    last = stream.error();
    if (last.code == ErrorCode::kTooLarge) co_return last;
  }
  resolved_ns_ = 0;  // none works: the name may have others by now
  co_return last;
}

}  // namespace ciyuan::http
