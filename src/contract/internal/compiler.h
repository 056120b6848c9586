#pragma once

/// The compiler of documents: one pass in the order in which kinds refer to each other. Each kind's own part
/// stands in compile_<what>.cc; what needs the fields of one clause alone is a function of its own (caps.h,
/// payment.h, settling.h).

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "contract/internal/fields.h"
#include "contract/internal/plan.h"
#include "contract/internal/schema_check.h"

namespace ciyuan::contract {

class Compiler {
 public:
  Compilation run(std::vector<Document> documents);

 private:
  // Documents, and what others refer to (compile.cc).
  void fault(const Document& document, std::string_view pointer, std::string message);
  void warn(const Document& document, const std::string& message);
  void take_faults(const Document& document, const std::string& pointer, std::vector<Fault> faults);
  void add(const Document& document);
  void add_party(const Document& document);
  void add_method(const Document& document);
  void add_book(const Document& document);
  void add_equivalence(const Document& document);
  const RateTable* rates_for(const measure::Method* method, const price::Book* book);
  bool moment_at(const Document& document, const Json& object, const char* field, const std::string& pointer,
                 TimePoint& target);
  Digest digest_of(std::string_view kind, std::string_view name) const;

  // Upstreams and models (compile_services.cc).
  void add_upstream(const Document& document);
  void check_url(const Document& document, std::string_view url);
  void add_channel(const Document& document);
  void add_model(const Document& document);
  void claim_name(const Document& document, const std::string& pointer, const std::string& name,
                  const Model* model);

  // Contracts and their packages (compile_contract.cc).
  void add_contract(const Document& document);
  void check_signatures(const Document& document, const ContractPlan& plan);
  void take_book(const Document& document, ContractPlan& plan);
  void negotiate(const Document& document, const std::string& pointer, const Json& clause,
                 ContractPlan& plan);
  void warn_of_regions(const Document& document, const ContractPlan& plan);
  void take_clauses(const Document& document, ContractPlan& plan);
  void take_cap(const Document& document, const std::string& pointer, const Json& clause,
                const ContractPlan& plan, const KeyPlan* key, std::vector<CapPlan>& caps);
  void take_scope(const Document& document, const std::string& pointer, const Json& clause,
                  ContractPlan& plan, const std::string& id);
  void take_equivalence(const Document& document, ContractPlan& plan);
  static void take_metering(const Json& clause, ContractPlan& plan);
  void add_package(const Document& document);
  void finish_packages();

  // Licences, and the keys under them (compile_licence.cc).
  void add_licence(const Document& document);
  void check_licence_fields(const Document& document, LicenceType type);
  void take_devices(const Document& document, Licence& licence);
  void take_key_licence(const Document& document, KeyPlan& key);

  // Suspensions (suspension.cc).
  void add_suspension(const Document& document);

  // Keys (compile_key.cc).
  void add_key(const Document& document);
  void finish_keys();
  void take_key_tags(const Document& document, KeyPlan& key);
  void take_key_caps(const Document& document, KeyPlan& key, const ContractPlan& contract);

  std::unique_ptr<Registry::State> state_;
  std::vector<Error> errors_;
  std::vector<std::string> warnings_;
  std::set<std::string> parties_;
  std::map<std::string, std::string> secrets_;
};

}  // namespace ciyuan::contract
