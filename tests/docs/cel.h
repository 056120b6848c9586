#pragma once

#include "cel/program.h"

namespace reader {
using namespace ciyuan;
using namespace ciyuan::cel;
}  // namespace reader
