#pragma once

/// A voucher: what a server lets a device use while there is no connection. It is a signed note (C2SP
/// signed-note) of the server's licence key; its text has two lines, what it is and canonical JSON:
///
///   ciyuan/licence-voucher/v1
///   {"ciyuan":"500","device":"cutter-1+3d5f…+AW…","id":"…","licence":"workshop","method":"<hex>", …}
///
/// It says what a token of each model counts under the licence's method, so that a device needs no documents.
/// Pure functions: any thread.

#include <array>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/amount.h"
#include "base/id.h"
#include "base/kind.h"
#include "base/time.h"
#include "tlog/note.h"

namespace ciyuan::licence {

/// Decimal places of Ciyuan, as everywhere (contract/limit.h, which this library does without).
constexpr int kCiyuanScale = 6;
constexpr std::size_t kVoucherModelsMax = 1000;
/// A voucher's chain has no more statements: its quantum is at least so small a part of its Ciyuan.
constexpr std::int64_t kQuantaMax = 10'000;

using Weights = std::array<Amount, kKinds>;  ///< Ciyuan of one token of each kind

struct Voucher {
  Id id;
  std::string licence, contract;
  tlog::VerifierKey device;  ///< whose counter it is for; `device.name` is the device's name
  Amount ciyuan;             ///< that may be used, above zero
  Amount quantum;            ///< marked as used ahead of use: what a crash may count too much
  TimePoint issued, until;
  TimePoint report_by;  ///< until when a report is taken; the rest is the licence's again then
  std::string method_digest;
  std::map<std::string, Weights> models;
};

/// The voucher's text, two lines. kInvalid: a member that read_voucher() would refuse.
Result<std::string> voucher_text(const Voucher& voucher);
/// The note. As above.
Result<std::string> sign_voucher(const Voucher& voucher, const tlog::NoteSigner& server);

/// kRefused: not signed by one of these keys. kInvalid names the member that is missing or wrong.
Result<Voucher> read_voucher(std::string_view note, std::span<const tlog::VerifierKey> servers);

/// The digest that the first statement of the voucher's chain names: of the note's text.
std::string voucher_digest(const Voucher& voucher);

}  // namespace ciyuan::licence
