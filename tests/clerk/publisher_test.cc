#include "clerk/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "calls.h"
#include "clerk/checkpoint_timer.h"
#include "clerk/clerk.h"
#include "record/receipt.h"

namespace ciyuan::clerk::testing {
namespace {

struct House {
  House() {
    char name[] = "/tmp/ciyuan-publisher-XXXXXX";
    folder = mkdtemp(name);
    store = store::open_sqlite(folder / "ciyuan.db").value();
    keys = std::make_unique<record::KeysFile>(record::KeysFile::open(folder / "keys.dat").value());
    ClerkOptions options;
    options.clock = [] { return kStart; };
    clerk = Clerk::start(*store, keys.get(), options).value();
  }
  ~House() {
    clerk.reset();
    std::filesystem::remove_all(folder);
  }
  std::unique_ptr<Publisher> publish() {
    return Publisher::open(store->reader().value(), folder / "log.state", signer, "example.com/log", false,
                           keys.get())
        .value();
  }
  void make_records(int from, int to) {
    for (int n = from; n < to; ++n) {
      CIYUAN_CHECK(
          std::holds_alternative<Opened>(clerk->call(open_of(n, terms_of({cap("s1", 100'000)}), 10, 50))),
          "opens");
      CIYUAN_CHECK(std::holds_alternative<Closed>(clerk->call(close_of(n, 10, n % 50))), "closes");
    }
  }
  std::filesystem::path folder;
  tlog::NoteSigner signer = tlog::NoteSigner::make("example.com/log", SigningKey::generate()).value();
  std::unique_ptr<store::Store> store;
  std::unique_ptr<record::KeysFile> keys;
  std::unique_ptr<Clerk> clerk;
};

TEST(Publisher, gives_receipts_that_verify_offline) {
  House house;
  auto publisher = house.publish();
  house.make_records(0, 300);
  tlog::VerifierKey known = house.signer.verifier();
  for (int n : {0, 1, 255, 256, 299}) {
    auto receipt = publisher->receipt(id_of(n));
    ASSERT_TRUE(receipt.ok()) << receipt.error().text();
    auto verified = record::verify_receipt(*receipt, {&known, 1});
    ASSERT_TRUE(verified.ok()) << verified.error().text();
    EXPECT_EQ(verified->id, id_of(n).text());
    EXPECT_EQ(verified->index, static_cast<std::uint64_t>(n));
    ASSERT_TRUE(verified->revealed.contains("session")) << *receipt;
    EXPECT_EQ(verified->revealed.at("session"), "s1");
  }
  EXPECT_EQ(publisher->receipt(id_of(5000)).error().code, ErrorCode::kNotFound);
}

TEST(Publisher, proves_an_erased_record_without_opening_it) {
  House house;
  auto publisher = house.publish();
  house.make_records(0, 3);
  ASSERT_TRUE(house.keys->erase(id_of(1), (*house.store->record(id_of(1)))->key_slot).ok());
  auto receipt = publisher->receipt(id_of(1));
  ASSERT_TRUE(receipt.ok()) << receipt.error().text();
  tlog::VerifierKey known = house.signer.verifier();
  auto verified = record::verify_receipt(*receipt, {&known, 1});
  ASSERT_TRUE(verified.ok()) << verified.error().text();
  EXPECT_TRUE(verified->revealed.empty());
  EXPECT_EQ(verified->id, id_of(1).text());
}

TEST(Publisher, proves_a_record_whose_key_is_lost_or_damaged_without_opening_it) {
  House house;
  house.make_records(0, 2);
  house.clerk.reset();  // it takes from the keys file to its end
  house.keys.reset();
  std::filesystem::path file = house.folder / "keys.dat";
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(64 + 20) << "\x55\xAA";
  std::filesystem::resize_file(file, 128);  // the second one is gone
  record::KeysFile damaged = record::KeysFile::open(file).value();
  auto publisher = Publisher::open(house.store->reader().value(), house.folder / "log.state", house.signer,
                                   "example.com/log", true, &damaged)
                       .value();
  tlog::VerifierKey known = house.signer.verifier();
  for (int n : {0, 1}) {
    auto receipt = publisher->receipt(id_of(n));
    ASSERT_TRUE(receipt.ok()) << n << ": " << receipt.error().text();
    auto verified = record::verify_receipt(*receipt, {&known, 1});
    ASSERT_TRUE(verified.ok()) << verified.error().text();
    EXPECT_TRUE(verified->revealed.empty());
  }
}

TEST(Publisher, proves_an_administrative_act) {
  House house;
  auto publisher = house.publish();
  auto done = std::get<Done>(house.clerk->call(
      ChangeDocuments{.at = kStart, .actor = "root", .changes = {{"Contract", "acme", "{}"}}}));
  auto receipt = publisher->leaf_receipt(done.leaf_index);
  ASSERT_TRUE(receipt.ok()) << receipt.error().text();
  tlog::VerifierKey known = house.signer.verifier();
  auto verified = record::verify_receipt(*receipt, {&known, 1});
  ASSERT_TRUE(verified.ok()) << verified.error().text();
  EXPECT_EQ(verified->version, record::kAdminVersion);
}

TEST(Publisher, serves_the_tiles_that_the_checkpoint_covers) {
  House house;
  auto publisher = house.publish();
  house.make_records(0, 260);
  auto note = publisher->file("checkpoint");
  ASSERT_TRUE(note.ok()) << note.error().text();
  tlog::VerifierKey known = house.signer.verifier();
  auto checkpoint = tlog::open_checkpoint(*note, {&known, 1});
  ASSERT_TRUE(checkpoint.ok());
  EXPECT_EQ(checkpoint->size, 260u);
  // A stranger's way: rebuild the root from nothing but the entry bundles.
  tlog::TreeWriter rebuilt;
  for (const char* path : {"tile/entries/000", "tile/entries/001.p/4"}) {
    auto bundle = publisher->file(path);
    ASSERT_TRUE(bundle.ok()) << path;
    auto entries = tlog::parse_bundle(bytes_of(*bundle));
    ASSERT_TRUE(entries.ok());
    for (ByteView entry : *entries) rebuilt.append(tlog::leaf_hash(entry));
  }
  EXPECT_EQ(rebuilt.root(), checkpoint->root);
  EXPECT_EQ(publisher->file("tile/0/000")->size(), 8192u);
  EXPECT_EQ(publisher->file("tile/0/001.p/4")->size(), 128u);
  EXPECT_EQ(publisher->file("tile/1/000.p/1")->size(), 32u);
  EXPECT_EQ(publisher->file("tile/0/001.p/5").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(publisher->file("tile/../x").error().code, ErrorCode::kInvalid);
}

TEST(Publisher, refuses_to_sign_a_store_that_was_rolled_back) {
  House house;
  house.make_records(0, 5);
  house.clerk.reset();
  house.store.reset();
  std::filesystem::path copy = house.folder / "old.db";
  auto reopen = [&] {
    house.store = store::open_sqlite(house.folder / "ciyuan.db").value();
    ClerkOptions options;
    options.clock = [] { return kStart; };
    house.clerk = Clerk::start(*house.store, house.keys.get(), options).value();
  };
  std::filesystem::copy(house.folder / "ciyuan.db", copy);
  reopen();
  house.make_records(5, 9);
  {
    auto publisher = Publisher::open(house.store->reader().value(), house.folder / "log.state", house.signer,
                                     "example.com/log", true, house.keys.get());
    ASSERT_TRUE(publisher.ok());
    ASSERT_TRUE((*publisher)->checkpoint().ok());
  }
  house.clerk.reset();
  house.store.reset();
  std::filesystem::remove(house.folder / "ciyuan.db-wal");
  std::filesystem::remove(house.folder / "ciyuan.db-shm");
  std::filesystem::rename(copy, house.folder / "ciyuan.db");
  reopen();
  auto publisher = house.publish();
  EXPECT_FALSE(publisher->refuses()) << "nobody has asked yet";
  EXPECT_EQ(publisher->checkpoint().error().code, ErrorCode::kRefused);
  EXPECT_TRUE(publisher->refuses());
  EXPECT_THAT(publisher->trouble(), ::testing::HasSubstr("rolled back"));
  house.make_records(100, 110);  // longer again, but another history
  EXPECT_EQ(publisher->keep_up().error().code, ErrorCode::kRefused);
  EXPECT_TRUE(publisher->refuses());
}

TEST(Publisher, that_cannot_write_its_state_is_in_trouble_until_it_can) {
  House house;
  auto publisher = house.publish();
  house.make_records(0, 2);
  std::filesystem::path beside = house.folder / "log.state.new";
  std::filesystem::create_directory(beside);
  EXPECT_FALSE(publisher->keep_up().ok());
  EXPECT_FALSE(publisher->trouble().empty());
  EXPECT_FALSE(publisher->refuses()) << "it may pass";
  std::filesystem::remove(beside);
  EXPECT_TRUE(publisher->keep_up().ok());
  EXPECT_EQ(publisher->trouble(), "");
}

TEST(CheckpointTimer, keeps_the_last_checkpoint_up_with_the_log_and_tells_of_trouble) {
  House house;
  auto publisher = house.publish();
  std::mutex mutex;
  std::vector<std::string> told;
  auto said = [&](std::string_view trouble) {
    std::lock_guard lock(mutex);
    told.emplace_back(trouble);
  };
  auto until = [](auto&& holds) {
    for (int i = 0; i < 2000 && !holds(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return holds();
  };
  CheckpointTimer timer(*publisher, *house.clerk, milliseconds(1), said);
  house.make_records(0, 3);
  EXPECT_TRUE(until([&] { return publisher->last_checkpoint().starts_with("example.com/log\n3\n"); }));
  std::filesystem::path beside = house.folder / "log.state.new";
  std::filesystem::create_directory(beside);
  house.make_records(3, 5);
  EXPECT_TRUE(until([&] { return !publisher->trouble().empty(); }));
  std::filesystem::remove(beside);
  EXPECT_TRUE(until([&] { return publisher->last_checkpoint().starts_with("example.com/log\n5\n"); }));
  EXPECT_TRUE(until([&] { return std::lock_guard(mutex), told.size() == 2; }));
  std::lock_guard lock(mutex);
  EXPECT_THAT(told[0], ::testing::HasSubstr("cannot be signed"));
  EXPECT_EQ(told[1], "");
}

TEST(Publisher, does_not_make_up_a_lost_state) {
  House house;
  house.make_records(0, 2);
  auto publisher = Publisher::open(house.store->reader().value(), house.folder / "log.state", house.signer,
                                   "example.com/log");
  EXPECT_EQ(publisher.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace ciyuan::clerk::testing
