#pragma once

/// Recursive descent after the grammar of cel-spec's langdef.md: a rule, a function. Chains of && and of ||
/// become one node each; macros (has, all, exists, exists_one, filter, map, transformList, transformMap,
/// cel.bind) become the nodes they stand for.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cel/internal/lexer.h"
#include "cel/internal/syntax.h"
#include "cel/program.h"

namespace ciyuan::cel {

class Parser {
 public:
  static Result<Tree> parse(std::string_view source, const Limits& limits);

 private:
  Parser(std::string_view source, const Limits& limits) : source_(source), limits_(limits) {}

  const Token& token() const { return tokens_[at_]; }
  bool take(std::string_view sign);
  Status expect(std::string_view sign, std::string_view why);
  /// "found X; expected WANTED", at the token at hand.
  Error unexpected(std::string_view wanted) const;
  Error error(std::uint32_t offset, const std::string& sentence) const;

  /// Adds a node once its children are there; refuses one too many, or one too high above its leaves.
  Result<Index> add(Syntax node);
  Result<Index> add_call(std::uint32_t offset, std::string name, Index first, Index second = kNoIndex);

  // The grammar, top down.
  Result<Index> expression();
  Result<Index> chain(Form form);
  Result<Index> binary(std::size_t level);
  Result<Index> unary();
  Result<Index> member(bool negative);
  Result<Index> member_tail(Index target);
  Result<Index> primary(bool negative);
  Result<Index> identifier(bool rooted);
  Result<Index> list();
  Result<Index> map();
  Result<Index> number(bool negative);
  Result<std::vector<Index>> arguments(std::string_view end);

  // macros.cc. kNoIndex: the call is no macro.
  Result<Index> expand_global(std::uint32_t offset, std::string_view name,
                              const std::vector<Index>& arguments);
  Result<Index> expand_receiver(std::uint32_t offset, std::string_view name, Index target,
                                const std::vector<Index>& arguments);
  Result<Index> loop(std::uint32_t offset, std::string_view name, Syntax node, std::size_t variables,
                     const std::vector<Index>& arguments);
  Result<std::string> variable_name(std::string_view macro, Index argument) const;

  std::string_view source_;
  const Limits& limits_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::uint32_t depth_ = 0;
  Tree tree_;
};

}  // namespace ciyuan::cel
