#pragma once

/// The chain of a device's counter: statements signed by the device, each naming the digest of the one before
/// it, the first that of the voucher. A file holds the voucher's note and then the statements' notes, four
/// lines each:
///
///   ciyuan/licence-counter/v1
///   {"at":"…","ciyuan":"12","marked":"20","method":"…","previous":"…","sequence":3,"tokens":{…}, …}
///
///   — cutter-1 <base64>
///
/// A statement says what was used so far (`ciyuan`, exactly) and how much is marked ahead (`marked`): a
/// device lets nothing pass that no durable statement has marked. So what was used is never more than the
/// last statement's `marked`, whatever became of the device.
///
/// What a chain is checked for: signatures; sequence without gaps; digests; time, Ciyuan and tokens never
/// less than before; `ciyuan` within what was marked before, and the sum of its tokens by the voucher's
/// weights and of what crashes left unaccounted; `marked` within the voucher; nothing after a statement that
/// says `"final":true`, which is how a device gives a voucher back. Pure functions: any thread.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "licence/voucher.h"

namespace ciyuan::licence {

constexpr std::size_t kStatementsMax = 20'000;  ///< of one voucher
constexpr std::size_t kChainBytesMax = std::size_t{16} << 20;
constexpr std::int64_t kTokensMax = std::int64_t{1} << 53;  ///< of one kind: JSON's exact integers

struct Statement {
  std::uint64_t sequence = 0;
  TimePoint at;
  Amount ciyuan;       ///< used since the voucher began
  Amount marked;       ///< at least `ciyuan`: what may have passed before the next statement
  Amount unaccounted;  ///< of `ciyuan`: marked when a device stopped without saying what had passed
  std::map<std::string, KindCounts> tokens;  ///< by model, since the voucher began
  std::string previous;                      ///< hex SHA-256 of the text before
  bool is_final = false;  ///< the device uses the voucher no further; nothing is marked ahead
};

/// The text that is signed, two lines.
std::string statement_text(const Statement& statement, const Voucher& voucher);

struct Chain {
  Voucher voucher;
  std::vector<Statement> statements;
  std::vector<std::string> digests;  ///< of the statements' texts, hex
  std::size_t whole_bytes = 0;       ///< of the file, up to the end of the last whole note
};

/// Reads and checks a whole file. A last note that is not whole is left out (see `whole_bytes`): a device
/// that stopped while it wrote had let nothing pass under it. kRefused: a signature. kInvalid: path
/// "N/member" for the N-th statement, with the rule.
Result<Chain> read_chain(std::string_view file, std::span<const tlog::VerifierKey> servers);

/// What a server has seen of a voucher's chain.
struct Seen {
  std::uint64_t statements = 0;
  std::string digest;  ///< of the last; empty: none
};
enum class Standing {
  kSame,        ///< nothing new
  kLonger,      ///< goes on from what was seen
  kRolledBack,  ///< ends before it: an older copy of the device's file
  kForked,      ///< another statement stands in its place
};
std::string_view name_of(Standing standing);
Standing standing_of(const Chain& chain, const Seen& seen);

}  // namespace ciyuan::licence
