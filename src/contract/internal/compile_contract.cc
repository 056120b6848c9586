#include <algorithm>
#include <optional>

#include "contract/internal/access.h"
#include "contract/internal/caps.h"
#include "contract/internal/compiler.h"
#include "contract/internal/equivalence.h"
#include "contract/internal/payment.h"
#include "contract/internal/settling.h"
#include "contract/signing.h"

namespace ciyuan::contract {

void Compiler::add_contract(const Document& document) {
  const Json& value = document.value;
  ContractPlan plan;
  plan.name = document.name;
  plan.digest = document.digest;
  plan.provider = text_at(value["parties"], "provider");
  plan.consumer = text_at(value["parties"], "consumer");
  if (!parties_.contains(plan.provider))
    fault(document, "/parties/provider", "\"" + plan.provider + "\" names no Party");
  if (!parties_.contains(plan.consumer))
    fault(document, "/parties/consumer", "\"" + plan.consumer + "\" names no Party");
  if (plan.provider == plan.consumer) fault(document, "/parties", "provider and consumer are the same party");
  bool from = moment_at(document, value["effective"], "from", "/effective/from", plan.from);
  bool until = moment_at(document, value["effective"], "until", "/effective/until", plan.until);
  if (from && until && plan.until != TimePoint{} && plan.until <= plan.from)
    fault(document, "/effective/until", "\"" + text_at(value["effective"], "until") + "\" is not after from");

  plan.method_name = text_at(value, "method");
  if (auto method = state_->methods.find(plan.method_name); method != state_->methods.end()) {
    plan.method = method->second.get();
    plan.method_digest = digest_of("Method", plan.method_name);
  } else {
    fault(document, "/method", "\"" + plan.method_name + "\" names no Method");
  }
  take_book(document, plan);
  // Without method the rates cannot be had; the clauses are still checked, so that all errors show at once.
  if (plan.method != nullptr) plan.rates = rates_for(plan.method, plan.book);
  if (plan.book != nullptr) warn_of_regions(document, plan);
  std::string currency = plan.book != nullptr ? plan.book->currency() : "";
  plan.receivable_account = "receivable/" + plan.consumer + "/" + currency;
  plan.revenue_sink = "revenue/" + plan.provider + "/" + currency;
  take_clauses(document, plan);
  check_signatures(document, plan);
  state_->contracts.emplace(document.name, std::move(plan));
}

// Each signature is a party's, of the contract as it stands; and those are there that it asks for.
void Compiler::check_signatures(const Document& document, const ContractPlan& plan) {
  const Json& value = document.value;
  const Json signatures = value.value("signatures", Json::array()),
             wanted = value.value("signed_by", Json::array());
  if (signatures.empty() && wanted.empty()) return;
  Result<std::string> text = contract_text(value);
  if (!text.ok()) return fault(document, text.error().path, text.error().message);
  std::size_t right = 0;
  std::set<std::string> keys;
  for (const auto& [role, party] :
       {std::pair("provider", plan.provider), std::pair("consumer", plan.consumer)}) {
    const bool is_wanted = std::find(wanted.begin(), wanted.end(), role) != wanted.end();
    const Document* known = find_in(state_->documents, "Party", party);
    if (known == nullptr) continue;  // said already
    Result<tlog::VerifierKey> key = tlog::VerifierKey::parse(text_at(known->value, "settlement_key"));
    if (!key.ok()) {
      if (is_wanted)
        fault(document, "/signed_by",
              "\"" + std::string(role) + "\": the party " + party +
                  " has no settlement_key, so that nobody can sign for it");
      continue;
    }
    if (!keys.insert(to_hex(key->key)).second)
      fault(document, "/signatures", "the parties have the same settlement_key: one signature would be both");
    const std::string mark = "\xE2\x80\x94 " + key->name + " ";
    const bool is_there = std::any_of(signatures.begin(), signatures.end(), [&](const Json& line) {
      return line.get_ref<const std::string&>().starts_with(mark);
    });
    if (!is_there && !is_wanted) continue;
    if (Status fits = check_signature(value, *text, *key); !fits.ok())
      fault(document, fits.error().path, "of the " + std::string(role) + ": " + fits.error().message);
    else
      ++right;
  }
  if (right < signatures.size())
    fault(document, "/signatures",
          std::to_string(signatures.size() - right) + " of " + std::to_string(signatures.size()) +
              " lines are no right signatures of the parties");
}

void Compiler::take_book(const Document& document, ContractPlan& plan) {
  plan.price_book_name = text_at(document.value, "price_book");
  std::string pointer = "/price_book";
  const Json& clauses = document.value["clauses"];
  std::optional<std::size_t> clause;
  for (std::size_t i = 0; i < clauses.size(); ++i) {
    if (text_at(clauses[i], "kind") != "price") continue;
    clause = i;
    std::string said = text_at(clauses[i], "book");
    if (plan.price_book_name.empty()) {
      plan.price_book_name = said;
      pointer = "/clauses/" + std::to_string(i) + "/book";
    } else if (said != plan.price_book_name) {
      fault(document, "/clauses/" + std::to_string(i) + "/book",
            "\"" + said + "\" contradicts the price book " + plan.price_book_name);
    }
  }
  if (plan.price_book_name.empty()) return;
  if (auto book = state_->books.find(plan.price_book_name); book != state_->books.end()) {
    plan.book = &book->second;
    plan.price_book_digest = digest_of("PriceBook", plan.price_book_name);
    if (clause && (clauses[*clause].contains("prices") || clauses[*clause].contains("discounts")))
      negotiate(document, "/clauses/" + std::to_string(*clause), clauses[*clause], plan);
  } else {
    fault(document, pointer, "\"" + plan.price_book_name + "\" names no PriceBook");
  }
}

// The contract's own lines and discounts, over its book.
void Compiler::negotiate(const Document& document, const std::string& pointer, const Json& clause,
                         ContractPlan& plan) {
  const Document* book = find_in(state_->documents, "PriceBook", plan.price_book_name);
  Result<price::Book> negotiated = price::Book::negotiated(book->value, clause);
  if (!negotiated.ok()) return fault(document, pointer + negotiated.error().path, negotiated.error().message);
  plan.book = &state_->negotiated.emplace(document.name, std::move(negotiated).value()).first->second;
}

// Which route answers is not known when a call is held and priced.
void Compiler::warn_of_regions(const Document& document, const ContractPlan& plan) {
  for (const auto& [name, model] : state_->models) {
    const price::ModelPrices* prices = plan.book->find(name);
    if (prices == nullptr || !prices->by_region) continue;
    for (const Route& route : model.routes)
      if (route.upstream->region != model.routes.front().upstream->region)
        warn(document,
             "the prices of " + name +
                 " depend on the region, and its upstreams are in several: all calls are at the prices of " +
                 model.routes.front().upstream->name);
  }
}

void Compiler::take_clauses(const Document& document, ContractPlan& plan) {
  const Json& clauses = document.value["clauses"];
  std::set<std::string> ids, single;
  for (std::size_t i = 0; i < clauses.size(); ++i) {
    std::string pointer = "/clauses/" + std::to_string(i);
    const Json& clause = clauses[i];
    std::string kind = text_at(clause, "kind"), id = text_at(clause, "id", kind);
    if (!ids.insert(id).second) fault(document, pointer + "/id", "two clauses have the id \"" + id + "\"");
    if (kind != "cap" && kind != "rate" && kind != "access" && !single.insert(kind).second)
      fault(document, pointer, "a second clause of the kind " + kind);
    std::vector<Fault> faults;
    plan.texts.push_back(
        {id, text_at(object_at(clause, "text"), "en"), text_at(object_at(clause, "text"), "zh")});
    if (kind == "cap" || kind == "rate")
      take_cap(document, pointer, clause, plan, nullptr, plan.caps);
    else if (kind == "access")
      compile_access(clause, *state_, plan.access, plan.texts, faults);
    else if (kind == "scope")
      take_scope(document, pointer, clause, plan, id);
    else if (kind == "payment")
      plan.payment = compile_payment(clause, plan, faults);
    else if (kind == "royalty")
      plan.royalties = compile_royalties(clause, plan, parties_, *state_, faults);
    else if (kind == "metering")
      take_metering(clause, plan);
    else if (kind == "settlement")
      faults =
          settlement_faults(clause, plan.book != nullptr ? plan.book->currency() : "", state_->documents);
    if (kind == "settlement" && clause.contains("tax") && plan.book != nullptr &&
        plan.book->closing_rules().tax)
      faults.push_back(
          {"/tax", "stands in the price book " + plan.price_book_name + " as well: one of them"});
    take_faults(document, pointer, std::move(faults));
  }
  // It speaks of every model of the scope, wherever that clause stands.
  take_equivalence(document, plan);
  if (plan.caps.size() + 1 > kLimitsMax)
    fault(document, "/clauses", "more than " + std::to_string(kLimitsMax - 1) + " caps apply to one call");
  plan.prepaid_money = std::count_if(plan.caps.begin(), plan.caps.end(), is_prepaid_money) > 0;
  if (std::count_if(plan.caps.begin(), plan.caps.end(), is_prepaid_money) > 1)
    fault(document, "/clauses", "two prepaid balances in money: a call would be paid twice");
  if (plan.prepaid_money && !plan.payment.sources.empty())
    fault(document, "/clauses",
          "a prepaid balance in money beside a payment clause: a call would be paid twice");
  if (plan.caps.size() + plan.payment.sources.size() + kPackagesMax > kLimitsMax &&
      !plan.payment.sources.empty())
    fault(document, "/clauses",
          "more than " + std::to_string(kLimitsMax - kPackagesMax) + " caps and sources apply to one call");
  for (const std::string& warning : cap_warnings(plan.caps)) warn(document, warning);
  for (const std::string& warning : access_warnings(plan.access)) warn(document, warning);
}

void Compiler::take_cap(const Document& document, const std::string& pointer, const Json& clause,
                        const ContractPlan& plan, const KeyPlan* key, std::vector<CapPlan>& caps) {
  std::vector<Fault> faults;
  const std::string_view owner = key == nullptr ? std::string_view() : std::string_view(key->name);
  std::optional<CapPlan> cap = text_at(clause, "kind") == "rate" ? compile_rate(clause, plan, owner, faults)
                                                                 : compile_cap(clause, plan, owner, faults);
  take_faults(document, pointer, std::move(faults));
  if (cap) caps.push_back(std::move(*cap));
}

void Compiler::take_scope(const Document& document, const std::string& pointer, const Json& clause,
                          ContractPlan& plan, const std::string& id) {
  plan.scope_id = id;
  const Json models = clause.value("models", Json::array());
  for (std::size_t i = 0; i < models.size(); ++i) {
    std::string name = models[i].get<std::string>();
    std::string where = pointer + "/models/" + std::to_string(i);
    auto model = state_->model_names.find(name);
    if (model == state_->model_names.end()) {
      fault(document, where, "\"" + name + "\" names no Model");
    } else {
      plan.scope_models.insert(model->second->name);
      if (plan.book != nullptr && plan.book->find(model->second->name) == nullptr)
        fault(document, where, "\"" + name + "\" has no price in the price book " + plan.price_book_name);
    }
  }
  for (const Json& endpoint : clause.value("endpoints", Json::array()))
    plan.scope_endpoints.push_back(endpoint.get<std::string>());
}

void Compiler::take_equivalence(const Document& document, ContractPlan& plan) {
  const Json& clauses = document.value["clauses"];
  for (std::size_t i = 0; i < clauses.size(); ++i) {
    if (text_at(clauses[i], "kind") != "equivalence") continue;
    std::vector<Fault> faults;
    std::vector<std::string> warnings;
    plan.equivalence = compile_equivalence(clauses[i], plan, *state_, faults, warnings);
    take_faults(document, "/clauses/" + std::to_string(i), std::move(faults));
    for (const std::string& warning : warnings) warn(document, warning);
  }
}

void Compiler::take_metering(const Json& clause, ContractPlan& plan) {
  Metering& metering = plan.metering;
  if (std::string rule = text_at(clause, "on_client_gone"); rule == "generated")
    metering.on_client_gone = OnClientGone::kGenerated;
  else if (rule == "nothing_before_first_token")
    metering.on_client_gone = OnClientGone::kNothingBeforeFirstToken;
  if (text_at(clause, "on_upstream_error") == "nothing")
    metering.on_upstream_error = OnUpstreamError::kNothing;
  if (text_at(clause, "upstream") == "drain") metering.upstream = UpstreamOnGone::kDrain;
  if (clause.contains("drain_max_s")) metering.drain_max = seconds(integer_at(clause, "drain_max_s", 0));
  metering.quantum_tokens = integer_at(clause, "quantum_tokens", metering.quantum_tokens);
  if (std::string rule = text_at(clause, "contention"); rule == "start_small")
    metering.contention = Contention::kStartSmall;
  else if (rule == "refuse")
    metering.contention = Contention::kRefuse;
  if (clause.contains("wait_max_s")) metering.wait_max = seconds(integer_at(clause, "wait_max_s", 0));
  NamingRules& naming = plan.naming;
  for (auto [name, rule] : {std::pair("session", &naming.session), std::pair("tenant", &naming.tenant),
                            std::pair("user", &naming.user), std::pair("agent", &naming.agent),
                            std::pair("purpose", &naming.purpose)}) {
    const Json& said = object_at(clause, name);
    *rule = {text_at(said, "header", rule->header), text_at(said, "field"), flag_at(said, "required", false)};
  }
  const Json& tolerance = object_at(clause, "tolerance");
  plan.tolerance = {integer_at(tolerance, "tokens", 0), integer_at(tolerance, "per_mille", 0)};
}

void Compiler::add_package(const Document& document) {
  std::vector<Fault> faults;
  PackagePlan package = compile_package(document.value, *state_, faults);
  take_faults(document, "", std::move(faults));
  std::string consumer;
  for (std::size_t i = 0; i < package.contracts.size(); ++i) {
    const std::string pointer = "/contracts/" + std::to_string(i), &name = package.contracts[i];
    auto contract = state_->contracts.find(name);
    if (contract == state_->contracts.end()) {
      fault(document, pointer, "\"" + name + "\" names no Contract");
      continue;
    }
    ContractPlan& plan = contract->second;
    const auto& sources = plan.payment.sources;
    if (std::none_of(sources.begin(), sources.end(),
                     [](const SourcePlan& source) { return source.kind == SourceKind::kPackages; }))
      fault(document, pointer,
            "the contract " + name + " has no payment clause with the source \"packages\"");
    if (!consumer.empty() && consumer != plan.consumer)
      fault(document, pointer,
            "the contract " + name + " is with " + plan.consumer + ", another with " + consumer);
    consumer = plan.consumer;
    if (std::any_of(plan.packages.begin(), plan.packages.end(),
                    [&](const PackagePlan& other) { return other.name == package.name; }))
      fault(document, pointer, "\"" + name + "\" stands twice");
    const std::string currency = text_at(object_at(document.value, "price"), "currency");
    if (!currency.empty() && plan.book != nullptr && currency != plan.book->currency())
      fault(document, "/price/currency",
            "\"" + currency + "\" is another than that of the contract " + name + ", " +
                plan.book->currency() + ": they could not be compared");
    plan.packages.push_back(package);
  }
}

void Compiler::finish_packages() {
  for (auto& [name, contract] : state_->contracts) {
    sort_packages(contract.packages, contract.payment.order);
    if (const TimePoint at = crowded_at(contract.packages); at != TimePoint{})
      errors_.push_back(invalid("Contract/" + name, "more than " + std::to_string(kPackagesMax) +
                                                        " packages are in force at " + to_rfc3339(at)));
  }
}

}  // namespace ciyuan::contract
