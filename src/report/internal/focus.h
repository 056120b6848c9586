#pragma once

/// The export in the format of FOCUS 1.2 (export.h).

#include "report/export.h"
#include "report/papers.h"

namespace ciyuan::report::internal {

/// The caller pins.
Result<Export> focus_export(store::Reader& reader, const std::string& contract, const SettlementTerms& terms,
                            const Period& period);

}  // namespace ciyuan::report::internal
