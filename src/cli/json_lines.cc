#include "cli/internal/json_lines.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ciyuan::cli {
namespace {

constexpr std::size_t kBlockBytes = 1 << 20;

// "~1" and "~0" of a pointer as "/" and "~".
Result<std::string> unescaped(std::string_view name, std::string_view whole) {
  std::string plain;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '~') {
      plain += name[i];
      continue;
    }
    if (++i == name.size() || (name[i] != '0' && name[i] != '1'))
      return invalid("--field",
                     "\"" + std::string(whole) + "\" is no JSON pointer: ~ stands before 0 or 1 only");
    plain += name[i] == '0' ? '~' : '/';
  }
  return plain;
}

// The element that "7" names: digits without a leading zero.
const Json* element(const Json& array, const std::string& name) {
  const bool number = !name.empty() && name.size() <= 9 &&
                      std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
                      (name.size() == 1 || name[0] != '0');
  if (!number) return nullptr;
  const std::size_t index = std::stoul(name);
  return index < array.size() ? &array[index] : nullptr;
}

}  // namespace

Result<FieldPath> FieldPath::parse(std::string_view text) {
  FieldPath path;
  path.text_ = text;
  if (text.empty())
    return invalid("--field", "\"\" names no field: write messages.0.content or /messages/0/content");
  const bool pointer = text.front() == '/';
  for (std::string_view rest = pointer ? text.substr(1) : text;;) {
    const std::size_t end = std::min(rest.find(pointer ? '/' : '.'), rest.size());
    std::string name(rest.substr(0, end));
    if (pointer) {
      CIYUAN_TRY(name, unescaped(name, text));
    } else if (name.empty()) {
      return invalid("--field", "\"" + path.text_ + "\" has an empty name beside a dot");
    }
    path.steps_.push_back({name, !pointer && name == "*"});
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
  if (path.steps_.size() > kJsonDepthMax)
    return invalid("--field", "\"" + path.text_ + "\" is deeper than " + std::to_string(kJsonDepthMax));
  return path;
}

Status FieldPath::texts_in(const Json& line, std::vector<std::string_view>& texts) const {
  return walk(line, 0, false, texts);
}

Status FieldPath::walk(const Json& value, std::size_t step, bool optional,
                       std::vector<std::string_view>& texts) const {
  if (step == steps_.size()) {
    if (value.is_string())
      texts.push_back(value.get_ref<const std::string&>());
    else if (!value.is_null())
      return invalid("", "the field " + text_ + " is no text but " + value.type_name());
    return {};
  }
  const Step& at = steps_[step];
  if (at.every) {
    if (!value.is_structured() && !(optional && value.is_null()))
      return invalid("", "the field " + text_ + ": * stands for elements, but there is " + value.type_name());
    for (const Json& each : value) CIYUAN_TRY_STATUS(walk(each, step + 1, true, texts));
    return {};
  }
  const Json* next = nullptr;
  if (value.is_object()) {
    auto found = value.find(at.name);
    if (found != value.end()) next = &*found;
  } else if (value.is_array()) {
    next = element(value, at.name);
  }
  if (next != nullptr) return walk(*next, step + 1, optional, texts);
  return optional ? Status{} : invalid("", "there is no field " + text_);
}

Status for_each_line(const ReadBlock& read, const std::string& name,
                     const std::function<void(std::size_t bytes)>& progress,
                     const std::function<void(std::string_view line, std::uint64_t number)>& each) {
  std::string held;  // the beginning of a line whose end has not come
  std::string block(kBlockBytes, '\0');
  std::uint64_t number = 0;
  for (;;) {
    const ssize_t got = read(block.data(), block.size());
    if (got < 0) return Error{ErrorCode::kUnavailable, std::strerror(errno), name};
    if (got == 0) break;
    progress(static_cast<std::size_t>(got));
    std::string_view rest = std::string_view(block).substr(0, static_cast<std::size_t>(got));
    for (std::size_t end; (end = rest.find('\n')) != rest.npos; rest.remove_prefix(end + 1)) {
      if (held.empty()) {
        each(rest.substr(0, end), ++number);
      } else {
        held += rest.substr(0, end);
        each(held, ++number);
        held.clear();
      }
    }
    held += rest;
    if (held.size() > kLineBytesMax)
      return Error{ErrorCode::kTooLarge,
                   "line " + std::to_string(number + 1) + " is longer than " +
                       std::to_string(kLineBytesMax >> 20) + " MiB",
                   name};
  }
  if (!held.empty()) each(held, number + 1);
  return {};
}

}  // namespace ciyuan::cli
