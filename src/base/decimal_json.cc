#include "base/decimal_json.h"

#include <vector>

namespace ciyuan {
namespace {

// Builds a value from nlohmann's events. Its own builder would turn 2.00 into a double; this one keeps the
// text.
class JsonBuilder {
 public:
  explicit JsonBuilder(std::size_t values_max) : values_max_(values_max) {}

  bool null() { return put(nullptr); }
  bool boolean(bool value) { return put(value); }
  bool number_integer(Json::number_integer_t value) { return put(value); }
  bool number_unsigned(Json::number_unsigned_t value) { return put(value); }
  bool number_float(Json::number_float_t, const std::string& text) { return put(text); }
  bool string(std::string& value) { return put(std::move(value)); }
  bool binary(Json::binary_t&) { return fail("binary values do not exist in JSON"); }
  bool start_object(std::size_t) { return open(Json::object()); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    if (open_.back()->contains(name)) return fail("the key \"" + name + "\" stands twice in one object");
    keys_.back() = name;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const Json::exception&) {
    return fail("not JSON: error at byte " + std::to_string(position));
  }

  Json& root() { return root_; }
  const std::string& problem() const { return problem_; }

 private:
  bool put(Json value) { return place(std::move(value)) != nullptr; }
  Json* place(Json value) {
    if (++nodes_ > values_max_) return fail("more than " + std::to_string(values_max_) + " values"), nullptr;
    if (open_.empty()) return root_ = std::move(value), &root_;
    if (open_.back()->is_array()) return open_.back()->push_back(std::move(value)), &open_.back()->back();
    return &((*open_.back())[keys_.back()] = std::move(value));
  }
  bool open(Json container) {
    if (open_.size() >= kJsonDepthMax) return fail("nested deeper than " + std::to_string(kJsonDepthMax));
    // Growing a parent array could move this child; but children are closed before the parent grows again.
    Json* placed = place(std::move(container));
    if (placed == nullptr) return false;
    open_.push_back(placed);
    keys_.emplace_back();
    return true;
  }
  bool close() {
    open_.pop_back();
    keys_.pop_back();
    return true;
  }
  bool fail(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
    return false;
  }

  Json root_;
  std::vector<Json*> open_;
  std::vector<std::string> keys_;
  std::size_t values_max_, nodes_ = 0;
  std::string problem_;
};

}  // namespace

Result<Json> parse_json_keeping_decimals(std::string_view text, std::size_t values_max) {
  JsonBuilder builder(values_max);
  if (!Json::sax_parse(text, &builder)) return invalid("", builder.problem());
  return std::move(builder.root());
}

}  // namespace ciyuan
