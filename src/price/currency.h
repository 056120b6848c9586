#pragma once

/// Currencies by their ISO 4217 codes (the list of 2025), and XTS, the code for tests.

#include <string_view>

namespace ciyuan::price {

bool is_currency(std::string_view code);

}  // namespace ciyuan::price
