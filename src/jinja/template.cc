#include "jinja/template.h"

#include "jinja/internal/interpreter.h"
#include "jinja/internal/parser.h"
#include "jinja/internal/syntax.h"

namespace ciyuan::jinja {

Template::Template(std::unique_ptr<Syntax> syntax) : syntax_(std::move(syntax)) {}
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

Result<Template> Template::compile(std::string_view source) {
  CIYUAN_TRY(std::unique_ptr<Syntax> syntax, parse(source));
  return Template(std::move(syntax));
}

Status Template::render(std::span<const Global> globals, Heap& heap, std::string& out,
                        const RenderOptions& options) const {
  Interpreter interpreter(*syntax_, heap, out, options);
  interpreter.define("range", Value::function(Function::kRange));
  interpreter.define("dict", Value::function(Function::kDict));
  interpreter.define("namespace", Value::function(Function::kNamespace));
  interpreter.define("raise_exception", Value::function(Function::kRaiseException));
  interpreter.define("strftime_now", Value::function(Function::kStrftimeNow));
  for (const Global& global : globals) interpreter.define(global.first, global.second);
  return interpreter.run();
}

bool Template::mentions(std::string_view variable) const {
  return syntax_->symbols.contains(std::string(variable));
}

}  // namespace ciyuan::jinja
