#include "tlog/tile.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "slow_tree.h"

namespace ciyuan::tlog {
namespace {

// A store as the header describes it: one growing byte string for each (level, index).
struct TileStore {
  std::map<std::pair<unsigned, std::uint64_t>, Bytes> tiles;

  void apply(const TileChange& change) {
    Bytes& tile = tiles[{change.level, change.index}];
    ASSERT_LE(change.offset, tile.size()) << "a change leaves no gap";
    tile.resize(change.offset);
    tile.insert(tile.end(), change.bytes.begin(), change.bytes.end());
    ASSERT_LE(tile.size(), kTileBytes);
  }
  TileReader reader() const {
    return [this](unsigned level, std::uint64_t index) -> Result<Bytes> {
      auto found = tiles.find({level, index});
      if (found == tiles.end()) return Error{ErrorCode::kNotFound, "no such tile", ""};
      return found->second;
    };
  }
};

// Paths of C2SP tlog-tiles.md and of its worked example of 70,000 leaves.
TEST(TilePath, is_written_as_the_format_says) {
  EXPECT_EQ(tile_path({0, 1234067, 256}), "tile/0/x001/x234/067");
  EXPECT_EQ(tile_path({0, 273, 112}), "tile/0/273.p/112");
  EXPECT_EQ(tile_path({1, 1, 17}), "tile/1/001.p/17");
  EXPECT_EQ(tile_path({2, 0, 1}), "tile/2/000.p/1");
  EXPECT_EQ(entries_path(1234067, 8), "tile/entries/x001/x234/067.p/8");
  EXPECT_EQ(entries_path(999, 256), "tile/entries/999");
  EXPECT_EQ(entries_path(1000, 256), "tile/entries/x001/000");
}

TEST(TilePath, reads_back_what_it_writes_and_nothing_else) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 2000; ++i) {
    TileId tile{static_cast<unsigned>(random() % 64), random() >> (8 + random() % 56),
                static_cast<std::uint32_t>(1 + random() % 256)};
    Result<ParsedPath> parsed = parse_tile_path(tile_path(tile));
    ASSERT_TRUE(parsed.ok()) << tile_path(tile);
    EXPECT_EQ(parsed->tile, tile);
    EXPECT_FALSE(parsed->entries);
    Result<ParsedPath> entries = parse_tile_path(entries_path(tile.index, tile.width));
    ASSERT_TRUE(entries.ok() && entries->entries);
    EXPECT_EQ(entries->tile.index, tile.index);
  }
  for (std::string_view wrong : {"",
                                 "tile",
                                 "tile/",
                                 "tile/0",
                                 "tile/0/",
                                 "tile/0/1",
                                 "tile/0/01",
                                 "tile/0/0001",
                                 "tile/00/001",
                                 "tile/64/001",
                                 "tile/-1/001",
                                 "tile/0/x000/001",
                                 "tile/0/001/002",
                                 "tile/0/x001",
                                 "tile/0/x001/",
                                 "tile/0/x1/001",
                                 "tile/0/001.p/0",
                                 "tile/0/001.p/256",
                                 "tile/0/001.p/01",
                                 "tile/0/001.p/",
                                 "tile/0/001.p/1/",
                                 "tile/0/001/",
                                 "/tile/0/001",
                                 "tile/0/../001",
                                 "tile/entries",
                                 "tile/entries/x001",
                                 "tile/entries/0/001",
                                 "tile/0/+01",
                                 "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
                                 "tile/0/001.p/1.p/1",
                                 "tile/0/001 ",
                                 "TILE/0/001"})
    EXPECT_FALSE(parse_tile_path(wrong).ok()) << wrong;
}

TEST(Tiles, change_as_the_example_of_the_format_says) {
  EXPECT_EQ(tile_width(0, 272, 70'000), 256u);
  EXPECT_EQ(tile_width(0, 273, 70'000), 112u);
  EXPECT_EQ(tile_width(0, 274, 70'000), 0u);
  EXPECT_EQ(tile_width(1, 0, 70'000), 256u);
  EXPECT_EQ(tile_width(1, 1, 70'000), 17u);
  EXPECT_EQ(tile_width(2, 0, 70'000), 1u);
  EXPECT_EQ(tile_width(3, 0, 70'000), 0u);
  EXPECT_EQ(changed_tiles(0, 70'000).size(), 274u + 2u + 1u);
  EXPECT_TRUE(changed_tiles(70'000, 70'000).empty());
  EXPECT_EQ(changed_tiles(255, 257), (std::vector<TileId>{{0, 0, 256}, {0, 1, 1}, {1, 0, 1}}));
  EXPECT_EQ(changed_tiles(256, 257), (std::vector<TileId>{{0, 1, 1}}));
}

TEST(Bundle, holds_entries_and_reports_damage) {
  Bytes bundle;
  std::string large(kEntryBytesMax, 'x');
  ASSERT_TRUE(append_to_bundle(bundle, bytes_of("one")).ok());
  ASSERT_TRUE(append_to_bundle(bundle, {}).ok());
  ASSERT_TRUE(append_to_bundle(bundle, bytes_of(large)).ok());
  EXPECT_EQ(to_hex(ByteView(bundle).first(9)), "00036f6e650000ffff");
  std::vector<ByteView> entries = parse_bundle(bundle).value();
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(text_of(entries[0]), "one");
  EXPECT_TRUE(entries[1].empty());
  EXPECT_EQ(text_of(entries[2]), large);
  EXPECT_FALSE(append_to_bundle(bundle, bytes_of(large + "x")).ok());
  for (std::size_t cut : {std::size_t{1}, std::size_t{2}, std::size_t{4}, bundle.size() - 1})
    EXPECT_FALSE(parse_bundle(ByteView(bundle).first(cut)).ok()) << cut;
  Bytes many(2 * 257, 0);
  EXPECT_FALSE(parse_bundle(many).ok()) << "257 empty entries";
}

TEST(TreeWriter, stores_exactly_the_tiles_that_change) {
  std::vector<Hash> leaves = slow::leaves(1500);
  std::mt19937_64 random(11);
  TreeWriter writer;
  TileStore store;
  std::uint64_t stored = 0;
  while (writer.size() < leaves.size()) {
    for (std::uint64_t n = 1 + random() % 300; n > 0 && writer.size() < leaves.size(); --n)
      writer.append(leaves[writer.size()]);
    std::vector<TileChange> changes = writer.take_changes();
    std::vector<TileId> expected = changed_tiles(stored, writer.size());
    ASSERT_EQ(changes.size(), expected.size());
    for (std::size_t i = 0; i < changes.size(); ++i) {
      EXPECT_EQ(changes[i].level, expected[i].level);
      EXPECT_EQ(changes[i].index, expected[i].index);
      store.apply(changes[i]);
      EXPECT_EQ((store.tiles[{changes[i].level, changes[i].index}].size()), expected[i].width * kHashBytes);
    }
    stored = writer.size();
    EXPECT_EQ(writer.root(), slow::root(std::span(leaves).first(stored)));
    Result<TreeWriter> again = TreeWriter::load(stored, store.reader());
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(again->root(), writer.root());
    EXPECT_TRUE(writer.take_changes().empty());
  }
}

TEST(TreeWriter, goes_on_after_a_reload_as_if_never_stopped) {
  std::vector<Hash> leaves = slow::leaves(700);
  TileStore steady, restarted;
  TreeWriter one;
  for (const Hash& leaf : leaves) one.append(leaf);
  for (const TileChange& change : one.take_changes()) steady.apply(change);
  for (std::uint64_t size = 0; size < leaves.size();) {
    TreeWriter writer = TreeWriter::load(size, restarted.reader()).value();
    for (int n = 0; n < 37 && size < leaves.size(); ++n, ++size) {
      EXPECT_EQ(writer.append(leaves[size]), size);
    }
    for (const TileChange& change : writer.take_changes()) restarted.apply(change);
  }
  EXPECT_EQ(steady.tiles, restarted.tiles);
}

TEST(Tiles, give_proofs_at_every_older_size_too) {
  std::vector<Hash> leaves = slow::leaves(66'000);  // reaches level 2
  TreeWriter writer;
  TileStore store;
  for (const Hash& leaf : leaves) writer.append(leaf);
  for (const TileChange& change : writer.take_changes()) store.apply(change);
  EXPECT_EQ(store.tiles.rbegin()->first.first, 2u);
  std::mt19937_64 random(13);
  for (int round = 0; round < 150; ++round) {
    std::uint64_t size = round == 0 ? leaves.size() : 1 + random() % leaves.size();
    std::uint64_t index = random() % size, old_size = random() % (size + 1);
    HashReader read = hashes_in_tiles(size, store.reader());
    Hash root = read_root(size, read).value();
    ASSERT_TRUE(
        verify_inclusion(index, size, leaves[index], root, prove_inclusion(index, size, read).value()).ok());
    ASSERT_TRUE(verify_consistency(old_size, read_root(old_size, read).value(), size, root,
                                   prove_consistency(old_size, size, read).value())
                    .ok());
  }
  EXPECT_EQ(read_root(leaves.size(), hashes_in_tiles(leaves.size(), store.reader())).value(),
            slow::root(leaves));
}

TEST(Tiles, that_are_short_or_missing_are_an_error) {
  std::vector<Hash> leaves = slow::leaves(300);
  TreeWriter writer;
  TileStore store;
  for (const Hash& leaf : leaves) writer.append(leaf);
  for (const TileChange& change : writer.take_changes()) store.apply(change);
  store.tiles[{0, 1}].resize(43 * kHashBytes);
  Result<TreeWriter> torn = TreeWriter::load(300, store.reader());
  ASSERT_FALSE(torn.ok());
  EXPECT_EQ(torn.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(torn.error().path, "tile/0/001");
  EXPECT_TRUE(TreeWriter::load(299, store.reader()).ok()) << "enough for a smaller tree";
  store.tiles.erase({1, 0});
  EXPECT_FALSE(TreeWriter::load(299, store.reader()).ok());
  EXPECT_FALSE(hashes_in_tiles(300, store.reader())({0, 300}).ok());
  EXPECT_FALSE(hashes_in_tiles(300, store.reader())({63, 0}).ok());
  EXPECT_FALSE(hashes_in_tiles(300, store.reader())({9, 0}).ok());
}

}  // namespace
}  // namespace ciyuan::tlog
