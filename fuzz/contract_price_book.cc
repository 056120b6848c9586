// Price books from operators: refused by a place and a rule, or a book that prices any call of its models,
// where rating in two parts comes to what rating at once does.

#include <cstdlib>

#include "contract/document.h"
#include "price/closing.h"

using namespace ciyuan;
using namespace ciyuan::price;

namespace {

void try_book(const Book& book) {
  std::vector<std::string> models = book.models();
  models.resize(std::min<std::size_t>(models.size(), 5));
  for (const std::string& model : models) {
    std::vector<Usage> usages;
    for (std::int64_t tokens : {1, 200'001}) {
      Usage usage{.model = model,
                  .situation = {.at = {tokens * 1'000'000'000'000'000}, .input_tokens = tokens},
                  .counts = {}};
      const Bound bound = bind(usage.situation, book.condition_names());
      for (std::size_t i = 0; i < kMeters; ++i)
        if (book.line_for(*book.find(model), meter_at(i), bound) != nullptr)
          usage.counts.of[i] = 1 + tokens % 977;
      usages.push_back(std::move(usage));
    }
    Counters whole_counters, counters;
    const auto whole = rate(book, usages, whole_counters);
    if (!whole.ok()) continue;  // an amount left its bounds, and said so
    const auto first = rate(book, {usages[0]}, counters), second = rate(book, {usages[1]}, counters);
    if (!first.ok() || !second.ok() || counters != whole_counters) std::abort();
    if (total(*first).value() + total(*second).value() != total(*whole).value()) std::abort();
    if (const auto closing = close_period(book, *whole, {.of_term = true}); closing.ok())
      for (const RatedLine& line : *closing)
        if (line.unit_price * line.quantity != line.amount) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const contract::Reading reading =
      contract::read_documents({reinterpret_cast<const char*>(data), size}, "fuzz.yaml");
  for (const contract::Document& document : reading.documents) {
    if (document.kind != "PriceBook") continue;
    const auto book = Book::parse(document.value);
    if (!book.ok() && (book.error().path.empty() || book.error().message.empty())) std::abort();
    if (book.ok()) try_book(*book);
  }
  return 0;
}
