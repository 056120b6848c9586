#include "measure/grapheme.h"

namespace ciyuan::measure {
namespace {

struct GraphemeRange {
  char32_t first, last;
  GraphemeClass grapheme;
  Conjunct conjunct;
  bool pictograph;
};
struct CodeRange {
  char32_t first, last;
};
#include "measure/internal/grapheme_tables.inc"

}  // namespace

bool GraphemeBreaker::begins_cluster(char32_t point) {
  return rules_.begins_cluster(grapheme_properties(kGraphemeRanges, point));
}

bool is_han(char32_t point) { return point >= 0x2E80 && row_with(kHanRanges, point) != nullptr; }

}  // namespace ciyuan::measure
