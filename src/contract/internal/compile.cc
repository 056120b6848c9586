#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "contract/internal/caps.h"
#include "contract/internal/payment.h"
#include "contract/internal/plan.h"
#include "contract/internal/schema_check.h"
#include "contract/internal/settling.h"

namespace ciyuan::contract {
namespace {

std::string text_at(const Json& object, const char* field, std::string fallback = "") {
  auto found = object.find(field);
  if (found == object.end()) return fallback;
  return found->is_string() ? found->get<std::string>() : found->dump();
}
std::int64_t integer_at(const Json& object, const char* field, std::int64_t fallback) {
  auto found = object.find(field);
  return found == object.end() ? fallback : found->get<std::int64_t>();
}
bool flag_at(const Json& object, const char* field, bool fallback) {
  auto found = object.find(field);
  return found == object.end() ? fallback : found->get<bool>();
}
const Json& object_at(const Json& object, const char* field) {
  static const Json kEmpty = Json::object();
  auto found = object.find(field);
  return found == object.end() ? kEmpty : *found;
}

std::pair<std::size_t, std::string_view> order_of(std::string_view kind, std::string_view name) {
  auto found = std::find(std::begin(kDocumentKinds), std::end(kDocumentKinds), kind);
  return {static_cast<std::size_t>(found - std::begin(kDocumentKinds)), name};
}

/// One pass over the documents in the order in which kinds refer to each other.
class Compiler {
 public:
  Compilation run(std::vector<Document> documents) {
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
    return {std::move(state_), std::move(errors_), std::move(warnings_)};
  }

 private:
  void fault(const Document& document, std::string_view pointer, std::string message) {
    errors_.push_back(document_error(document, pointer, std::move(message)));
  }
  void warn(const Document& document, const std::string& message) {
    warnings_.push_back(document_error(document, "", message).text());
  }

  void add(const Document& document) {
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
    else if (document.kind == "Contract")
      add_contract(document);
    else if (document.kind == "Package")
      add_package(document);
    else if (document.kind == "Key")
      add_key(document);
    else if (document.kind == "Budget")
      take_faults(document, "", budget_faults(document.value, state_->documents));
  }

  void add_party(const Document& document) {
    parties_.insert(document.name);
    take_faults(document, "", party_faults(document.value));
  }

  void take_faults(const Document& document, const std::string& pointer, std::vector<Fault> faults) {
    for (Fault& found : faults) fault(document, pointer + found.pointer, std::move(found.message));
  }

  void add_upstream(const Document& document) {
    const Json& value = document.value;
    Upstream upstream;
    upstream.name = document.name;
    upstream.url = text_at(value, "url");
    while (upstream.url.ends_with('/')) upstream.url.pop_back();
    check_url(document, upstream.url);
    upstream.region = text_at(object_at(value, "region"), "code");
    upstream.region_proof = text_at(object_at(value, "region"), "proof");
    upstream.api_key_env = text_at(object_at(value, "api_key"), "env");
    upstream.api_key_file = text_at(object_at(value, "api_key"), "file");
    const Json& timeouts = object_at(value, "timeouts");
    auto span = [&](const char* field, Nanoseconds& target) {
      if (timeouts.contains(field)) target = milliseconds(timeouts[field].get<std::int64_t>());
    };
    span("connect_ms", upstream.connect_timeout);
    span("first_byte_ms", upstream.first_byte_timeout);
    span("idle_ms", upstream.idle_timeout);
    span("total_ms", upstream.total_timeout);
    if (timeouts.contains("total_ms") && timeouts.contains("first_byte_ms") &&
        upstream.total_timeout < upstream.first_byte_timeout)
      fault(document, "/timeouts/total_ms", timeouts["total_ms"].dump() + " is shorter than first_byte_ms");
    upstream.connections_max =
        static_cast<int>(integer_at(value, "connections_max", upstream.connections_max));
    const Json& tls = object_at(value, "tls");
    if (!tls.empty() && !upstream.url.starts_with("https://"))
      fault(document, "/tls", "is set, but " + upstream.url + " is not https");
    upstream.tls_ca_file = text_at(tls, "ca_file");
    upstream.tls_verify = flag_at(tls, "verify", true);
    upstream.tls_server_name = text_at(tls, "server_name");
    if (!upstream.tls_verify)
      warn(document, "tls.verify is false: anyone on the way can read and change the calls");
    upstream.retry_attempts =
        static_cast<int>(integer_at(object_at(value, "retry"), "attempts", upstream.retry_attempts));
    state_->upstreams.emplace(document.name, std::move(upstream));
  }

  void check_url(const Document& document, std::string_view url) {
    std::size_t from = url.find("://") + 3;
    std::string_view authority = url.substr(from, url.find('/', from) - from);
    std::size_t bracket = authority.rfind(']');
    std::size_t colon = authority.find(':', bracket == authority.npos ? 0 : bracket);
    std::string_view port = colon == authority.npos ? "80" : authority.substr(colon + 1);
    int number = 0;
    auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc{} || end != port.data() + port.size() || number < 1 || number > 65535)
      fault(document, "/url",
            "\"" + std::string(url) + "\" has no port between 1 and 65535 behind the colon");
    if (colon == 0 || authority.empty())
      fault(document, "/url", "\"" + std::string(url) + "\" names no host");
  }

  void add_model(const Document& document) {
    const Json& value = document.value;
    Model model;
    model.name = document.name;
    model.digest = document.digest;
    for (const Json& alias : value.value("aliases", Json::array()))
      model.aliases.push_back(alias.get<std::string>());
    const Json& routes = value["upstreams"];
    for (std::size_t i = 0; i < routes.size(); ++i) {
      std::string name = text_at(routes[i], "upstream");
      auto upstream = state_->upstreams.find(name);
      if (upstream == state_->upstreams.end()) {
        fault(document, "/upstreams/" + std::to_string(i) + "/upstream",
              "\"" + name + "\" names no Upstream");
        continue;
      }
      model.routes.push_back({&upstream->second, text_at(routes[i], "model", document.name)});
    }
    model.tokenizer = text_at(value, "tokenizer");
    model.chat_template = text_at(value, "template");
    model.context_tokens = integer_at(value, "context_tokens", 0);
    model.output_tokens_max = integer_at(value, "output_tokens_max", model.context_tokens);
    if (model.output_tokens_max > model.context_tokens)
      fault(document, "/output_tokens_max",
            std::to_string(model.output_tokens_max) + " is more than context_tokens, " +
                std::to_string(model.context_tokens));
    model.output_control = flag_at(value, "output_control", true);
    model.limit_member = text_at(value, "limit_member");
    model.owner = text_at(value, "owner");
    model.licence = text_at(value, "licence");
    model.filing_number = text_at(value, "filing_number");
    model.weights_sha256 = text_at(value, "weights_sha256");
    const Model* kept = &state_->models.emplace(document.name, std::move(model)).first->second;
    claim_name(document, "/name", kept->name, kept);
    for (std::size_t i = 0; i < kept->aliases.size(); ++i)
      claim_name(document, "/aliases/" + std::to_string(i), kept->aliases[i], kept);
  }

  void claim_name(const Document& document, const std::string& pointer, const std::string& name,
                  const Model* model) {
    auto [entry, fresh] = state_->model_names.emplace(name, model);
    if (!fresh) fault(document, pointer, "\"" + name + "\" already names the model " + entry->second->name);
  }

  void add_method(const Document& document) {
    Result<measure::Method> method = measure::Method::from_json(document.value);
    if (!method.ok()) return fault(document, method.error().path, method.error().message);
    state_->methods.emplace(document.name,
                            std::make_unique<const measure::Method>(std::move(method).value()));
  }

  void add_book(const Document& document) {
    Result<price::Book> book = price::Book::parse(document.value);
    if (!book.ok()) return fault(document, book.error().path, book.error().message);
    for (const std::string& warning : book->warnings()) warn(document, warning);
    state_->books.emplace(document.name, std::move(book).value());
  }

  const RateTable* rates_for(const measure::Method* method, const price::Book* book) {
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

  bool moment_at(const Document& document, const Json& object, const char* field, const std::string& pointer,
                 TimePoint& target) {
    if (!object.contains(field)) return true;
    Result<TimePoint> moment = price::parse_moment(text_at(object, field));
    if (!moment.ok()) return fault(document, pointer, moment.error().message), false;
    target = *moment;
    return true;
  }

  void add_contract(const Document& document) {
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
    if (plan.provider == plan.consumer)
      fault(document, "/parties", "provider and consumer are the same party");
    bool from = moment_at(document, value["effective"], "from", "/effective/from", plan.from);
    bool until = moment_at(document, value["effective"], "until", "/effective/until", plan.until);
    if (from && until && plan.until != TimePoint{} && plan.until <= plan.from)
      fault(document, "/effective/until",
            "\"" + text_at(value["effective"], "until") + "\" is not after from");

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
    state_->contracts.emplace(document.name, std::move(plan));
  }

  void take_book(const Document& document, ContractPlan& plan) {
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
  void negotiate(const Document& document, const std::string& pointer, const Json& clause,
                 ContractPlan& plan) {
    const Document* book = find_in(state_->documents, "PriceBook", plan.price_book_name);
    Result<price::Book> negotiated = price::Book::negotiated(book->value, clause);
    if (!negotiated.ok())
      return fault(document, pointer + negotiated.error().path, negotiated.error().message);
    plan.book = &state_->negotiated.emplace(document.name, std::move(negotiated).value()).first->second;
  }

  // Which route answers is not known when a call is held and priced.
  void warn_of_regions(const Document& document, const ContractPlan& plan) {
    for (const auto& [name, model] : state_->models) {
      const price::ModelPrices* prices = plan.book->find(name);
      if (prices == nullptr || !prices->by_region) continue;
      for (const Route& route : model.routes)
        if (route.upstream->region != model.routes.front().upstream->region)
          warn(
              document,
              "the prices of " + name +
                  " depend on the region, and its upstreams are in several: all calls are at the prices of " +
                  model.routes.front().upstream->name);
    }
  }

  void take_clauses(const Document& document, ContractPlan& plan) {
    const Json& clauses = document.value["clauses"];
    std::set<std::string> ids, single;
    for (std::size_t i = 0; i < clauses.size(); ++i) {
      std::string pointer = "/clauses/" + std::to_string(i);
      const Json& clause = clauses[i];
      std::string kind = text_at(clause, "kind"), id = text_at(clause, "id", kind);
      if (!ids.insert(id).second) fault(document, pointer + "/id", "two clauses have the id \"" + id + "\"");
      if (kind != "cap" && !single.insert(kind).second)
        fault(document, pointer, "a second clause of the kind " + kind);
      std::vector<Fault> faults;
      plan.texts.push_back(
          {id, text_at(object_at(clause, "text"), "en"), text_at(object_at(clause, "text"), "zh")});
      if (kind == "cap")
        take_cap(document, pointer, clause, plan, nullptr, plan.caps);
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
      take_faults(document, pointer, std::move(faults));
    }
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
  }

  void take_cap(const Document& document, const std::string& pointer, const Json& clause,
                const ContractPlan& plan, const KeyPlan* key, std::vector<CapPlan>& caps) {
    std::vector<Fault> faults;
    std::optional<CapPlan> cap = compile_cap(clause, plan, key == nullptr ? "" : key->name, faults);
    take_faults(document, pointer, std::move(faults));
    if (cap) caps.push_back(std::move(*cap));
  }

  void take_scope(const Document& document, const std::string& pointer, const Json& clause,
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

  void add_package(const Document& document) {
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
      plan.packages.push_back(package);
    }
  }

  void finish_packages() {
    for (auto& [name, contract] : state_->contracts) {
      sort_packages(contract.packages, contract.payment.order);
      if (const TimePoint at = crowded_at(contract.packages); at != TimePoint{})
        errors_.push_back(invalid("Contract/" + name, "more than " + std::to_string(kPackagesMax) +
                                                          " packages are in force at " + to_rfc3339(at)));
    }
  }

  static void take_metering(const Json& clause, ContractPlan& plan) {
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
    const Json& session = object_at(clause, "session");
    plan.session.header = text_at(session, "header", plan.session.header);
    plan.session.field = text_at(session, "field");
    plan.session.required = flag_at(session, "required", false);
    const Json& tolerance = object_at(clause, "tolerance");
    plan.tolerance = {integer_at(tolerance, "tokens", 0), integer_at(tolerance, "per_mille", 0)};
  }

  void add_key(const Document& document) {
    const Json& value = document.value;
    KeyPlan key;
    key.name = document.name;
    key.digest = document.digest;
    key.disabled = flag_at(value, "disabled", false);
    moment_at(document, value, "expires", "/expires", key.expires);
    if (Result<Bytes> hash = from_hex(text_at(value, "sha256"));
        hash.ok() && hash->size() == key.secret_sha256.size())
      std::copy(hash->begin(), hash->end(), key.secret_sha256.begin());
    auto [other, fresh] = secrets_.emplace(text_at(value, "sha256"), document.name);
    if (!fresh) fault(document, "/sha256", "is the secret of the key " + other->second + " as well");
    std::string contract_name = text_at(value, "contract");
    auto contract = state_->contracts.find(contract_name);
    if (contract == state_->contracts.end())
      return fault(document, "/contract", "\"" + contract_name + "\" names no Contract");
    key.contract = &contract->second;
    take_key_caps(document, key, contract->second);
    const KeyPlan* kept = &state_->keys.emplace(document.name, std::move(key)).first->second;
    std::uint64_t prefix;
    std::copy_n(kept->secret_sha256.begin(), sizeof prefix, reinterpret_cast<std::uint8_t*>(&prefix));
    state_->keys_by_hash[prefix].push_back(kept);
  }

  void take_key_caps(const Document& document, KeyPlan& key, const ContractPlan& contract) {
    auto plans = std::make_shared<CapPlans>();
    std::set<std::string> ids;
    for (const ClauseText& text : contract.texts) ids.insert(text.id);
    const Json clauses = document.value.value("caps", Json::array());
    for (std::size_t i = 0; i < clauses.size(); ++i) {
      std::string pointer = "/caps/" + std::to_string(i), id = text_at(clauses[i], "id");
      if (!ids.insert(id).second)
        fault(document, pointer + "/id",
              "\"" + id + "\" is the id of another clause of this key or its contract");
      key.clauses.push_back(
          {id, text_at(object_at(clauses[i], "text"), "en"), text_at(object_at(clauses[i], "text"), "zh")});
      take_cap(document, pointer, clauses[i], contract, &key, plans->caps);
    }
    if (contract.caps.size() + plans->caps.size() + 1 > kLimitsMax)
      fault(document, "/caps",
            "with those of the contract, more than " + std::to_string(kLimitsMax - 1) +
                " caps apply to one call");
    auto prepaid = std::count_if(plans->caps.begin(), plans->caps.end(), is_prepaid_money);
    if (prepaid + (contract.prepaid_money ? 1 : 0) > 1)
      fault(document, "/caps", "two prepaid balances in money: a call would be paid twice");
    if (prepaid > 0 && !contract.payment.sources.empty())
      fault(document, "/caps",
            "a prepaid balance in money beside a payment clause: a call would be paid twice");
    key.caps = std::move(plans);
  }

  Digest digest_of(std::string_view kind, std::string_view name) const {
    const Document* document = find_in(state_->documents, kind, name);
    return document != nullptr ? document->digest : Digest{};
  }

  std::unique_ptr<Registry::State> state_;
  std::vector<Error> errors_;
  std::vector<std::string> warnings_;
  std::set<std::string> parties_;
  std::map<std::string, std::string> secrets_;
};

}  // namespace

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
