#include "http/url.h"

#include <algorithm>
#include <charconv>

namespace ciyuan::http {

std::string Url::authority() const {
  std::string name = host.find(':') == host.npos ? host : "[" + host + "]";
  return port == (tls ? "443" : "80") ? name : name + ":" + port;
}

Result<Url> parse_url(std::string_view text) {
  auto refuse = [&](const char* rule) {
    return invalid("url", "\"" + std::string(text.substr(0, 200)) + "\": " + rule);
  };
  Url url;
  if (text.starts_with("https://")) {
    url.tls = true;
    url.port = "443";
  } else if (text.starts_with("http://")) {
    url.port = "80";
  } else {
    return refuse("must start with http:// or https://");
  }
  std::string_view rest = text.substr(url.tls ? 8 : 7);
  if (rest.find_first_of("@?# \t\r\n") != rest.npos)
    return refuse("must have no user, query, fragment or space");
  std::size_t slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  if (slash != rest.npos) url.path = rest.substr(slash);
  while (url.path.ends_with('/')) url.path.pop_back();
  std::size_t host_end = authority.starts_with('[') ? authority.find(']') : authority.find(':');
  if (authority.starts_with('[')) {
    if (host_end == authority.npos) return refuse("an IPv6 address needs a closing bracket");
    url.host = authority.substr(1, host_end - 1);
    authority.remove_prefix(host_end + 1);
  } else {
    url.host = authority.substr(0, host_end);
    authority.remove_prefix(std::min(host_end, authority.size()));
  }
  if (url.host.empty()) return refuse("must name a host");
  if (!authority.empty()) {
    unsigned port = 0;
    auto [end, error] = std::from_chars(authority.data() + 1, authority.data() + authority.size(), port);
    if (authority[0] != ':' || error != std::errc() || end != authority.data() + authority.size() ||
        port == 0 || port > 65535)
      return refuse("the port must be a number from 1 to 65535");
    url.port = std::to_string(port);
  }
  return url;
}

}  // namespace ciyuan::http
