#pragma once

/// HTTP/1.1 messages as the gateway sees them.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ciyuan::http {

/// Header fields in the order they came. Names compare without case. Few enough that a walk beats a table.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  void set(std::string name, std::string value) {
    erase(name);
    add(std::move(name), std::move(value));
  }
  void erase(std::string_view name);
  /// The first field of that name, or an empty text.
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;
  void clear() { fields_.clear(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<Field> fields_;
};

bool equal_ignoring_case(std::string_view a, std::string_view b);
/// Fields that belong to one connection and are never passed on (RFC 9110 §7.6.1): what any `Connection`
/// field lists included, and all that is meant for a proxy.
bool is_hop_by_hop(std::string_view name, const Headers& headers);
/// "OK" for 200; "Unknown" for a status without a registered phrase.
std::string_view reason_of(unsigned status);

struct RequestHead {
  std::string method;
  std::string target;  ///< as it came: path and query
  bool http_10 = false;
  bool keep_alive = true;
  bool expects_continue = false;
  Headers headers;

  std::string_view path() const { return std::string_view(target).substr(0, target.find('?')); }
  std::string_view query() const {
    std::size_t mark = target.find('?');
    return mark == target.npos ? std::string_view() : std::string_view(target).substr(mark + 1);
  }
};

struct Response {
  unsigned status = 200;
  Headers headers;
  std::string body;
};

struct ResponseHead {
  unsigned status = 0;
  bool keep_alive = true;
  Headers headers;
};

}  // namespace ciyuan::http
