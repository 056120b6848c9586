#include <algorithm>

#include "contract/internal/compiler.h"
#include "contract/internal/settling.h"

namespace ciyuan::contract {
namespace {

std::pair<std::size_t, std::string_view> order_of(std::string_view kind, std::string_view name) {
  auto found = std::find(std::begin(kDocumentKinds), std::end(kDocumentKinds), kind);
  return {static_cast<std::size_t>(found - std::begin(kDocumentKinds)), name};
}

}  // namespace

Compilation Compiler::run(std::vector<Document> documents) {
  state_ = std::make_unique<Registry::State>();
  state_->documents = std::move(documents);
  std::stable_sort(state_->documents.begin(), state_->documents.end(),
                   [](const Document& a, const Document& b) {
                     return order_of(a.kind, a.name) < order_of(b.kind, b.name);
                   });
  const Document* previous = nullptr;
  for (const Document& document : state_->documents) {
    if (previous != nullptr && previous->kind == document.kind && previous->name == document.name)
      fault(document, "/name",
            "stands twice; the other is in " + (previous->source.empty() ? "the store" : previous->source));
    else
      add(document);
    previous = &document;
  }
  finish_packages();
  finish_keys();
  return {std::move(state_), std::move(errors_), std::move(warnings_)};
}

void Compiler::fault(const Document& document, std::string_view pointer, std::string message) {
  errors_.push_back(document_error(document, pointer, std::move(message)));
}

void Compiler::warn(const Document& document, const std::string& message) {
  warnings_.push_back(document_error(document, "", message).text());
}

void Compiler::take_faults(const Document& document, const std::string& pointer, std::vector<Fault> faults) {
  for (Fault& found : faults) fault(document, pointer + found.pointer, std::move(found.message));
}

void Compiler::add(const Document& document) {
  if (document.kind == "Party")
    add_party(document);
  else if (document.kind == "Upstream")
    add_upstream(document);
  else if (document.kind == "Model")
    add_model(document);
  else if (document.kind == "Method")
    add_method(document);
  else if (document.kind == "PriceBook")
    add_book(document);
  else if (document.kind == "ExchangeRates")
    take_faults(document, "", exchange_rates_faults(document.value));
  else if (document.kind == "Equivalence")
    add_equivalence(document);
  else if (document.kind == "Contract")
    add_contract(document);
  else if (document.kind == "Package")
    add_package(document);
  else if (document.kind == "Licence")
    add_licence(document);
  else if (document.kind == "Key")
    add_key(document);
  else if (document.kind == "AlertChannel")
    add_channel(document);
  else if (document.kind == "Budget")
    take_faults(document, "", budget_faults(document.value, state_->documents));
  else if (document.kind == "Suspension")
    add_suspension(document);
}

void Compiler::add_party(const Document& document) {
  parties_.insert(document.name);
  take_faults(document, "", party_faults(document.value));
}

void Compiler::add_method(const Document& document) {
  Result<measure::Method> method = measure::Method::from_json(document.value);
  if (!method.ok()) return fault(document, method.error().path, method.error().message);
  state_->methods.emplace(document.name, std::make_unique<const measure::Method>(std::move(method).value()));
}

void Compiler::add_book(const Document& document) {
  Result<price::Book> book = price::Book::parse(document.value);
  if (!book.ok()) return fault(document, book.error().path, book.error().message);
  for (const std::string& warning : book->warnings()) warn(document, warning);
  state_->books.emplace(document.name, std::move(book).value());
}

void Compiler::add_equivalence(const Document& document) {
  Result<measure::Equivalence> table = measure::Equivalence::from_json(document.value);
  if (!table.ok()) return fault(document, table.error().path, table.error().message);
  TimePoint from, until, date;
  moment_at(document, document.value, "date", "/date", date);
  moment_at(document, document.value, "effective_from", "/effective_from", from);
  const bool ends = moment_at(document, document.value, "effective_until", "/effective_until", until);
  if (ends && until != TimePoint{} && until <= from)
    fault(document, "/effective_until",
          "\"" + text_at(document.value, "effective_until") + "\" is not after effective_from");
  state_->equivalences.emplace(document.name, EquivalenceTable{std::move(table).value(), from, until});
}

const RateTable* Compiler::rates_for(const measure::Method* method, const price::Book* book) {
  auto [entry, fresh] = state_->rates.try_emplace({method, book});
  if (fresh) {
    for (const auto& [name, model] : state_->models) {
      ModelRates rates;
      rates.ciyuan_per_token = method->ciyuan_per_token(name);
      rates.prices = book != nullptr ? book->find(name) : nullptr;
      if (!model.routes.empty()) rates.region = model.routes.front().upstream->region;
      if (rates.prices != nullptr && !rates.prices->conditional) {
        rates.money = rates.prices->fixed;
        rates.lines = price_lines(rates.money);
      }
      entry->second.models.emplace(name, std::move(rates));
    }
  }
  return &entry->second;
}

bool Compiler::moment_at(const Document& document, const Json& object, const char* field,
                         const std::string& pointer, TimePoint& target) {
  if (!object.contains(field)) return true;
  Result<TimePoint> moment = price::parse_moment(text_at(object, field));
  if (!moment.ok()) return fault(document, pointer, moment.error().message), false;
  target = *moment;
  return true;
}

Digest Compiler::digest_of(std::string_view kind, std::string_view name) const {
  const Document* document = find_in(state_->documents, kind, name);
  return document != nullptr ? document->digest : Digest{};
}

const Document* find_in(const std::vector<Document>& sorted, std::string_view kind, std::string_view name) {
  auto wanted = order_of(kind, name);
  auto found =
      std::lower_bound(sorted.begin(), sorted.end(), wanted, [](const Document& document, const auto& order) {
        return order_of(document.kind, document.name) < order;
      });
  return found != sorted.end() && found->kind == kind && found->name == name ? &*found : nullptr;
}

std::vector<PriceLine> price_lines(const price::Rates& rates) {
  std::vector<PriceLine> lines;
  for (Kind kind : kAllKinds)
    if (rates.knows(kind))
      lines.push_back({kind, rates.per_token[index_of(kind)], std::string(rates.line_id(kind))});
  return lines;
}

Compilation compile(std::vector<Document> documents) { return Compiler().run(std::move(documents)); }

}  // namespace ciyuan::contract
