#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "jinja/internal/syntax.h"

namespace ciyuan::jinja {

/// Jinja2's grammar, without inheritance, imports and call blocks.
Result<std::unique_ptr<Syntax>> parse(std::string_view source);

}  // namespace ciyuan::jinja
