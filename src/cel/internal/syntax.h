#pragma once

/// The tree of an expression: made by the parser with its macros expanded, then annotated by the checker.

#include <cstdint>
#include <string>
#include <vector>

#include "cel/internal/code.h"
#include "cel/type.h"

namespace ciyuan::cel {

struct Function;

enum class Form : std::uint8_t {
  kLiteral,     ///< `literal`; text and bytes stand in `name`
  kIdentifier,  ///< `name`
  kSelect,      ///< target . name
  kHas,         ///< has(target . name)
  kCall,        ///< name(arguments), or target . name(arguments); operators are "_+_" and so on
  kAnd,         ///< all arguments of a chain of &&
  kOr,
  kConditional,  ///< three arguments
  kList,
  kMap,   ///< arguments: key, value, key, value, …
  kLoop,  ///< arguments: range, [condition], [result]
  kBind,  ///< arguments: value, body; `variables` has one
};

/// What the checker found a name to mean.
enum class Meaning : std::uint8_t { kNone, kVariable, kLocal, kField, kKey, kType, kFunction, kFault };

using Index = std::uint32_t;
constexpr Index kNoIndex = UINT32_MAX;

struct Syntax {
  Form form = Form::kLiteral;
  std::uint32_t offset = 0;
  std::uint32_t height = 1;  ///< levels of the tree below and with it
  std::string name;
  bool rooted = false;  ///< identifier with a dot before it: no loop's variable
  Index target = kNoIndex;
  std::vector<Index> arguments;
  Value literal;

  Loop loop = Loop::kAll;
  bool filtered = false;
  bool transformed = false;
  std::vector<std::string> variables;

  // By the checker:
  Type type;
  Meaning meaning = Meaning::kNone;
  std::uint32_t number = 0;  ///< slot, local or field
  const Function* function = nullptr;
  bool receiver = false;  ///< the target is the first argument of the call
  Fault fault = Fault::kUnknown;
};

struct Tree {
  std::vector<Syntax> nodes;
  Index root = kNoIndex;

  Syntax& operator[](Index index) { return nodes[index]; }
  const Syntax& operator[](Index index) const { return nodes[index]; }
};

}  // namespace ciyuan::cel
