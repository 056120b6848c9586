#pragma once

/// The clerk: one thread that does all accounting. Any thread may submit commands; the clerk takes what has
/// queued up, applies it to the state machine, makes the effects durable in one transaction, and only then
/// hands out the replies, one message for each mailbox. So the more callers, the larger the batches: group
/// commit comes by itself.
///
///   CIYUAN_TRY(auto store, store::open_sqlite("data/ciyuan.db"));
///   CIYUAN_TRY(store::Head head, store->head());
///   CIYUAN_TRY(auto keys, record::KeysFile::open("data/keys.dat", head.key_slots));
///   CIYUAN_TRY(auto clerk, Clerk::start(*store, &keys, {}));         // settles what a crash left open
///   clerk->submit(Open{…}, mailbox, ticket);                          // the reply comes to the mailbox
///   Reply reply = clerk->call(ChangeDocuments{…});                    // or wait for it
///
/// Semantics of the commands: commands.h, and for waiting, crashes and idempotency machine.h.
///
/// When a commit fails (disk full, I/O), nothing of the batch is believed: all its replies are Error
/// kUnavailable, the state is rebuilt from the store before the next batch, and healthy() is false, with a
/// sentence, until a commit works again. A call whose Open got such an Error is not open, whatever the disk
/// says; an Extend or Close that got one may be sent again: a Close that had taken effect all the same is
/// answered with its record.
///
/// Threads: all functions from any thread, but not from within Mailbox::deliver(), which may submit() but not
/// call().

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "clerk/commands.h"
#include "clerk/machine.h"
#include "store/store.h"

namespace ciyuan::record {
class KeysFile;
}

namespace ciyuan::clerk {

struct ClerkOptions {
  std::size_t queue_max =
      1 << 16;  ///< commands that wait for the clerk; beyond it submit() says kUnavailable
  std::size_t batch_max =
      1024;  ///< commands in one transaction: bounds its size and the latency of the first
  /// A batch costs the same sync and the same few pages whatever is in it. So where the last batch had
  /// at least `gather_from` commands, the clerk gives others this long to join the next.
  std::size_t gather_from = 16;
  Nanoseconds gather = milliseconds(1);
  MachineOptions machine;
  Nanoseconds tick_every = milliseconds(50);  ///< how often time passes when nobody sends a command
  /// The clock behind Ticks of the clerk's own and the `at` of restarts. Tests give their own.
  std::function<TimePoint()> clock = now;
};

struct ClerkStats {
  std::uint64_t commands = 0;
  std::uint64_t batches = 0;  ///< transactions committed
  std::uint64_t commit_failures = 0;
  std::uint64_t queued = 0;         ///< now
  std::uint64_t open_calls = 0;     ///< after the last batch
  std::uint64_t waiting_calls = 0;  ///< opens that wait for headroom
  std::uint64_t accounts = 0;       ///< in memory
  std::uint64_t log_size = 0;       ///< committed leaves
  std::uint64_t interrupted = 0;    ///< calls settled after a crash or silence, since the start
  std::uint64_t commit_ns = 0;      ///< spent in commits, in all
  std::uint64_t commit_cpu_ns = 0;  ///< of it on the processor; the rest is waiting for the disk
};

class Clerk {
 public:
  /// Loads the state, settles open calls as interrupted (durable before it returns) and starts the thread.
  /// `store` and `keys` must outlive the clerk; the clerk is the only writer of both from here on. `keys` may
  /// be null where nobody opens a record later (tests, tools). Errors: as of the store, and Worker::start().
  static Result<std::unique_ptr<Clerk>> start(store::Store& store, record::KeysFile* keys,
                                              ClerkOptions options);
  /// Stops.
  ~Clerk();

  /// Queues a command; the reply comes to `mailbox` with `ticket`, exactly once, on the clerk's thread. The
  /// mailbox must live until then. kUnavailable: the queue is full, or the clerk is stopping.
  Status submit(Command command, Mailbox& mailbox, std::uint64_t ticket);

  /// Submits and waits. For the control plane and tests; an Error reply where the queue is full.
  Reply call(Command command);

  /// False after a failed commit, until one works. `trouble()` says what is wrong, in a sentence; empty when
  /// healthy.
  bool healthy() const;
  std::string trouble() const;

  ClerkStats stats() const;

  /// Takes no more commands, finishes what is queued, answers calls that still wait for headroom with
  /// kUnavailable, and ends the thread. Open calls stay open in the store: the next start settles them.
  /// Idempotent.
  void stop();

 private:
  struct Impl;
  explicit Clerk(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ciyuan::clerk
