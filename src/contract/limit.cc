#include "contract/limit.h"

namespace ciyuan::contract {

int scale_of_unit(std::string_view unit) {
  if (unit == "CIYUAN") return kCiyuanScale;
  if (unit == "REQUEST" || unit == "PERSON") return kCountScale;
  return kMoneyScale;
}

}  // namespace ciyuan::contract
