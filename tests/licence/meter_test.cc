#include "licence/meter.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <random>
#include <thread>

#include "sample.h"

namespace ciyuan::licence {
namespace {

TEST(Meter, counts_by_the_vouchers_weights_and_says_what_is_left) {
  Workshop shop;
  Meter meter = shop.meter().value();
  EXPECT_EQ(meter.count("small", counts_of(3, 4), kStart).value(), ciyuan(993));
  EXPECT_EQ(meter.count("large", counts_of(1, 2), kStart).value(), ciyuan(987));
  ASSERT_TRUE(meter.close(kStart).ok());
  Chain chain = shop.chain().value();
  EXPECT_EQ(chain.statements.back().ciyuan, ciyuan(13));
  EXPECT_EQ(chain.statements.back().marked, ciyuan(13));
  EXPECT_EQ(chain.statements.back().unaccounted, Amount());
  EXPECT_EQ(chain.statements.back().tokens.at("small"), counts_of(3, 4));
}

TEST(Meter, refuses_what_goes_beyond_the_voucher_and_lets_the_rest_be_used) {
  Workshop shop;
  Meter meter = shop.meter().value();
  ASSERT_TRUE(meter.count("small", counts_of(990, 0), kStart).ok());
  auto refused = meter.count("small", counts_of(11, 0), kStart);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().path, "ciyuan");
  EXPECT_NE(refused.error().message.find("10 of 1000 Ciyuan left, this call needs 11"), std::string::npos)
      << refused.error().message;
  EXPECT_EQ(meter.count("small", counts_of(10, 0), kStart).value(), Amount());
  EXPECT_EQ(meter.count("small", counts_of(kTokensMax, kTokensMax), kStart).error().path, "tokens");
  EXPECT_EQ(meter.count("other", counts_of(1, 0), kStart).error().path, "model");
  EXPECT_EQ(meter.count("small", counts_of(-1, 0), kStart).error().code, ErrorCode::kInvalid);
  EXPECT_TRUE(shop.chain().ok());
}

TEST(Meter, a_clock_that_is_set_back_does_not_lengthen_a_voucher) {
  Workshop shop;
  Meter meter = shop.meter().value();
  ASSERT_TRUE(meter.count("small", counts_of(1, 0), shop.voucher.until + Nanoseconds{-1}).ok());
  ASSERT_TRUE(meter.count("small", counts_of(1, 0), kStart).ok());
  EXPECT_EQ(meter.count("small", counts_of(1, 0), shop.voucher.until).error().path, "until");
  ASSERT_TRUE(meter.close(kStart).ok());
  EXPECT_EQ(shop.chain()->statements.back().at, shop.voucher.until) << "the end is written down";
  EXPECT_EQ(meter.count("small", counts_of(1, 0), shop.voucher.issued).error().path, "until");
}

TEST(Meter, takes_only_its_own_voucher_of_a_server_it_knows_and_is_one_process) {
  Workshop shop, other;
  EXPECT_EQ(Meter::open(shop.file(), other.note(), {&shop.server_key, 1}, shop.device, kStart).error().code,
            ErrorCode::kRefused);
  EXPECT_EQ(Meter::open(shop.file(), shop.note(), {&shop.server_key, 1}, other.device, kStart).error().path,
            "device");
  EXPECT_FALSE(std::filesystem::exists(shop.file()));
  EXPECT_EQ(Meter::open(shop.file(), "", {&shop.server_key, 1}, shop.device, kStart).error().code,
            ErrorCode::kNotFound);
  Meter meter = shop.meter().value();
  EXPECT_EQ(shop.meter().error().code, ErrorCode::kConflict);
  Workshop next = Workshop();
  next.voucher = shop.voucher;
  next.voucher.id = id_from_content("another voucher");
  std::string note = sign_voucher(next.voucher, shop.server).value();
  { Meter gone = std::move(meter); }
  EXPECT_EQ(Meter::open(shop.file(), note, {&shop.server_key, 1}, shop.device, kStart).error().code,
            ErrorCode::kConflict);
}

TEST(Meter, is_begun_by_one_of_those_that_begin_it_at_once) {
  for (int round = 0; round < 20; ++round) {
    Workshop shop;
    std::atomic<int> waiting = 4, begun = 0, refused = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        --waiting;
        while (waiting > 0) std::this_thread::yield();
        Result<Meter> meter = shop.meter();
        if (!meter.ok()) {
          refused += meter.error().code == ErrorCode::kConflict;
          return;
        }
        ++begun;
        EXPECT_TRUE(meter->count("small", counts_of(1, 0), kStart).ok());
        // The others come meanwhile.
        while (begun + refused < 4) std::this_thread::yield();
        EXPECT_TRUE(meter->close(kStart).ok());
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(begun, 1);
    EXPECT_EQ(refused, 3);
    EXPECT_EQ(shop.chain()->statements.back().ciyuan, ciyuan(1)) << "what was counted is in the file";
  }
}

TEST(Meter, goes_on_with_a_file_that_was_begun_half_and_takes_no_other_file_for_one) {
  Workshop shop;
  const std::string note = shop.note();
  for (std::size_t size = 0; size < note.size(); size += 11) {
    ASSERT_TRUE(write_file_atomically(shop.file(), note.substr(0, size)).ok());
    ASSERT_TRUE(shop.meter().ok()) << size;
    EXPECT_EQ(shop.text(), note);
  }
  ASSERT_TRUE(write_file_atomically(shop.file(), "a letter").ok());
  EXPECT_FALSE(shop.meter().ok());
  EXPECT_EQ(shop.text(), "a letter");
}

TEST(Meter, counts_nothing_after_it_was_finished) {
  Workshop shop;
  {
    Meter meter = shop.meter().value();
    ASSERT_TRUE(meter.count("small", counts_of(3, 0), kStart).ok());
    ASSERT_TRUE(meter.finish(kStart).ok());
    ASSERT_TRUE(meter.finish(kStart).ok());
    EXPECT_EQ(meter.count("small", counts_of(1, 0), kStart).error().path, "final");
    ASSERT_TRUE(meter.close(kStart).ok());
  }
  Meter again = shop.meter().value();
  EXPECT_EQ(again.count("small", counts_of(1, 0), kStart).error().path, "final") << "also when opened again";
  const Chain chain = shop.chain().value();
  EXPECT_EQ(chain.statements.size(), 2U);
  EXPECT_TRUE(chain.statements.back().is_final);
  EXPECT_EQ(chain.statements.back().ciyuan, ciyuan(3));
  EXPECT_EQ(chain.statements.back().marked, ciyuan(3));
}

// The slow twin: a sum in plain numbers.
TEST(Meter, counts_to_the_token_whatever_is_called_refused_closed_and_opened_again) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 40; ++round) {
    Workshop shop;
    shop.voucher.quantum = ciyuan(1 + static_cast<std::int64_t>(random() % 60));
    std::int64_t used_halves = 0;  // Ciyuan, in halves
    TimePoint at = kStart;
    std::optional<Meter> meter(shop.meter().value());
    for (int step = 0; step < 60; ++step) {
      at = at + seconds(static_cast<std::int64_t>(random() % 100));
      const bool large = random() % 2;
      KindCounts counts =
          counts_of(static_cast<std::int64_t>(random() % 30), static_cast<std::int64_t>(random() % 30));
      std::int64_t cost = 2 * counts[Kind::kInput] + (large ? 5 : 2) * counts[Kind::kOutput];
      auto left = meter->count(large ? "large" : "small", counts, at);
      ASSERT_EQ(left.ok(), used_halves + cost <= 2000);
      if (left.ok()) {
        used_halves += cost;
        ASSERT_EQ(*left, Amount(Int128{2000 - used_halves} * 500'000));
      }
      if (random() % 5 == 0) {
        ASSERT_TRUE(meter->close(at).ok());
        Chain chain = shop.chain().value();
        if (!chain.statements.empty())
          ASSERT_EQ(chain.statements.back().ciyuan, Amount(Int128{used_halves} * 500'000));
        meter.reset();
        meter.emplace(shop.meter(at).value());
      }
    }
  }
}

// A child counts and tells each call that has passed; it is killed at any moment.
TEST(Meter, a_kill_never_counts_less_than_what_passed_and_little_more) {
  std::mt19937_64 random(6);
  for (int round = 0; round < 12; ++round) {
    Workshop shop;
    std::int64_t passed = 0, least = 0;
    for (int life = 0; life < 4; ++life) {
      int pipe_ends[2];
      ASSERT_EQ(::pipe(pipe_ends), 0);
      pid_t child = ::fork();
      if (child == 0) {
        Result<Meter> meter = shop.meter();
        while (meter.ok() && meter->count("small", counts_of(1, 0), kStart).ok())
          if (::write(pipe_ends[1], "x", 1) != 1) break;
        ::_exit(0);
      }
      ::close(pipe_ends[1]);
      ::usleep(static_cast<useconds_t>(random() % 8000));
      ::kill(child, SIGKILL);
      int status = 0;
      ::waitpid(child, &status, 0);
      char buffer[4096];
      for (ssize_t got; (got = ::read(pipe_ends[0], buffer, sizeof buffer)) > 0;) passed += got;
      ::close(pipe_ends[0]);
      least = passed;
    }
    std::string text = read_file(shop.file(), kChainBytesMax).ok() ? shop.text() : std::string();
    if (text.empty()) continue;  // killed before it began
    Chain chain = shop.chain(text).value();
    Amount marked = chain.statements.empty() ? Amount() : chain.statements.back().marked;
    EXPECT_GE(marked, ciyuan(least));
    // Each life leaves less than a quantum and a call behind.
    EXPECT_LE(marked, ciyuan(least + 4 * 11));
    Meter meter = shop.meter().value();
    ASSERT_TRUE(meter.close(kStart).ok());
    EXPECT_EQ(meter.used(), marked);
  }
}

TEST(Meter, a_statement_cut_short_is_as_if_it_was_never_begun) {
  Workshop shop;
  {
    Meter meter = shop.meter().value();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(meter.count("small", counts_of(10, 0), kStart).ok());
  }
  const std::string whole = shop.text();
  const std::size_t last = joined(notes_of(whole)).size() - notes_of(whole).back().size();
  for (std::size_t size = last; size < whole.size(); size += 7) {
    ASSERT_TRUE(write_file_atomically(shop.file(), whole.substr(0, size)).ok());
    Result<Meter> meter = shop.meter();
    ASSERT_TRUE(meter.ok()) << size << ": " << meter.error().text();
    ASSERT_TRUE(meter->count("small", counts_of(1, 0), kStart).ok());
    ASSERT_TRUE(meter->close(kStart).ok());
    ASSERT_TRUE(shop.chain().ok());
  }
}

TEST(Meter, a_disk_that_is_full_lets_nothing_pass) {
  Workshop shop;
  Meter meter = shop.meter().value();
  ASSERT_TRUE(meter.count("small", counts_of(1, 0), kStart).ok());
  const std::size_t size = shop.text().size();
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = size + 20;  // the middle of a note
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  auto broken = meter.count("small", counts_of(20, 0), kStart);
  auto after = meter.count("small", counts_of(1, 0), kStart);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_FALSE(broken.ok());
  EXPECT_EQ(after.error().code, ErrorCode::kUnavailable);
  { Meter gone = std::move(meter); }
  Meter again = shop.meter().value();
  EXPECT_EQ(again.used(), ciyuan(11));  // the one call, and the quantum that was marked with it
}

}  // namespace
}  // namespace ciyuan::licence
