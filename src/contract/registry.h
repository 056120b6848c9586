#pragma once

/// The registry: all documents, checked against each other and compiled for the road of a request.
///
/// It never changes. Applying documents builds a new one, and the gateway swaps a pointer; calls in flight
/// keep the one they began with. Resolving a call copies a handful of prepared limits and names their
/// accounts (about a microsecond); it reads no clock, takes no lock and does no input or output.
///
///   BuildOutcome outcome = Registry::build(documents);
///   if (!outcome.errors.empty()) …                       // nothing is applied unless all is right
///   std::shared_ptr<const Registry> registry = outcome.registry;
///
///   const KeyPlan* key = registry->find_key("ck-…");     // nullptr: answer 401
///   Call call{.key = key, .model = "smollm2", .session = "s1", .endpoint = "chat/completions", .request_id =
///   id, .at = now()}; CIYUAN_TRY(Resolved resolved, registry->resolve(call)); clerk.open({.terms =
///   resolved.terms, …});
///
/// Threads: any, once built. Pointers into a Registry live as long as it does: hold its shared_ptr for the
/// call.

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/amount.h"
#include "base/crypto.h"
#include "base/id.h"
#include "base/result.h"
#include "base/time.h"
#include "contract/access.h"
#include "contract/document.h"
#include "contract/licence.h"
#include "contract/limit.h"
#include "contract/tags.h"

namespace ciyuan::measure {
class Method;
}

namespace ciyuan::contract {

enum class Dialect { kOpenAi };

/// A service that calls are forwarded to. Secrets are named here, never held: the gateway reads them.
struct Upstream {
  std::string name;
  std::string url;  ///< "https://host:port/base", no slash at the end
  Dialect dialect = Dialect::kOpenAi;
  std::string region;        ///< "cn-shanghai"; empty where not stated
  std::string region_proof;  ///< "pinned_endpoint", …, "unknown"
  std::string api_key_env;   ///< name of an environment variable, or
  std::string api_key_file;  ///< path of a file; both empty: no Authorization is sent
  Nanoseconds connect_timeout = seconds(5);
  Nanoseconds first_byte_timeout = seconds(120);
  Nanoseconds idle_timeout = seconds(60);  ///< between two reads of one answer
  Nanoseconds total_timeout = seconds(1800);
  int connections_max = 256;
  std::string tls_ca_file;  ///< empty: the system's
  bool tls_verify = true;
  std::string tls_server_name;  ///< empty: the host of `url`
  int retry_attempts = 1;       ///< further tries, only where nothing was sent to the model
};

/// One way to serve a model: an upstream, and the model's name there.
struct Route {
  const Upstream* upstream = nullptr;
  std::string model;
};

struct Model {
  std::string name;
  std::vector<std::string> aliases;
  std::vector<Route> routes;           ///< in fallback order, at least one
  std::string tokenizer;               ///< "smollm2", "o200k", …; the names of the token library
  std::string chat_template;           ///< document field `template`: name of a template in data/templates
  std::int64_t context_tokens = 0;     ///< prompt and answer together
  std::int64_t output_tokens_max = 0;  ///< of one answer; what an unbounded request could produce
  bool output_control = true;  ///< the upstream honours max_tokens; false: the answer is cut by us alone
  std::string
      limit_member;  ///< the member that limits an answer where the client names none; empty: max_tokens
  std::string owner, licence, filing_number, weights_sha256;  ///< provenance, empty where not stated
  Digest digest{};
};

/// The clause of a contract that a limit or a refusal names, in its own words.
struct ClauseText {
  std::string id;
  std::string en, zh;  ///< empty where the author wrote none
};

/// How a client says which session a call belongs to, or for whom it is made.
struct NamingRule {
  std::string header;
  std::string field;      ///< a top-level string field of the request body ("user"); empty: not looked at
  bool required = false;  ///< true: a call without one is refused
};
struct NamingRules {
  NamingRule session{"Ciyuan-Session", "", false};  ///< a call that names none runs in the key's own session
  NamingRule tenant{"Ciyuan-Tenant", "", false};
  NamingRule user{"Ciyuan-User", "", false};
  NamingRule agent{"Ciyuan-Agent", "", false};
  NamingRule purpose{"Ciyuan-Purpose", "", false};
};
/// The longest name of a session, tenant, user, agent or purpose, in bytes; printable ASCII without spaces.
constexpr std::size_t kSessionIdMax = 128;
/// Agents below each other ("planner/search"), and keys below each other.
constexpr std::size_t kDepthMax = 8;

/// For whom the calls of a key are, as far as the key says: then no call may say otherwise.
struct Identity {
  std::string tenant, user, agent;
};

/// How far the upstream's figure may stand from ours before the record says "disputed".
struct Tolerance {
  std::int64_t tokens = 0;
  std::int64_t per_mille = 0;
  bool allows(std::int64_t measured, std::int64_t reported) const {
    Int128 difference = measured > reported ? Int128{measured} - reported : Int128{reported} - measured;
    return difference <= tokens || difference * 1000 <= Int128{per_mille} * measured;
  }
};

/// A contract as compiled; defined in registry.cc's internals, named here for the accessors below.
struct ContractPlan;

/// A key as compiled. The secret is not here, only its SHA-256.
struct KeyPlan {
  std::string name;
  Digest secret_sha256{};
  bool disabled = false;
  TimePoint expires;  ///< zero: never
  const ContractPlan* contract = nullptr;
  std::vector<ClauseText> clauses;      ///< of the key's own caps
  std::shared_ptr<const KeyTags> tags;  ///< never null
  const Licence* licence = nullptr;     ///< that it is under; null: none of its own
  const KeyPlan* parent = nullptr;      ///< on whose caps its calls count, too; null: none
  Identity identity;
  Digest digest{};
  // Prepared caps of the key itself; see internal/plan.h.
  std::shared_ptr<const struct CapPlans> caps;
};

/// What the gateway knows when a call comes in.
struct Call {
  const KeyPlan* key = nullptr;
  std::string_view model;     ///< as the client wrote it: a name or an alias
  std::string_view session;   ///< as the client sent it (see naming_rules()); empty: none
  std::string_view endpoint;  ///< "chat/completions", "completions", "embeddings"
  Id request_id;              ///< the record's id: names the accounts of per-request caps
  TimePoint at;
  std::string_view service_tier;   ///< as the client wrote it; empty: none
  std::int64_t prompt_tokens = 0;  ///< of the whole prompt, where known (see Resolved::by_prompt)
  std::string_view tenant, user, agent, purpose;  ///< as the client sent them; empty: none
};

/// Everything the road of one call needs. `model`, `method` and the texts belong to the registry.
struct Resolved {
  Terms terms;
  const Model* model = nullptr;  ///< with its routes
  const measure::Method* method = nullptr;
  std::string session;  ///< the id the record carries: as sent, or "key:<name>" for the key's own session
  std::string tenant, user, agent, purpose;  ///< as sent, or as the key says; empty: not known
  std::string contract;                      ///< name
  /// Under a seat licence: the seat, a key's or a session's name, which the call must have (gateway/seats.h).
  const Licence* seat_licence = nullptr;
  std::string seat;
  std::string provider, consumer;            ///< party names
  std::string method_name, price_book_name;  ///< the second is empty without a price book
  Digest contract_digest{}, method_digest{}, price_book_digest{};  ///< zero where there is none
  Tolerance tolerance;
  std::string service_class;  ///< that the prices are for; empty: standard, or they do not depend on it
  /// The price depends on the prompt's length: once that is counted, resolve again with it.
  bool by_prompt = false;
};

/// What is left of a package is taken back at its end, and before, where it rolls over, what is more than
/// may.
struct PackageRest {
  std::string package, account;
  Amount ciyuan;    ///< that it had
  Amount keep;      ///< of what is left
  TimePoint since;  ///< when it came to be so
};

class Registry;
struct BuildOutcome {
  std::shared_ptr<const Registry> registry;  ///< null where there are errors
  std::vector<Error> errors;                 ///< each names document, JSON pointer, value and rule
  std::vector<std::string> warnings;         ///< implausible but allowed
};

class Registry {
 public:
  /// Checks everything against everything and compiles it. The documents must have passed read_documents().
  static BuildOutcome build(std::vector<Document> documents);
  ~Registry();

  /// The key with this secret, or nullptr. A disabled or expired key is found; resolve() refuses it by name.
  /// The comparison takes the same time whatever the stored hash is.
  const KeyPlan* find_key(std::string_view secret) const;
  const KeyPlan* key_named(std::string_view name) const;

  /// What this call is allowed and what it costs. Prices are those of the moment `at`, of the prompt's
  /// length, of the service class that `service_tier` asks for, and of the region of the model's first
  /// upstream (which route answers is not known before the hold). Errors, with `path` = id of the clause or
  /// the field at fault:
  ///   kRefused   403: key disabled or expired, contract not in force, model or endpoint out of scope, no
  ///   price kNotFound  404: no model of this name (path "model") kInvalid   400: session, tenant, user,
  ///   agent or purpose missing where required, or malformed (path "session", …)
  Result<Resolved> resolve(const Call& call) const;

  /// Whether the contract's access clauses allow a call that was resolved, once its prompt is counted.
  Decision decide(const KeyPlan& key, const Resolved& call, const AccessFacts& facts) const;

  /// The suspension that ends a call which is running: "suspension/<name>"; empty where there is none. The
  /// key by its name, since the call may have begun under other documents; one that is no longer there, or is
  /// disabled, ends it too ("key"). Costs well under a microsecond.
  std::string stopped_by(std::string_view key, const Resolved& call, TimePoint at) const;

  const NamingRules& naming_rules(const KeyPlan& key) const;
  std::string_view contract_name(const KeyPlan& key) const;
  /// Names this key may call (not the aliases), sorted: for GET /v1/models.
  std::vector<const Model*> models_of(const KeyPlan& key) const;
  /// The clause's own words; nullptr where the clause has no text. For refusals.
  const ClauseText* clause_text(const KeyPlan& key, std::string_view clause) const;

  const Model* find_model(std::string_view name_or_alias) const;
  std::vector<const Model*> models() const;
  std::vector<const Upstream*> upstreams() const;

  /// The accounts that a payment may go to, sorted: prepaid balances, each key's where they are per key, and
  /// receivables.
  std::vector<std::string> balances() const;

  /// The packages that have expired by then, or may be used no further than their roll-over allows.
  std::vector<PackageRest> expired_packages(TimePoint at) const;

  const Licence* find_licence(std::string_view name) const;
  std::vector<const Licence*> licences() const;
  /// Ciyuan of one token of each kind under the contract's method, for the models of its scope; and the
  /// method's digest in hexadecimal. What a device's voucher says.
  std::map<std::string, std::array<Amount, kKinds>> weights_of(const Licence& licence, TimePoint at) const;
  /// Until when those of `at` are what bills; zero: as long as the licence.
  TimePoint weights_until(const Licence& licence, TimePoint at) const;
  std::string method_digest_of(const Licence& licence) const;

  /// The documents themselves, sorted by kind (in the order of kDocumentKinds) and name.
  const std::vector<Document>& documents() const;
  const Document* find_document(std::string_view kind, std::string_view name) const;

  struct State;

 private:
  explicit Registry(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

/// The documents after `changes` are put over `present` and `removed` ("Kind/name") are taken away.
std::vector<Document> merged(const std::vector<Document>& present, const std::vector<Document>& changes,
                             const std::vector<std::string>& removed = {});

/// A fresh secret, "ck-" and 64 hexadecimal digits of 256 random bits, and the Key document's hash of it.
struct NewSecret {
  std::string secret;
  std::string sha256_hex;
};
NewSecret make_key_secret();

}  // namespace ciyuan::contract
