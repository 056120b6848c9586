#include "report/papers.h"

#include <algorithm>

#include "price/book.h"

namespace ciyuan::report {

bool is_paper_kind(std::string_view kind) {
  return std::find(std::begin(kPaperKinds), std::end(kPaperKinds), kind) != std::end(kPaperKinds);
}

Result<std::optional<Json>> find_paper(store::Reader& reader, std::string_view kind, std::string_view name) {
  CIYUAN_TRY(std::vector<store::DocumentRow> found, reader.documents_of(kind, name, "", 1));
  if (found.empty() || found[0].name != name) return std::optional<Json>();
  Result<Json> value = parse_json(found[0].json);
  if (!value.ok())
    return Error{ErrorCode::kCorrupt, value.error().message, found[0].kind + "/" + found[0].name};
  return std::optional(std::move(*value));
}

Result<Json> paper(store::Reader& reader, std::string_view kind, std::string_view name) {
  CIYUAN_TRY(std::optional<Json> found, find_paper(reader, kind, name));
  if (!found)
    return Error{ErrorCode::kNotFound, "there is none of this name",
                 std::string(kind) + "/" + std::string(name)};
  return std::move(*found);
}

Result<std::vector<Json>> papers(store::Reader& reader, std::string_view kind, std::string_view prefix,
                                 std::string_view after, std::size_t rows_max) {
  CIYUAN_TRY(std::vector<store::DocumentRow> rows, reader.documents_of(kind, prefix, after, rows_max));
  std::vector<Json> found;
  for (const store::DocumentRow& row : rows) {
    Result<Json> value = parse_json(row.json);
    if (!value.ok()) return Error{ErrorCode::kCorrupt, value.error().message, row.kind + "/" + row.name};
    found.push_back(std::move(*value));
  }
  return found;
}

Status for_each_paper(store::Reader& reader, std::string_view kind, std::string_view prefix,
                      const std::function<Status(Json& paper)>& take) {
  constexpr std::size_t kPage = 1000;
  std::string after;
  for (bool more = true; more;) {
    CIYUAN_TRY(std::vector<Json> page, papers(reader, kind, prefix, after, kPage));
    more = page.size() == kPage;
    if (more) after = text_at(page.back(), "name");
    for (Json& one : page) CIYUAN_TRY_STATUS(take(one));
  }
  return {};
}

Result<std::optional<Json>> document_named(store::Reader& reader, std::string_view digest_hex) {
  Result<Bytes> bytes = from_hex(digest_hex);
  Digest digest{};
  if (!bytes.ok() || bytes->size() != digest.size()) return std::optional<Json>();
  std::copy(bytes->begin(), bytes->end(), digest.begin());
  CIYUAN_TRY(std::optional<store::DocumentRow> row, reader.document_by_digest(digest));
  if (!row || row->json.empty()) return std::optional<Json>();
  CIYUAN_TRY(Json value, parse_json(row->json));
  return std::optional(std::move(value));
}

Result<contract::Document> newest_document(store::Reader& reader, std::string_view kind,
                                           std::string_view name) {
  CIYUAN_TRY(std::vector<store::DocumentRow> history, reader.document_history(kind, name));
  std::string path = std::string(kind) + "/" + std::string(name);
  for (store::DocumentRow& row : history) {
    if (row.json.empty()) continue;
    Result<Json> value = parse_json(row.json);
    if (!value.ok()) return Error{ErrorCode::kCorrupt, value.error().message, path};
    contract::Document document;
    document.kind = std::move(row.kind);
    document.name = std::move(row.name);
    document.value = std::move(*value);
    document.canonical = std::move(row.json);
    document.digest = row.digest;
    return document;
  }
  return Error{ErrorCode::kNotFound, "there never was one", path};
}

namespace {

// A contract without a price book has no money to settle, and still a consumer and a calendar.
Result<std::optional<Json>> book_of(store::Reader& reader, const contract::Document& contract) {
  const std::string book = price_book_of(contract.value);
  if (book.empty()) return std::optional<Json>();
  CIYUAN_TRY(contract::Document document, newest_document(reader, "PriceBook", book));
  return std::optional(std::move(document.value));
}

Status take_tax_of_book(const Json& tax, SettlementTerms& terms) {
  CIYUAN_TRY(Amount percent, price::decimal_of(tax.at("percent"), kPercentScale));
  const std::string name = text_at(tax, "name"), jurisdiction = text_at(tax, "jurisdiction");
  const std::string where = jurisdiction.empty() ? "" : " (" + jurisdiction + ")";
  terms.taxes.push_back(
      {{{"en", (name.empty() ? "Tax" : name) + where}, {"zh", (name.empty() ? "税" : name) + where}},
       percent});
  terms.prices_contain_tax = tax.value("inclusive", false);
  return {};
}

}  // namespace

Result<SettlementTerms> settlement_terms(store::Reader& reader, const contract::Document& contract) {
  SettlementTerms terms;
  terms.provider = text_at(contract.value.at("parties"), "provider");
  terms.consumer = text_at(contract.value.at("parties"), "consumer");
  CIYUAN_TRY(std::optional<Json> book, book_of(reader, contract));
  if (book) terms.currency = text_at(*book, "currency");
  terms.paper_currency = terms.currency;
  for (const Json& clause : contract.value.at("clauses")) {
    if (text_at(clause, "kind") != "settlement") continue;
    if (std::string currency = text_at(clause, "currency"); !currency.empty())
      terms.paper_currency = currency;
    terms.exchange_rates = text_at(clause, "exchange_rates");
    terms.offset_minutes = clause.value("utc_offset_minutes", 0);
    if (auto rounding = rounding_named(text_at(clause, "rounding"))) terms.rounding = *rounding;
    terms.due_days = clause.value("due_days", terms.due_days);
    terms.dispute_days = clause.value("dispute_days", terms.dispute_days);
    if (clause.contains("tax"))
      for (const Json& tax : clause["tax"]) {
        CIYUAN_TRY(Amount percent, price::decimal_of(tax.at("percent"), kPercentScale));
        terms.taxes.push_back({tax.at("name"), percent});
      }
    if (clause.contains("text")) terms.text = clause["text"];
  }
  if (terms.taxes.empty() && book && book->contains("tax"))
    CIYUAN_TRY_STATUS(take_tax_of_book((*book)["tax"], terms));
  return terms;
}

std::string price_book_of(const Json& contract) {
  std::string name = text_at(contract, "price_book");
  for (const Json& clause : contract.at("clauses"))
    if (name.empty() && text_at(clause, "kind") == "price") name = text_at(clause, "book");
  return name;
}

Result<std::map<std::string, std::string>> model_names(store::Reader& reader) {
  std::map<std::string, std::string> names;
  CIYUAN_TRY_STATUS(for_each_paper(reader, "Model", "", [&](Json& model) -> Status {
    for (const Json& alias : model.value("aliases", Json::array()))
      names[alias.get<std::string>()] = text_at(model, "name");
    return {};
  }));
  return names;
}

Result<std::vector<contract::Share>> royalties_for(const Json& contract, const std::string& model,
                                                   const std::map<std::string, std::string>& names,
                                                   const std::string& currency) {
  auto name_of = [&](const std::string& written) {
    auto name = names.find(written);
    return name == names.end() ? written : name->second;
  };
  std::vector<contract::Share> royalties;
  for (const Json& clause : contract.at("clauses")) {
    if (text_at(clause, "kind") != "royalty") continue;
    for (const Json& share : clause.at("shares")) {
      const Json models = share.value("models", Json::array());
      if (!models.empty() && std::none_of(models.begin(), models.end(), [&](const Json& one) {
            return name_of(one.get<std::string>()) == name_of(model);
          }))
        continue;
      CIYUAN_TRY(Amount percent, price::decimal_of(share.at("percent"), kPercentScale));
      royalties.push_back({"royalty/" + text_at(share, "party") + "/" + currency,
                           static_cast<std::int64_t>(percent.units())});
    }
  }
  return royalties;
}

std::string words_in(const Json& text, std::string_view language, std::string_view fallback) {
  if (!text.is_object()) return std::string(fallback);
  for (std::string_view one : {language, std::string_view(language == "en" ? "zh" : "en")})
    if (std::string words = text_at(text, one); !words.empty()) return words;
  return std::string(fallback);
}

std::string text_at(const Json& object, std::string_view member) {
  if (!object.is_object()) return "";
  auto found = object.find(member);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace ciyuan::report
