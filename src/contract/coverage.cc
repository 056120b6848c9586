#include "contract/coverage.h"

#include <algorithm>

#include "contract/internal/fields.h"

namespace ciyuan::contract {
namespace {

struct Known {
  std::string_view kind;
  Coverage coverage;
  std::string_view what, tests;
};

constexpr Known kKnown[] = {
    {"scope", Coverage::kEnforced, "calls outside of it are refused before anything is held",
     "tests/contract, tests/e2e/cases/semantics.py"},
    {"access", Coverage::kEnforced,
     "what is denied, or allowed by no rule, is refused before anything is held",
     "tests/contract/access_test.cc"},
    {"cap", Coverage::kEnforced, "held before the service is asked; a stream ends at the token",
     "tests/e2e/cases/caps.py, governance.py, tests/sim"},
    {"rate", Coverage::kEnforced, "held before the service is asked; a stream waits for it, or ends",
     "tests/clerk/renewal_test.cc, tests/e2e/cases/governance.py, tests/sim"},
    {"price", Coverage::kEnforced, "each call is priced as it closes, each billing period at its end",
     "tests/conformance/price, tests/report"},
    {"payment", Coverage::kEnforced, "each token is paid by the first source that has it",
     "tests/clerk/sources_test.cc"},
    {"royalty", Coverage::kEnforced, "posted with each charge", "tests/clerk/sources_test.cc"},
    {"metering", Coverage::kEnforced,
     "broken streams are charged as it says; deviations are recorded as disputed",
     "tests/e2e/cases/semantics.py, traps.py"},
    {"logging", Coverage::kEnforced, "no content is kept, only keyed commitments",
     "tests/e2e/cases/custody.py"},
    {"equivalence", Coverage::kEnforced, "Ciyuan are told by the signed table; another may run beside it",
     "tests/conformance/equivalence, tests/contract/equivalence_test.cc"},
    {"settlement", Coverage::kManual,
     "drafts, numbers and signatures are checked; people sign, pay and dispute",
     "tests/admin/papers_test.cc, tests/e2e/cases/settlement.py"},
};

}  // namespace

std::string_view name_of(Coverage coverage) {
  constexpr std::string_view kNames[] = {"enforced", "monitored", "manual"};
  return kNames[static_cast<std::size_t>(coverage)];
}

std::vector<ClauseCoverage> coverage_of(const Json& contract) {
  std::vector<ClauseCoverage> covered;
  for (const Json& clause : contract.value("clauses", Json::array())) {
    const std::string kind = text_at(clause, "kind");
    ClauseCoverage one{
        .id = text_at(clause, "id", kind), .kind = kind, .what = "is read by people alone", .tests = ""};
    const auto* known = std::find_if(std::begin(kKnown), std::end(kKnown),
                                     [&](const Known& entry) { return entry.kind == kind; });
    if (known != std::end(kKnown)) {
      one.coverage = known->coverage;
      one.what = known->what;
      one.tests = known->tests;
    }
    if (kind == "cap" && text_at(clause, "action") == "warn") {
      one.coverage = Coverage::kMonitored;
      one.what = "counted, and told of when a share of it is reached; nothing is stopped";
    }
    covered.push_back(std::move(one));
  }
  return covered;
}

}  // namespace ciyuan::contract
