#pragma once

/// What packages were sold for: owed when they are bought, earned as they are used.
///
///     receivable ──sale──► deferred/PACKAGE/CURRENCY ──as it is used──► revenue
///                                                    └─what expired───► breakage
///
///   draft_recognition(reader, "acme-100k", now)    // papers and postings, or nothing to do
///
/// A package with a price is sold when its document comes into force, and stands on the next invoice of the
/// first contract that it is for. After each day of that contract's calendar, what was used of it by then is
/// earned: its part of the price, rounded down to 10^-12 of the currency; what has expired by then is
/// breakage; the last of it takes what is left of the price. So price = earned + breakage + deferred at any
/// time. Another price in a later version of the document is sold by the difference; a document that is
/// deleted changes nothing about what was sold.
///
/// Each step is a paper "Recognition" that never changes, and the paper "PackageSale", one a package, says
/// how things stand.

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "report/drafted.h"
#include "store/store.h"

namespace ciyuan::report {

struct RecognitionDraft {
  std::optional<Drafted> drafted;  ///< nothing: nothing has changed
  TimePoint next;                  ///< when there may be something to do; zero: never, as things stand
};
/// The same draft every time, until it is written. kNotFound: there never was such a package.
Result<RecognitionDraft> draft_recognition(store::Reader& reader, const std::string& package, TimePoint at);

/// What of a package's price stands for a part of its Ciyuan: the part's share, rounded down to 10^-12.
/// kTooLarge: beyond 128 bits.
Result<Amount> price_part(const Json& sale, Amount ciyuan);

/// The "PackageSale" papers of packages that the contract buys.
Result<std::vector<Json>> package_sales(store::Reader& reader, const std::string& contract);
/// The "Recognition" papers of the contract's packages, written in [from, to) (zero: open), oldest first for
/// each package.
Result<std::vector<Json>> recognitions_of(store::Reader& reader, const std::string& contract, TimePoint from,
                                          TimePoint to);

}  // namespace ciyuan::report
