#include "gateway/seats.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <set>

#include "base/json.h"
#include "clerk/clerk.h"
#include "record/keys_file.h"

namespace ciyuan::gateway {
namespace {

constexpr TimePoint kStart{1'795'000'000'000'000'000};
constexpr Nanoseconds kDay = seconds(86'400);

/// Seats on a real store; restart() forgets what memory knows.
struct Office {
  Office() {
    char name[] = "/tmp/ciyuan-seats-XXXXXX";
    folder = mkdtemp(name);
    store = store::open_sqlite(folder / "ciyuan.db").value();
    keys = std::make_unique<record::KeysFile>(record::KeysFile::open(folder / "keys.dat").value());
    clerk::ClerkOptions options;
    options.clock = [] { return kStart; };
    clerk = clerk::Clerk::start(*store, keys.get(), options).value();
    reader = store->reader().value();
    licence.name = "desks";
    licence.contract = "demo";
    licence.type = contract::LicenceType::kSeat;
    licence.seats = 2;
    licence.from = kStart;
  }
  ~Office() {
    clerk.reset();
    std::filesystem::remove_all(folder);
  }
  /// True where the holder has a seat then.
  bool call(const std::string& holder, TimePoint at) {
    auto taken = seats->take(licence, holder, at, *reader);
    if (!taken.ok()) {
      EXPECT_EQ(taken.error().code, ErrorCode::kRefused) << taken.error().text();
      EXPECT_EQ(taken.error().path, "licence/desks");
      return false;
    }
    last_seat = taken->seat;
    if (!taken->command) return true;
    EXPECT_TRUE(std::holds_alternative<clerk::Done>(clerk->call(*taken->command)));
    seats->confirm(licence, holder);
    return true;
  }
  void restart() { seats = std::make_unique<Seats>(); }
  std::set<std::string> holders() {
    std::set<std::string> found;
    for (const auto& row : reader->documents_of("Seat", "desks/", "", 1000).value()) {
      Json paper = parse_json(row.json).value();
      if (!paper.contains("released")) found.insert(paper["holder"].get<std::string>());
    }
    return found;
  }

  std::filesystem::path folder;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<record::KeysFile> keys;
  std::unique_ptr<clerk::Clerk> clerk;
  std::unique_ptr<store::Reader> reader;
  std::unique_ptr<Seats> seats = std::make_unique<Seats>();
  std::string last_seat;  ///< that call() found
  contract::Licence licence;
};

TEST(Seats, are_taken_at_the_first_call_and_kept_over_a_restart) {
  Office office;
  EXPECT_TRUE(office.call("ann", kStart));
  EXPECT_TRUE(office.call("bob", kStart));
  EXPECT_FALSE(office.call("cid", kStart));
  EXPECT_TRUE(office.call("ann", kStart));
  office.restart();
  EXPECT_FALSE(office.call("cid", kStart + seconds(900 * 86'400)));
  EXPECT_TRUE(office.call("bob", kStart));
  EXPECT_EQ(office.holders(), (std::set<std::string>{"ann", "bob"}));
}

TEST(Seats, an_idle_one_goes_to_another_but_not_within_its_cool_down) {
  Office office;
  office.licence.idle = seconds(10 * 86'400);
  office.licence.cool_down = seconds(30 * 86'400);
  auto day = [](int n) { return TimePoint{kStart.ns + n * kDay.count}; };
  EXPECT_TRUE(office.call("ann", day(0)));
  EXPECT_TRUE(office.call("bob", day(1)));
  EXPECT_TRUE(office.call("ann", day(25)));
  EXPECT_FALSE(office.call("cid", day(29)));  // bob is idle, and was assigned 28 days ago
  EXPECT_TRUE(office.call("cid", day(31)));
  EXPECT_EQ(office.holders(), (std::set<std::string>{"ann", "cid"}));
  EXPECT_FALSE(office.call("bob", day(34)));  // ann called on day 25, cid has just begun
  EXPECT_TRUE(office.call("bob", day(35)));
  EXPECT_EQ(office.holders(), (std::set<std::string>{"bob", "cid"}));
}

TEST(Seats, have_their_ciyuan_for_the_term_whoever_sits_on_them) {
  Office office;
  office.licence.idle = seconds(10 * 86'400);
  auto day = [](int n) { return TimePoint{kStart.ns + n * kDay.count}; };
  auto seat_of = [&](const std::string& holder, int n) {
    return office.call(holder, day(n)) ? office.last_seat : std::string("none");
  };
  EXPECT_EQ(seat_of("ann", 0), "ann");
  EXPECT_EQ(seat_of("bob", 9), "bob");
  EXPECT_EQ(seat_of("cid", 12), "ann") << "ann's, with what is left of it";
  EXPECT_EQ(seat_of("ann", 20), "bob") << "who comes back has no other's Ciyuan again";
  office.restart();
  EXPECT_EQ(seat_of("cid", 21), "ann") << "also over a restart";
  EXPECT_EQ(seat_of("ann", 21), "bob");
  office.licence.seats = 4;
  EXPECT_EQ(seat_of("dan", 22), "dan");
  EXPECT_EQ(seat_of("bob", 22), "bob~2") << "a new seat is no seat that another sits on";
}

TEST(Seats, what_the_clerk_did_not_do_gives_nobody_a_seat) {
  Office office;
  auto taken = office.seats->take(office.licence, "ann", kStart, *office.reader);
  ASSERT_TRUE(taken.ok() && taken->command);
  office.seats->give_back(office.licence, "ann");
  EXPECT_TRUE(office.call("bob", kStart));
  EXPECT_TRUE(office.call("cid", kStart));
  EXPECT_FALSE(office.call("ann", kStart));
}

TEST(Seats, one_that_is_under_way_is_taken_while_another_is_given_back) {
  Office office;
  auto ann = office.seats->take(office.licence, "ann", kStart, *office.reader);
  auto bob = office.seats->take(office.licence, "bob", kStart, *office.reader);
  ASSERT_TRUE(ann.ok() && ann->command && bob.ok() && bob->command);
  office.seats->give_back(office.licence, "bob");  // the clerk had too many commands before it
  EXPECT_TRUE(office.call("cid", kStart));
  EXPECT_FALSE(office.call("dan", kStart)) << "ann's is on its way";
  EXPECT_TRUE(std::holds_alternative<clerk::Done>(office.clerk->call(*ann->command)));
  office.seats->confirm(office.licence, "ann");
  EXPECT_TRUE(office.call("ann", kStart));
  EXPECT_EQ(office.holders(), (std::set<std::string>{"ann", "cid"}));
}

TEST(Seats, calls_of_one_holder_at_the_same_moment_take_one_seat) {
  Office office;
  auto first = office.seats->take(office.licence, "ann", kStart, *office.reader);
  auto second = office.seats->take(office.licence, "ann", kStart + seconds(1), *office.reader);
  ASSERT_TRUE(first.ok() && first->command && second.ok() && second->command);
  // In whatever order they come.
  EXPECT_TRUE(std::holds_alternative<clerk::Done>(office.clerk->call(*second->command)));
  EXPECT_TRUE(std::holds_alternative<clerk::Done>(office.clerk->call(*first->command)));
  const std::string name = "desks/" + to_rfc3339(kStart) + "/ann";
  EXPECT_EQ(office.reader->document_history("Seat", name).value().size(), 1U);
}

// The slow twin: a list of seats, looked through.
TEST(Seats, are_never_more_than_there_are_and_go_as_the_rules_say) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 6; ++round) {
    Office office;
    office.licence.seats = 1 + static_cast<std::int64_t>(random() % 3);
    office.licence.idle = seconds(static_cast<std::int64_t>(random() % 4) * 86'400);
    office.licence.cool_down = seconds(static_cast<std::int64_t>(random() % 6) * 86'400);
    std::map<std::string, std::pair<TimePoint, TimePoint>> twin;  // assigned, used
    TimePoint at = kStart;
    for (int step = 0; step < 60; ++step) {
      at = at + seconds(1 + static_cast<std::int64_t>(random() % 86'400));
      const std::string holder(1, static_cast<char>('a' + random() % 6));
      bool expected = true;
      if (auto seat = twin.find(holder); seat != twin.end()) {
        seat->second.second = at;
      } else {
        if (twin.size() >= static_cast<std::size_t>(office.licence.seats)) {
          auto idlest = twin.end();
          for (auto one = twin.begin(); one != twin.end(); ++one) {
            const auto& [assigned, used] = one->second;
            const bool is_free = office.licence.idle.count > 0 && at >= used + office.licence.idle &&
                                 at >= assigned + office.licence.cool_down;
            if (is_free && (idlest == twin.end() || used < idlest->second.second)) idlest = one;
          }
          expected = idlest != twin.end();
          if (expected) twin.erase(idlest);
        }
        if (expected) twin[holder] = {at, at};
      }
      ASSERT_EQ(office.call(holder, at), expected) << step;
    }
    std::set<std::string> holders;
    for (const auto& [holder, times] : twin) holders.insert(holder);
    EXPECT_EQ(office.holders(), holders);
  }
}

}  // namespace
}  // namespace ciyuan::gateway
