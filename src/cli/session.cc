#include "cli/internal/session.h"

#include <algorithm>
#include <ostream>

#include "base/file.h"

namespace ciyuan::cli {
namespace {

ErrorCode code_of(unsigned status) {
  switch (status) {
    case 400:
    case 413:
    case 414:
    case 422:
      return ErrorCode::kInvalid;
    case 404:
      return ErrorCode::kNotFound;
    case 409:
      return ErrorCode::kConflict;
    case 503:
      return ErrorCode::kUnavailable;
    default:
      return ErrorCode::kRefused;
  }
}

// Columns that text takes on a terminal: two for the wide blocks of East Asian scripts, none for combining
// marks.
std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size();) {
    auto lead = static_cast<unsigned char>(text[i]);
    std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    std::uint32_t point = size == 1 ? lead : lead & (0x3FU >> (size - 1));
    for (std::size_t k = 1; k < size && i + k < text.size(); ++k)
      point = point << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3F);
    bool wide = (point >= 0x1100 && point <= 0x115F) || (point >= 0x2E80 && point <= 0xA4CF) ||
                (point >= 0xAC00 && point <= 0xD7A3) || (point >= 0xF900 && point <= 0xFAFF) ||
                (point >= 0xFE30 && point <= 0xFE6F) || (point >= 0xFF00 && point <= 0xFF60) ||
                (point >= 0x1F300 && point <= 0x1FAFF) || (point >= 0x20000 && point <= 0x3FFFD);
    bool combining = point >= 0x300 && point <= 0x36F;
    width += wide ? 2 : combining ? 0 : 1;
    i += size;
  }
  return width;
}

}  // namespace

Result<AdminReply> Session::send(std::string_view method, const std::string& target, std::string_view body,
                                 std::vector<Error>* listed) {
  if (client_ == nullptr) {
    auto client = console_.connect ? console_.connect() : connect_admin(address_);
    if (!client.ok()) return client.error();
    client_ = std::move(client).value();
  }
  CIYUAN_TRY(AdminReply reply, client_->send(method, target, body));
  if (reply.status >= 200 && reply.status < 300) return reply;
  ErrorCode code = code_of(reply.status);
  Result<Json> problem = parse_json(reply.body);
  if (!problem.ok() || !problem->is_object() || !problem->contains("detail"))
    return Error{
        code, "the control plane answered " + std::to_string(reply.status) + " " + reply.body.substr(0, 300),
        ""};
  if (listed != nullptr && problem->contains("errors"))
    for (const Json& error : (*problem)["errors"])
      listed->push_back({code, text_at(error, "message"), text_at(error, "path")});
  return Error{code, text_at(*problem, "detail"), ""};
}

Result<Json> Session::send_json(std::string_view method, const std::string& target, std::string_view body,
                                std::vector<Error>* listed) {
  CIYUAN_TRY(AdminReply reply, send(method, target, body, listed));
  Result<Json> value = parse_json(reply.body);
  if (!value.ok())
    return Error{ErrorCode::kCorrupt, "the control plane's answer is " + value.error().message, ""};
  return value;
}

void Session::fail(const Error& error) {
  console_.err << "ciyuan: " << error.text() << "\n";
  bool bad_input = error.code == ErrorCode::kInvalid || error.code == ErrorCode::kTooLarge;
  exit_code = bad_input ? kBadUsage : kFailed;
}

void Session::fail(const std::vector<Error>& errors) {
  for (const Error& error : errors) fail(error);
}

void Session::deliver(const std::string& body, const std::string& file, std::string_view then) {
  if (file.empty()) {
    out() << body;
    return;
  }
  if (Status written = write_file_atomically(file, body); !written.ok()) return fail(written.error());
  note("written to " + file + std::string(then));
}

void Session::note(std::string_view line) { console_.err << line << "\n"; }

Table::Table(std::vector<std::string> head) : right_(head.size(), false) { rows_.push_back(std::move(head)); }

void Table::align_right(std::initializer_list<std::size_t> columns) {
  for (std::size_t column : columns) right_.at(column) = true;
}

void Table::add(std::vector<std::string> row) {
  row.resize(right_.size());
  rows_.push_back(std::move(row));
}

void Table::print(std::ostream& out) const {
  std::vector<std::size_t> widths(right_.size(), 0);
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      std::string space(widths[i] - width_of(row[i]), ' ');
      line += (i == 0 ? "" : "  ") + (right_[i] ? space + row[i] : row[i] + space);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << "\n";
  }
}

std::string text_at(const Json& object, std::string_view member) {
  if (!object.is_object()) return "";
  auto found = object.find(member);
  if (found == object.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

const Json& member_of(const Json& object, std::string_view member) {
  static const Json kEmpty = Json::object();
  if (!object.is_object()) return kEmpty;
  auto found = object.find(member);
  return found == object.end() ? kEmpty : *found;
}

std::string query_of(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string query;
  for (const auto& [name, value] : pairs)
    if (!value.empty()) query += (query.empty() ? "?" : "&") + name + "=" + percent_encoded(value);
  return query;
}

}  // namespace ciyuan::cli
