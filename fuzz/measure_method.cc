// A method's document as JSON: refused, or rules that answer for any model, kind and part without stopping
// the process.

#include <cstdlib>

#include "measure/method.h"

using namespace ciyuan;
using namespace ciyuan::measure;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = parse_json({reinterpret_cast<const char*>(data), size});
  if (!document.ok()) return 0;
  const auto method = Method::from_json(*document);
  if (!method.ok()) return 0;
  std::vector<std::string> models = method->models();
  models.resize(std::min<std::size_t>(models.size(), 20));
  models.push_back("unlisted");
  for (const std::string& model : models) {
    for (Amount weight : method->ciyuan_per_token(model))
      if (weight.is_negative()) std::abort();
    for (Medium medium : {Medium::kImage, Medium::kAudio, Medium::kVideo, Medium::kFile, Medium::kTools}) {
      const MediaPart parts[] = {{.medium = medium},
                                 {.medium = medium,
                                  .size = ImageSize{kSideMax, 1},
                                  .duration = Duration{INT64_MAX, 1},
                                  .pages = kPagesMax,
                                  .tools = 1'000'000}};
      for (const MediaPart& part : parts) {
        const std::int64_t tokens = method->count_media(model, part).tokens;
        if (tokens < 0 || tokens > kMediaTokensMax) std::abort();
      }
    }
  }
  return 0;
}
