#pragma once

/// Expressions at random that are well typed, mostly: enough of each operation to meet what a reader would
/// not write.

#include <random>
#include <string>

namespace ciyuan::cel {

class RandomExpression {
 public:
  explicit RandomExpression(std::uint64_t seed) : random_(seed) {}

 private:
  using Maker = std::string (RandomExpression::*)(int);

  std::size_t below(std::size_t count) { return random_() % count; }
  std::string pick(std::initializer_list<const char*> texts) { return texts.begin()[below(texts.size())]; }
  auto one_of(std::initializer_list<Maker> makers) {
    const Maker maker = makers.begin()[below(makers.size())];
    return [this, maker](int depth) { return (this->*maker)(depth); };
  }

 public:
  /// Of bool, int, string, list(int) or list(string), map(string, int), timestamp.
  std::string make(int depth) {
    return one_of({&RandomExpression::boolean, &RandomExpression::boolean, &RandomExpression::integer,
                   &RandomExpression::string, &RandomExpression::integers, &RandomExpression::map,
                   &RandomExpression::strings})(depth);
  }

 private:
  std::string boolean(int d) {
    if (d <= 0) return pick({"true", "false", "b", "has(o.x)", "('a' in m)", "(dyn(d) == 1)"});
    --d;
    switch (below(14)) {
      case 0:
        return "(" + boolean(d) + " && " + boolean(d) + ")";
      case 1:
        return "(" + boolean(d) + " || " + boolean(d) + ")";
      case 2:
        return "!" + boolean(d);
      case 3:
        return "(" + integer(d) + pick({" < ", " <= ", " == ", " != ", " > "}) + integer(d) + ")";
      case 4:
        return "(" + string(d) + pick({" < ", " >= ", " == ", " != "}) + string(d) + ")";
      case 5:
        return integers(d) + pick({".all(x, ", ".exists(x, ", ".exists_one(x, "}) + boolean(d) + ")";
      case 6:
        return "(" + integer(d) + " in " + integers(d) + ")";
      case 7:
        return "(" + strings(d) + " == " + strings(d) + ")";
      case 8:
        return string(d) + pick({".contains(", ".startsWith(", ".endsWith("}) + string(d) + ")";
      case 9:
        return string(d) + ".matches('" + pick({"a+", "^[a-z]*$", "(a|b)*c"}) + "')";
      case 10:
        return "(" + map(d) + " == " + map(d) + ")";
      case 11:
        return map(d) + ".all(k, v, v > 0 || k != '')";
      case 12:
        return "(dyn(d) == dyn(" + make(d) + "))";
      default:
        return "(" + boolean(d) + " ? " + boolean(d) + " : " + boolean(d) + ")";
    }
  }

  std::string integer(int d) {
    if (d <= 0) return pick({"0", "1", "-7", "9223372036854775807", "i", "size(s)", "t.getHours('+08:00')"});
    --d;
    switch (below(9)) {
      case 0:
      case 1:
        return "(" + integer(d) + pick({" + ", " - ", " * ", " / ", " % "}) + integer(d) + ")";
      case 2:
        return "size(" +
               one_of({&RandomExpression::string, &RandomExpression::integers, &RandomExpression::map})(d) +
               ")";
      case 3:
        return integers(d) + "[" + integer(d) + "]";
      case 4:
        return map(d) + "[" + string(d) + "]";
      case 5:
        return "int(" + string(d) + ")";
      case 6:
        return string(d) + pick({".indexOf(", ".lastIndexOf("}) + string(d) + ")";
      case 7:
        return "math.greatest(" + integers(d) + ")";
      default:
        return "(" + boolean(d) + " ? " + integer(d) + " : " + integer(d) + ")";
    }
  }

  std::string string(int d) {
    if (d <= 0) return pick({"'a'", "''", "s", "'词元'", "'0123456789abcdef0123456789abcdef'"});
    --d;
    switch (below(10)) {
      case 0:
      case 1:
        return "(" + string(d) + " + " + string(d) + ")";
      case 2:
        return "string(" + one_of({&RandomExpression::integer, &RandomExpression::boolean})(d) + ")";
      case 3:
        return string(d) + ".replace(" + string(d) + ", " + string(d) + ")";
      case 4:
        return string(d) + ".substring(" + integer(d) + ")";
      case 5:
        return strings(d) + ".join(" + string(d) + ")";
      case 6:
        return string(d) + pick({".trim()", ".reverse()", ".upperAscii()"});
      case 7:
        return pick({"strings.quote(", "base64.encode(bytes("}) == "strings.quote("
                   ? "strings.quote(" + string(d) + ")"
                   : "base64.encode(bytes(" + string(d) + "))";
      case 8:
        return "cel.bind(y, " + string(d) + ", y + y)";
      default:
        return strings(d) + "[" + integer(d) + "]";
    }
  }

  std::string integers(int d) {
    if (d <= 0) return pick({"[]", "l", "[1, 2, 3]", "[i]"});
    --d;
    switch (below(6)) {
      case 0:
        return "[" + integer(d) + ", " + integer(d) + "]";
      case 1:
        return "(" + integers(d) + " + " + integers(d) + ")";
      case 2:
        return integers(d) + ".map(x, " + integer(d) + ")";
      case 3:
        return integers(d) + ".filter(x, " + boolean(d) + ")";
      case 4:
        return map(d) + ".map(k, size(k))";
      default:
        return integers(d) + ".transformList(n, x, n + x)";
    }
  }

  std::string strings(int d) {
    if (d <= 0) return pick({"['a', 'b']", "ls", "[s, s]", "ls.filter(x, false)"});
    --d;
    switch (below(4)) {
      case 0:
        return "[" + string(d) + ", " + string(d) + "]";
      case 1:
        return string(d) + ".split(" + string(d) + ")";
      case 2:
        return strings(d) + ".map(x, x + " + string(d) + ")";
      default:
        return "(" + strings(d) + " + " + strings(d) + ")";
    }
  }

  std::string map(int d) {
    if (d <= 0) return pick({"m", "{'a': 1}", "{'b': i, s: 2}", "{}"});
    --d;
    switch (below(3)) {
      case 0:
        return "{" + string(d) + ": " + integer(d) + ", " + string(d) + ": " + integer(d) + "}";
      case 1:
        return map(d) + ".transformMap(k, v, v > 0, v + " + integer(d) + ")";
      default:
        return "(" + boolean(d) + " ? " + map(d) + " : " + map(d) + ")";
    }
  }

  std::mt19937_64 random_;
};

}  // namespace ciyuan::cel
