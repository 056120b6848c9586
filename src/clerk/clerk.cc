#include "clerk/clerk.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "clerk/worker.h"
#include "record/key_pool.h"

namespace ciyuan::clerk {
namespace {

class KeysInFile final : public KeySource {
 public:
  explicit KeysInFile(record::KeysFile& file) : file_(file), pool_(file) {}
  Result<record::RecordKey> take() override { return pool_.take(); }
  Result<SecretKey> find(const Id& id, std::optional<std::uint64_t> slot) override {
    return file_.find(id, slot);
  }
  std::uint64_t next_slot() const override { return file_.size(); }  // asked before the first is taken
  std::string trouble() const override { return pool_.trouble(); }

 private:
  record::KeysFile& file_;
  record::KeyPool pool_;
};

// Waits for one reply. It is told of it under the lock, so that the waiter cannot go, and take this object
// with it, while the clerk's thread is still in here.
class OneReply final : public Mailbox {
 public:
  void deliver(std::vector<Delivery> deliveries) override {
    std::lock_guard lock(mutex_);
    reply_ = std::move(deliveries.front().reply);
    there_.notify_one();
  }
  Reply wait() {
    std::unique_lock lock(mutex_);
    there_.wait(lock, [this] { return reply_.has_value(); });
    return std::move(*reply_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable there_;
  std::optional<Reply> reply_;
};

Nanoseconds nanoseconds_of(std::chrono::steady_clock::duration span) {
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(span).count()};
}

Error stopped() { return Error{ErrorCode::kUnavailable, "the clerk is stopping", ""}; }

}  // namespace

struct Clerk::Impl {
  Impl(store::Store& store, record::KeysFile* keys_file, ClerkOptions options_in)
      : options(std::move(options_in)),
        keys(keys_file == nullptr ? nullptr : std::make_unique<KeysInFile>(*keys_file)),
        worker(store, keys.get(), options.machine) {}

  void run();
  void deliver(std::vector<Answer>& answers);
  void publish_figures();

  ClerkOptions options;
  std::unique_ptr<KeysInFile> keys;
  Worker worker;  // the clerk's thread's, once it runs

  std::mutex mutex;
  std::condition_variable wake;
  std::vector<Queued> queue;
  bool stopping = false;

  mutable std::mutex figures_mutex;
  ClerkStats figures;
  std::string trouble;
  std::uint64_t commands = 0;
  std::thread thread;
};

void Clerk::Impl::deliver(std::vector<Answer>& answers) {
  // One message for each mailbox, in the order of the answers; there are as many mailboxes as event loops.
  std::vector<std::pair<Mailbox*, std::vector<Delivery>>> mail;
  for (Answer& answer : answers) {
    if (answer.to.mailbox == nullptr) continue;
    auto box =
        std::find_if(mail.begin(), mail.end(), [&](auto& one) { return one.first == answer.to.mailbox; });
    if (box == mail.end()) box = mail.insert(mail.end(), {answer.to.mailbox, {}});
    box->second.push_back({answer.to.ticket, std::move(answer.reply)});
  }
  for (auto& [mailbox, deliveries] : mail) mailbox->deliver(std::move(deliveries));
}

void Clerk::Impl::publish_figures() {
  std::lock_guard lock(figures_mutex);
  figures.commands = commands;
  figures.batches = worker.batches();
  figures.commit_failures = worker.commit_failures();
  figures.interrupted = worker.interrupted();
  figures.commit_ns = worker.commit_ns();
  figures.commit_cpu_ns = worker.commit_cpu_ns();
  trouble = worker.trouble();
  if (const StateMachine* machine = worker.machine()) {
    figures.open_calls = machine->open_calls();
    figures.waiting_calls = machine->waiting_calls();
    figures.accounts = machine->accounts().accounts();
    figures.log_size = machine->tree().size();
  }
}

void Clerk::Impl::run() {
  pthread_setname_np(pthread_self(), "clerk");
  std::vector<Queued> taken, batch;
  std::vector<Answer> answers;
  auto last_tick = std::chrono::steady_clock::now();
  auto tick_every = std::chrono::nanoseconds(options.tick_every.count);
  auto gather = std::chrono::nanoseconds(options.gather.count);
  bool is_busy = false;
  for (bool is_last = false; !is_last;) {
    {
      std::unique_lock lock(mutex);
      wake.wait_for(lock, tick_every, [this] { return !queue.empty() || stopping; });
      // Nobody is woken for a queue that is not empty, so this sleeps its whole time, or until the stop.
      if (is_busy && !stopping) wake.wait_for(lock, gather, [this] { return stopping; });
      taken.swap(queue);
      is_last = stopping;
    }
    is_busy = taken.size() >= options.gather_from;
    auto steady = std::chrono::steady_clock::now();
    if (steady - last_tick >= tick_every) {
      taken.push_back({Tick{options.clock(), nanoseconds_of(steady - last_tick)}, {}});
      last_tick = steady;
    }
    for (std::size_t begin = 0; begin < taken.size(); begin += options.batch_max) {
      auto first = taken.begin() + static_cast<std::ptrdiff_t>(begin);
      auto last =
          taken.begin() + static_cast<std::ptrdiff_t>(std::min(taken.size(), begin + options.batch_max));
      batch.assign(std::make_move_iterator(first), std::make_move_iterator(last));
      commands += batch.size();
      answers.clear();
      worker.work(batch, answers);
      publish_figures();
      deliver(answers);
    }
    taken.clear();
  }
  answers.clear();
  for (ReplyTo to : worker.drop_waiting()) answers.push_back({to, stopped()});
  deliver(answers);
}

// The public face

Clerk::Clerk(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Clerk::~Clerk() { stop(); }

Result<std::unique_ptr<Clerk>> Clerk::start(store::Store& store, record::KeysFile* keys,
                                            ClerkOptions options) {
  auto impl = std::make_unique<Impl>(store, keys, std::move(options));
  CIYUAN_TRY_STATUS(impl->worker.start(impl->options.clock()));
  impl->publish_figures();
  impl->thread = std::thread([raw = impl.get()] { raw->run(); });
  return std::unique_ptr<Clerk>(new Clerk(std::move(impl)));
}

Status Clerk::submit(Command command, Mailbox& mailbox, std::uint64_t ticket) {
  bool was_empty = false;
  {
    std::lock_guard lock(impl_->mutex);
    if (impl_->stopping) return stopped();
    if (impl_->queue.size() >= impl_->options.queue_max)
      return Error{ErrorCode::kUnavailable,
                   "the clerk has " + std::to_string(impl_->queue.size()) + " commands before this one", ""};
    was_empty = impl_->queue.empty();
    impl_->queue.push_back({std::move(command), {&mailbox, ticket}});
  }
  if (was_empty) impl_->wake.notify_one();
  return {};
}

Reply Clerk::call(Command command) {
  OneReply reply;
  if (Status queued = submit(std::move(command), reply, 0); !queued.ok()) return queued.error();
  return reply.wait();
}

bool Clerk::healthy() const { return trouble().empty(); }

std::string Clerk::trouble() const {
  std::lock_guard lock(impl_->figures_mutex);
  return impl_->trouble;
}

ClerkStats Clerk::stats() const {
  std::size_t queued = 0;
  {
    std::lock_guard lock(impl_->mutex);
    queued = impl_->queue.size();
  }
  std::lock_guard lock(impl_->figures_mutex);
  ClerkStats stats = impl_->figures;
  stats.queued = queued;
  return stats;
}

void Clerk::stop() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_one();
  if (impl_->thread.joinable()) impl_->thread.join();
}

}  // namespace ciyuan::clerk
