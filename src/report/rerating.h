#pragma once

/// A period's charges, rated again with all of the period known.

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "contract/document.h"
#include "price/rating.h"
#include "report/usage.h"

namespace ciyuan::report {

/// Price books as contracts had them, by what records name: parsed once.
class Books {
 public:
  explicit Books(store::Reader& reader) : reader_(reader) {}

  /// nullptr: a document of these digests (hex) never was, or is no book that can be read.
  Result<const price::Book*> find(const std::string& contract_digest, const std::string& book_digest);
  /// The book, with the contract's price clause over it.
  static Result<price::Book> of(const Json& contract, const Json& book);

 private:
  store::Reader& reader_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<price::Book>> books_;
};

/// What one price line of one version of contract and book came to for one model and meter.
struct TrueUp {
  std::string contract;  ///< digest (hex) of the version
  std::string line, model;
  price::Meter meter = price::Meter::kInput;
  price::ScheduleType schedule = price::ScheduleType::kFlat;
  std::int64_t quantity = 0;
  Amount captured, rated;
};

/// By what a charge was made, and who paid it: its account; empty where the record names none, as where all
/// is charged to the receivable.
struct PaidKey {
  std::string contract;  ///< digest (hex)
  std::string line, model;
  price::Meter meter = price::Meter::kInput;
  std::string payer;
  auto operator<=>(const PaidKey&) const = default;
};

struct Rerated {
  Amount captured;                      ///< charged in this currency; corrections of earlier periods left out
  std::vector<price::RatedLine> lines;  ///< all of it, as rated now
  std::vector<TrueUp> true_ups;         ///< of the lines whose schedule counts, changed or not
  std::map<PaidKey, Amount> paid;       ///< what `captured` is made of
};

/// The query's period must be closed; `counters` hold what was used before in schedules' periods that began
/// earlier, and hold this use as well afterwards. A charge that names no line, or a line that is not found,
/// stays as it is.
Result<Rerated> rerated(store::Reader& reader, const RecordQuery& query, const std::string& currency,
                        price::Counters& counters);

}  // namespace ciyuan::report
