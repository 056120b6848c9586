#pragma once

/// Rows of CSV (RFC 4180), and what exports in it share.

#include <string>
#include <vector>

#include "base/json.h"
#include "report/export.h"

namespace ciyuan::report::internal {

void add_row(std::string& out, const std::vector<std::string>& cells);
/// A client chose it, and a spreadsheet would run it.
std::string harmless(const std::string& text);
/// The record's tags as JSON; empty where it has none.
std::string tags_text(const Json& record);
/// kTooLarge: more than kExportBytesMax.
Status check_size(const std::string& text);

}  // namespace ciyuan::report::internal
