#include "clerk/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "calls.h"

namespace ciyuan::clerk::testing {
namespace {

using ::testing::HasSubstr;

Reply work(Worker& worker, Command command) {
  std::vector<Queued> batch;
  batch.push_back({std::move(command), {nullptr, 1}});
  std::vector<Answer> answers;
  worker.work(batch, answers);
  CIYUAN_CHECK(answers.size() == 1, "one command has one answer");
  return std::move(answers[0].reply);
}

TEST(Worker, is_in_trouble_until_something_was_made_durable) {
  store::MemoryStore store;
  Worker worker(store, nullptr, {});
  ASSERT_TRUE(worker.start(kStart).ok());
  auto terms = terms_of({cap("s1", 150)});
  for (Command command : {Command(open_of(1, terms, 5, 1)), Command(Tick{kStart}), Command(Tick{kStart})}) {
    store.fail_next(store::Fault::kBeforeEffect);
    work(worker, command);
    EXPECT_THAT(worker.trouble(), HasSubstr("simulated")) << "a batch without effects proves nothing";
    store.fail_next(store::Fault::kNone);
  }
  std::uint64_t before = store.head()->batch;
  work(worker, Tick{kStart});
  EXPECT_EQ(worker.trouble(), "");
  EXPECT_EQ(store.head()->batch, before + 1);
  work(worker, Tick{kStart});
  EXPECT_EQ(store.head()->batch, before + 1) << "without trouble nothing is written for nothing";
}

class UnreadableKeys final : public KeySource {
 public:
  Result<record::RecordKey> take() override { return record::RecordKey{random_secret_key(), taken_++}; }
  Result<SecretKey> find(const Id&, std::optional<std::uint64_t>) override {
    return Error{code, "keys (simulated)", ""};
  }
  std::uint64_t next_slot() const override { return taken_; }
  ErrorCode code = ErrorCode::kUnavailable;

 private:
  std::uint64_t taken_ = 0;
};

TEST(Worker, does_not_start_while_the_key_of_an_open_call_cannot_be_read) {
  store::MemoryStore store;
  UnreadableKeys keys;
  {
    Worker worker(store, &keys, {});
    ASSERT_TRUE(worker.start(kStart).ok());
    work(worker, open_of(1, terms_of({cap("s1", 150)}), 40, 10));
  }
  EXPECT_EQ(Worker(store, &keys, {}).start(kStart).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(store.open_calls()->size(), 1u) << "nothing is sealed under another key";
  keys.code = ErrorCode::kRefused;  // erased: the record is made all the same
  EXPECT_TRUE(Worker(store, &keys, {}).start(kStart).ok());
  EXPECT_TRUE(store.open_calls()->empty());
}

TEST(Worker, does_not_start_with_keys_that_begin_before_those_that_the_store_names) {
  store::MemoryStore store;
  {
    UnreadableKeys keys;
    Worker worker(store, &keys, {});
    ASSERT_TRUE(worker.start(kStart).ok());
    work(worker, open_of(1, terms_of({cap("s1", 150)}), 40, 10));
    EXPECT_EQ(store.head()->key_slots, 1u);
  }
  UnreadableKeys other;
  Status started = Worker(store, &other, {}).start(kStart);
  EXPECT_EQ(started.error().code, ErrorCode::kConflict);
  EXPECT_THAT(started.error().text(), HasSubstr("slots up to 0"));
}

TEST(Worker, refuses_a_call_for_which_there_is_no_key_and_goes_on_with_the_others) {
  store::MemoryStore store;
  Keys keys;
  Worker worker(store, &keys, {});
  ASSERT_TRUE(worker.start(kStart).ok());
  auto terms = terms_of({cap("s1", 150)});
  ASSERT_TRUE(std::holds_alternative<Opened>(work(worker, open_of(1, terms, 40, 10))));
  keys.failing = true;
  EXPECT_EQ(std::get<Error>(work(worker, open_of(2, terms, 40, 10))).code, ErrorCode::kUnavailable);
  EXPECT_TRUE(std::holds_alternative<Closed>(work(worker, close_of(1, 40, 10))));
  EXPECT_EQ(store.head()->key_slots, 1u);
  keys.failing = false;
  EXPECT_TRUE(std::holds_alternative<Opened>(work(worker, open_of(2, terms, 40, 10))));
}

TEST(Worker, voids_an_open_before_its_caller_hears_that_it_failed) {
  for (store::Fault fault : {store::Fault::kBeforeEffect, store::Fault::kAfterEffect}) {
    store::MemoryStore store;
    auto worker = std::make_unique<Worker>(store, nullptr, MachineOptions{});
    ASSERT_TRUE(worker->start(kStart).ok());
    store.fail_next(fault);
    Reply reply = work(*worker, open_of(1, terms_of({cap("s1", 150)}), 40, 10));
    EXPECT_EQ(std::get<Error>(reply).code, ErrorCode::kUnavailable);
    worker = std::make_unique<Worker>(store, nullptr, MachineOptions{});
    ASSERT_TRUE(worker->start(kStart).ok());
    auto account = store.account("cap/s1");
    if (*account) EXPECT_EQ((*account)->debits_posted, Amount()) << "its prompt is not billed";
    EXPECT_TRUE(store.open_calls()->empty());
  }
}

}  // namespace
}  // namespace ciyuan::clerk::testing
