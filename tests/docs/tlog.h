#pragma once

#include "tlog/proof.h"
#include "tlog/signer.h"
#include "tlog/tile.h"

namespace reader {
using namespace ciyuan;
using namespace ciyuan::tlog;

void store(const TileChange& change);
Result<Bytes> read_tile(unsigned level, std::uint64_t index);
extern ConsistencyProver prove;
extern Signer signer;
extern std::string text;
extern VerifierKey log_key;
}  // namespace reader
