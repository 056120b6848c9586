// A template from a stranger, and after the first NUL byte the JSON it is rendered with: an error or a text
// within the limits, the same each time, and JSON that our own tojson can write again.

#include <cstdlib>

#include "jinja/template.h"

using namespace ciyuan;
using namespace ciyuan::jinja;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = input.find('\0');
  Heap heap(8u << 20);
  Result<Value> globals = cut == std::string_view::npos ? Value() : parse_value(input.substr(cut + 1), heap);
  if (!globals.ok()) globals = Value();

  static const Template tojson = *Template::compile("{{ x | tojson }}");
  std::string json;
  if (tojson.render({{"x", *globals}}, heap, json).ok()) {
    std::string again;
    const Result<Value> parsed = parse_value(json, heap);
    // An infinity (1e999) is written as Python does, which is no JSON.
    if (!parsed.ok() && json.find("Infinity") == std::string::npos && !heap.exhausted()) std::abort();
    if (parsed.ok() && tojson.render({{"x", *parsed}}, heap, again).ok() && again != json) std::abort();
  }

  Result<Template> compiled = Template::compile(input.substr(0, cut));
  if (!compiled.ok()) return 0;
  RenderOptions options;
  options.limits.output_bytes_max = 1u << 20;
  options.limits.steps_max = 100'000;
  std::string out[2];
  Status status[2];
  for (int i = 0; i < 2; ++i) {
    Heap own(8u << 20);
    std::vector<Global> named = {{"messages", *globals}};
    for (const Entry& entry : globals->is_dict() ? globals->entries() : std::span<const Entry>()) {
      named.push_back({entry.key.text(), entry.value});
    }
    status[i] = compiled->render(std::span<const Global>(named), own, out[i], options);
    if (out[i].size() > options.limits.output_bytes_max) std::abort();
  }
  if (status[0].ok() != status[1].ok() || out[0] != out[1]) std::abort();
  return 0;
}
