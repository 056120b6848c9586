#include "clerk/clerk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include "calls.h"
#include "record/keys_file.h"

namespace ciyuan::clerk::testing {
namespace {

using contract::Contention;

class Box final : public Mailbox {
 public:
  void deliver(std::vector<Delivery> deliveries) override {
    std::lock_guard lock(mutex_);
    ++messages_;
    for (Delivery& delivery : deliveries) replies_.emplace(delivery.ticket, std::move(delivery.reply));
    changed_.notify_all();
  }
  /// Waits until `count` replies are there.
  std::map<std::uint64_t, Reply> take(std::size_t count) {
    std::unique_lock lock(mutex_);
    bool there = changed_.wait_for(lock, std::chrono::seconds(20), [&] { return replies_.size() >= count; });
    CIYUAN_CHECK(there, "the replies come");
    return std::exchange(replies_, {});
  }
  std::size_t messages() const { return messages_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, Reply> replies_;
  std::size_t messages_ = 0;
};

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/ciyuan-clerk-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

ClerkOptions options() {
  ClerkOptions options;
  options.clock = [] { return kStart; };
  return options;
}

template <class Kind>
Kind as(Reply reply) {
  if (auto* error = std::get_if<Error>(&reply); error != nullptr && !std::is_same_v<Kind, Error>)
    std::fprintf(stderr, "unexpected error: %s\n", error->text().c_str());
  CIYUAN_CHECK(std::holds_alternative<Kind>(reply), "the reply is of the kind that was expected");
  return std::get<Kind>(std::move(reply));
}

TEST(Clerk, answers_every_command_once_and_batches_what_queues_up) {
  store::MemoryStore store;
  auto clerk = Clerk::start(store, nullptr, options());
  ASSERT_TRUE(clerk.ok());
  Box box;
  for (int n = 0; n < 500; ++n)
    ASSERT_TRUE(
        (*clerk)
            ->submit(open_of(n, terms_of({cap("s1", 1'000'000)}), 1, 10), box, static_cast<std::uint64_t>(n))
            .ok());
  auto replies = box.take(500);
  EXPECT_EQ(replies.size(), 500u);
  for (auto& [ticket, reply] : replies) EXPECT_EQ(std::get<Opened>(reply).granted, 10);
  EXPECT_LE(box.messages(), 500u);
  EXPECT_EQ((*clerk)->stats().open_calls, 500u);
}

TEST(Clerk, keeps_racing_calls_within_their_balance) {
  store::MemoryStore store;
  auto clerk = Clerk::start(store, nullptr, options());
  ASSERT_TRUE(clerk.ok());
  std::atomic<int> served = 0, refused = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread)
    threads.emplace_back([&, thread] {
      for (int n = 0; n < 125; ++n) {
        int number = thread * 1000 + n;
        Reply reply =
            (*clerk)->call(open_of(number, terms_of({cap("wallet", 500 * 10)}, Contention::kWait), 5, 5));
        if (std::holds_alternative<Opened>(reply)) {
          ++served;
          as<Closed>((*clerk)->call(close_of(number, 5, 5)));
        } else {
          as<Refusal>(std::move(reply));
          ++refused;
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(served, 500);
  EXPECT_EQ(refused, 500);
}

TEST(Clerk, says_unavailable_when_its_queue_is_full_and_after_stopping) {
  store::MemoryStore store;
  ClerkOptions few = options();
  few.queue_max = 0;
  auto clerk = Clerk::start(store, nullptr, few);
  ASSERT_TRUE(clerk.ok());
  Box box;
  EXPECT_EQ((*clerk)->submit(Tick{kStart}, box, 1).error().code, ErrorCode::kUnavailable);
  (*clerk)->stop();
  EXPECT_EQ(as<Error>((*clerk)->call(Tick{kStart})).code, ErrorCode::kUnavailable);
}

TEST(Clerk, tells_waiting_calls_that_it_stops) {
  store::MemoryStore store;
  auto clerk = Clerk::start(store, nullptr, options());
  ASSERT_TRUE(clerk.ok());
  auto terms = terms_of({cap("s1", 150)}, Contention::kWait);
  as<Opened>((*clerk)->call(open_of(1, terms, 20, 100)));
  Box box;
  ASSERT_TRUE((*clerk)->submit(open_of(2, terms, 20, 100), box, 2).ok());
  (*clerk)->stop();
  EXPECT_EQ(std::get<Error>(box.take(1).at(2)).code, ErrorCode::kUnavailable);
}

TEST(Clerk, opens_nothing_for_those_who_wait_once_it_is_told_to) {
  store::MemoryStore store;
  auto clerk = Clerk::start(store, nullptr, options());
  ASSERT_TRUE(clerk.ok());
  auto terms = terms_of({cap("s1", 150)}, Contention::kWait);
  as<Opened>((*clerk)->call(open_of(1, terms, 20, 100)));
  Box box;
  ASSERT_TRUE((*clerk)->submit(open_of(2, terms, 20, 100), box, 2).ok());
  (*clerk)->open_no_more();
  ASSERT_TRUE((*clerk)->submit(open_of(3, terms, 1, 1), box, 3).ok());
  as<Closed>((*clerk)->call(close_of(1, 20, 10)));
  auto answers = box.take(2);
  EXPECT_EQ(std::get<Error>(answers.at(2)).code, ErrorCode::kUnavailable);
  EXPECT_EQ(std::get<Error>(answers.at(3)).code, ErrorCode::kUnavailable);
  EXPECT_EQ((*clerk)->stats().open_calls, 0u);
  EXPECT_EQ((*clerk)->stats().log_size, 1u) << "of the first alone";
}

// The fault table: an operation fails before or after its effect, and the caller tries again.
class Faults : public ::testing::TestWithParam<store::Fault> {};

TEST_P(Faults, a_failed_open_is_not_open_and_holds_nothing) {
  store::MemoryStore store;
  auto clerk = Clerk::start(store, nullptr, options());
  ASSERT_TRUE(clerk.ok());
  auto terms = terms_of({cap("s1", 150)});
  as<Opened>((*clerk)->call(open_of(1, terms, 5, 1)));
  store.fail_next(GetParam());
  EXPECT_EQ(as<Error>((*clerk)->call(open_of(2, terms, 40, 100))).code, ErrorCode::kUnavailable);
  EXPECT_FALSE((*clerk)->healthy());
  EXPECT_THAT((*clerk)->trouble(), ::testing::HasSubstr("simulated"));
  as<Closed>((*clerk)->call(close_of(1, 5, 1)));
  EXPECT_TRUE((*clerk)->healthy());
  EXPECT_EQ((*clerk)->trouble(), "");
  EXPECT_EQ((*clerk)->stats().open_calls, 0u);
  EXPECT_EQ(as<Opened>((*clerk)->call(open_of(3, terms, 44, 100))).granted, 100) << "nothing else is held";
}

TEST_P(Faults, a_failed_close_can_be_sent_again_and_charges_once) {
  store::MemoryStore store;
  auto clerk = Clerk::start(store, nullptr, options());
  ASSERT_TRUE(clerk.ok());
  as<Opened>((*clerk)->call(open_of(1, terms_of({cap("s1", 150)}), 5, 10)));
  store.fail_next(GetParam());
  EXPECT_EQ(as<Error>((*clerk)->call(close_of(1, 5, 9))).code, ErrorCode::kUnavailable);
  Closed closed = as<Closed>((*clerk)->call(close_of(1, 5, 9)));
  EXPECT_EQ(closed.leaf_index, 0u);
  EXPECT_EQ(as<Closed>((*clerk)->call(close_of(1, 5, 9))).record_json, closed.record_json);
  auto account = (*store.reader())->account("cap/s1");
  EXPECT_EQ((*account)->debits_posted, Amount(14 * kCiyuan));
  EXPECT_EQ((*store.reader())->log_entries(0, 10)->size(), 1u);
}

TEST_P(Faults, a_failed_extension_leaves_the_call_open) {
  store::MemoryStore store;
  auto clerk = Clerk::start(store, nullptr, options());
  ASSERT_TRUE(clerk.ok());
  as<Opened>((*clerk)->call(open_of(1, terms_of({cap("s1", 500)}), 5, 1000)));
  store.fail_next(GetParam());
  EXPECT_EQ(as<Error>((*clerk)->call(extend_of(1, 80, 100))).code, ErrorCode::kUnavailable);
  EXPECT_GE(as<Extended>((*clerk)->call(extend_of(1, 80, 100))).granted, 200);
  as<Closed>((*clerk)->call(close_of(1, 5, 150)));
}

TEST_P(Faults, waiting_calls_are_told) {
  store::MemoryStore store;
  auto clerk = Clerk::start(store, nullptr, options());
  ASSERT_TRUE(clerk.ok());
  auto terms = terms_of({cap("s1", 150)}, Contention::kWait);
  as<Opened>((*clerk)->call(open_of(1, terms, 20, 100)));
  Box box;
  ASSERT_TRUE((*clerk)->submit(open_of(2, terms, 20, 100), box, 2).ok());
  as<Done>((*clerk)->call(Tick{kStart}));
  EXPECT_EQ((*clerk)->stats().waiting_calls, 1u);
  store.fail_next(GetParam());
  as<Error>((*clerk)->call(close_of(1, 20, 1)));
  EXPECT_EQ(std::get<Error>(box.take(1).at(2)).code, ErrorCode::kUnavailable);
  as<Closed>((*clerk)->call(close_of(1, 20, 1)));
  EXPECT_EQ((*clerk)->stats().open_calls, 0u);
}

INSTANTIATE_TEST_SUITE_P(Clerk, Faults,
                         ::testing::Values(store::Fault::kBeforeEffect, store::Fault::kAfterEffect));

TEST(Clerk, works_again_when_a_lost_disk_comes_back) {
  store::MemoryStore store;
  auto clerk = Clerk::start(store, nullptr, options());
  ASSERT_TRUE(clerk.ok());
  as<Opened>((*clerk)->call(open_of(1, terms_of({cap("s1", 150)}), 5, 10)));
  store.set_unavailable(true);
  for (int n = 2; n < 5; ++n) as<Error>((*clerk)->call(open_of(n, terms_of({cap("s1", 150)}), 5, 10)));
  as<Error>((*clerk)->call(close_of(1, 5, 9)));
  EXPECT_FALSE((*clerk)->healthy());
  store.set_unavailable(false);
  as<Closed>((*clerk)->call(close_of(1, 5, 9)));
  EXPECT_TRUE((*clerk)->healthy());
}

TEST(Clerk, over_sqlite_survives_its_own_death) {
  Folder folder;
  for (int life = 0; life < 3; ++life) {
    auto store = store::open_sqlite(folder / "ciyuan.db");
    ASSERT_TRUE(store.ok()) << store.error().text();
    auto keys = record::KeysFile::open(folder / "keys.dat");
    ASSERT_TRUE(keys.ok()) << keys.error().text();
    auto clerk = Clerk::start(**store, &*keys, options());
    ASSERT_TRUE(clerk.ok()) << clerk.error().text();
    EXPECT_EQ((*clerk)->stats().interrupted, life == 0 ? 0u : 1u);
    int first = life * 10;
    auto terms = terms_of({cap("s1", 1000)});
    as<Opened>((*clerk)->call(open_of(first, terms, 10, 50)));
    as<Closed>((*clerk)->call(close_of(first, 10, 20)));
    as<Opened>((*clerk)->call(open_of(first + 1, terms, 10, 50)));
    as<Extended>((*clerk)->call(extend_of(first + 1, 5, 0)));
  }
  auto reader = store::open_sqlite_reader(folder / "ciyuan.db");
  ASSERT_TRUE(reader.ok());
  auto account = (*reader)->account("cap/s1");
  EXPECT_EQ((*account)->debits_posted, Amount((3 * 30 + 2 * 15) * kCiyuan));
  EXPECT_EQ((*reader)->records({})->size(), 5u);
  EXPECT_EQ((*reader)->open_calls()->size(), 1u);
  auto statement = (*reader)->statement("cap/s1", 0, {}, 3);
  ASSERT_EQ(statement->size(), 3u);
  EXPECT_EQ(statement->at(0).balance, Amount((1000 - 120) * kCiyuan));
  auto rest = (*reader)->statement("cap/s1", statement->back().entry, {}, 100);
  ASSERT_EQ(rest->size(), 3u);
  EXPECT_EQ(rest->back().kind, store::EntryKind::kFund);
}

}  // namespace
}  // namespace ciyuan::clerk::testing
