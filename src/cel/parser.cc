#include "cel/internal/parser.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "cel/internal/number.h"
#include "cel/internal/source.h"

namespace ciyuan::cel {

namespace {

constexpr std::string_view kReserved[] = {"as",        "break",  "const",  "continue", "else", "for",
                                          "function",  "if",     "import", "let",      "loop", "package",
                                          "namespace", "return", "var",    "void",     "while"};

bool is_keyword(std::string_view word) {
  return word == "true" || word == "false" || word == "null" || word == "in";
}

/// Binary operators by level, the loosest first.
const std::vector<std::string_view> kLevels[] = {
    {"<", "<=", ">", ">=", "==", "!=", "in"}, {"+", "-"}, {"*", "/", "%"}};

}  // namespace

Result<Tree> Parser::parse(std::string_view source, const Limits& limits) {
  if (source.size() > limits.source_bytes_max) {
    return Error{ErrorCode::kTooLarge,
                 "the expression has " + std::to_string(source.size()) + " bytes; at most " +
                     std::to_string(limits.source_bytes_max) + " are allowed",
                 ""};
  }
  Parser parser(source, limits);
  CIYUAN_TRY(parser.tokens_, tokens_of(source));
  CIYUAN_TRY(parser.tree_.root, parser.expression());
  if (parser.token().kind != TokenKind::kEnd) return parser.unexpected("an operator or the end");
  return std::move(parser.tree_);
}

bool Parser::take(std::string_view sign) {
  if (!token().is(sign)) return false;
  ++at_;
  return true;
}

Status Parser::expect(std::string_view sign, std::string_view why) {
  if (take(sign)) return {};
  return unexpected("'" + std::string(sign) + "' " + std::string(why));
}

Error Parser::error(std::uint32_t offset, const std::string& sentence) const {
  return error_at(source_, offset, sentence);
}

Error Parser::unexpected(std::string_view wanted) const {
  const std::string found =
      token().kind == TokenKind::kEnd ? "the end" : "'" + std::string(token().text) + "'";
  return error(token().offset, "found " + found + "; expected " + std::string(wanted));
}

Result<Index> Parser::add(Syntax node) {
  if (tree_.nodes.size() >= limits_.nodes_max) {
    return error_at(
        source_, node.offset,
        "the expression has over " + std::to_string(limits_.nodes_max) + " operators, names and literals",
        ErrorCode::kTooLarge);
  }
  node.height = 1;
  if (node.target != kNoIndex) node.height = tree_[node.target].height + 1;
  for (const Index child : node.arguments) node.height = std::max(node.height, tree_[child].height + 1);
  if (node.height > limits_.depth_max) {
    return error_at(source_, node.offset,
                    "the expression is nested deeper than " + std::to_string(limits_.depth_max),
                    ErrorCode::kTooLarge);
  }
  tree_.nodes.push_back(std::move(node));
  return static_cast<Index>(tree_.nodes.size() - 1);
}

Result<Index> Parser::add_call(std::uint32_t offset, std::string name, Index first, Index second) {
  Syntax node;
  node.form = Form::kCall;
  node.offset = offset;
  node.name = std::move(name);
  node.arguments.push_back(first);
  if (second != kNoIndex) node.arguments.push_back(second);
  return add(std::move(node));
}

Result<Index> Parser::expression() {
  if (++depth_ > limits_.depth_max) {
    return error_at(source_, token().offset,
                    "the expression is nested deeper than " + std::to_string(limits_.depth_max),
                    ErrorCode::kTooLarge);
  }
  CIYUAN_TRY(Index found, chain(Form::kOr));
  const std::uint32_t offset = token().offset;
  if (take("?")) {
    CIYUAN_TRY(const Index yes, chain(Form::kOr));
    CIYUAN_TRY_STATUS(expect(":", "and what holds otherwise"));
    CIYUAN_TRY(const Index no, expression());
    Syntax node;
    node.form = Form::kConditional;
    node.offset = offset;
    node.arguments = {found, yes, no};
    CIYUAN_TRY(found, add(std::move(node)));
  }
  --depth_;
  return found;
}

Result<Index> Parser::chain(Form form) {
  const std::string_view sign = form == Form::kOr ? "||" : "&&";
  CIYUAN_TRY(const Index first, form == Form::kOr ? chain(Form::kAnd) : binary(0));
  if (!token().is(sign)) return first;
  Syntax node;
  node.form = form;
  node.offset = token().offset;
  node.arguments.push_back(first);
  while (take(sign)) {
    CIYUAN_TRY(const Index next, form == Form::kOr ? chain(Form::kAnd) : binary(0));
    node.arguments.push_back(next);
  }
  return add(std::move(node));
}

Result<Index> Parser::binary(std::size_t level) {
  if (level == std::size(kLevels)) return unary();
  CIYUAN_TRY(Index left, binary(level + 1));
  for (;;) {
    const Token sign = token();
    const auto& signs = kLevels[level];
    const bool word = sign.kind == TokenKind::kIdentifier && sign.text == "in";
    if (!(word || sign.kind == TokenKind::kSign) ||
        std::find(signs.begin(), signs.end(), sign.text) == signs.end()) {
      return left;
    }
    ++at_;
    CIYUAN_TRY(const Index right, binary(level + 1));
    CIYUAN_TRY(left, add_call(sign.offset, "_" + std::string(sign.text) + "_", left, right));
  }
}

Result<Index> Parser::unary() {
  const std::size_t begin = at_;
  const std::string_view sign = token().is("!") ? "!" : "-";
  while (take(sign)) {
  }
  const bool negative =
      at_ > begin && sign == "-" && (token().kind == TokenKind::kInt || token().kind == TokenKind::kDouble);
  const std::size_t end = negative ? at_ - 1 : at_;
  CIYUAN_TRY(Index found, member(negative));
  for (std::size_t i = end; i > begin; --i) {
    CIYUAN_TRY(found, add_call(tokens_[i - 1].offset, std::string(sign) + "_", found));
  }
  return found;
}

Result<Index> Parser::member(bool negative) {
  CIYUAN_TRY(const Index found, primary(negative));
  return member_tail(found);
}

Result<Index> Parser::member_tail(Index target) {
  for (;;) {
    const std::uint32_t offset = token().offset;
    if (take("[")) {
      if (token().is("?")) return unexpected("an index; optional values are not part of this subset");
      CIYUAN_TRY(const Index key, expression());
      CIYUAN_TRY_STATUS(expect("]", "behind the index"));
      CIYUAN_TRY(target, add_call(offset, "_[_]", target, key));
      continue;
    }
    if (token().is("{")) return unexpected("an operator; messages are not part of this subset");
    if (!take(".")) return target;
    const Token name = token();
    if (name.is("?")) return unexpected("a name; optional values are not part of this subset");
    const bool plain = name.kind == TokenKind::kIdentifier && !is_keyword(name.text);
    if (!plain && name.kind != TokenKind::kQuotedName) return unexpected("a name behind the dot");
    ++at_;
    if (plain && take("(")) {
      CIYUAN_TRY(std::vector<Index> given, arguments(")"));
      CIYUAN_TRY(const Index expanded, expand_receiver(name.offset, name.text, target, given));
      if (expanded != kNoIndex) {
        target = expanded;
        continue;
      }
      Syntax node;
      node.form = Form::kCall;
      node.offset = name.offset;
      node.name = name.text;
      node.target = target;
      node.arguments = std::move(given);
      CIYUAN_TRY(target, add(std::move(node)));
      continue;
    }
    Syntax node;
    node.form = Form::kSelect;
    node.offset = name.offset;
    node.name = name.text;
    node.target = target;
    CIYUAN_TRY(target, add(std::move(node)));
  }
}

Result<Index> Parser::primary(bool negative) {
  const Token first = token();
  switch (first.kind) {
    case TokenKind::kInt:
    case TokenKind::kUint:
    case TokenKind::kDouble:
      return number(negative);
    case TokenKind::kString:
    case TokenKind::kBytes: {
      Syntax node;
      node.offset = first.offset;
      node.literal = first.kind == TokenKind::kString ? Value::string({}) : Value::bytes({});
      CIYUAN_TRY(node.name, literal_text(source_, first));
      ++at_;
      return add(std::move(node));
    }
    case TokenKind::kIdentifier:
      return identifier(false);
    default:
      break;
  }
  if (take(".")) return identifier(true);
  if (take("[")) return list();
  if (take("{")) return map();
  if (!take("(")) return unexpected("a value, a name, '(', '[' or '{'");
  CIYUAN_TRY(const Index inner, expression());
  CIYUAN_TRY_STATUS(expect(")", "to close what '(' opened"));
  return inner;
}

Result<Index> Parser::identifier(bool rooted) {
  const Token name = token();
  if (name.kind != TokenKind::kIdentifier) return unexpected("a name");
  Syntax node;
  node.offset = name.offset;
  if (is_keyword(name.text)) {
    if (rooted || name.text == "in") return unexpected("a name");
    node.literal = name.text == "null" ? Value::null() : Value::boolean(name.text == "true");
    ++at_;
    return add(std::move(node));
  }
  if (std::find(std::begin(kReserved), std::end(kReserved), name.text) != std::end(kReserved)) {
    return unexpected("a name; this word is reserved");
  }
  ++at_;
  node.name = name.text;
  node.rooted = rooted;
  node.form = Form::kIdentifier;
  if (!take("(")) return add(std::move(node));
  CIYUAN_TRY(node.arguments, arguments(")"));
  if (!rooted) {
    CIYUAN_TRY(const Index expanded, expand_global(name.offset, name.text, node.arguments));
    if (expanded != kNoIndex) return expanded;
  }
  node.form = Form::kCall;
  return add(std::move(node));
}

/// Expressions with commas between them, up to and with `end`.
Result<std::vector<Index>> Parser::arguments(std::string_view end) {
  std::vector<Index> found;
  while (!take(end)) {
    if (!found.empty()) {
      CIYUAN_TRY_STATUS(expect(",", "or '" + std::string(end) + "'"));
      if (end == "]" && take(end)) break;  // a list may end with a comma, a call may not
    }
    if (token().is("?")) return unexpected("a value; optional values are not part of this subset");
    CIYUAN_TRY(const Index next, expression());
    found.push_back(next);
  }
  return found;
}

Result<Index> Parser::list() {
  Syntax node;
  node.form = Form::kList;
  node.offset = tokens_[at_ - 1].offset;
  CIYUAN_TRY(node.arguments, arguments("]"));
  return add(std::move(node));
}

Result<Index> Parser::map() {
  Syntax node;
  node.form = Form::kMap;
  node.offset = tokens_[at_ - 1].offset;
  while (!take("}")) {
    if (!node.arguments.empty()) {
      CIYUAN_TRY_STATUS(expect(",", "or '}'"));
      if (take("}")) break;
    }
    if (token().is("?")) return unexpected("a key; optional values are not part of this subset");
    CIYUAN_TRY(const Index key, expression());
    CIYUAN_TRY_STATUS(expect(":", "between a key and its value"));
    CIYUAN_TRY(const Index value, expression());
    node.arguments.push_back(key);
    node.arguments.push_back(value);
  }
  return add(std::move(node));
}

Result<Index> Parser::number(bool negative) {
  const Token token_here = token();
  ++at_;
  Syntax node;
  node.offset = token_here.offset;
  std::string_view text = token_here.text;
  if (token_here.kind == TokenKind::kDouble) {
    const std::optional<double> found = parse_double(text);
    if (!found)
      return error(node.offset, "the number " + std::string(text) + " is beyond what a double can hold");
    node.literal = Value::real(negative ? -*found : *found);
    return add(std::move(node));
  }
  if (token_here.kind == TokenKind::kUint) text.remove_suffix(1);
  const bool hexadecimal = text.starts_with("0x");
  if (hexadecimal) text.remove_prefix(2);
  std::uint64_t magnitude = 0;
  const auto [end, failure] =
      std::from_chars(text.data(), text.data() + text.size(), magnitude, hexadecimal ? 16 : 10);
  constexpr std::uint64_t kTwo63 = 1ull << 63;
  const bool is_uint = token_here.kind == TokenKind::kUint;
  if (failure != std::errc() || (!is_uint && magnitude > (negative ? kTwo63 : kTwo63 - 1))) {
    return error(node.offset,
                 "the number " + std::string(negative ? "-" : "") + std::string(token_here.text) +
                     (is_uint ? " is over 18446744073709551615, the largest uint"
                              : " is outside -9223372036854775808 to 9223372036854775807, the ints"));
  }
  node.literal = is_uint ? Value::unsigned_integer(magnitude)
                         : Value::integer(static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude));
  return add(std::move(node));
}

}  // namespace ciyuan::cel
