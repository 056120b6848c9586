#include "cel/type.h"

#include <algorithm>

namespace ciyuan::cel {

namespace {

constexpr int kNestingMax = 16;

struct Name {
  std::string_view text;
  Kind kind;
};
constexpr Name kSimple[] = {
    {"dyn", Kind::kDyn},           {"null_type", Kind::kNull}, {"bool", Kind::kBool},
    {"int", Kind::kInt},           {"uint", Kind::kUint},      {"double", Kind::kDouble},
    {"string", Kind::kString},     {"bytes", Kind::kBytes},    {"timestamp", Kind::kTimestamp},
    {"duration", Kind::kDuration}, {"type", Kind::kType}};

class TypeParser {
 public:
  explicit TypeParser(std::string_view text) : rest_(text) {}

  Result<Type> whole() {
    CIYUAN_TRY(Type type, one(0));
    if (!rest_.empty()) return bad("ends with '" + std::string(rest_) + "'");
    return type;
  }

 private:
  static Error bad(std::string what) {
    return invalid("", "type " + what +
                           "; a type is bool, int, uint, double, string, bytes, timestamp, duration, dyn, "
                           "null_type, list(T) or map(K, V)");
  }

  bool take(char wanted) {
    skip_blanks();
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    skip_blanks();
    return true;
  }
  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size())); }

  Result<Type> one(int depth) {
    if (depth > kNestingMax) return bad("is nested deeper than " + std::to_string(kNestingMax));
    skip_blanks();
    const std::size_t end = std::min(rest_.find_first_of("(), "), rest_.size());
    const std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(end);
    const std::size_t wanted = word == "list" ? 1 : word == "map" ? 2 : word == "type" && take('(') ? 3 : 0;
    if (wanted == 0) {
      if (word.size() == 1 && word[0] >= 'A' && word[0] <= 'Z') {
        return Type::parameter(static_cast<std::uint32_t>(word[0] - 'A'));
      }
      for (const Name& name : kSimple) {
        if (name.text == word) return Type::of(name.kind);
      }
      return bad("'" + std::string(word) + "' is not known");
    }
    if (wanted != 3 && !take('(')) return bad("'" + std::string(word) + "' has no '(' behind it");
    CIYUAN_TRY(Type first, one(depth + 1));
    Type found = wanted == 1 ? Type::list(std::move(first)) : Type::type(first);
    if (wanted == 2) {
      if (!take(',')) return bad("'map' has one part");
      CIYUAN_TRY(Type second, one(depth + 1));
      found = Type::map(std::move(first), std::move(second));
    }
    if (!take(')')) return bad("'" + std::string(word) + "(' is not closed");
    return found;
  }

  std::string_view rest_;
};

}  // namespace

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kDyn:
      return "dyn";
    case Kind::kNull:
      return "null_type";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kUint:
      return "uint";
    case Kind::kDouble:
      return "double";
    case Kind::kString:
      return "string";
    case Kind::kBytes:
      return "bytes";
    case Kind::kTimestamp:
      return "google.protobuf.Timestamp";
    case Kind::kDuration:
      return "google.protobuf.Duration";
    case Kind::kList:
      return "list";
    case Kind::kMap:
      return "map";
    case Kind::kType:
      return "type";
    case Kind::kObject:
      return "object";
    case Kind::kParameter:
      return "parameter";
    case Kind::kError:
      return "error";
  }
  return "error";
}

Type Type::object(std::string name, std::vector<std::pair<std::string, Type>> fields) {
  Type made = of(Kind::kObject);
  made.name = std::move(name);
  for (auto& [field, type] : fields) {
    made.fields.push_back(std::move(field));
    made.parts.push_back(std::move(type));
  }
  return made;
}

Result<Type> Type::parse(std::string_view text) { return TypeParser(text).whole(); }

std::string Type::text() const {
  switch (kind) {
    case Kind::kTimestamp:
      return "timestamp";
    case Kind::kDuration:
      return "duration";
    case Kind::kList:
      return "list(" + parts[0].text() + ")";
    case Kind::kMap:
      return "map(" + parts[0].text() + ", " + parts[1].text() + ")";
    case Kind::kType:
      return parts.empty() ? "type" : "type(" + parts[0].text() + ")";
    case Kind::kObject:
      return name;
    case Kind::kParameter:
      return number < 26 ? std::string(1, static_cast<char>('A' + number)) : "T" + std::to_string(number);
    default:
      return std::string(name_of(kind));
  }
}

std::size_t Type::field(std::string_view wanted) const {
  return static_cast<std::size_t>(std::find(fields.begin(), fields.end(), wanted) - fields.begin());
}

bool Type::operator==(const Type& other) const {
  return kind == other.kind && number == other.number && name == other.name && fields == other.fields &&
         parts == other.parts;
}

}  // namespace ciyuan::cel
