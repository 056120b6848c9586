#pragma once

#include "store/store.h"

namespace reader {
using namespace ciyuan;

extern store::Batch batch;
}  // namespace reader
