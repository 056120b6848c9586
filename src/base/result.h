#pragma once

/// Result<T>: a value or an Error. Everything that input or the environment can cause is returned this way;
/// exceptions stay inside calls to libraries that throw. (The compiler we target has no std::expected.)
///
///   Result<int> parse(std::string_view text);
///   Result<int> twice(std::string_view text) {
///     CIYUAN_TRY(int value, parse(text));       // returns the Error to the caller
///     return value * 2;
///   }

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace ciyuan {

enum class ErrorCode {
  kInvalid,      ///< bad input; nothing was changed
  kNotFound,     ///< a name that names nothing
  kConflict,     ///< the same id with other content, or a state that forbids the operation
  kRefused,      ///< a rule (clause, limit, permission) says no
  kTooLarge,     ///< over a stated limit
  kUnavailable,  ///< a peer, file or store that cannot be used now; trying later may help
  kTimeout,      ///< a stated time ran out
  kCorrupt,      ///< stored or received data that contradicts itself
  kInternal,     ///< a fault of ours
};

/// What went wrong, for a person: `path` names the field or file, `message` the value and the rule.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::string path;

  /// One line: "path: message".
  std::string text() const { return path.empty() ? message : path + ": " + message; }
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return CIYUAN_CHECK(ok(), "a failed result has no value"), std::get<0>(state_); }
  const T& value() const& { return CIYUAN_CHECK(ok(), "a failed result has no value"), std::get<0>(state_); }
  // By value: a reference into a temporary would dangle in `for (auto& x : f().value())`.
  T value() && { return CIYUAN_CHECK(ok(), "a failed result has no value"), std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  void value() const { CIYUAN_CHECK(ok(), "a failed result has no value"); }
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

inline Error invalid(std::string path, std::string message) {
  return Error{ErrorCode::kInvalid, std::move(message), std::move(path)};
}

}  // namespace ciyuan

#define CIYUAN_CONCAT_(a, b) a##b
#define CIYUAN_CONCAT(a, b) CIYUAN_CONCAT_(a, b)
#define CIYUAN_TRY_(temporary, declaration, expression)     \
  auto temporary = (expression);                            \
  if (!temporary.ok()) return std::move(temporary).error(); \
  declaration = std::move(temporary).value()
/// Declares a variable from a Result, or returns its Error.
#define CIYUAN_TRY(declaration, expression) \
  CIYUAN_TRY_(CIYUAN_CONCAT(try_, __LINE__), declaration, expression)
/// Returns the Error of a Status, if it is one.
#define CIYUAN_TRY_STATUS(expression)                           \
  do {                                                          \
    auto try_status = (expression);                             \
    if (!try_status.ok()) return std::move(try_status).error(); \
  } while (false)
