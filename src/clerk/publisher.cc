#include "clerk/publisher.h"

#include "record/leaf.h"
#include "record/receipt.h"
#include "tlog/tree.h"

namespace ciyuan::clerk {
namespace {

tlog::HashReader hashes_of(store::Reader& reader, std::uint64_t size) {
  return tlog::hashes_in_tiles(
      size, [&reader](unsigned level, std::uint64_t index) { return reader.tile(level, index); });
}

}  // namespace

Result<SecretKey> find_key(store::Reader& reader, const store::RecordRow& row, const record::KeysFile& keys) {
  CIYUAN_TRY(SecretKey key, keys.find(row.id, row.key_slot));
  CIYUAN_TRY(std::vector<std::string> entries, reader.log_entries(row.leaf, 1));
  CIYUAN_TRY(record::Sealed sealed, record::seal_json(row.json, key));
  if (entries.empty() || entries.front() != sealed.entry)
    return Error{ErrorCode::kNotFound, "another key is where that of record " + row.id.text() + " was", ""};
  return key;
}

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
  Result<std::string> note = sign_unpublished();
  std::lock_guard guard(published_);
  published_note_ = signer_.last_note();
  trouble_ = note.ok() ? "" : "the log cannot be signed: " + note.error().text();
  // Anything else (a full disk, a failed read) may pass; these two never do by themselves.
  refuses_ =
      !note.ok() && (note.error().code == ErrorCode::kRefused || note.error().code == ErrorCode::kCorrupt);
  return note;
}

Result<std::string> Publisher::sign_unpublished() {
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

Status Publisher::keep_up() {
  std::lock_guard guard(lock_);
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(*reader_));
  CIYUAN_TRY(store::Head head, reader_->head());
  if (trouble().empty() && head.log_size == signer_.last().size && head.log_root == signer_.last().root)
    return {};
  CIYUAN_TRY(std::string note, sign_locked());
  (void)note;
  return {};
}

std::string Publisher::last_checkpoint() const {
  std::lock_guard guard(published_);
  return published_note_;
}

std::string Publisher::trouble() const {
  std::lock_guard guard(published_);
  return trouble_;
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

Result<std::string> Publisher::receipt(const Id& id) {
  std::lock_guard guard(lock_);
  CIYUAN_TRY(store::Pinned pinned, store::Pinned::on(*reader_));
  CIYUAN_TRY(std::optional<store::RecordRow> row, reader_->record(id));
  if (!row) return Error{ErrorCode::kNotFound, "no record " + id.text(), "id"};
  if (keys_ == nullptr) return leaf_receipt_locked(row->leaf);
  Result<SecretKey> key = find_key(*reader_, *row, *keys_);
  if (!key.ok()) {
    // Only what can never be read again; a disk that fails now is told as what it is.
    bool gone = key.error().code == ErrorCode::kRefused || key.error().code == ErrorCode::kNotFound ||
                key.error().code == ErrorCode::kCorrupt;
    if (gone) return leaf_receipt_locked(row->leaf);
    return key.error();
  }
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
