#pragma once

/// Chat templates: the subset of Jinja2 (3.1) that models' templates use, as Hugging Face's transformers runs
/// it (immutable sandbox, trim_blocks, lstrip_blocks, loop controls, `generation` blocks, its own `tojson`),
/// with bounds on everything. Python's jinja2 is the reference: tests/conformance/template compares the two
/// byte for byte.
///
///   CIYUAN_TRY(Template chat, Template::compile("{% for m in messages %}<{{ m.role }}>{{ m.content }}{%
///   endfor %}")); Heap heap; CIYUAN_TRY(Value messages, parse_value(R"([{"role": "user", "content":
///   "hi"}])", heap)); std::string prompt; CIYUAN_TRY_STATUS(chat.render({{"messages", messages}}, heap,
///   prompt));   // "<user>hi"
///
/// Errors: kInvalid with path "line N" for a template's fault or its own raise_exception, kTooLarge for a
/// limit (the message names it), never an abort. A compiled template may be rendered by any number of threads
/// at once, each with a heap of its own.
///
/// Not here: inheritance, imports, autoescape, custom filters, integers computed beyond 64 bits, formats of
/// text that is marked safe (all refused by name). Letter case follows Unicode's simple mappings (ß and final
/// sigma as Python does).

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "jinja/value.h"

namespace ciyuan::jinja {

/// A hostile template or request can cost no more than this.
struct Limits {
  std::size_t output_bytes_max = 64u << 20;
  std::uint64_t steps_max = 20'000'000;  ///< expressions evaluated and blocks of 64 bytes touched
  int depth_max = 200;                   ///< nested expressions, statements and macro calls
};

constexpr std::size_t kTemplateBytesMax = 1u << 20;
constexpr int kSyntaxDepthMax = 200;

struct RenderOptions {
  Limits limits;
  std::int64_t now_seconds = 0;  ///< what strftime_now prints, seconds since 1970 in UTC
};

using Global = std::pair<std::string_view, Value>;

struct Syntax;

class Template {
 public:
  static Result<Template> compile(std::string_view source);
  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;
  ~Template();

  /// Appends to `out`. On an error `out` may hold a part.
  Status render(std::span<const Global> globals, Heap& heap, std::string& out,
                const RenderOptions& options = {}) const;
  Status render(std::initializer_list<Global> globals, Heap& heap, std::string& out,
                const RenderOptions& options = {}) const {
    return render(std::span<const Global>(globals.begin(), globals.size()), heap, out, options);
  }

  /// True if the template mentions the variable anywhere.
  bool mentions(std::string_view variable) const;

 private:
  explicit Template(std::unique_ptr<Syntax> syntax);
  std::unique_ptr<Syntax> syntax_;
};

}  // namespace ciyuan::jinja
