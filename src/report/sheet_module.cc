/// Loads what draws PDFs when the first one is asked for.

#include <dlfcn.h>

#include <filesystem>

#include "report/sheet.h"

namespace ciyuan::report {
namespace {

struct Module {
  void (*draw)(const Sheet&, Result<std::string>&) = nullptr;
};

// Beside the program, under the name that src/report/CMakeLists.txt gives it.
Result<Module> load() {
  std::error_code error;
  std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  std::filesystem::path module = program.parent_path() / "ciyuan_pdf.so";
  void* library = error ? nullptr : dlopen(module.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* draw = library != nullptr ? dlsym(library, "ciyuan_draw_pdf") : nullptr;
  if (draw == nullptr) {
    const char* why = dlerror();
    return Error{ErrorCode::kUnavailable,
                 std::string("the part that draws PDFs cannot be loaded: ") +
                     (why != nullptr ? why : "the program's own path is not known"),
                 module.string()};
  }
  return Module{reinterpret_cast<decltype(Module::draw)>(draw)};
}

}  // namespace

Result<std::string> pdf_of(const Sheet& sheet) {
  static const Result<Module> loaded = load();
  if (!loaded.ok()) return loaded.error();
  Result<std::string> pdf = std::string();
  loaded->draw(sheet, pdf);
  return pdf;
}

}  // namespace ciyuan::report
