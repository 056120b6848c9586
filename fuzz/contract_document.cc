// Documents from operators, YAML or JSON: every error is named, and the canonical form of what is read is
// read as the same document.

#include <cstdlib>

#include "contract/document.h"

using namespace ciyuan;
using namespace ciyuan::contract;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Reading reading = read_documents(text, "fuzz.yaml");
  if (reading.errors.size() > kDocumentErrorsMax + 1) std::abort();
  for (const Error& error : reading.errors)
    if (error.text().empty()) std::abort();
  if (!reading.errors.empty()) return 0;
  for (const Document& document : reading.documents) {
    if (!is_document_kind(document.kind) || document.name.empty()) std::abort();
    const Reading again = read_documents(document.canonical, "again.json");
    if (!again.errors.empty() || again.documents.size() != 1) std::abort();
    if (again.documents[0].digest != document.digest) std::abort();
  }
  return 0;
}
