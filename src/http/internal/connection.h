#pragma once

/// One client's connection: reads requests, hands each to the handler, keeps deadlines.

#include <memory>

#include "http/parser.h"
#include "http/server.h"
#include "http/stream.h"

namespace ciyuan::http {

class Connection : public Watched {
 public:
  Connection(Server& server, TcpSocket socket);
  ~Connection() override;
  Task<> run();
  void on_tick(std::int64_t now_ns) override;
  void close_if_idle();
  void break_off();

 private:
  friend class Exchange;
  enum class Phase { kIdle, kHead, kBody, kHandler, kWriting };

  /// Reads one request into the exchange; false where the connection is to be closed.
  Task<bool> read_request(Exchange& exchange);
  Task<bool> read_more();
  Task<> refuse(Exchange& exchange, const Error& error);
  /// Both, whole. The write timeout is for a client that takes nothing, not for one that takes its time.
  Task<error_code> write(std::string_view first, std::string_view second = {});
  Task<> close_politely();
  void enter(Phase phase, Nanoseconds timeout);

  Server& server_;
  std::shared_ptr<std::unordered_set<Connection*>> connections_;
  Stream stream_;
  std::string buffer_;  // bytes read and not yet parsed
  Phase phase_ = Phase::kIdle;
  std::int64_t deadline_ns_ = 0;  // 0: none
  Exchange* exchange_ = nullptr;  // the running one
  bool keep_alive_ = true;
  std::string out_;  // head of the answer being written; kept for its capacity
};

}  // namespace ciyuan::http
