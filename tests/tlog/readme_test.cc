// The example of src/tlog/README.md, compiled and run.

#include <gtest/gtest.h>

#include <map>

#include "tlog/proof.h"
#include "tlog/signer.h"
#include "tlog/tile.h"

namespace ciyuan::tlog {
namespace {

Result<Checkpoint> example(const NoteSigner& key) {
  std::map<std::pair<unsigned, std::uint64_t>, Bytes> tiles;  // stands for a store

  TreeWriter writer;
  std::uint64_t index = writer.append(leaf_hash(bytes_of("hello")));
  writer.append(leaf_hash(bytes_of("world")));
  for (const TileChange& change : writer.take_changes()) {
    Bytes& tile = tiles[{change.level, change.index}];
    tile.resize(change.offset);
    tile.insert(tile.end(), change.bytes.begin(), change.bytes.end());
  }

  HashReader read = hashes_in_tiles(writer.size(), [&](unsigned level, std::uint64_t n) -> Result<Bytes> {
    return tiles.at({level, n});
  });
  Proof proof;
  proof.index = index;
  CIYUAN_TRY(proof.hashes, prove_inclusion(index, writer.size(), read));
  Checkpoint checkpoint{"example.com/log", writer.size(), writer.root(), {}};
  CIYUAN_TRY(proof.checkpoint, sign_note(checkpoint.text(), key));

  // Anyone, later, offline:
  CIYUAN_TRY(Proof received, Proof::parse(proof.text()));
  return verify_proof(received, leaf_hash(bytes_of("hello")), {&key.verifier(), 1});
}

TEST(Readme, example_works) {
  NoteSigner key = NoteSigner::make("example.com/log", SigningKey::generate()).value();
  EXPECT_EQ(example(key)->size, 2u);
}

}  // namespace
}  // namespace ciyuan::tlog
