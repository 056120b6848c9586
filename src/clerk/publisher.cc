#include "clerk/publisher.h"

#include "record/receipt.h"
#include "tlog/tree.h"

namespace ciyuan::clerk {
namespace {

tlog::HashReader hashes_of(store::Reader& reader, std::uint64_t size) {
  return tlog::hashes_in_tiles(
      size, [&reader](unsigned level, std::uint64_t index) { return reader.tile(level, index); });
}

}  // namespace

Result<std::unique_ptr<Publisher>> Publisher::open(std::unique_ptr<store::Reader> reader,
                                                   const std::filesystem::path& state_file,
                                                   tlog::NoteSigner key, const std::string& origin,
                                                   bool create, const record::KeysFile* keys) {
  if (!std::filesystem::exists(state_file)) {
    CIYUAN_TRY(store::Head head, reader->head());
    if (head.log_size == 0 || create) CIYUAN_TRY_STATUS(tlog::Signer::create(state_file, key, origin));
  }
  CIYUAN_TRY(tlog::Signer signer, tlog::Signer::open(state_file, std::move(key), origin));
  return std::unique_ptr<Publisher>(new Publisher(std::move(reader), std::move(signer), keys));
}

Result<std::string> Publisher::sign_locked() {
  CIYUAN_TRY(store::Head head, reader_->head());
  tlog::HashReader hashes = hashes_of(*reader_, head.log_size);
  // The root is computed again from the tiles that are to be served: the stored root alone could hide a
  // damaged tile.
  CIYUAN_TRY(tlog::Hash root, tlog::read_root(head.log_size, hashes));
  if (root != head.log_root)
    return Error{ErrorCode::kCorrupt, "the stored tiles do not make the stored root of the log", ""};
  return signer_.sign(head.log_size, root, [&](std::uint64_t from, std::uint64_t to) {
    return tlog::prove_consistency(from, to, hashes);
  });
}

Result<std::string> Publisher::checkpoint() {
  std::lock_guard guard(lock_);
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(*reader_));
  return sign_locked();
}

std::string Publisher::last_checkpoint() const {
  std::lock_guard guard(lock_);
  return signer_.last_note();
}

Result<std::vector<tlog::Hash>> Publisher::inclusion_locked(std::uint64_t leaf) {
  // One signature covers all receipts up to its size.
  if (signer_.last().size <= leaf) {
    CIYUAN_TRY(std::string note, sign_locked());
    (void)note;
  }
  std::uint64_t size = signer_.last().size;
  return tlog::prove_inclusion(leaf, size, hashes_of(*reader_, size));
}

Result<std::string> Publisher::receipt(const Id& id) { return receipt_with(id, keys_); }

Result<std::string> Publisher::receipt_with(const Id& id, const record::KeysFile* keys) {
  std::lock_guard guard(lock_);
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(*reader_));
  CIYUAN_TRY(std::optional<store::RecordRow> row, reader_->record(id));
  if (!row) return Error{ErrorCode::kNotFound, "no record " + id.text(), "id"};
  if (keys == nullptr) return leaf_receipt_locked(row->leaf);
  Result<SecretKey> key = keys->find(id);
  if (!key.ok() && key.error().code == ErrorCode::kRefused) return leaf_receipt_locked(row->leaf);  // erased
  if (!key.ok()) return key.error();
  record::ReceiptParts parts;
  CIYUAN_TRY(parts.hashes, inclusion_locked(row->leaf));
  parts.record_json = row->json;
  parts.key = *key;
  parts.index = row->leaf;
  parts.checkpoint = signer_.last_note();
  return record::make_receipt(parts);
}

Result<std::string> Publisher::leaf_receipt(std::uint64_t leaf) {
  std::lock_guard guard(lock_);
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(*reader_));
  return leaf_receipt_locked(leaf);
}

Result<std::string> Publisher::leaf_receipt_locked(std::uint64_t leaf) {
  CIYUAN_TRY(std::vector<std::string> entries, reader_->log_entries(leaf, 1));
  CIYUAN_TRY(store::Head head, reader_->head());
  if (entries.empty() || leaf >= head.log_size)
    return Error{ErrorCode::kNotFound, "no leaf " + std::to_string(leaf), "leaf"};
  CIYUAN_TRY(std::vector<tlog::Hash> hashes, inclusion_locked(leaf));
  return record::make_plain_receipt(entries.front(), leaf, std::move(hashes), signer_.last_note());
}

Result<std::string> Publisher::file(std::string_view path) {
  std::lock_guard guard(lock_);
  if (path == "checkpoint") {
    CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(*reader_));
    return sign_locked();
  }
  CIYUAN_TRY(tlog::ParsedPath parsed, tlog::parse_tile_path(path));
  const tlog::TileId& tile = parsed.tile;
  // Only what a published checkpoint covers is served: the rest could still be taken back.
  std::uint64_t size = signer_.last().size;
  if (tlog::tile_width(parsed.entries ? 0 : tile.level, tile.index, size) < tile.width)
    return Error{ErrorCode::kNotFound, "not in the log of " + std::to_string(size) + " leaves",
                 std::string(path)};
  if (!parsed.entries) {
    CIYUAN_TRY(Bytes bytes, reader_->tile(tile.level, tile.index));
    if (bytes.size() < tile.width * tlog::kHashBytes)
      return Error{ErrorCode::kCorrupt, "a stored tile is short", ""};
    return std::string(text_of(ByteView(bytes).first(tile.width * tlog::kHashBytes)));
  }
  CIYUAN_TRY(std::vector<std::string> entries,
             reader_->log_entries(tile.index * tlog::kTileWidth, tile.width));
  if (entries.size() != tile.width) return Error{ErrorCode::kCorrupt, "leaves are missing in the store", ""};
  Bytes bundle;
  for (const std::string& entry : entries) CIYUAN_TRY_STATUS(tlog::append_to_bundle(bundle, bytes_of(entry)));
  return std::string(text_of(bundle));
}

}  // namespace ciyuan::clerk
