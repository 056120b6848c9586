/// Settle: papers and their postings in one commit, or nothing.

#include <gtest/gtest.h>

#include "clerk/clerk.h"
#include "store/store.h"

namespace ciyuan::clerk {
namespace {

constexpr TimePoint kAt{1'795'000'000'000'000'000};

struct Books {
  Books() {
    char name[] = "/tmp/ciyuan-settle-XXXXXX";
    folder = mkdtemp(name);
    store = store::open_sqlite(folder / "ciyuan.db").value();
    ClerkOptions options;
    options.clock = [] { return kAt; };
    clerk = Clerk::start(*store, nullptr, options).value();
    reader = store->reader().value();
  }
  ~Books() {
    clerk.reset();
    reader.reset();
    store.reset();
    std::filesystem::remove_all(folder);
  }

  Post posting(const std::string& id, const std::string& debit, const std::string& credit,
               std::int64_t amount, const std::string& unit = "CNY") {
    Post post;
    post.id = id_from_content(id);
    post.debit = debit;
    post.credit = credit;
    post.unit = unit;
    post.amount = Amount(amount);
    post.memo = id;
    return post;
  }
  Reply settle(std::vector<Post> postings, const std::string& paper = R"({"n":1})") {
    Settle command{
        .at = kAt, .actor = "admin", .papers = {{"Invoice", "a-2026-000001", paper}}, .postings = {}};
    command.postings = std::move(postings);
    return clerk->call(std::move(command));
  }
  Amount balance(const std::string& name) {
    auto row = reader->account(name).value();
    return row ? row->credits_posted - row->debits_posted : Amount();
  }
  bool has_paper() { return !reader->documents_of("Invoice", "", "", 10).value().empty(); }

  std::filesystem::path folder;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<Clerk> clerk;
  std::unique_ptr<store::Reader> reader;
};

ErrorCode code_of(const Reply& reply) {
  auto* error = std::get_if<Error>(&reply);
  return error == nullptr ? ErrorCode::kInternal : error->code;
}

TEST(Settle, writes_paper_and_postings_together_and_once) {
  Books books;
  auto both = [&] {
    return std::vector{books.posting("tax", "receivable/h/CNY", "tax/l/CNY", 6),
                       books.posting("rounding", "rounding/l/CNY", "receivable/h/CNY", 1)};
  };
  Reply first = books.settle(both());
  ASSERT_TRUE(std::holds_alternative<Done>(first));
  Reply again = books.settle(both());
  ASSERT_TRUE(std::holds_alternative<Done>(again));
  EXPECT_EQ(std::get<Done>(again).leaf_index, std::get<Done>(first).leaf_index);
  EXPECT_EQ(books.balance("receivable/h/CNY"), Amount(-5));
  EXPECT_EQ(books.reader->head()->log_size, 3U);
  EXPECT_TRUE(books.has_paper());
}

TEST(Settle, a_rounding_account_stands_on_either_side_of_zero) {
  Books books;
  ASSERT_TRUE(std::holds_alternative<Done>(
      books.settle({books.posting("1", "receivable/h/CNY", "rounding/l/CNY", 2)})));
  ASSERT_TRUE(std::holds_alternative<Done>(
      books.settle({books.posting("2", "rounding/l/CNY", "receivable/h/CNY", 5)}, R"({"n":2})")));
  EXPECT_EQ(books.balance("rounding/l/CNY"), Amount(-3));
}

TEST(Settle, leaves_nothing_behind_when_one_of_its_postings_is_refused) {
  Books books;
  ASSERT_TRUE(std::holds_alternative<Done>(books.clerk->call([&] {
    Post post = books.posting("deposit", "bank", "purse", 10);
    post.at = kAt;
    post.actor = "admin";
    return post;
  }())));
  std::uint64_t before = books.reader->head()->log_size;
  Post good = books.posting("good", "receivable/h/CNY", "tax/l/CNY", 6);
  const std::vector<std::pair<std::vector<Post>, ErrorCode>> wrong = {
      {{good, books.posting("good", "receivable/h/CNY", "tax/l/CNY", 6)}, ErrorCode::kConflict},
      {{good, books.posting("zero", "receivable/h/CNY", "tax/l/CNY", 0)}, ErrorCode::kInvalid},
      {{good, books.posting("unit", "other", "tax/l/CNY", 1, "USD")}, ErrorCode::kConflict},
      {{good, books.posting("new", "fresh", "other", 1), books.posting("new2", "fresh", "third", 1, "USD")},
       ErrorCode::kConflict},
      {{good, books.posting("much", "purse", "till", 11)}, ErrorCode::kRefused},
      {{good, books.posting("a", "purse", "till", 6), books.posting("b", "purse", "till", 6)},
       ErrorCode::kRefused},
      {{good, books.posting("deposit", "bank", "purse", 11)}, ErrorCode::kConflict},
      {{good, books.posting("funds", "funds/CNY", "purse", 1)}, ErrorCode::kInvalid}};
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    EXPECT_EQ(code_of(books.settle(wrong[i].first)), wrong[i].second) << i;
    EXPECT_EQ(books.reader->head()->log_size, before) << i;
    EXPECT_FALSE(books.has_paper()) << i;
    EXPECT_EQ(books.balance("tax/l/CNY"), Amount()) << i;
    EXPECT_FALSE(books.reader->account("fresh").value().has_value()) << i;
  }
  EXPECT_EQ(code_of(books.clerk->call(Settle{.at = kAt, .actor = "admin", .papers = {}, .postings = {good}})),
            ErrorCode::kInvalid);
  EXPECT_EQ(code_of(books.settle({good}, "")), ErrorCode::kInvalid);
  EXPECT_EQ(books.reader->head()->log_size, before);
}

}  // namespace
}  // namespace ciyuan::clerk
