#pragma once

/// The text that answers are made of, cut into pieces that a chunk may hold.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ciyuan::standin {

/// Whole UTF-8 characters. Usually one token; more where a token ends inside a character.
struct Piece {
  std::string text;
  std::string escaped;        ///< as the inside of a JSON string
  std::string escaped_ascii;  ///< the same with \u escapes for all that is not ASCII
  std::uint64_t tokens = 1;
};

/// Counts and cuts text: by words, or by the tokens of a real vocabulary. Immutable; any thread.
class TextCutter {
 public:
  /// "words", or a tokenizer of ciyuan_token. kNotFound names what is not known.
  static Result<TextCutter> make(std::string_view tokenizer);

  std::uint64_t count(std::string_view text) const { return count_(text); }
  std::vector<Piece> cut(std::string_view text) const;

 private:
  std::function<std::uint64_t(std::string_view)> count_;
  /// The token ends of the text, as byte offsets in order.
  std::function<std::vector<std::size_t>(std::string_view)> ends_;
};

/// "en", "zh" or "code", or else the file of that name.
Result<std::string> load_text(const std::string& name);

/// The text as the inside of a JSON string.
std::string json_escaped(std::string_view text, bool ascii);

}  // namespace ciyuan::standin
