#include "token/internal/word_cutter.h"

#include <algorithm>

#include "token/internal/unicode.h"

namespace ciyuan::token::internal {
namespace {

bool is_letter(unsigned c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(unsigned c) { return c >= '0' && c <= '9'; }

bool ends_in_space_sign(const char* begin, const char* end) {
  return end - begin >= 3 && std::string_view(end - 3, 3) == kSpaceSign;
}

bool begins_with_space_sign(const char* begin, const char* end) {
  return end - begin >= 3 && std::string_view(begin, 3) == kSpaceSign;
}

}  // namespace

void fold_space_signs(std::string& text, std::size_t from) {
  std::size_t at = text.find(kSpaceSign, from);
  if (at == std::string::npos) return;
  std::size_t to = at;
  while (at < text.size()) {
    const bool is_sign = std::string_view(text).substr(at).starts_with(kSpaceSign);
    text[to++] = is_sign ? ' ' : text[at];
    at += is_sign ? kSpaceSign.size() : 1;
  }
  text.resize(to);
}

void WordCutter::add_token(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i)
    if (!continues_character(text[i])) crossed_[class_of(text[i - 1]) * kClasses + class_of(text[i])] = true;
}

void WordCutter::add_literal(std::string_view text, TokenId id) {
  const auto first = static_cast<unsigned char>(text[0]);
  first_bytes_[first] = true;
  if (first < 0x80) sets_.begins_literal.add(first);
  if (first >= 0x80 && !text.starts_with(kSpaceSign)) literals_are_plain_ = false;
  if (text.size() > 1) {
    begins_[pair_of(text.data())] = true;
  } else {
    for (std::size_t second = 0; second < 256; ++second) begins_[std::size_t{first} << 8 | second] = true;
  }
  keeps_space_signs_ |= text.find(kSpaceSign) != text.npos;
  literals_.push_back({std::string(text), id});
}

void WordCutter::prepare(const Borders& borders) {
  borders_ = &borders;
  std::sort(literals_.begin(), literals_.end(), [](const auto& a, const auto& b) { return a.text < b.text; });
  find_runs();
  find_sets();
}

// Bytes whose literals are the runs of two of them, three and so on.
void WordCutter::find_runs() {
  std::array<std::size_t, 256> longest{}, runs{};
  std::array<bool, 256> has_others{};
  for (const Literal& literal : literals_) {
    const auto first = static_cast<unsigned char>(literal.text[0]);
    const bool is_run =
        literal.text.size() > 1 && literal.text.find_first_not_of(literal.text[0]) == std::string::npos;
    is_run ? ++runs[first] : has_others[first] = true;
    longest[first] = std::max(longest[first], literal.text.size());
  }
  for (std::size_t byte = 0; byte < 0x80; ++byte)
    if (!has_others[byte] && runs[byte] > 0 && runs[byte] + 1 == longest[byte])
      run_most_[byte] = longest[byte];
}

void WordCutter::find_sets() {
  const auto crossed = [this](unsigned left, unsigned right) {
    return crossed_[std::size_t{left} * kClasses + right];
  };
  sets_.single_digits = true;
  for (unsigned c = 0; c < 0x80; ++c) {
    bool after = true, before = c != ' ';
    for (unsigned letter = 'A'; letter <= 'z'; ++letter) {
      if (!is_letter(letter)) continue;
      after = after && !crossed(letter, c);
      before = before && !crossed(c, letter);
    }
    if (after && !is_letter(c)) sets_.after_letter.add(static_cast<unsigned char>(c));
    if (before && !is_letter(c)) sets_.before_letter.add(static_cast<unsigned char>(c));
    if (crossed(c, ' ')) sets_.keeps_space.add(static_cast<unsigned char>(c));
    for (unsigned digit = '0'; digit <= '9' && is_digit(c); ++digit)
      sets_.single_digits = sets_.single_digits && !crossed(c, digit);
  }
  sets_.space_after_others = !crossed(0x80, ' ');
}

TokenId WordCutter::literal(std::string_view part) const {
  if (part.empty() || !first_bytes_[static_cast<unsigned char>(part[0])]) return kNoToken;
  const auto at =
      std::lower_bound(literals_.begin(), literals_.end(), part,
                       [](const Literal& literal, std::string_view text) { return literal.text < text; });
  return at != literals_.end() && at->text == part ? at->id : kNoToken;
}

std::size_t WordCutter::literal_at(const char* p, const char* end, bool& may_grow) const {
  if (*p == ' ' && space_run_most_ > 0) return space_run_at(p, end, may_grow);
  if (!may_begin_literal(p, end)) return 0;
  if (const std::size_t most = run_most_[static_cast<unsigned char>(*p)]) {
    std::size_t length = 1;
    while (length < most && p + length != end && p[length] == *p) ++length;
    may_grow = length < most && p + length == end;
    return length == 1 ? 0 : length;
  }
  // The literals that begin like the text lie together: one byte more each time narrows them.
  auto low = literals_.begin(), high = literals_.end();
  std::size_t longest = 0, length = 0;
  while (low != high) {
    if (low->text.size() == length) {
      longest = length;
      if (++low == high) break;
    }
    if (p + length == end) {
      may_grow = true;
      break;
    }
    const auto byte = static_cast<unsigned char>(p[length]);
    const auto at = [length](const Literal& literal) {
      return static_cast<unsigned char>(literal.text[length]);
    };
    low = std::partition_point(low, high, [&](const Literal& literal) { return at(literal) < byte; });
    high = std::partition_point(low, high, [&](const Literal& literal) { return at(literal) == byte; });
    ++length;
  }
  return longest;
}

// A sign that stands for a space goes on with the run, but for two or more, which are a literal of their own:
// such a run is left to the joins.
std::size_t WordCutter::space_run_at(const char* p, const char* end, bool& may_grow) const {
  std::size_t length = 1;
  while (length < space_run_most_ && p + length != end && p[length] == ' ') ++length;
  const char* const after = p + length;
  if (length == space_run_most_) return length;
  if (begins_with_space_sign(after, end)) {
    const char* const next = after + kSpaceSign.size();
    may_grow = next == end;
    if (!begins_with_space_sign(next, end)) return 0;
  }
  may_grow |= after == end;
  return length == 1 ? 0 : length;
}

// Between the character before `p` and the one at it. `begin`: where the part begins.
bool WordCutter::may_cut(const char* begin, const char* p, const char* end) const {
  const char left = p[-1] == kSpaceSign[2] && ends_in_space_sign(begin, p) ? ' ' : p[-1];
  const char right = p[0] == kSpaceSign[0] && begins_with_space_sign(p, end) ? ' ' : p[0];
  if (!is_crossed(left, right)) return true;
  const auto lead = static_cast<unsigned char>(p[0]);
  if (!Borders::is_known(lead) || p - begin < 3 || end - p < 3) return false;
  return Borders::is_known(static_cast<unsigned char>(p[-3])) &&
         !borders_->may_be_crossed(Borders::character(p - 3), Borders::character(p));
}

Match WordCutter::first(std::string_view text, RunMemo* memo) const {
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  bool may_grow = false;
  if (const std::size_t length = literal_at(begin, end, may_grow)) return {length, may_grow, Match::kLiteral};
  // A literal that only might begin may still cut the text, if it goes on.
  const char* first_unsure = may_grow ? begin : nullptr;
  const char* p = begin + character_length(*begin);
  if (memo && memo->runs[0].end > static_cast<std::size_t>(p - begin)) p = begin + memo->runs[0].end;
  for (; p != end; p += character_length(*p)) {
    if (may_cut(begin, p, end)) break;
    bool is_unsure = false;
    // Inside of a run that has a sign in it.
    const bool goes_on = *p == ' ' && space_run_most_ > 0 && (p[-1] == ' ' || ends_in_space_sign(begin, p));
    if (!goes_on && literal_at(p, end, is_unsure) > 0) break;
    if (is_unsure && first_unsure == nullptr) first_unsure = p;
  }
  const char* known = first_unsure ? first_unsure : p;
  if (memo) memo->runs[0] = {0, static_cast<std::size_t>(known - begin), 0, 0};
  return {static_cast<std::size_t>(p - begin), p == end || first_unsure != nullptr};
}

}  // namespace ciyuan::token::internal
