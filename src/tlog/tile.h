#pragma once

/// The tree in tiles (C2SP tlog-tiles v0.1.0). A tile holds up to 256 hashes of one level of the tree: tile
/// (L, N) has the hashes of the complete subtrees of level 8·L, numbers 256·N onwards. A full tile never
/// changes; the rightmost one of a level grows at its end, so that its narrower forms are prefixes of its
/// bytes: a store keeps one growing byte string for each (level, index), and serves any width asked for from
/// its beginning.
///
///   TreeWriter writer;
///   writer.append(leaf_hash(entry));
///   for (const TileChange& change : writer.take_changes()) store(change);   // in the entry's own
///   transaction Hash root = writer.root();
///
/// One writer belongs to one thread; the functions are pure.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tlog/tree.h"

namespace ciyuan::tlog {

constexpr unsigned kTileHeight = 8;
constexpr std::uint32_t kTileWidth = 256;
constexpr std::size_t kHashBytes = 32;
constexpr std::size_t kTileBytes = kTileWidth * kHashBytes;
/// An entry's length is a 16-bit number in a bundle.
constexpr std::size_t kEntryBytesMax = 65535;

/// A tile at a width: 1 to 256 hashes (or entries, for a bundle).
struct TileId {
  unsigned level = 0;
  std::uint64_t index = 0;
  std::uint32_t width = kTileWidth;
  constexpr bool operator==(const TileId&) const = default;
};

/// "tile/0/x001/x234/067" or, for a width below 256, "tile/0/x001/x234/067.p/112".
std::string tile_path(const TileId& tile);
/// "tile/entries/x001/x234/067[.p/W]"; the level does not matter.
std::string entries_path(std::uint64_t index, std::uint32_t width);

struct ParsedPath {
  bool entries = false;
  TileId tile;
};
/// The one path of a tile or bundle, as above; anything else is kInvalid.
Result<ParsedPath> parse_tile_path(std::string_view path);

/// The width of tile (level, index) in a tree of `size` leaves: 0 where the tile does not exist yet.
std::uint32_t tile_width(unsigned level, std::uint64_t index, std::uint64_t size);

/// The tiles that differ between a tree of `old_size` leaves and one of `size`, at their new widths, lowest
/// level first. O(number of tiles).
std::vector<TileId> changed_tiles(std::uint64_t old_size, std::uint64_t size);

/// Appends an entry to a bundle: big-endian 16-bit length, bytes. kTooLarge over kEntryBytesMax.
Status append_to_bundle(Bytes& bundle, ByteView entry);
/// The entries of a bundle; views into it. kCorrupt where it ends within an entry or holds more than 256.
Result<std::vector<ByteView>> parse_bundle(ByteView bundle);

/// Gives at least the bytes that the tile (level, index) has in the tree being read: whole stored tile or a
/// prefix that is wide enough. May be called for the same tile again.
using TileReader = std::function<Result<Bytes>(unsigned level, std::uint64_t index)>;

/// Reads subtrees out of tiles of a tree of `size` leaves; keeps what it read for as long as it lives (a
/// proof takes a handful of tiles). kCorrupt where a tile is shorter than the size says.
HashReader hashes_in_tiles(std::uint64_t size, TileReader read_tile);

/// New bytes at the end of a stored tile: put `bytes` at `offset` of tile (level, index). Applying a change
/// twice is harmless.
struct TileChange {
  unsigned level = 0;
  std::uint64_t index = 0;
  std::uint32_t offset = 0;
  Bytes bytes;
};

/// The growing end of a log: its compact range, and the tile bytes that the store does not have yet. A value:
/// where a store transaction may fail, keep a copy (two or three kilobytes at most, after take_changes) and
/// go back to it.
class TreeWriter {
 public:
  TreeWriter() = default;
  /// From the right-edge tiles of a stored tree. The caller compares root() with the last checkpoint.
  static Result<TreeWriter> load(std::uint64_t size, const TileReader& read_tile);

  std::uint64_t size() const { return range_.size(); }
  Hash root() const { return range_.root(); }
  const CompactRange& range() const { return range_; }

  /// Returns the leaf's index. Amortised one node hash.
  std::uint64_t append(const Hash& leaf);

  /// What is to be stored since the last call: at most one change a tile, lowest level first, then by index.
  std::vector<TileChange> take_changes();

 private:
  CompactRange range_;
  std::vector<std::vector<TileChange>> pending_;  // by level; only the last one of a level may still grow
};

}  // namespace ciyuan::tlog
