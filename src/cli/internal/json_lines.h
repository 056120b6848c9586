#pragma once

/// Texts out of JSON lines: where in each line they stand, and reading a file line by line.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "cli/internal/inputs.h"

namespace ciyuan::cli {

constexpr std::size_t kLineBytesMax = 64 << 20;

/// A place in a JSON value, as a person writes it: "messages.0.content", "messages.*.content" (every
/// message), or the JSON pointer "/messages/0/content" (RFC 6901), in which * is a name like others.
class FieldPath {
 public:
  static Result<FieldPath> parse(std::string_view text);

  /// Adds the texts at this place. A null is no text. kInvalid where the place does not exist or holds
  /// something else; behind a *, elements without the field are passed over. The texts live as long as
  /// `line`.
  Status texts_in(const Json& line, std::vector<std::string_view>& texts) const;

  const std::string& text() const { return text_; }

 private:
  struct Step {
    std::string name;
    bool every = false;  ///< a * of the dotted form
  };
  Status walk(const Json& value, std::size_t step, bool optional, std::vector<std::string_view>& texts) const;

  std::string text_;
  std::vector<Step> steps_;
};

/// Calls `each` with every line (its end taken off) and its number from 1 on, the last one too where it has
/// no end. kTooLarge for a line of more than kLineBytesMax, kUnavailable where reading fails; `progress` is
/// told the bytes of each block.
Status for_each_line(const ReadBlock& read, const std::string& name,
                     const std::function<void(std::size_t bytes)>& progress,
                     const std::function<void(std::string_view line, std::uint64_t number)>& each);

}  // namespace ciyuan::cli
