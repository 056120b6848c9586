#pragma once

/// Papers: what settlement leaves, kept as documents that nobody can put or delete by hand. Each state is a
/// leaf of the log, and stays in the history.
///
///   Invoice, CreditNote   never change; named by their number
///   Closing               never change; one a contract and billing period
///   Billing               one a contract: its newest invoice, and what was credited
///   Settlement            one a contract and period: the proposal and the signed steps so far
///   Recognition           never change; what of a package was sold, earned or expired by then (packages.h)
///   PackageSale           one a package that was sold: how much of its price is earned
///   Notice                one a budget, month and share: what is told of it, and whether it was (notice.h)
///   LicenceTerm           one a device and term: the Ciyuan that it was given
///   Voucher               what a device may use offline, and what it has reported (admin/licences.cc)
///   Seat                  who has a seat of a licence, since when (gateway/seats.h)
///
/// and what of the documents in force they are written from.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "contract/document.h"
#include "contract/limit.h"
#include "report/money.h"
#include "store/store.h"

namespace ciyuan::report {

inline constexpr std::string_view kPaperKinds[] = {"Invoice",     "CreditNote",  "Billing",     "Settlement",
                                                   "Closing",     "PackageSale", "Recognition", "Notice",
                                                   "LicenceTerm", "Voucher",     "Seat"};
bool is_paper_kind(std::string_view kind);

/// The newest state; nothing where there is none.
Result<std::optional<Json>> find_paper(store::Reader& reader, std::string_view kind, std::string_view name);
/// kNotFound: "no such invoice".
Result<Json> paper(store::Reader& reader, std::string_view kind, std::string_view name);
/// A page, in the order of the names.
Result<std::vector<Json>> papers(store::Reader& reader, std::string_view kind, std::string_view prefix,
                                 std::string_view after, std::size_t rows_max);

/// Calls `take` for each of them, in the order of the names; an Error ends it.
Status for_each_paper(store::Reader& reader, std::string_view kind, std::string_view prefix,
                      const std::function<Status(Json& paper)>& take);

/// The document of this digest (hex), whatever came after it; nothing where there never was one.
Result<std::optional<Json>> document_named(store::Reader& reader, std::string_view digest_hex);
/// The newest version of a document that was not a deletion, whether it is in force or not. kNotFound: there
/// never was one.
Result<contract::Document> newest_document(store::Reader& reader, std::string_view kind,
                                           std::string_view name);

struct Tax {
  Json name;       ///< {"en", "zh"}
  Amount percent;  ///< kPercentScale
};
/// A contract's settlement clause, or what holds without one.
struct SettlementTerms {
  std::string provider, consumer;
  std::string currency;        ///< of the price book; empty where there is none
  std::string paper_currency;  ///< of invoices
  std::string exchange_rates;  ///< document; empty: none
  int offset_minutes = 0;
  Rounding rounding = Rounding::kHalfEven;
  int due_days = 30;
  int dispute_days = 15;
  std::vector<Tax> taxes;  ///< the clause's, else the price book's
  bool prices_contain_tax = false;
  Json text;  ///< {"en", "zh"} of the clause; null: none
};
Result<SettlementTerms> settlement_terms(store::Reader& reader, const contract::Document& contract);

/// The name of a contract's price book; empty: it has none.
std::string price_book_of(const Json& contract);

/// Models' names by their aliases: records name models as clients wrote them.
Result<std::map<std::string, std::string>> model_names(store::Reader& reader);

/// What parts of a charge for a model are other parties', by the contract's royalty clause; `names` as
/// model_names() gives them.
Result<std::vector<contract::Share>> royalties_for(const Json& contract, const std::string& model,
                                                   const std::map<std::string, std::string>& names,
                                                   const std::string& currency);

/// A text of {"en", "zh"} in one language, the other where it lacks, else `fallback`.
std::string words_in(const Json& text, std::string_view language, std::string_view fallback = "");
/// A text member; empty where it is missing or no text.
std::string text_at(const Json& object, std::string_view member);

}  // namespace ciyuan::report
