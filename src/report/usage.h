#pragma once

/// What a contract used in a period, added up from its records: the figures of statements and invoices.
///
/// A record that corrects another stands in its place where both closed in the period. Where the corrected
/// one closed before, only the difference counts, in lines of its own (`adjustment`): the old figures taken
/// back, the new ones put. So periods add up to the ledger however late a price was corrected.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/json.h"
#include "report/period.h"
#include "store/store.h"
#include "tlog/tree.h"

namespace ciyuan::report {

/// Of one answer; more is kTooLarge: take a shorter period.
constexpr std::size_t kRecordsMax = 5'000'000;

struct RecordQuery {
  std::string contract, key, model;  ///< empty: any; `model` as it was asked for
  TimePoint from, to;                ///< half open, by time of closing; zero: open
  /// Name → value that the record must have, all of them; a correction has those of what it corrects.
  std::map<std::string, std::string> tags{};
  std::optional<std::uint64_t> after_leaf{};  ///< only younger ones
  std::size_t records_max = kRecordsMax;
};
/// Calls `take` for each record, newest first; an Error ends it. The caller pins.
Status for_each_record(store::Reader& reader, const RecordQuery& query,
                       const std::function<Status(const store::RecordRow&, const Json&)>& take);

/// Calls `take` for what counts in the period (see above): with sign 1 for a record that nothing in the
/// period corrects, with sign −1 for one of an earlier period that is taken back; `adjustment` for both
/// halves of such a correction.
class Effective {
 public:
  using Take = std::function<Status(const Json& record, int sign, bool adjustment)>;
  explicit Effective(Take take) : take_(std::move(take)) {}
  /// Each record of the period, newest first: a correction comes before what it stands for.
  Status see(const Json& record);
  /// Reads what was corrected and closed before. `replaced` is told of each of those too.
  Status finish(store::Reader& reader, const std::function<Status(const Json&)>& replaced = {});

 private:
  Take take_;
  std::unordered_set<std::string> awaited_;                 ///< corrected, and not seen yet
  std::unordered_map<std::string, std::string> corrected_;  ///< correction → what it corrects
  std::vector<Json> corrections_;                           ///< that nothing in the period corrects again
};
Status for_each_effective(store::Reader& reader, const RecordQuery& query, const Effective::Take& take);

/// What lines are told apart by.
struct LineKey {
  std::string model, kind, unit_price, currency;
  bool adjustment = false;
  bool is_paid = false;  ///< from a package (then it has no price) or a balance: no invoice asks for it again
  auto operator<=>(const LineKey&) const = default;
};
struct LineSum {
  std::int64_t billed = 0, measured = 0, reported = 0;
  bool all_reported = true;
  Amount amount;
};

/// The period's records as a part of the log. `root` is the Merkle root (RFC 6962) over their leaf hashes, in
/// the order of their leaves: whoever has the records can make it again.
struct RecordRange {
  std::uint64_t count = 0, first_leaf = 0, last_leaf = 0;
  tlog::Hash root = tlog::empty_root();
};

struct Usage {
  std::uint64_t calls = 0;
  Amount ciyuan;
  std::map<std::string, Amount> money;         ///< by currency
  std::map<std::string, Amount> model_ciyuan;  ///< by model
  std::map<std::string, std::uint64_t> states, verdicts;
  std::map<LineKey, LineSum> lines;
  std::uint64_t corrections = 0;            ///< records of the period that correct another
  std::map<std::string, Amount> corrected;  ///< of the money: what they changed, by currency
  RecordRange range;
  /// What each record must have moved on the accounts, by its leaf; nothing that is zero.
  std::unordered_map<std::uint64_t, Amount> charged, corrected_at;
  std::unordered_set<std::uint64_t> from_packages;  ///< leaves of records that packages paid a part of
};

/// kCorrupt: a stored record is damaged. kTooLarge. `with_range`: reads what the leaves are made of as well.
Result<Usage> usage_of(store::Reader& reader, const RecordQuery& query, bool with_range);

/// The same money and Ciyuan by one property of the records: "key", "session", "model", "upstream", "day" (of
/// the calendar at `offset_minutes`), or "tag:NAME", where what has no such tag is under "". Corrections
/// count with the property of the record they correct.
struct Share {
  std::uint64_t calls = 0;
  std::int64_t tokens = 0;
  Amount ciyuan;
  std::map<std::string, Amount> money;
};
inline constexpr std::string_view kSplits[] = {"key", "session", "model", "upstream", "day"};
inline constexpr std::string_view kTagSplit = "tag:";
Result<std::map<std::string, Share>> split_of(store::Reader& reader, const RecordQuery& query,
                                              std::string_view by, int offset_minutes);

/// The record's tags, an object; empty where it has none.
const Json& tags_of(const Json& record);
/// It has all of these, with these values.
bool has_tags(const Json& record, const std::map<std::string, std::string>& wanted);

/// In Ciyuan, not in money.
bool is_from_package(const Json& charge);
/// Sum of a record's charges in each currency.
Result<std::map<std::string, Amount>> money_of(const Json& record);
Result<Amount> ciyuan_of(const Json& record);
/// In "CIYUAN" or a currency.
Result<Amount> amount_in(const Json& record, const std::string& unit);

}  // namespace ciyuan::report
