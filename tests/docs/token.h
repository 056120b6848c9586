#pragma once

#include "token/incremental_counter.h"
#include "token/vocabulary_set.h"

namespace reader {
using namespace ciyuan;
using namespace ciyuan::token;

extern std::string_view delta;
extern Tokens limit;
}  // namespace reader
