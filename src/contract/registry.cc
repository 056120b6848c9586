#include "contract/registry.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "contract/internal/access.h"
#include "contract/internal/caps.h"
#include "contract/internal/equivalence.h"
#include "contract/internal/identity.h"
#include "contract/internal/payment.h"
#include "contract/internal/plan.h"
#include "contract/internal/suspension.h"

namespace ciyuan::contract {
namespace {

Error refused(std::string clause, std::string message) {
  return Error{ErrorCode::kRefused, std::move(message), std::move(clause)};
}

Status check_key(const KeyPlan& key, TimePoint at) {
  if (key.disabled) return refused("key", "the key " + key.name + " is disabled");
  if (key.expires != TimePoint{} && at >= key.expires)
    return refused("key", "the key " + key.name + " expired at " + to_rfc3339(key.expires));
  const ContractPlan& contract = *key.contract;
  if (at < contract.from)
    return refused("effective", "the contract " + contract.name + " begins at " + to_rfc3339(contract.from));
  if (contract.until != TimePoint{} && at >= contract.until)
    return refused("effective", "the contract " + contract.name + " ended at " + to_rfc3339(contract.until));
  return {};
}

Status check_scope(const ContractPlan& contract, const Model& model, std::string_view endpoint) {
  if (!contract.scope_models.empty() && !contract.scope_models.contains(std::string_view(model.name)))
    return refused(contract.scope_id,
                   "the contract " + contract.name + " does not cover the model " + model.name);
  const auto& endpoints = contract.scope_endpoints;
  if (!endpoints.empty() && std::find(endpoints.begin(), endpoints.end(), endpoint) == endpoints.end())
    return refused(contract.scope_id,
                   "the contract " + contract.name + " does not cover the endpoint " + std::string(endpoint));
  return {};
}

// A kind without a price is not free: a call that could produce it is refused before it begins.
Status check_price(const ContractPlan& contract, const CallRates& rates, const Model& model,
                   const Call& call) {
  if (contract.book == nullptr) return {};
  std::string book = "the price book " + contract.price_book_name;
  if (!contract.book->in_force(call.at))
    return refused("price", book + " is not in force at " + to_rfc3339(call.at));
  bool generates = call.endpoint != "embeddings";
  if (rates.money == nullptr || !rates.money->knows(Kind::kInput) ||
      (generates && !rates.money->knows(Kind::kOutput)))
    return refused("price",
                   book + " has no price for " +
                       (rates.money != nullptr && rates.money->knows(Kind::kInput) ? "output" : "input") +
                       " of the model " + model.name);
  return {};
}

// A class of service that no line of the model names is at the price of none: nobody agreed to one.
Result<price::ServiceClass> service_class_of(const ContractPlan& contract, const ModelRates& rates,
                                             const Call& call) {
  if (rates.prices == nullptr || !rates.prices->by_service_class) return price::ServiceClass::kStandard;
  std::optional<price::ServiceClass> asked = price::service_class_of_tier(call.service_tier);
  const bool named = asked && (rates.prices->service_classes >> static_cast<unsigned>(*asked) & 1) != 0;
  if (!named && asked != price::ServiceClass::kStandard)
    return invalid("service_tier", "the price book " + contract.price_book_name + " has no price for \"" +
                                       std::string(call.service_tier.substr(0, 60)) + "\"");
  return *asked;
}

Limit receivable_of(const ContractPlan& contract, const CallRates& rates) {
  Limit limit;
  limit.clause = "price";
  limit.unit = contract.book->currency();
  limit.account = contract.receivable_account;
  limit.sink = contract.revenue_sink;
  limit.may_overdraw = true;
  limit.per_request = rates.money->per_request;
  limit.per_token = rates.money->per_token;
  return limit;
}

// What the keys above would be charged, were the call their own.
Status add_limits_of_parents(const CallRates& rates, const Call& call, Whom whom,
                             std::vector<Limit>& limits) {
  for (const KeyPlan* parent = call.key->parent; parent != nullptr; parent = parent->parent) {
    whom.key = parent->name;
    // Balances are not limits: what pays is the call's own.
    std::vector<CapPlan> caps;
    for (const CapPlan& cap : call.key->contract->caps)
      if (cap.per == CapPer::kKey && cap.window != CapWindow::kPrepaid) caps.push_back(cap);
    for (const CapPlan& cap : parent->caps->caps)
      if (cap.window != CapWindow::kPrepaid) caps.push_back(cap);
    CIYUAN_TRY_STATUS(add_limits(caps, rates, call, whom, limits));
  }
  return {};
}

// The accounts of the licences that the call is under.
Status add_licences(const KeyPlan& key, const CallRates& rates, const Call& call, Resolved& resolved) {
  for (const Licence* licence : {key.contract->site, key.licence}) {
    if (licence == nullptr) continue;
    if (call.at < licence->from)
      return refused(licence->clause(),
                     "the licence " + licence->name + " begins at " + to_rfc3339(licence->from));
    if (call.at >= licence->until)
      return refused(licence->clause(),
                     "the licence " + licence->name + " ended at " + to_rfc3339(licence->until));
    if (licence->type == LicenceType::kSeat) {
      resolved.seat_licence = licence;
      resolved.seat = licence->seat_of_session ? resolved.session : key.name;
    }
    Limit limit;
    limit.clause = licence->clause();
    limit.unit = "CIYUAN";
    limit.account = licence->account(licence->type == LicenceType::kSeat ? "seat=" + resolved.seat : "");
    limit.sink = licence->sink();
    limit.funds = licence->ciyuan;
    limit.window_end = licence->until;
    limit.per_token = *rates.ciyuan_per_token;
    resolved.terms.limits.push_back(std::move(limit));
  }
  return {};
}

}  // namespace

Registry::Registry(std::unique_ptr<const State> state) : state_(std::move(state)) {}
Registry::~Registry() = default;

BuildOutcome Registry::build(std::vector<Document> documents) {
  Compilation compilation = compile(std::move(documents));
  BuildOutcome outcome;
  outcome.errors = std::move(compilation.errors);
  outcome.warnings = std::move(compilation.warnings);
  if (outcome.errors.size() > kDocumentErrorsMax) {
    std::size_t more = outcome.errors.size() - kDocumentErrorsMax;
    outcome.errors.resize(kDocumentErrorsMax);
    outcome.errors.push_back(invalid("", "and " + std::to_string(more) + " more errors"));
  }
  if (outcome.errors.empty()) outcome.registry.reset(new Registry(std::move(compilation.state)));
  return outcome;
}

const KeyPlan* Registry::find_key(std::string_view secret) const {
  Digest digest = sha256(secret);
  std::uint64_t prefix;
  std::memcpy(&prefix, digest.data(), sizeof prefix);
  auto found = state_->keys_by_hash.find(prefix);
  if (found == state_->keys_by_hash.end()) return nullptr;
  for (const KeyPlan* key : found->second)
    if (equal_in_constant_time(key->secret_sha256, digest)) return key;
  return nullptr;
}

const KeyPlan* Registry::key_named(std::string_view name) const {
  auto found = state_->keys.find(name);
  return found == state_->keys.end() ? nullptr : &found->second;
}

Result<Resolved> Registry::resolve(const Call& call) const {
  CIYUAN_CHECK(call.key != nullptr, "a call is resolved with the key that find_key() gave");
  const KeyPlan& key = *call.key;
  const ContractPlan& contract = *key.contract;
  for (const KeyPlan* one = &key; one != nullptr; one = one->parent)
    CIYUAN_TRY_STATUS(check_key(*one, call.at));
  const Model* model = find_model(call.model);
  if (model == nullptr)
    return Error{ErrorCode::kNotFound, "no model is named \"" + std::string(call.model.substr(0, 200)) + "\"",
                 "model"};
  Resolved resolved;
  CIYUAN_TRY_STATUS(identify(call, resolved));
  if (const SuspensionPlan* stop = suspension_of(state_->suspensions, key, resolved, model->name, call.at)) {
    if (stop->downgrade_to == nullptr)
      return refused(stop->path(), "the suspension " + stop->name + " is in force");
    model = stop->downgrade_to;
  }
  CIYUAN_TRY_STATUS(check_scope(contract, *model, call.endpoint));
  const ModelRates& known = contract.rates->models.find(std::string_view(model->name))->second;
  CIYUAN_TRY(price::ServiceClass service_class, service_class_of(contract, known, call));
  Terms& terms = resolved.terms;
  terms.ciyuan_per_token = known.ciyuan_per_token;
  if (!contract.equivalence.clause.empty())
    CIYUAN_TRY_STATUS(rate_call(contract.equivalence, model->name, call.at, terms));
  CallRates rates{&terms.ciyuan_per_token, known.prices == nullptr ? nullptr : &known.money};
  price::Rates in_situation;
  if (known.prices != nullptr && known.prices->conditional) {
    in_situation = contract.book->rates_for(*known.prices, {.at = call.at,
                                                            .region = known.region,
                                                            .service_class = service_class,
                                                            .input_tokens = call.prompt_tokens});
    rates.money = &in_situation;
  }
  CIYUAN_TRY_STATUS(check_price(contract, rates, *model, call));

  resolved.model = model;
  resolved.method = contract.method;
  resolved.contract = contract.name;
  resolved.provider = contract.provider;
  resolved.consumer = contract.consumer;
  resolved.method_name = contract.method_name;
  resolved.price_book_name = contract.price_book_name;
  resolved.contract_digest = contract.digest;
  resolved.method_digest = contract.method_digest;
  resolved.price_book_digest = contract.price_book_digest;
  resolved.tolerance = contract.tolerance;

  terms.metering = contract.metering;
  terms.limits.reserve(contract.caps.size() + key.caps->caps.size() + 1);
  bool prepaid_money = contract.prepaid_money;
  const Whom whom{.model = model->name,
                  .region = known.region,
                  .session = resolved.session,
                  .key = key.name,
                  .user = resolved.user,
                  .agent = resolved.agent,
                  .tenant = resolved.tenant};
  CIYUAN_TRY_STATUS(add_limits(contract.caps, rates, call, whom, terms.limits));
  CIYUAN_TRY_STATUS(add_limits(key.caps->caps, rates, call, whom, terms.limits));
  for (const CapPlan& cap : key.caps->caps) prepaid_money |= is_prepaid_money(cap);
  CIYUAN_TRY_STATUS(add_limits_of_parents(rates, call, whom, terms.limits));
  CIYUAN_TRY_STATUS(add_licences(key, rates, call, resolved));
  if (contract.book != nullptr) {
    terms.currency = contract.book->currency();
    terms.prices = known.prices->conditional ? price_lines(in_situation) : known.lines;
    terms.per_request = rates.money->per_request;
    if (rates.money->request_line != nullptr) terms.request_line = rates.money->request_line->id;
    resolved.by_prompt = known.prices->by_input_tokens;
    if (service_class != price::ServiceClass::kStandard)
      resolved.service_class = price::name_of(service_class);
    if (!prepaid_money && contract.payment.sources.empty())
      terms.limits.push_back(receivable_of(contract, rates));
  }
  if (!contract.payment.sources.empty()) {
    const std::size_t others = terms.limits.size();
    add_sources(contract, rates, call, model->name, terms.limits);
    if (terms.limits.size() == others)
      return refused(contract.payment.clause, "no package is in force that covers this call");
  }
  if (!contract.royalties.empty())
    for (Limit& limit : terms.limits)
      if (limit.sink == contract.revenue_sink) limit.shares = shares_for(contract.royalties, model->name);
  if (terms.limits.size() > kLimitsMax)
    return refused("key", "more than " + std::to_string(kLimitsMax) + " limits apply to the call");
  return resolved;
}

Decision Registry::decide(const KeyPlan& key, const Resolved& call, const AccessFacts& facts) const {
  const std::vector<AccessRule>& rules = key.contract->access;
  if (rules.empty()) return {};
  const auto& routes = call.model->routes;
  const std::string_view region = routes.empty() || routes.front().upstream->region.empty()
                                      ? std::string_view("unknown")
                                      : std::string_view(routes.front().upstream->region);
  return contract::decide(rules, key, call, region, facts);
}

std::string Registry::stopped_by(std::string_view name, const Resolved& call, TimePoint at) const {
  const KeyPlan* key = key_named(name);
  for (const KeyPlan* one = key; one != nullptr; one = one->parent)
    if (one->disabled) return "key";
  if (key == nullptr) return "key";
  const SuspensionPlan* stop = suspension_of(state_->suspensions, *key, call, call.model->name, at);
  return stop != nullptr && stop->ends_running ? stop->path() : std::string();
}

const NamingRules& Registry::naming_rules(const KeyPlan& key) const { return key.contract->naming; }
std::string_view Registry::contract_name(const KeyPlan& key) const { return key.contract->name; }

std::vector<const Model*> Registry::models_of(const KeyPlan& key) const {
  std::vector<const Model*> found;
  const auto& scope = key.contract->scope_models;
  for (const auto& [name, model] : state_->models)
    if (scope.empty() || scope.contains(std::string_view(name))) found.push_back(&model);
  return found;
}

const ClauseText* Registry::clause_text(const KeyPlan& key, std::string_view clause) const {
  for (const std::vector<ClauseText>* texts : {&key.contract->texts, &key.clauses})
    for (const ClauseText& text : *texts)
      if (text.id == clause && !(text.en.empty() && text.zh.empty())) return &text;
  // A rule without words of its own has its clause's.
  if (const std::size_t slash = clause.find('/');
      slash != clause.npos && !clause.starts_with("suspension/") &&
      state_->other_texts.find(clause) == state_->other_texts.end())
    return clause_text(key, clause.substr(0, slash));
  auto words = state_->other_texts.find(clause);
  return words == state_->other_texts.end() ? nullptr : &words->second;
}

const Licence* Registry::find_licence(std::string_view name) const {
  auto found = state_->licences.find(name);
  return found == state_->licences.end() ? nullptr : &found->second;
}

std::vector<const Licence*> Registry::licences() const {
  std::vector<const Licence*> all;
  for (const auto& [name, licence] : state_->licences) all.push_back(&licence);
  return all;
}

std::map<std::string, std::array<Amount, kKinds>> Registry::weights_of(const Licence& licence,
                                                                       TimePoint at) const {
  std::map<std::string, std::array<Amount, kKinds>> weights;
  const ContractPlan& contract = state_->contracts.find(licence.contract)->second;
  for (const auto& [name, model] : state_->models) {
    if (!contract.scope_models.empty() && !contract.scope_models.contains(std::string_view(name))) continue;
    Terms terms;
    terms.ciyuan_per_token = contract.method->ciyuan_per_token(name);
    // A model that nothing weighs at this time is none of the voucher's.
    if (!contract.equivalence.clause.empty() && !rate_call(contract.equivalence, name, at, terms).ok())
      continue;
    weights[name] = terms.ciyuan_per_token;
  }
  return weights;
}

TimePoint Registry::weights_until(const Licence& licence, TimePoint at) const {
  const ContractPlan& contract = state_->contracts.find(licence.contract)->second;
  return contract.equivalence.clause.empty() ? TimePoint() : billing_until(contract.equivalence, at);
}

std::string Registry::method_digest_of(const Licence& licence) const {
  return to_hex(state_->contracts.find(licence.contract)->second.method_digest);
}

const Model* Registry::find_model(std::string_view name_or_alias) const {
  auto found = state_->model_names.find(name_or_alias);
  return found == state_->model_names.end() ? nullptr : found->second;
}

std::vector<const Model*> Registry::models() const {
  std::vector<const Model*> all;
  for (const auto& [name, model] : state_->models) all.push_back(&model);
  return all;
}

std::vector<const Upstream*> Registry::upstreams() const {
  std::vector<const Upstream*> all;
  for (const auto& [name, upstream] : state_->upstreams) all.push_back(&upstream);
  return all;
}

std::vector<std::string> Registry::balances() const {
  std::set<std::string> names;
  for (const auto& [name, contract] : state_->contracts) {
    const auto& sources = contract.payment.sources;
    if (contract.book != nullptr && !contract.prepaid_money && sources.empty())
      names.insert(contract.receivable_account);
    for (const SourcePlan& source : sources)
      if (source.cap.unit_kind == CapUnit::kMoney) names.insert(source.cap.account);
    for (const CapPlan& cap : contract.caps)
      if (cap.window == CapWindow::kPrepaid && cap.per == CapPer::kContract) names.insert(cap.account);
  }
  for (const auto& [name, key] : state_->keys) {
    for (const CapPlan& cap : key.contract->caps)
      if (cap.window == CapWindow::kPrepaid && cap.per == CapPer::kKey)
        names.insert(account_of_key(cap, name));
    for (const CapPlan& cap : key.caps->caps)
      if (cap.window == CapWindow::kPrepaid) names.insert(account_of_key(cap, name));
  }
  return {names.begin(), names.end()};
}

std::vector<PackageRest> Registry::expired_packages(TimePoint at) const {
  std::map<std::string, PackageRest> found;  // a package may stand in several contracts
  for (const auto& [name, contract] : state_->contracts)
    for (const PackagePlan& package : contract.packages) {
      if (at >= package.end)
        found[package.name] = {package.name, package.account, package.ciyuan, Amount(), package.end};
      else if (at >= package.until && !package.rolled_max.is_zero())
        found[package.name] = {package.name, package.account, package.ciyuan, package.rolled_max,
                               package.until};
    }
  std::vector<PackageRest> rests;
  for (auto& [name, rest] : found) rests.push_back(std::move(rest));
  return rests;
}

const std::vector<Document>& Registry::documents() const { return state_->documents; }

const Document* Registry::find_document(std::string_view kind, std::string_view name) const {
  return find_in(state_->documents, kind, name);
}

std::vector<Document> merged(const std::vector<Document>& present, const std::vector<Document>& changes,
                             const std::vector<std::string>& removed) {
  std::unordered_set<std::string> gone(removed.begin(), removed.end());
  for (const Document& change : changes) gone.insert(change.id());
  std::vector<Document> all = changes;
  for (const Document& document : present)
    if (!gone.contains(document.id())) all.push_back(document);
  return all;
}

NewSecret make_key_secret() {
  SecretKey random = random_secret_key();
  NewSecret made;
  made.secret = "ck-" + to_hex(random);
  made.sha256_hex = to_hex(sha256(made.secret));
  return made;
}

}  // namespace ciyuan::contract
