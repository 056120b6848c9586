/// Open + close pairs through the clerk, durable, from 1 to 1000 callers at once. See README.md.

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "clerk/clerk.h"
#include "ledger/ledger.h"
#include "record/keys_file.h"
#include "record/leaf.h"

namespace {

using namespace ciyuan;
using Clock = std::chrono::steady_clock;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](timeval time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

contract::Limit cap(std::string account, std::string unit, std::string sink, Int128 funds) {
  contract::Limit limit;
  limit.clause = account.substr(0, account.find('='));
  limit.account = "cap/acme/" + account;
  limit.unit = std::move(unit);
  limit.sink = std::move(sink);
  limit.funds = Amount(funds);
  for (Amount& cost : limit.per_token) cost = Amount(limit.unit == "CIYUAN" ? 1'000'000 : 2'000'000);
  return limit;
}

// Four limits, as an ordinary contract has them: session, key by the month, contract by the month, money.
contract::Terms terms_of(std::uint64_t session) {
  constexpr Int128 kPlenty = Int128{1} << 60;
  contract::Terms terms;
  terms.limits = {
      cap("session=" + std::to_string(session), "CIYUAN", "used/acme/CIYUAN", kPlenty),
      cap("key=k" + std::to_string(session % 10) + "/2026-11", "CIYUAN", "used/acme/CIYUAN", kPlenty),
      cap("monthly/2026-11", "CIYUAN", "used/acme/CIYUAN", kPlenty),
      cap("balance", "CNY", "revenue/vendor/CNY", 0)};
  terms.limits[3].account = "receivable/acme/CNY";
  terms.limits[3].may_overdraw = true;
  terms.currency = "CNY";
  terms.prices = {{Kind::kInput, Amount(2'000'000)}, {Kind::kOutput, Amount(8'000'000)}};
  for (Amount& weight : terms.ciyuan_per_token) weight = Amount(1'000'000);
  return terms;
}

record::UsageRecord record_of(const Id& id, std::uint64_t session) {
  record::UsageRecord record;
  record.id = id;
  record.accepted = record.first_byte = now();
  record.party = "acme";
  record.contract = "acme-2026";
  record.key = "k" + std::to_string(session % 10);
  record.session = "s" + std::to_string(session);
  record.model_asked = record.model_answered = "smollm2-135m";
  record.upstream = "local";
  record.region = "cn-shanghai";
  record.region_grade = "pinned_endpoint";
  record.method_digest = record.price_book_digest = record.contract_digest = std::string(64, 'a');
  record.tokenizer_digest = record.template_digest = std::string(64, 'b');
  record.usage["input"] = {12, 12, 12, record::Level::kProved, "smollm2"};
  record.usage["output"] = {40, 40, 40, record::Level::kProved, "smollm2"};
  record.finish_reason = "stop";
  return record;
}

// Every caller opens, waits, closes, waits, and begins anew: one thread plays them all, as an event loop
// would.
class Callers final : public clerk::Mailbox {
 public:
  Callers(clerk::Clerk& clerk, std::size_t count) : clerk_(clerk), ids_(count), opened_at_(count) {}

  void deliver(std::vector<clerk::Delivery> deliveries) override {
    {
      std::lock_guard lock(mutex_);
      for (clerk::Delivery& delivery : deliveries) inbox_.push_back(std::move(delivery));
    }
    wake_.notify_one();
  }

  std::uint64_t run(double seconds_max) {
    auto end = Clock::now() +
               std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds_max));
    std::size_t active = ids_.size();
    for (std::size_t i = 0; i < ids_.size(); ++i) open(i);
    std::vector<clerk::Delivery> mail;
    while (active > 0) {
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return !inbox_.empty(); });
        mail.swap(inbox_);
      }
      bool go_on = Clock::now() < end;
      for (clerk::Delivery& delivery : mail) {
        std::size_t caller = delivery.ticket / 2;
        if (delivery.ticket % 2 == 0) {
          CIYUAN_CHECK(std::holds_alternative<clerk::Opened>(delivery.reply), "every call opens");
          close(caller);
        } else {
          CIYUAN_CHECK(std::holds_alternative<clerk::Closed>(delivery.reply), "every call closes");
          latencies_.push_back(
              std::chrono::duration<double, std::milli>(Clock::now() - opened_at_[caller]).count());
          if (go_on)
            open(caller);
          else
            --active;
        }
      }
      mail.clear();
    }
    return latencies_.size();
  }

  double percentile(double share) {
    if (latencies_.empty()) return 0;
    auto place =
        latencies_.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(latencies_.size() - 1));
    std::nth_element(latencies_.begin(), place, latencies_.end());
    return *place;
  }

 private:
  void open(std::size_t caller) {
    opened_at_[caller] = Clock::now();
    clerk::Open command;
    command.at = now();
    command.id = ids_[caller] = make_uuid7(command.at);
    command.terms = terms_of(++calls_ / 20);
    command.prompt[Kind::kInput] = 12;
    command.output_wanted = 200;
    command.draft = record_of(command.id, calls_ / 20);
    submit(std::move(command), 2 * caller);
  }
  void close(std::size_t caller) {
    clerk::Close command;
    command.at = now();
    command.id = ids_[caller];
    command.billed[Kind::kInput] = 12;
    command.billed[Kind::kOutput] = 40;
    command.record = record_of(command.id, calls_ / 20);
    submit(std::move(command), 2 * caller + 1);
  }
  void submit(clerk::Command command, std::uint64_t ticket) {
    CIYUAN_CHECK(clerk_.submit(std::move(command), *this, ticket).ok(), "the queue has room");
  }

  clerk::Clerk& clerk_;
  std::vector<Id> ids_;
  std::vector<Clock::time_point> opened_at_;
  std::vector<double> latencies_;
  std::uint64_t calls_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<clerk::Delivery> inbox_;
};

void bench_clerk(const std::filesystem::path& parent, std::size_t callers, double seconds_max) {
  std::filesystem::path folder = parent / ("clerk-bench-" + std::to_string(callers));
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  {
    auto store = store::open_sqlite(folder / "ciyuan.db").value();
    auto keys = record::KeysFile::open(folder / "keys.dat").value();
    auto clerk = clerk::Clerk::start(*store, &keys, {}).value();
    Callers load(*clerk, callers);
    double cpu = cpu_seconds();
    auto begin = Clock::now();
    auto pairs = static_cast<double>(load.run(seconds_max));
    double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    cpu = cpu_seconds() - cpu;
    clerk::ClerkStats stats = clerk->stats();
    std::printf(
        "%8zu %10.0f %12.1f %10.1f %10.1f %10.2f %10.2f %14.1f\n", callers, pairs / seconds,
        cpu / pairs * 1e6, static_cast<double>(stats.commit_ns) / pairs / 1e3,
        static_cast<double>(stats.commit_cpu_ns) / pairs / 1e3, load.percentile(0.5), load.percentile(0.99),
        static_cast<double>(stats.commands) / static_cast<double>(std::max<std::uint64_t>(stats.batches, 1)));
    std::fflush(stdout);
  }
  std::filesystem::remove_all(folder);
}

// The ledger alone: a hold and its settling over four limits.
void bench_ledger() {
  ledger::Ledger ledger;
  std::vector<ledger::AccountIndex> accounts;
  for (int i = 0; i < 6; ++i)
    accounts.push_back(
        ledger.open_account({"account " + std::to_string(i), i < 4 ? "CIYUAN" : "CNY", 6, true}).value());
  std::vector<ledger::Line> held = {{accounts[0], Amount(-300)}, {accounts[1], Amount(-300)},
                                    {accounts[2], Amount(-300)}, {accounts[4], Amount(-9)},
                                    {accounts[3], Amount(900)},  {accounts[5], Amount(9)}};
  std::vector<ledger::Line> posted = held;
  for (ledger::Line& line : posted) line.amount = Amount(line.amount.units() / 3);
  constexpr std::uint64_t kPairs = 2'000'000;
  auto begin = Clock::now();
  Id id;
  for (std::uint64_t n = 1; n <= kPairs; ++n) {
    __builtin_memcpy(id.bytes.data(), &n, sizeof n);
    CIYUAN_CHECK(ledger.hold(id, held).ok() && ledger.settle(id, posted).ok(), "both work");
  }
  double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::printf("ledger alone: hold + settle over 4 limits, 6 lines: %.0f ns\n", seconds / kPairs * 1e9);
}

void bench_seal() {
  record::UsageRecord record = record_of(make_uuid7(now()), 1);
  SecretKey key = random_secret_key();
  constexpr int kTimes = 100'000;
  auto begin = Clock::now();
  std::size_t bytes = 0;
  for (int i = 0; i < kTimes; ++i) bytes += record::seal(record, key).entry.size();
  double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::printf("record::seal: %.1f us (%zu bytes of record, %zu of entry)\n", seconds / kTimes * 1e6,
              record::to_json(record).size(), bytes / kTimes);
}

}  // namespace

int main(int argc, char** argv) {
  std::filesystem::path folder = argc > 1 ? argv[1] : ".";
  double seconds = argc > 2 ? std::atof(argv[2]) : 3;
  bench_ledger();
  bench_seal();
  std::printf("%8s %10s %12s %10s %10s %10s %10s %14s\n", "callers", "pairs/s", "cpu us/pair", "commit us",
              "its cpu us", "p50 ms", "p99 ms", "commands/batch");
  for (std::size_t callers : {1, 10, 100, 1000}) bench_clerk(folder, callers, seconds);
}
