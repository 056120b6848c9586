#include "report/internal/csv.h"

#include "report/usage.h"

namespace ciyuan::report::internal {
namespace {

// RFC 4180.
std::string csv_cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return std::string(text);
  std::string cell = "\"";
  for (char c : text) cell += c == '"' ? std::string("\"\"") : std::string(1, c);
  return cell + "\"";
}

}  // namespace

std::string harmless(const std::string& text) {
  return !text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos ? "'" + text
                                                                                               : text;
}

void add_row(std::string& out, const std::vector<std::string>& cells) {
  for (std::size_t i = 0; i < cells.size(); ++i) out += (i > 0 ? "," : "") + csv_cell(cells[i]);
  out += "\r\n";
}

std::string tags_text(const Json& record) {
  const Json& tags = tags_of(record);
  return tags.empty() ? "" : tags.dump();
}

Status check_size(const std::string& text) {
  if (text.size() <= kExportBytesMax) return {};
  return Error{ErrorCode::kTooLarge,
               "is more than " + std::to_string(kExportBytesMax >> 20) + " MiB: take a shorter one",
               "period"};
}

}  // namespace ciyuan::report::internal
