#include "http/message.h"

#include <algorithm>
#include <array>

namespace ciyuan::http {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// True where `list`, a comma-separated header value, names `item`.
bool lists(std::string_view list, std::string_view item) {
  while (!list.empty()) {
    std::size_t comma = list.find(',');
    std::string_view part = list.substr(0, comma);
    while (part.starts_with(' ') || part.starts_with('\t')) part.remove_prefix(1);
    while (part.ends_with(' ') || part.ends_with('\t')) part.remove_suffix(1);
    if (equal_ignoring_case(part, item)) return true;
    if (comma == list.npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

void Headers::erase(std::string_view name) {
  std::erase_if(fields_, [&](const Field& field) { return equal_ignoring_case(field.first, name); });
}

std::string_view Headers::get(std::string_view name) const {
  for (const Field& field : fields_)
    if (equal_ignoring_case(field.first, name)) return field.second;
  return {};
}

bool Headers::has(std::string_view name) const {
  return std::any_of(fields_.begin(), fields_.end(),
                     [&](const Field& field) { return equal_ignoring_case(field.first, name); });
}

bool is_hop_by_hop(std::string_view name, const Headers& headers) {
  static constexpr std::array<std::string_view, 6> kNames = {"Connection", "Keep-Alive", "Transfer-Encoding",
                                                             "TE",         "Trailer",    "Upgrade"};
  static constexpr std::string_view kProxy = "Proxy-";
  for (std::string_view known : kNames)
    if (equal_ignoring_case(name, known)) return true;
  if (equal_ignoring_case(name.substr(0, kProxy.size()), kProxy)) return true;
  return std::any_of(headers.begin(), headers.end(), [&](const Headers::Field& field) {
    return equal_ignoring_case(field.first, "Connection") && lists(field.second, name);
  });
}

std::string_view reason_of(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Unknown";
  }
}

}  // namespace ciyuan::http
