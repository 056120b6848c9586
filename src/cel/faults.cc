#include "cel/internal/faults.h"

namespace ciyuan::cel {

namespace {

/// "(int, string)", from what Frame::no_overload packed.
std::string kinds_text(std::int64_t packed) {
  const auto count = static_cast<std::uint64_t>(packed) >> 56;
  std::string made = "(";
  for (std::uint64_t i = 0; i < count && i < 7; ++i) {
    made += (i > 0 ? ", " : "") + std::string(name_of(static_cast<Kind>(packed >> (8 * i) & 0xFF)));
  }
  return made + ")";
}

}  // namespace

std::string fault_text(const Value& fault, std::string_view variable) {
  const std::string name = variable.empty() ? "this field" : "'" + std::string(variable) + "'";
  switch (fault.fault()) {
    case Fault::kUnset:
      return name + " has no value; has() asks whether it has one";
    case Fault::kUnknown:
      return "this name is not declared";
    case Fault::kNoOverload:
      return fault.fault_detail() == 0 ? "this is not defined for such values"
                                       : "this is not defined for " + kinds_text(fault.fault_detail());
    case Fault::kNoSuchKey:
      return "the map has no such key; has() or `in` ask whether it has";
    case Fault::kIndex:
      return "found the index " + std::to_string(fault.fault_detail()) +
             "; an index is whole and inside the list or text";
    case Fault::kDivideByZero:
      return "found a division by zero";
    case Fault::kOverflow:
      return "the result is beyond what its type can hold";
    case Fault::kRange:
      return "the value is beyond what the other type can hold";
    case Fault::kConversion:
      return "the text does not say a value of that type";
    case Fault::kKey:
      return "a key of a map is int, uint, bool or string";
    case Fault::kDuplicateKey:
      return "a key is in the map twice";
    case Fault::kNotUtf8:
      return "the bytes are not UTF-8";
    case Fault::kInput:
      return name + " was given a value of another type, or a larger one, than it is declared with";
    case Fault::kArgument:
      return "the function does not take such an argument";
    case Fault::kSpent:
      return "the evaluation used up its steps or its memory";
  }
  return "there is no value";
}

}  // namespace ciyuan::cel
