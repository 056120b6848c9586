#include "report/internal/numbering.h"

#include <algorithm>

#include "report/papers.h"

namespace ciyuan::report::internal {
namespace {

constexpr std::size_t kNumberDigits = 6;
constexpr std::uint64_t kNumberMax = 999'999;

std::string numbered(const std::string& series, std::uint64_t number) {
  std::string digits = std::to_string(number);
  return series + std::string(kNumberDigits - std::min(kNumberDigits, digits.size()), '0') + digits;
}

}  // namespace

Result<std::string> next_number(store::Reader& reader, std::string_view kind, const std::string& series) {
  // The series has no gaps, so its end is found by doubling and halving.
  auto is_taken = [&](std::uint64_t number) -> Result<bool> {
    CIYUAN_TRY(std::optional<Json> found, find_paper(reader, kind, numbered(series, number)));
    return found.has_value();
  };
  std::uint64_t taken = 0, free = 1;
  for (;; free *= 2) {
    CIYUAN_TRY(bool is, is_taken(free));
    if (!is) break;
    taken = free;
  }
  while (free - taken > 1) {
    std::uint64_t middle = taken + (free - taken) / 2;
    CIYUAN_TRY(bool is, is_taken(middle));
    (is ? taken : free) = middle;
  }
  if (free > kNumberMax)
    return Error{ErrorCode::kTooLarge, "has no number left in this year", std::string(series)};
  return numbered(series, free);
}

}  // namespace ciyuan::report::internal
