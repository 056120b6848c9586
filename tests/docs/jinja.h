#pragma once

#include "jinja/template.h"

namespace reader {
using namespace ciyuan;
using namespace ciyuan::jinja;

extern std::string source;
}  // namespace reader
