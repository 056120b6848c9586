#pragma once

/// An OpenAI-compatible service without a model: it streams the words of a text at a set speed, and
/// misbehaves on request. It stands in for a real service where none can be had, and is the hostile upstream
/// of the tests.
///
///   StandinOptions options;                 // port 0 takes a free one
///   Standin standin(options);
///   CIYUAN_TRY_STATUS(standin.start());     // serves from a thread of its own
///   ... http://127.0.0.1:<standin.port()>/v1/chat/completions ...
///   standin.stop();                         // or the destructor
///
/// What no directive says, a request says whole: its member "standin_answer" is answered piece by piece,
///   {"status": 200, "type": "text/event-stream", "pieces": ["data: …"], "then": "end" | "reset" | "stall"}
///
/// What it answers: GET /v1/models, POST /v1/chat/completions, /v1/completions, /v1/embeddings, GET /health,
/// and for tests GET /standin/stats, GET /standin/last (the last request as it came), POST /standin/reset.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace ciyuan::standin {

struct StandinOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::vector<std::string> models = {"standin"};
  /// The text that answers are made of: a file, or one of the built-in texts zh, en, code.
  std::string text = "en";
  /// How usage is counted: "words", or a tokenizer of ciyuan_token (o200k, qwen3, …).
  std::string tokenizer = "words";
  /// Tokens a second of one answer; 0 is as fast as the client reads.
  double tokens_per_second = 0;
  std::uint64_t tokens_per_chunk = 1;
  /// The natural length of an answer; 0 is the length of the text. Longer answers repeat it.
  std::uint64_t answer_tokens = 0;
  /// Obeys max_tokens and max_completion_tokens.
  bool obey = true;
  /// Where set, other keys than this one (Authorization: Bearer …) get 401.
  std::string api_key;
  /// Directives (see script.h) for every request; those of a request come after and win.
  std::string script;
};

struct StandinStats {
  std::uint64_t requests = 0;          ///< of the /v1 paths
  std::uint64_t completed = 0;         ///< answers written to their end
  std::uint64_t client_gone = 0;       ///< answers whose reader left first
  std::uint64_t broken = 0;            ///< answers broken off on purpose
  std::uint64_t open = 0;              ///< in hand now
  std::uint64_t prompt_tokens = 0;     ///< of all requests that were answered
  std::uint64_t generated_tokens = 0;  ///< written to sockets, of all answers
};

/// start, stop and the destructor by one thread; port and stats by any.
class Standin {
 public:
  explicit Standin(StandinOptions options);
  ~Standin();
  Standin(const Standin&) = delete;
  Standin& operator=(const Standin&) = delete;

  /// kUnavailable where the port is taken; kInvalid for script, tokenizer, text and host, with the option as
  /// the path.
  Status start();
  void stop();
  std::uint16_t port() const;
  StandinStats stats() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Serves until SIGINT or SIGTERM. Says where it listens on standard output. Returns the exit code.
int run_standin(const StandinOptions& options);

}  // namespace ciyuan::standin
