#pragma once

/// Usage in formats that others read.
///
/// csv      one row for each charge of each record, as they closed; a correction is a row that names what it
///          corrects. Texts that a spreadsheet would take for a formula get an apostrophe in front.
/// focus    FOCUS 1.2 (FinOps Open Cost and Usage Specification), dataset CostAndUsage, as CSV: one row for
///          each day, key, model, kind and price; corrections of earlier periods as ChargeClass "Correction".
///          What a package paid for is billed at nothing and costs its part of the package's price; packages
///          are a Purchase when they are bought, and what expires of them is a commitment that was not used.
///          Where the period has an invoice in the same currency, its number, taxes and rounding are rows
///          too.
/// tmf635   an array of Usage resources in the manner of TMF635 (Usage Management API v4): one for each
/// record.
///
/// Money is exact in all of them.

#include <string>
#include <string_view>

#include "report/period.h"
#include "store/store.h"

namespace ciyuan::report {

inline constexpr std::string_view kFocusVersion = "1.2";
inline constexpr std::string_view kExportFormats[] = {"csv", "focus", "tmf635"};
constexpr std::size_t kExportBytesMax = std::size_t{256} << 20;  ///< more is kTooLarge: take a shorter period

struct Export {
  std::string content_type, text;
};
/// kInvalid: no such format. kNotFound: there never was a contract of this name.
Result<Export> export_usage(store::Reader& reader, const std::string& contract, const Period& period,
                            std::string_view format);

}  // namespace ciyuan::report
