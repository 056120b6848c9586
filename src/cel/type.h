#pragma once

/// What a value is, and what is declared of one.
///
///   Type tokens = Type::object("Tokens", {{"input", Type::integer()}, {"output", Type::integer()}});
///   CIYUAN_TRY(Type labels, Type::parse("map(string, list(int))"));

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace ciyuan::cel {

/// The kinds of values; kDyn and kParameter are kinds of types only, kError of values only.
enum class Kind : std::uint8_t {
  kDyn,
  kNull,
  kBool,
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kTimestamp,
  kDuration,
  kList,
  kMap,
  kType,
  kObject,
  kParameter,
  kError,
};

/// As CEL writes it: "int", "null_type", "google.protobuf.Timestamp", …
std::string_view name_of(Kind kind);

/// A type is a value: it owns its parts. `dyn` stands for any type, checked when the expression runs.
struct Type {
  Kind kind = Kind::kDyn;
  std::vector<Type> parts;  ///< list: element; map: key, value; type: of what; object: its fields' types
  std::vector<std::string> fields;  ///< object: names, in the order of `parts`
  std::string name;                 ///< object: its own name
  std::uint32_t number = 0;         ///< parameter: which

  static Type dyn() { return {}; }
  static Type of(Kind kind) { return {kind, {}, {}, {}, 0}; }
  static Type boolean() { return of(Kind::kBool); }
  static Type integer() { return of(Kind::kInt); }
  static Type unsigned_integer() { return of(Kind::kUint); }
  static Type real() { return of(Kind::kDouble); }
  static Type string() { return of(Kind::kString); }
  static Type bytes() { return of(Kind::kBytes); }
  static Type timestamp() { return of(Kind::kTimestamp); }
  static Type duration() { return of(Kind::kDuration); }
  static Type list(Type element) { return {Kind::kList, {std::move(element)}, {}, {}, 0}; }
  static Type map(Type key, Type value) {
    return {Kind::kMap, {std::move(key), std::move(value)}, {}, {}, 0};
  }
  static Type type(Type of) { return {Kind::kType, {std::move(of)}, {}, {}, 0}; }
  static Type object(std::string name, std::vector<std::pair<std::string, Type>> fields);
  static Type parameter(std::uint32_t number) { return {Kind::kParameter, {}, {}, {}, number}; }

  /// "int", "list(string)", "map(string, dyn)", "timestamp"; a single capital letter is a parameter. Objects
  /// have no text of their own and are not parsed.
  static Result<Type> parse(std::string_view text);

  std::string text() const;
  /// The position of an object's field, or fields.size().
  std::size_t field(std::string_view wanted) const;
  bool operator==(const Type& other) const;
};

}  // namespace ciyuan::cel
