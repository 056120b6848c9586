#include "contract/equivalence.h"

#include "contract/signing.h"

namespace ciyuan::contract {

Result<std::string> equivalence_text(const Json& table) { return signed_text(kEquivalenceVersion, table); }

Status check_equivalence_signature(const Json& table, const tlog::VerifierKey& key) {
  CIYUAN_TRY(const std::string text, equivalence_text(table));
  return check_signature(table, text, key);
}

}  // namespace ciyuan::contract
