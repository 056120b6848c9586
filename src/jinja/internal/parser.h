#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "jinja/internal/syntax.h"

namespace ciyuan::jinja {

/// Jinja2's grammar, without inheritance and imports.
Result<std::unique_ptr<Syntax>> parse(std::string_view source);

}  // namespace ciyuan::jinja
