#include "contract/limit.h"

#include <algorithm>

namespace ciyuan::contract {

namespace {

/// Names that contracts make, and the segment in which the unit stands.
constexpr struct {
  std::string_view first;
  int unit_at;
} kNames[] = {{"cap", 3},        {"rate", 3},     {"prepaid", 3}, {"used", 3},
              {"receivable", 2}, {"revenue", 2},  {"package", 2}, {"reserved", 3},
              {"licence", 2},    {"licensed", 2}, {"expired", 2}, {"royalty", 2}};

}  // namespace

std::optional<std::string_view> unit_in_name(std::string_view account) {
  for (const auto& name : kNames) {
    if (!account.starts_with(name.first) || account.substr(name.first.size(), 1) != "/") continue;
    for (int segment = 0; segment < name.unit_at; ++segment) {
      std::size_t slash = account.find('/');
      if (slash == account.npos) return std::nullopt;
      account.remove_prefix(slash + 1);
    }
    std::string_view unit = account.substr(0, account.find('/'));
    bool is_unit =
        !unit.empty() && std::all_of(unit.begin(), unit.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    return is_unit ? std::optional(unit) : std::nullopt;
  }
  return std::nullopt;
}

int scale_of_unit(std::string_view unit) {
  if (unit == "CIYUAN") return kCiyuanScale;
  if (unit == "REQUEST" || unit == "PERSON") return kCountScale;
  return kMoneyScale;
}

}  // namespace ciyuan::contract
