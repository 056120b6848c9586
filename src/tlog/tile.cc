#include "tlog/tile.h"

#include <algorithm>
#include <bit>
#include <map>
#include <memory>
#include <utility>

namespace ciyuan::tlog {
namespace {

// Levels above 7 exist in the format but not in trees below 2^62 leaves.
constexpr unsigned kPathLevelMax = 63;

std::uint64_t hashes_at(unsigned level, std::uint64_t size) {
  return level * kTileHeight >= 64 ? 0 : size >> (level * kTileHeight);
}

std::string index_path(std::uint64_t index) {
  std::string text = std::to_string(index);
  text.insert(0, (3 - text.size() % 3) % 3, '0');
  std::string path;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    if (i + 3 < text.size()) path += 'x';
    path.append(text, i, 3);
    if (i + 3 < text.size()) path += '/';
  }
  return path;
}

std::string with_width(std::string path, std::uint32_t width) {
  if (width < kTileWidth) path += ".p/" + std::to_string(width);
  return path;
}

// Digits only, no sign, no more than 19 of them; leading zeros are the caller's business.
std::optional<std::uint64_t> digits(std::string_view text) {
  if (text.empty() || text.size() > 19) return std::nullopt;
  std::uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

// "x001/x234/067" as a number.
std::optional<std::uint64_t> parse_index(std::string_view text) {
  std::string all;
  for (;;) {
    bool more = !text.empty() && text[0] == 'x';
    if (more) text.remove_prefix(1);
    if (text.size() < 3 || all.size() > 18) return std::nullopt;
    all.append(text.substr(0, 3));
    text.remove_prefix(3);
    if (!more) break;
    if (text.empty() || text[0] != '/') return std::nullopt;
    text.remove_prefix(1);
  }
  if (!text.empty()) return std::nullopt;
  return digits(all);
}

// The root of a perfect tree over these hashes: the number must be a power of two.
Hash fold(std::vector<Hash> hashes) {
  for (std::size_t count = hashes.size(); count > 1; count /= 2)
    for (std::size_t i = 0; i < count / 2; ++i) hashes[i] = node_hash(hashes[2 * i], hashes[2 * i + 1]);
  return hashes[0];
}

}  // namespace

std::string tile_path(const TileId& tile) {
  return with_width("tile/" + std::to_string(tile.level) + "/" + index_path(tile.index), tile.width);
}

std::string entries_path(std::uint64_t index, std::uint32_t width) {
  return with_width("tile/entries/" + index_path(index), width);
}

Result<ParsedPath> parse_tile_path(std::string_view path) {
  Error not_a_path = invalid("path", "not the path of a tile");
  constexpr std::string_view kPrefix = "tile/", kEntries = "entries/", kPartial = ".p/";
  if (path.size() > 128 || !path.starts_with(kPrefix)) return not_a_path;
  std::string_view rest = path.substr(kPrefix.size());
  ParsedPath parsed;
  if (rest.starts_with(kEntries)) {
    parsed.entries = true;
    rest.remove_prefix(kEntries.size());
  } else {
    std::size_t slash = rest.find('/');
    if (slash == rest.npos) return not_a_path;
    std::optional<std::uint64_t> level = digits(rest.substr(0, slash));
    if (!level || *level > kPathLevelMax) return not_a_path;
    parsed.tile.level = static_cast<unsigned>(*level);
    rest.remove_prefix(slash + 1);
  }
  if (std::size_t partial = rest.find(kPartial); partial != rest.npos) {
    std::optional<std::uint64_t> width = digits(rest.substr(partial + kPartial.size()));
    if (!width || *width == 0 || *width >= kTileWidth) return not_a_path;
    parsed.tile.width = static_cast<std::uint32_t>(*width);
    rest = rest.substr(0, partial);
  }
  std::optional<std::uint64_t> index = parse_index(rest);
  if (!index) return not_a_path;
  parsed.tile.index = *index;
  // One path for a tile: what is not written as we would write it (leading zeros, x000) is not a path.
  std::string again =
      parsed.entries ? entries_path(parsed.tile.index, parsed.tile.width) : tile_path(parsed.tile);
  if (again != path) return not_a_path;
  return parsed;
}

std::uint32_t tile_width(unsigned level, std::uint64_t index, std::uint64_t size) {
  std::uint64_t hashes = hashes_at(level, size);
  if (index < hashes / kTileWidth) return kTileWidth;
  return index == hashes / kTileWidth ? static_cast<std::uint32_t>(hashes % kTileWidth) : 0;
}

std::vector<TileId> changed_tiles(std::uint64_t old_size, std::uint64_t size) {
  std::vector<TileId> tiles;
  for (unsigned level = 0; hashes_at(level, size) > hashes_at(level, old_size); ++level) {
    std::uint64_t first = hashes_at(level, old_size) / kTileWidth;
    std::uint64_t last = (hashes_at(level, size) - 1) / kTileWidth;
    for (std::uint64_t index = first; index <= last; ++index)
      tiles.push_back({level, index, tile_width(level, index, size)});
  }
  return tiles;
}

Status append_to_bundle(Bytes& bundle, ByteView entry) {
  if (entry.size() > kEntryBytesMax)
    return Error{ErrorCode::kTooLarge,
                 "an entry of " + std::to_string(entry.size()) + " bytes; a log entry has at most 65535",
                 "entry"};
  bundle.push_back(static_cast<std::uint8_t>(entry.size() >> 8));
  bundle.push_back(static_cast<std::uint8_t>(entry.size() & 0xFF));
  bundle.insert(bundle.end(), entry.begin(), entry.end());
  return {};
}

Result<std::vector<ByteView>> parse_bundle(ByteView bundle) {
  std::vector<ByteView> entries;
  while (!bundle.empty()) {
    if (entries.size() == kTileWidth)
      return Error{ErrorCode::kCorrupt, "a bundle holds more than 256 entries", "bundle"};
    std::size_t length = bundle.size() < 2 ? 0 : static_cast<std::size_t>(bundle[0]) << 8 | bundle[1];
    if (bundle.size() < 2 + length)
      return Error{ErrorCode::kCorrupt, "ends within entry " + std::to_string(entries.size()), "bundle"};
    entries.push_back(bundle.subspan(2, length));
    bundle = bundle.subspan(2 + length);
  }
  return entries;
}

HashReader hashes_in_tiles(std::uint64_t size, TileReader read_tile) {
  auto tiles = std::make_shared<std::map<std::pair<unsigned, std::uint64_t>, Bytes>>();
  return [size, read_tile = std::move(read_tile), tiles](const Subtree& subtree) -> Result<Hash> {
    unsigned level = subtree.level / kTileHeight;
    unsigned above = subtree.level % kTileHeight;  // levels between the tile's hashes and the subtree's root
    std::uint64_t first = subtree.index << above, count = std::uint64_t{1} << above;
    std::uint64_t index = first / kTileWidth;
    if (subtree.level >= 63 || first + count > hashes_at(level, size))
      return invalid("subtree", "a subtree outside a tree of " + std::to_string(size) + " leaves");
    auto found = tiles->find({level, index});
    if (found == tiles->end()) {
      CIYUAN_TRY(Bytes bytes, read_tile(level, index));
      std::size_t wanted = tile_width(level, index, size) * kHashBytes;
      if (bytes.size() < wanted)
        return Error{ErrorCode::kCorrupt,
                     "has " + std::to_string(bytes.size()) + " bytes where a tree of " +
                         std::to_string(size) + " leaves needs " + std::to_string(wanted),
                     tile_path({level, index, kTileWidth})};
      found = tiles->emplace(std::pair{level, index}, std::move(bytes)).first;
    }
    std::vector<Hash> hashes(count);
    std::size_t offset = static_cast<std::size_t>(first % kTileWidth) * kHashBytes;
    for (Hash& hash : hashes) {
      std::copy_n(found->second.begin() + static_cast<std::ptrdiff_t>(offset), kHashBytes, hash.begin());
      offset += kHashBytes;
    }
    return fold(std::move(hashes));
  };
}

Result<TreeWriter> TreeWriter::load(std::uint64_t size, const TileReader& read_tile) {
  if (size > kTreeSizeMax) return invalid("size", "a tree has at most 2^62 leaves");
  HashReader read = hashes_in_tiles(size, read_tile);
  std::vector<Hash> hashes;
  for (const Subtree& subtree : edge_subtrees(size)) {
    CIYUAN_TRY(Hash hash, read(subtree));
    hashes.push_back(hash);
  }
  TreeWriter writer;
  CIYUAN_TRY(writer.range_, CompactRange::from_hashes(size, std::move(hashes)));
  return writer;
}

std::uint64_t TreeWriter::append(const Hash& leaf) {
  std::uint64_t index = range_.size();
  range_.append(leaf, [this](const Subtree& subtree, const Hash& hash) {
    if (subtree.level % kTileHeight != 0) return;
    unsigned level = subtree.level / kTileHeight;
    if (pending_.size() <= level) pending_.resize(level + 1);
    std::vector<TileChange>& changes = pending_[level];
    std::uint64_t tile = subtree.index / kTileWidth;
    if (changes.empty() || changes.back().index != tile)
      changes.push_back(
          {level, tile, static_cast<std::uint32_t>(subtree.index % kTileWidth * kHashBytes), {}});
    changes.back().bytes.insert(changes.back().bytes.end(), hash.begin(), hash.end());
  });
  return index;
}

std::vector<TileChange> TreeWriter::take_changes() {
  std::vector<TileChange> taken;
  for (std::vector<TileChange>& level : pending_) {
    std::move(level.begin(), level.end(), std::back_inserter(taken));
    level.clear();
  }
  return taken;
}

}  // namespace ciyuan::tlog
