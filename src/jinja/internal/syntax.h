#pragma once

/// A compiled template: its statements and expressions as a tree, its variable names as small numbers.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "jinja/value.h"

namespace ciyuan::jinja {

using Symbol = std::uint32_t;

enum class ExpressionKind : std::uint8_t {
  kConstant,
  kName,
  kAttribute,  // a.text
  kIndex,      // a[b]
  kSlice,      // a[b:c:d], absent parts null
  kCall,
  kFilter,
  kTest,
  kNot,
  kNegate,
  kPlus,
  kAnd,
  kOr,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kConcatenate,
  kCompare,
  kConditional,  // a if b else c
  kList,
  kTuple,
  kDict,  // children: key, value, key, value, …
};

enum class Comparison : std::uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn
};

enum class Filter : std::uint8_t {
  kUnknown,
  kAbs,
  kAttr,
  kCapitalize,
  kDefault,
  kDictsort,
  kEscape,
  kFirst,
  kFloat,
  kFormat,
  kIndent,
  kInt,
  kItems,
  kJoin,
  kLast,
  kLength,
  kList,
  kLower,
  kMap,
  kMax,
  kMin,
  kReject,
  kRejectattr,
  kReplace,
  kReverse,
  kRound,
  kSafe,
  kSelect,
  kSelectattr,
  kSort,
  kString,
  kSum,
  kTitle,
  kTojson,
  kTrim,
  kUnique,
  kUpper,
  kWordcount,
};
enum class Test : std::uint8_t {
  kUnknown,
  kBoolean,
  kCallable,
  kDefined,
  kDivisibleby,
  kEqual,
  kEven,
  kFalse,
  kFloat,
  kGreater,
  kGreaterEqual,
  kIn,
  kInteger,
  kIterable,
  kLess,
  kLessEqual,
  kLower,
  kMapping,
  kNone,
  kNotEqual,
  kNumber,
  kOdd,
  kSameas,
  kSequence,
  kString,
  kTrue,
  kUndefined,
  kUpper,
};
enum class Method : std::uint32_t {
  kUnknown,
  kForbidden,  // would change its receiver
  // dict
  kCopy,
  kGet,
  kItems,
  kKeys,
  kValues,
  // list and str
  kCount,
  kIndex,
  // str
  kCapitalize,
  kCasefold,
  kEndswith,
  kFind,
  kFormat,
  kFormatMap,
  kIsalnum,
  kIsalpha,
  kIsdigit,
  kIslower,
  kIsspace,
  kIsupper,
  kJoin,
  kLower,
  kLstrip,
  kPartition,
  kRemoveprefix,
  kRemovesuffix,
  kReplace,
  kRfind,
  kRpartition,
  kRsplit,
  kRstrip,
  kSplit,
  kSplitlines,
  kStartswith,
  kStrip,
  kTitle,
  kUpper,
  kZfill,
  // loop
  kCycle,
  kChanged,
};
/// Python's name for the value's type.
std::string type_name(const Value& value);
Filter filter_of(std::string_view name);
Test test_of(std::string_view name);
Method method_of(std::string_view name);

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct NamedArgument {
  std::string name;
  ExpressionPtr value;
};

struct Expression {
  ExpressionKind kind;
  std::uint32_t line = 0;
  union {
    Symbol symbol = 0;
    Filter filter;
    Method method;  // kAttribute: which method its name would be
    Test test;
  };
  Value constant;    // kConstant; kAttribute: the name as a string
  std::string text;  // what constant points to; the name of a filter or test
  std::vector<ExpressionPtr>
      children;  // operands; for calls, filters and tests the subject, then the arguments
  std::vector<NamedArgument> named;
  std::vector<Comparison> comparisons;  // kCompare: between children[i] and children[i + 1]
};

enum class StatementKind : std::uint8_t {
  kText,
  kOutput,
  kIf,  // branches
  kFor,
  kSet,
  kSetBlock,
  kMacro,
  kCallBlock,  // expression: the call; parameters and body: its caller
  kScope,      // {% generation %}, {% with %}: a body with variables of its own
  kFilterBlock,
  kBreak,
  kContinue,
};

struct Statement;
using Body = std::vector<std::unique_ptr<Statement>>;

/// What an assignment stores to: one name, a namespace's attribute, or several.
struct Target {
  Symbol symbol = 0;
  std::string attribute;        // set: `symbol` must hold a namespace
  std::vector<Target> several;  // not empty: unpack
};

struct Branch {
  ExpressionPtr condition;  // null: else
  Body body;
};

struct Parameter {
  Symbol symbol;
  std::string name;
  ExpressionPtr fallback;  // may be null
};

struct Statement {
  StatementKind kind;
  std::uint32_t line = 0;
  std::string text;              // kText
  ExpressionPtr expression;      // kOutput; kFor: what is iterated; kSet: the value; kFilterBlock: the chain
  ExpressionPtr condition;       // kFor: the filter
  Target target;                 // kFor, kSet, kSetBlock
  Body body;                     // kFor, kSetBlock, kMacro, kScope, kFilterBlock
  Body otherwise;                // kFor: else
  std::vector<Branch> branches;  // kIf
  Symbol symbol = 0;             // kMacro: its name
  std::string name;
  std::vector<Parameter> parameters;        // kMacro, kCallBlock
  std::vector<Symbol> own_names;            // undefined where `body` begins: see scopes.cc
  std::vector<Symbol> otherwise_own_names;  // the same for `otherwise`
  bool is_recursive = false;                // kFor
  bool takes_caller = false, takes_varargs = false,
       takes_kwargs = false;                               // kMacro, kCallBlock: what its body mentions
  std::vector<std::pair<Target, ExpressionPtr>> bindings;  // kScope: with
};

/// The variable that a filter block's chain is applied to; no template can name it.
inline constexpr std::string_view kFilterBlockVariable = " block";
/// The variable that holds the caller of a call block while the call is evaluated.
inline constexpr std::string_view kCallerVariable = " caller";
/// What a macro's body finds without naming it among its parameters.
inline constexpr std::string_view kCaller = "caller", kVarargs = "varargs", kKwargs = "kwargs";
/// Names of arguments that are unpacked: f(*list, **dict).
inline constexpr std::string_view kUnpackedList = "*", kUnpackedDict = "**";

struct Syntax {
  Body body;
  std::vector<std::string> names;  // by symbol
  /// The outermost scope's: see scopes.cc.
  std::vector<Symbol> own_names;
  std::unordered_map<std::string, Symbol> symbols;

  Symbol symbol_of(std::string_view name) {
    auto [place, added] = symbols.try_emplace(std::string(name), static_cast<Symbol>(names.size()));
    if (added) names.emplace_back(name);
    return place->second;
  }
};

/// Fills in own_names of the template and of its statements.
void find_own_names(Syntax& syntax);

}  // namespace ciyuan::jinja
