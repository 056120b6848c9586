// A vocabulary file from a stranger: refused, or one that counts and encodes alike.

#include <cstdlib>

#include "token/incremental_counter.h"
#include "token/vocabulary.h"

using namespace ciyuan;
using namespace ciyuan::token;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  const auto vocabulary = Vocabulary::parse(file);
  if (!vocabulary.ok()) return 0;
  for (std::string_view text : {std::string_view("Hello, world 123 \n\n"), file.substr(0, 300)}) {
    const auto ids = (*vocabulary)->encode(text);
    if ((*vocabulary)->count(text).value != static_cast<std::int64_t>(ids.size())) std::abort();
    (void)(*vocabulary)->decode(ids);
    IncrementalCounter counter(*vocabulary);
    counter.append(text);
    (void)counter.count();
  }
  return 0;
}
