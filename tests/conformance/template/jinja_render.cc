// Renders what oracle.py asks for: each line of standard input is {"template": source, "globals": {…}, "now":
// seconds}, each line of standard output {"text": …}, {"error": …, "line": …} or {"bad": why the line was not
// understood}.

#include <iostream>
#include <map>
#include <string>

#include "base/json.h"
#include "jinja/template.h"

namespace {

using namespace ciyuan;

Json render(const jinja::Template& compiled, const jinja::Value& line, jinja::Heap& heap) {
  std::vector<jinja::Global> globals;
  for (const jinja::Entry& entry : line.get("globals").entries())
    globals.push_back({entry.key.text(), entry.value});
  jinja::RenderOptions options;
  options.now_seconds = line.get("now").as_integer();
  std::string text;
  const Status status = compiled.render(std::span<const jinja::Global>(globals), heap, text, options);
  if (!status.ok()) return {{"error", status.error().message}, {"line", status.error().path}};
  return {{"text", text}};
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  std::map<std::string, Result<jinja::Template>, std::less<>> compiled;
  jinja::Heap heap;
  for (std::string text; std::getline(std::cin, text);) {
    heap.clear();
    Json answer;
    const Result<jinja::Value> line = jinja::parse_value(text, heap);
    if (!line.ok() || !line->get("template").is_string() || !line->get("globals").is_dict()) {
      answer = {{"bad", line.ok() ? "no template or no globals" : line.error().text()}};
    } else {
      const std::string source(line->get("template").text());
      auto place = compiled.find(source);
      if (place == compiled.end()) {
        if (compiled.size() > 10'000) compiled.clear();
        place = compiled.emplace(source, jinja::Template::compile(source)).first;
      }
      if (place->second.ok()) {
        answer = render(*place->second, *line, heap);
      } else {
        answer = {{"error", place->second.error().message}, {"line", place->second.error().path}};
      }
    }
    // Text that is not UTF-8 cannot come from JSON; should it appear, the comparison must see that.
    std::cout << answer.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
  }
  return 0;
}
