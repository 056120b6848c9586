#pragma once

/// LiteLLM's catalogue of prices (model_prices_and_context_window.json, in the package `litellm` of PyPI) as
/// a PriceBook document: prices of tokens by kind, medium, prompt length, service class and cache TTL, and of
/// calls, images, seconds, pages and characters.
///
///   CIYUAN_TRY(Json catalogue, parse_json_keeping_decimals(text, kCatalogueValuesMax));
///   CIYUAN_TRY(CatalogueBook made, book_of_litellm(catalogue, {.name = "list-2026-11", .date =
///   "2026-11-30"}));
///
/// "above_200k_tokens" is read as from 200,001 input tokens; a tier of `tiered_pricing` from 0 to 256000 as
/// up to 256,000, the last one as without end. A cache write without a TTL is at the price of the shortest.

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace ciyuan::price {

constexpr std::size_t kCatalogueBytesMax = std::size_t{64} << 20;
constexpr std::size_t kCatalogueValuesMax = 4'000'000;

struct CatalogueOptions {
  std::string name, version, date, source, source_sha256, currency = "USD";
  bool round =
      false;  ///< round prices of more than twelve decimals for one token, half to even, and say which
};

struct CatalogueBook {
  Json document;                      ///< a PriceBook, to be read by contract::read_document()
  std::size_t models = 0;             ///< that have a price in it
  std::vector<std::string> left_out;  ///< "MODEL FIELD: VALUE, and why"
  std::vector<std::string> rounded;   ///< the same
};

/// `catalogue` as parse_json_keeping_decimals() gives it. kInvalid where it is no such catalogue.
Result<CatalogueBook> book_of_litellm(const Json& catalogue, const CatalogueOptions& options);

}  // namespace ciyuan::price
