// A tokenizer's file from a stranger: refused, or a vocabulary of ours that says of itself what is so.

#include <cstdlib>

#include "token/importer.h"
#include "token/vocabulary.h"

using namespace ciyuan;
using namespace ciyuan::token;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  for (const char* pretokenizer : {"", "cl100k"}) {
    const auto content =
        import_vocabulary(file, {.name = "fuzzed", .pretokenizer = pretokenizer, .specials = {}});
    if (!content.ok()) continue;
    const auto vocabulary = Vocabulary::parse(*content);
    if (!vocabulary.ok()) continue;
    (void)prove_vocabulary(**vocabulary, file);
    for (std::string_view text : {std::string_view("Hello, world 123 \n\n"), file.substr(0, 300)})
      if ((*vocabulary)->count(text).value != static_cast<std::int64_t>((*vocabulary)->encode(text).size()))
        std::abort();
  }
  return 0;
}
