#pragma once

#include "measure/call_count.h"
#include "measure/output.h"
#include "measure/prompt.h"

namespace reader {
using namespace ciyuan;

extern measure::Method method;
extern Digest method_digest;
extern std::string body;
}  // namespace reader
