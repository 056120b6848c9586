#pragma once

/// The parity report as a bar plot: one SVG file that needs nothing else, title in English and Chinese.

#include <string>

#include "cli/internal/parity.h"

namespace ciyuan::cli {

enum class ParityAxis { kCharacters, kBytes, kRelative };

/// A group of bars for each language, a bar for each tokenizer, a whisker for its interval.
std::string parity_svg(const ParityReport& report, ParityAxis axis);

}  // namespace ciyuan::cli
