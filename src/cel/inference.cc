#include "cel/internal/inference.h"

#include <algorithm>
#include <map>

namespace ciyuan::cel {

namespace {

void renumber(Type& type, std::map<std::uint32_t, Type>& renamed, Inference& inference) {
  if (type.kind == Kind::kParameter) {
    auto found = renamed.find(type.number);
    if (found == renamed.end()) found = renamed.emplace(type.number, inference.fresh()).first;
    type = found->second;
    return;
  }
  for (Type& part : type.parts) renumber(part, renamed, inference);
}

}  // namespace

Type Inference::fresh() {
  bindings_.emplace_back();
  return Type::parameter(static_cast<std::uint32_t>(bindings_.size() - 1));
}

std::vector<Type> Inference::instantiate(const std::vector<Type>& types) {
  std::map<std::uint32_t, Type> renamed;
  std::vector<Type> made = types;
  for (Type& type : made) renumber(type, renamed, *this);
  return made;
}

void Inference::bind(std::uint32_t parameter, Type type) {
  trail_.emplace_back(parameter, std::move(bindings_[parameter]));
  bindings_[parameter] = std::move(type);
}

void Inference::take_back(const Mark& mark) {
  while (trail_.size() > mark.trail) {
    auto& [parameter, before] = trail_.back();
    bindings_[parameter] = std::move(before);
    trail_.pop_back();
  }
  bindings_.resize(mark.parameters);
}

bool Inference::occurs(std::uint32_t parameter, const Type& in) {
  if (!spend()) return true;
  if (in.kind == Kind::kParameter) {
    return in.number == parameter || (bindings_[in.number] && occurs(parameter, *bindings_[in.number]));
  }
  return std::any_of(in.parts.begin(), in.parts.end(),
                     [&](const Type& part) { return occurs(parameter, part); });
}

bool Inference::is_as_general(const Type& a, const Type& b) {
  if (!spend()) return false;
  if (a.kind == Kind::kDyn || a.kind == Kind::kParameter) return true;
  if (b.kind == Kind::kDyn || b.kind == Kind::kParameter || a.kind != b.kind) return false;
  if (a.kind != Kind::kList && a.kind != Kind::kMap) return true;
  return std::equal(a.parts.begin(), a.parts.end(), b.parts.begin(), b.parts.end(),
                    [&](const Type& x, const Type& y) { return is_as_general(x, y); });
}

Inference::Substitution Inference::substitute(const Type& parameter, const Type& other) {
  const std::uint32_t number = parameter.number;
  if (other.kind == Kind::kParameter && other.number == number) return Substitution::kDone;
  if (!bindings_[number]) {
    if (occurs(number, other)) return Substitution::kImpossible;
    bind(number, other);
    return Substitution::kDone;
  }
  const Type known = *bindings_[number];
  if (other.kind == Kind::kParameter && known.kind == Kind::kParameter && known.number == other.number)
    return Substitution::kDone;
  if (!assign(other, known)) return Substitution::kConflict;
  const Type& general = is_as_general(other, known) ? other : known;
  if (!occurs(number, general)) bind(number, general);
  return Substitution::kDone;
}

bool Inference::assign_parts(const Type& from, const Type& to) {
  if (from.kind != to.kind) return false;
  switch (from.kind) {
    case Kind::kObject:
      return from == to;
    case Kind::kList:
    case Kind::kMap:
      return std::equal(from.parts.begin(), from.parts.end(), to.parts.begin(), to.parts.end(),
                        [&](const Type& x, const Type& y) { return assign(x, y); });
    default:
      return true;  // types of types are all of one kind
  }
}

bool Inference::assign(const Type& from, const Type& to) {
  if (!spend()) return false;
  if (to.kind == Kind::kParameter) {
    const Substitution made = substitute(to, from);
    if (made != Substitution::kImpossible) return made == Substitution::kDone;
  }
  if (from.kind == Kind::kParameter) return substitute(from, to) == Substitution::kDone;
  if (from.kind == Kind::kDyn || to.kind == Kind::kDyn) return true;
  return assign_parts(from, to);
}

Type Inference::join(const Type& a, const Type& b) {
  const Mark before = mark();
  if (assign(a, b)) {
    const Type first = resolve(a), second = resolve(b);
    return is_as_general(first, second) ? first : second;
  }
  take_back(before);
  return Type::dyn();
}

Type Inference::replaced(const Type& type, bool finishing) {
  if (!spend()) return Type::dyn();
  if (type.kind == Kind::kParameter) {
    if (bindings_[type.number]) return replaced(*bindings_[type.number], finishing);
    return finishing ? Type::dyn() : type;
  }
  Type made{type.kind, {}, type.fields, type.name, type.number};
  made.parts.reserve(type.parts.size());
  for (const Type& part : type.parts) made.parts.push_back(replaced(part, finishing));
  return made;
}

Type Inference::resolve(const Type& type) { return replaced(type, false); }
Type Inference::finish(const Type& type) { return replaced(type, true); }

}  // namespace ciyuan::cel
