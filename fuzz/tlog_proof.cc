// tlog-proof files, tile paths and bundles from strangers: one form each.

#include <cstdlib>

#include "tlog/proof.h"
#include "tlog/tile.h"

using namespace ciyuan;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (Result<tlog::Proof> proof = tlog::Proof::parse(text); proof.ok()) {
    if (proof->text() != text) std::abort();
    if (tlog::verify_proof(*proof, tlog::Hash{}, {}).ok()) std::abort();  // no key, no proof
  }
  if (Result<tlog::ParsedPath> path = tlog::parse_tile_path(text); path.ok()) {
    std::string again =
        path->entries ? tlog::entries_path(path->tile.index, path->tile.width) : tlog::tile_path(path->tile);
    if (again != text) std::abort();
  }
  if (Result<std::vector<ByteView>> entries = tlog::parse_bundle({data, size}); entries.ok()) {
    Bytes again;
    for (ByteView entry : *entries)
      if (!tlog::append_to_bundle(again, entry).ok()) std::abort();
    if (!std::equal(again.begin(), again.end(), data, data + size)) std::abort();
  }
  return 0;
}
